/* `casemill rules prove`: the properties of agreements, decided over all cases and all days.  No
 * database. */
#include "base/json.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/rules/option.h"
#include "prove/prove.h"

#include <inttypes.h>
#include <stdio.h>

enum { LIMIT_S_DEFAULT = 20, LIMIT_S_MAX = 3600 };

struct proving {
    bool as_json;
    struct json *json;
    uint32_t counts[PROVE_MISMATCH + 1];
};

static void show_text(const struct prove_result *result) {
    plain_printf(stdout, "%-11s %s: %s\n", prove_verdict_name(result->verdict), result->agreement,
                 result->name);
    for (uint32_t i = 0; i < result->names.count; i++) {
        plain_printf(stdout, "            not translated: %s\n", result->names.texts[i]);
    }
    if (result->names.left_out > 0) {
        plain_printf(stdout, "            and %" PRIu32 " more\n", result->names.left_out);
    }
    if (result->verdict == PROVE_REFUTED || result->verdict == PROVE_MISMATCH) {
        plain_printf(stdout, "  %.*s\n", SPAN_ARG(buf_span(&result->test)));
    }
}

static void show_json(struct json *json, const struct prove_result *result) {
    json_object_open(json);
    json_str(json_key(json, "agreement"), result->agreement);
    json_str(json_key(json, "property"), result->name);
    json_uint(json_key(json, "line"), result->line);
    json_str(json_key(json, "verdict"), prove_verdict_name(result->verdict));
    json_array_open(json_key(json, "not_translated"));
    for (uint32_t i = 0; i < result->names.count; i++) {
        json_str(json, result->names.texts[i]);
    }
    json_array_close(json);
    json_key(json, "test");
    if (result->test.len == 0) {
        json_nil(json);
    } else {
        json_span(json, buf_span(&result->test));
    }
    json_object_close(json);
}

static void show_result(void *context, const struct prove_result *result) {
    struct proving *proving = context;
    proving->counts[result->verdict]++;
    if (proving->as_json) {
        show_json(proving->json, result);
    } else {
        show_text(result);
        (void)fflush(stdout); /* a proof may take its time */
    }
}

static void print_counts(const struct proving *proving) {
    for (enum prove_verdict i = 0; i <= PROVE_MISMATCH; i++) {
        if (i != PROVE_MISMATCH || proving->counts[i] > 0) {
            plain_printf(stdout, "%s%" PRIu32 " %s", i == 0 ? "" : ", ", proving->counts[i],
                         prove_verdict_name(i));
        }
    }
    plain_printf(stdout, "\n");
}

static int prove_all(const struct options *options, const struct ruleset *ruleset,
                     uint32_t limit_ms) {
    struct buf text = BUF_EMPTY;
    struct json json;
    struct proving proving = {.as_json = option_flag(options, "--json"), .json = &json};
    const char *only = option_str(options, "--agreement", NULL);
    json_init(&json, &text);
    json_array_open(&json);
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        if (only == NULL || strcmp(only, ruleset_agreement_id(ruleset, i)) == 0) {
            prove_agreement(ruleset, i, limit_ms, show_result, &proving);
        }
    }
    json_array_close(&json);
    if (proving.as_json) {
        answer_print_json("properties", &text);
    } else {
        buf_free(&text);
        print_counts(&proving);
    }
    if (proving.counts[PROVE_MISMATCH] > 0) {
        plain_printf(stderr, "casemill rules prove: the proof and the evaluator differ on a case: "
                             "please report this with the documents\n");
    }
    uint32_t open = 0;
    for (enum prove_verdict i = PROVE_REFUTED; i <= PROVE_MISMATCH; i++) {
        open += proving.counts[i];
    }
    return open == 0 ? EXIT_DONE : EXIT_FAILED;
}

static bool has_agreement(const struct ruleset *ruleset, const char *id) {
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        if (strcmp(id, ruleset_agreement_id(ruleset, i)) == 0) {
            return true;
        }
    }
    return false;
}

static int run_prove(const struct options *options) {
    struct ruleset *ruleset = NULL;
    int64_t limit_s = 0;
    if (option_int(options, "--limit", LIMIT_S_DEFAULT, 1, LIMIT_S_MAX, &limit_s) != ERR_OK) {
        return EXIT_USAGE;
    }
    int code = rules_option_load(options, rules_option_dir(options), &ruleset);
    const char *only = option_str(options, "--agreement", NULL);
    if (code == EXIT_DONE && only != NULL && !has_agreement(ruleset, only)) {
        code = verb_usage(options, "no agreement \"%s\"", only);
    }
    if (code == EXIT_DONE) {
        code = prove_all(options, ruleset, (uint32_t)limit_s * 1000);
    }
    ruleset_unref(&ruleset);
    return code;
}

static const struct option_row PROVE_ROWS[] = {
    {"--agreement", "ID", "only this agreement"},
    {"--set", "AGREEMENT.PARAM=VALUE", "override a parameter; may repeat"},
    {"--limit", "SECONDS", "the solver's time for each property (20)"},
    {NULL, NULL, NULL}};

const struct verb verb_rules_prove = {
    .name = "rules prove",
    .summary = "prove the properties of agreements over all cases and days, or show a case against",
    .operands = "[DIR]",
    .rows = PROVE_ROWS,
    .notes = "exit code 0: every property is proved; 1: one is refuted, not proved or undecided\n",
    .run = run_prove,
};

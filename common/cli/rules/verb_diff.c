/* `casemill rules diff`: the differences between two rule sets, as in their documents, and the
 * cases whose outcome they change. */
#include "base/date.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/rules/effect.h"
#include "cli/rules/option.h"

#include <inttypes.h>
#include <stdio.h>

enum { CASES_MAX = 10 * 1000 * 1000 };

static int effect_options(const struct options *options, struct rules_effect_options *wanted) {
    int64_t cases = 0;
    int64_t seed = 0;
    if (option_int(options, "--cases", 2000, 0, CASES_MAX, &cases) != ERR_OK ||
        option_int(options, "--seed", 1, 0, INT64_MAX, &seed) != ERR_OK) {
        return EXIT_USAGE;
    }
    wanted->cases = (uint64_t)cases;
    wanted->seed = (uint64_t)seed;
    const char *from = option_str(options, "--from", "2019-09-01");
    const char *to = option_str(options, "--to", "2021-03-31");
    if (date_parse(span_str(from), &wanted->from) != ERR_OK ||
        date_parse(span_str(to), &wanted->to) != ERR_OK || wanted->from > wanted->to) {
        return verb_usage(options, "--from and --to are days, YYYY-MM-DD, the first not later");
    }
    return EXIT_DONE;
}

static void print_diff(const struct options *options, struct ruleset *const rulesets[2],
                       const struct rules_effect_options *wanted) {
    struct rules_changes changes;
    struct rules_effect effect;
    struct buf out = BUF_EMPTY;
    rules_changes_find(rulesets[0], rulesets[1], &changes);
    rules_effect_find(rulesets[0], rulesets[1], &changes, wanted, &effect);
    if (option_flag(options, "--json")) {
        struct json json;
        json_init(&json, &out);
        json_object_open(&json);
        json_str(json_key(&json, "a"), ruleset_id(rulesets[0]));
        json_str(json_key(&json, "b"), ruleset_id(rulesets[1]));
        rules_changes_json(&changes, json_key(&json, "changes"));
        rules_effect_json(&effect, &changes, json_key(&json, "effect"));
        json_object_close(&json);
        answer_print_json(NULL, &out);
    } else {
        buf_printf(&out, "a %s\nb %s\n\n", ruleset_id(rulesets[0]), ruleset_id(rulesets[1]));
        rules_changes_print(&changes, &out);
        rules_effect_print(&effect, &changes, &out);
    }
    plain_print(stdout, buf_span(&out));
    rules_effect_free(&effect);
    rules_changes_free(&changes);
    buf_free(&out);
}

static int run_diff(const struct options *options) {
    struct rules_effect_options wanted = {0};
    struct ruleset *rulesets[2] = {NULL, NULL};
    if (option_operand_count(options) != 2) {
        return verb_usage(options, "two rule sets: each an id or a directory");
    }
    int code = effect_options(options, &wanted);
    for (uint32_t i = 0; i < 2 && code == EXIT_DONE; i++) {
        code = rules_option_either(options, option_operand(options, i), i == 1, &rulesets[i]);
    }
    if (code == EXIT_DONE) {
        print_diff(options, rulesets, &wanted);
    }
    ruleset_unref(&rulesets[0]);
    ruleset_unref(&rulesets[1]);
    return code;
}

static const struct option_row DIFF_ROWS[] = {
    {"--set", "AGREEMENT.PARAM=VALUE", "override a parameter of B, a directory; may repeat"},
    {"--cases", "N", "invented cases to evaluate under both (2000)"},
    {"--seed", "S", "another seed, other cases (1)"},
    {"--from", "DATE", "their first reference date (2019-09-01)"},
    {"--to", "DATE", "their last reference date (2021-03-31)"},
    {NULL, NULL, NULL}};

const struct verb verb_rules_diff = {
    .name = "rules diff",
    .summary = "what changed between two rule sets, and on which cases it matters",
    .operands = "ID|DIR ID|DIR",
    .rows = DIFF_ROWS,
    .run = run_diff,
};

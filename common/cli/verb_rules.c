/* `casemill rules check` and `rules test`: what a directory of rule documents says is wrong with
 * it, and whether the tests inside the documents hold.  No database. */
#include "base/json.h"
#include "cli/rules_option.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t agreement_steps(const struct ruleset *ruleset, uint32_t agreement) {
    uint64_t steps = 0;
    for (uint32_t i = 0; i < ruleset_rule_count(ruleset, agreement); i++) {
        steps += ruleset_rule_cost(ruleset, agreement, i).steps;
    }
    return steps;
}

static void print_agreement(const struct ruleset *ruleset, uint32_t agreement) {
    printf("%s: %" PRIu32 " reasons, at most %" PRIu64 " steps a case\n",
           ruleset_agreement_id(ruleset, agreement), ruleset_reason_count(ruleset, agreement),
           agreement_steps(ruleset, agreement));
    for (uint32_t i = 0; i < ruleset_rule_count(ruleset, agreement); i++) {
        struct rule_cost cost = ruleset_rule_cost(ruleset, agreement, i);
        printf("%9" PRIu64 "  %s\n", cost.steps, cost.label);
    }
}

/* {id: [{label, steps}, ...], ...}: rules of one section may share a label. */
static void costs_json(struct json *json, const struct ruleset *ruleset) {
    json_object_open(json);
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        json_key(json, ruleset_agreement_id(ruleset, i));
        json_array_open(json);
        for (uint32_t rule = 0; rule < ruleset_rule_count(ruleset, i); rule++) {
            struct rule_cost cost = ruleset_rule_cost(ruleset, i, rule);
            json_object_open(json);
            json_key(json, "label");
            json_str(json, cost.label);
            json_key(json, "steps");
            json_uint(json, cost.steps);
            json_object_close(json);
        }
        json_array_close(json);
    }
    json_object_close(json);
}

static void print_checked(const struct options *options, const struct ruleset *ruleset) {
    uint32_t count = ruleset_agreement_count(ruleset);
    if (!option_flag(options, "--json")) {
        for (uint32_t i = 0; i < count; i++) {
            print_agreement(ruleset, i);
        }
        printf("ruleset %s\n", ruleset_id(ruleset));
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_key(&json, "ruleset");
    json_str(&json, ruleset_id(ruleset));
    json_key(&json, "agreements");
    json_array_open(&json);
    for (uint32_t i = 0; i < count; i++) {
        json_str(&json, ruleset_agreement_id(ruleset, i));
    }
    json_array_close(&json);
    json_key(&json, "steps");
    costs_json(&json, ruleset);
    json_object_close(&json);
    printf("%s\n", buf_cstr(&text));
    buf_free(&text);
}

static int run_check(const struct options *options) {
    struct ruleset *ruleset = NULL;
    int code = rules_option_load(options, rules_option_dir(options), &ruleset);
    if (code == EXIT_DONE) {
        print_checked(options, ruleset);
    }
    ruleset_unref(&ruleset);
    return code;
}

static void print_tested(const struct options *options, uint32_t passed, uint32_t failed,
                         struct buf *report) {
    if (!option_flag(options, "--json")) {
        printf("%s%" PRIu32 " passed, %" PRIu32 " failed\n", buf_cstr(report), passed, failed);
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_key(&json, "passed");
    json_uint(&json, passed);
    json_key(&json, "failed");
    json_uint(&json, failed);
    json_key(&json, "report");
    json_span(&json, buf_span(report));
    json_object_close(&json);
    printf("%s\n", buf_cstr(&text));
    buf_free(&text);
}

static int run_test(const struct options *options) {
    struct ruleset *ruleset = NULL;
    int code = rules_option_load(options, rules_option_dir(options), &ruleset);
    if (code == EXIT_DONE) {
        uint32_t passed = 0;
        uint32_t failed = 0;
        struct buf report = BUF_EMPTY;
        ruleset_test(ruleset, &passed, &failed, &report);
        print_tested(options, passed, failed, &report);
        code = failed == 0 ? EXIT_DONE : EXIT_FAILED;
        buf_free(&report);
    }
    ruleset_unref(&ruleset);
    return code;
}

static const struct option_row RULES_ROWS[] = {
    {"--set", "AGREEMENT.PARAM=VALUE", "override a parameter; may repeat"}, {NULL, NULL, NULL}};

const struct verb verb_rules_check = {
    .name = "rules check",
    .summary = "read case schema and agreements; say what is wrong, and what each rule may cost",
    .operands = "[DIR]",
    .rows = RULES_ROWS,
    .run = run_check,
};

const struct verb verb_rules_test = {
    .name = "rules test",
    .summary = "run the tests inside the agreements",
    .operands = "[DIR]",
    .rows = RULES_ROWS,
    .run = run_test,
};

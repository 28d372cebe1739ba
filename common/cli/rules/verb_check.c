/* `casemill rules check`: the errors and warnings of a directory of rule documents.  No
 * database. */
#include "base/json.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/rules/lint.h"
#include "cli/rules/option.h"

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
    plain_printf(stdout, "%s: %" PRIu32 " reasons, at most %" PRIu64 " steps per case\n",
                 ruleset_agreement_id(ruleset, agreement), ruleset_reason_count(ruleset, agreement),
                 agreement_steps(ruleset, agreement));
    for (uint32_t i = 0; i < ruleset_rule_count(ruleset, agreement); i++) {
        struct rule_cost cost = ruleset_rule_cost(ruleset, agreement, i);
        plain_printf(stdout, "%9" PRIu64 "  %s\n", cost.steps, cost.label);
    }
}

/* {id: [{label, steps}, ...], ...}: rules of one section may share a label. */
static void costs_json(struct json *json, const struct ruleset *ruleset) {
    json_array_open(json);
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        json_object_open(json);
        json_str(json_key(json, "agreement"), ruleset_agreement_id(ruleset, i));
        json_array_open(json_key(json, "rules"));
        for (uint32_t rule = 0; rule < ruleset_rule_count(ruleset, i); rule++) {
            struct rule_cost cost = ruleset_rule_cost(ruleset, i, rule);
            json_object_open(json);
            json_str(json_key(json, "label"), cost.label);
            json_uint(json_key(json, "steps"), cost.steps);
            json_object_close(json);
        }
        json_array_close(json);
        json_object_close(json);
    }
    json_array_close(json);
}

static void print_checked(const struct options *options, const struct ruleset *ruleset,
                          const struct lint *lint) {
    uint32_t count = ruleset_agreement_count(ruleset);
    if (!option_flag(options, "--json")) {
        for (uint32_t i = 0; i < count; i++) {
            print_agreement(ruleset, i);
        }
        plain_printf(stdout, "ruleset %s\n", ruleset_id(ruleset));
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_str(json_key(&json, "ruleset"), ruleset_id(ruleset));
    json_array_open(json_key(&json, "agreements"));
    for (uint32_t i = 0; i < count; i++) {
        json_str(&json, ruleset_agreement_id(ruleset, i));
    }
    json_array_close(&json);
    costs_json(json_key(&json, "steps"), ruleset);
    rules_lint_json(json_key(&json, "findings"), lint);
    json_object_close(&json);
    answer_print_json(NULL, &text);
}

static int run_check(const struct options *options) {
    struct ruleset *ruleset = NULL;
    int code = rules_option_load(options, rules_option_dir(options), &ruleset);
    if (code == EXIT_DONE) {
        struct lint lint = {0};
        ruleset_lint(ruleset, &lint);
        if (!option_flag(options, "--json")) {
            rules_lint_print(&lint, true);
        }
        print_checked(options, ruleset, &lint);
        bool is_refused =
            lint.error_count > 0 || (option_flag(options, "--strict") && lint.count > 0);
        code = is_refused ? EXIT_FAILED : EXIT_DONE;
        lint_free(&lint);
    }
    ruleset_unref(&ruleset);
    return code;
}

static const struct option_row CHECK_ROWS[] = {
    {"--set", "AGREEMENT.PARAM=VALUE", "override a parameter; may repeat"},
    {"--strict", NULL, "a warning is a failure, too"},
    {NULL, NULL, NULL}};

const struct verb verb_rules_check = {
    .name = "rules check",
    .summary = "check case schema and agreements; show faults and the cost of each rule",
    .operands = "[DIR]",
    .rows = CHECK_ROWS,
    .run = run_check,
};

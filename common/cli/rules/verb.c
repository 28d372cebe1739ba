/* `casemill rules test`: whether the tests inside the documents hold.  No database. */
#include "base/json.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/rules/option.h"

#include <inttypes.h>
#include <stdio.h>

static void print_tested(const struct options *options, uint32_t passed, uint32_t failed,
                         struct buf *report) {
    if (!option_flag(options, "--json")) {
        plain_printf(stdout, "%s%" PRIu32 " passed, %" PRIu32 " failed\n", buf_cstr(report), passed,
                     failed);
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_uint(json_key(&json, "passed"), passed);
    json_uint(json_key(&json, "failed"), failed);
    json_span(json_key(&json, "report"), buf_span(report));
    json_object_close(&json);
    answer_print_json(NULL, &text);
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

const struct verb verb_rules_test = {
    .name = "rules test",
    .summary = "run the tests inside the agreements",
    .operands = "[DIR]",
    .rows = RULES_ROWS,
    .run = run_test,
};

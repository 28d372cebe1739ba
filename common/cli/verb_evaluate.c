/* `casemill evaluate`: cases from JSON lines under the rules of a directory, without broker or
 * database: one line of JSON out for each line in, in order, at once. */
#include "base/clock.h"
#include "base/date.h"
#include "base/plain.h"
#include "cli/json_case.h"
#include "cli/json_text.h"
#include "cli/outcome_json.h"
#include "cli/rules/option.h"
#include "cli/verb.h"

#include <stdio.h>

#define CASE_ARENA_BYTES_MAX ((size_t)16 << 20)

struct evaluation {
    struct ruleset *ruleset;
    struct ruleset_run *run;
    struct arena arena;
    int32_t today;
    struct buf bytes; /* the case as MessagePack */
    struct buf text;  /* its line of output */
};

static void dead_line(struct case_doc *doc, const char *expected, const char *found) {
    *doc = (struct case_doc){.fault_count = 1};
    doc->faults[0].reason = "not_a_map";
    (void)snprintf(doc->faults[0].expected, sizeof(doc->faults[0].expected), "%.95s", expected);
    (void)snprintf(doc->faults[0].found, sizeof(doc->faults[0].found), "%.31s", found);
}

static void evaluate_case(struct evaluation *evaluation, const struct case_doc *doc,
                          struct json *json) {
    int32_t reference_date = doc->has_reference_date ? doc->reference_date : evaluation->today;
    int32_t as_of = doc->has_as_of ? doc->as_of : evaluation->today;
    struct outcome outcome;
    ruleset_evaluate(evaluation->run, doc, reference_date, as_of, &outcome);
    outcome_json(json, evaluation->ruleset, doc, reference_date, as_of, &outcome);
}

static void evaluate_object(struct evaluation *evaluation, struct span object, bool is_cut) {
    struct case_doc doc = {0};
    struct diag diag = {0};
    struct json json;
    arena_reset(&evaluation->arena);
    buf_clear(&evaluation->bytes);
    buf_clear(&evaluation->text);
    json_init(&json, &evaluation->text);
    if (is_cut) {
        dead_line(&doc, "a line of at most 8 MiB", "a longer line");
    } else if (json_case_encode(object, &evaluation->bytes, &diag) != ERR_OK) {
        dead_line(&doc, diag.text, "text");
    } else if (case_decode(ruleset_schema(evaluation->ruleset), buf_span(&evaluation->bytes),
                           &evaluation->arena, &doc) != ERR_OK) {
        dead_line(&doc, "a case of at most 16 MiB in memory", "a larger one");
    }
    if (doc.fault_count > 0) {
        outcome_json_dead(&json, &doc);
    } else {
        evaluate_case(evaluation, &doc, &json);
    }
    buf_byte(&evaluation->text, '\n');
    plain_print(stdout, buf_span(&evaluation->text));
}

static enum err evaluate_file(struct evaluation *evaluation, const char *path, struct diag *diag) {
    struct json_text text;
    enum err err = json_text_open(&text, path, JSON_LINE_BYTES_MAX, diag);
    while (err == ERR_OK) {
        struct span object = {0};
        bool is_cut = false;
        err = json_text_next(&text, &object, &is_cut, diag);
        if (err == ERR_OK) {
            evaluate_object(evaluation, object, is_cut);
        }
    }
    json_text_close(&text);
    return err;
}

static int run_evaluate(const struct options *options) {
    uint32_t file_count = option_operand_count(options);
    if (file_count == 0) {
        return verb_usage(options, "which cases? a file of JSON lines, or - for standard input");
    }
    struct evaluation evaluation = {.today = (int32_t)(clock_wall_us() / DATE_DAY_US)};
    int code = rules_option_load(options, option_str(options, "--rules", rules_default_dir()),
                                 &evaluation.ruleset);
    if (code != EXIT_DONE) {
        return code;
    }
    evaluation.run = ruleset_run_new(evaluation.ruleset);
    arena_init(&evaluation.arena, CASE_ARENA_BYTES_MAX);
    for (uint32_t i = 0; i < file_count && code == EXIT_DONE; i++) {
        struct diag diag = {0};
        /* ERR_NOT_FOUND is also a file's normal end, which leaves the diag empty. */
        enum err err = evaluate_file(&evaluation, option_operand(options, i), &diag);
        if (err != ERR_NOT_FOUND || diag.err != ERR_OK) {
            code = verb_fail(options, &diag, SPAN_LIT(""));
        }
    }
    ruleset_run_free(&evaluation.run);
    ruleset_unref(&evaluation.ruleset);
    arena_free(&evaluation.arena);
    buf_free(&evaluation.bytes);
    buf_free(&evaluation.text);
    return code;
}

static const struct option_row EVALUATE_ROWS[] = {
    {"--rules", "DIR", "case.yaml and agreements/*.yaml (config here, or the installed one)"},
    {"--set", "AGREEMENT.PARAM=VALUE", "override a parameter; may repeat"},
    {NULL, NULL, NULL}};

const struct verb verb_evaluate = {
    .name = "evaluate",
    .summary = "findings for cases in JSON lines, without broker or database",
    .operands = "FILE.jsonl...",
    .rows = EVALUATE_ROWS,
    .run = run_evaluate,
};

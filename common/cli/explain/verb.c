/* `casemill explain`: the explanation of an outcome: every agreement's status, rules and facts, the
 * missing facts, and the answers that would decide.  For a stored case under the rules and days of
 * its outcome, or for cases in a file.  Reads only. */
#include "base/clock.h"
#include "base/date.h"
#include "base/plain.h"
#include "base/suggest.h"
#include "cli/answer.h"
#include "cli/database.h"
#include "cli/explain/stored.h"
#include "cli/json_case.h"
#include "cli/json_text.h"
#include "cli/rules/option.h"
#include "cli/rules/stored_ruleset.h"

#include <stdio.h>

#define CASE_ARENA_BYTES_MAX ((size_t)16 << 20)

/* An agreement that is not in the rule set is a usage fault. */
static int check_agreement(const struct options *options, const struct ruleset *ruleset) {
    const char *wanted = option_str(options, "--agreement", NULL);
    struct suggest suggest;
    suggest_init(&suggest, span_str(wanted == NULL ? "" : wanted));
    for (uint32_t i = 0; wanted != NULL && i < ruleset_agreement_count(ruleset); i++) {
        const char *id = ruleset_agreement_id(ruleset, i);
        if (strcmp(id, wanted) == 0) {
            return EXIT_DONE;
        }
        suggest_offer(&suggest, span_str(id));
    }
    return wanted == NULL
               ? EXIT_DONE
               : verb_usage(options, "no agreement \"%s\"%s%.*s%s", wanted, SUGGEST_ARG(suggest));
}

static void print_case(const struct options *options, const struct explain_case *shown,
                       struct trace *trace) {
    struct buf out = BUF_EMPTY;
    struct json json;
    if (option_flag(options, "--json")) {
        json_init(&json, &out);
        explain_json(shown, trace, &json);
        answer_print_json(NULL, &out);
        return;
    }
    explain_text(shown, trace, &out);
    plain_print(stdout, buf_span(&out));
    buf_free(&out);
}

/* --- a stored case --- */

static int show_stored(const struct options *options, const struct explain_stored *stored) {
    struct buf differs = BUF_EMPTY;
    struct ruleset_run *run = ruleset_run_new(stored->ruleset);
    struct trace *trace = trace_new(stored->ruleset);
    struct explain_case shown = {.ruleset = stored->ruleset,
                                 .doc = &stored->doc,
                                 .reference_date = stored->reference_date,
                                 .as_of = stored->as_of,
                                 .source = explain_stored_source(stored),
                                 .decided_at = explain_stored_decided_at(stored),
                                 .agreement = option_str(options, "--agreement", NULL)};
    explain_evaluate(&shown, run);
    explain_stored_differences(stored, &shown.outcome, &differs);
    shown.differs = buf_cstr(&differs);
    print_case(options, &shown, trace);
    int code = differs.len == 0 ? EXIT_DONE : EXIT_FAILED;
    trace_free(&trace);
    ruleset_run_free(&run);
    buf_free(&differs);
    return code;
}

static int explain_from_db(const struct options *options, const struct explain_wanted *wanted) {
    struct explain_stored stored = {0};
    struct db *db = NULL;
    struct diag diag = {0};
    int code = database_open(options, DATABASE_FACTS, &db);
    if (code != EXIT_DONE) {
        return code;
    }
    enum err err = db_exec(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL, &diag);
    if (err == ERR_OK) {
        err = explain_stored_load(db, wanted, &stored, &diag);
    }
    code = err == ERR_OK ? check_agreement(options, stored.ruleset)
                         : verb_fail(options, &diag, SPAN_LIT(""));
    if (code == EXIT_DONE) {
        code = show_stored(options, &stored);
    }
    explain_stored_fini(&stored);
    db_close(&db);
    return code;
}

static int explain_stored_case(const struct options *options) {
    struct explain_wanted wanted = {.source = option_str(options, "--source", NULL),
                                    .revision = option_str(options, "--revision", NULL),
                                    .ruleset = option_str(options, "--ruleset", NULL)};
    int64_t revision = 0;
    if (option_operand_count(options) != 1) {
        return verb_usage(options, "which case? its id, or --file FILE.jsonl");
    }
    if (option_int(options, "--revision", 0, 0, INT32_MAX, &revision) != ERR_OK) {
        return EXIT_USAGE;
    }
    if (wanted.ruleset != NULL && !stored_ruleset_is_id(wanted.ruleset)) {
        return verb_usage(options, "--ruleset: an id, or its first %d or more digits",
                          RULESET_ID_DIGITS_MIN);
    }
    wanted.case_id = option_operand(options, 0);
    return explain_from_db(options, &wanted);
}

/* --- a file --- */

struct file_cases {
    const struct options *options;
    struct ruleset *ruleset;
    struct ruleset_run *run;
    struct trace *trace;
    struct arena arena;
    struct buf bytes;
    int32_t today;
    uint64_t shown;
};

static bool is_asked_for(const struct file_cases *cases, const struct case_doc *doc) {
    return option_operand_count(cases->options) == 0 ||
           span_is(doc->case_id, option_operand(cases->options, 0));
}

/* Errors: ERR_INVALID the line is no case. */
static enum err explain_line(struct file_cases *cases, struct span line, bool is_cut,
                             struct diag *diag) {
    struct case_doc doc = {0};
    arena_reset(&cases->arena);
    buf_clear(&cases->bytes);
    if (is_cut) {
        return diag_fail(diag, ERR_TOO_LARGE, "a line of more than %d bytes", JSON_LINE_BYTES_MAX);
    }
    enum err err = json_case_encode(line, &cases->bytes, diag);
    if (err == ERR_OK) {
        err = case_decode(ruleset_schema(cases->ruleset), buf_span(&cases->bytes), &cases->arena,
                          &doc);
    }
    if (err != ERR_OK || !is_asked_for(cases, &doc)) {
        return err;
    }
    if (doc.fault_count > 0) {
        return diag_fail(diag, ERR_INVALID, "%s: expected %s, found %s", doc.faults[0].path,
                         doc.faults[0].expected, doc.faults[0].found);
    }
    struct explain_case shown = {.ruleset = cases->ruleset,
                                 .doc = &doc,
                                 .reference_date =
                                     doc.has_reference_date ? doc.reference_date : cases->today,
                                 .as_of = doc.has_as_of ? doc.as_of : cases->today,
                                 .differs = "",
                                 .agreement = option_str(cases->options, "--agreement", NULL)};
    explain_evaluate(&shown, cases->run);
    if (cases->shown++ > 0 && !option_flag(cases->options, "--json")) {
        plain_printf(stdout, "\n");
    }
    print_case(cases->options, &shown, cases->trace);
    return ERR_OK;
}

static void set_location(const char *path, uint64_t line, enum err err, struct diag *diag) {
    if (err != ERR_OK) {
        (void)snprintf(diag->file, sizeof(diag->file), "%s", path);
        diag->line = (uint32_t)line;
    }
}

static int explain_lines(struct file_cases *cases, const char *path) {
    struct json_text text;
    struct diag diag = {0};
    enum err err = json_text_open(&text, path, JSON_LINE_BYTES_MAX, &diag);
    while (err == ERR_OK) {
        struct span object = {0};
        bool is_cut = false;
        err = json_text_next(&text, &object, &is_cut, &diag);
        if (err == ERR_OK) {
            err = explain_line(cases, object, is_cut, &diag);
            set_location(path, text.location, err, &diag);
        }
    }
    json_text_close(&text);
    bool is_through = err == ERR_NOT_FOUND && diag.err == ERR_OK; /* the file's end */
    if (is_through && cases->shown == 0) {
        err = diag_fail(&diag, ERR_NOT_FOUND, "%s holds no such case", path);
        is_through = false;
    }
    return is_through ? EXIT_DONE : verb_fail(cases->options, &diag, SPAN_LIT(""));
}

static int explain_file(const struct options *options, const char *path) {
    struct file_cases cases = {.options = options,
                               .today = (int32_t)(clock_wall_us() / DATE_DAY_US)};
    int code = rules_option_load(options, option_str(options, "--rules", rules_default_dir()),
                                 &cases.ruleset);
    if (code == EXIT_DONE) {
        code = check_agreement(options, cases.ruleset);
    }
    if (code == EXIT_DONE) {
        arena_init(&cases.arena, CASE_ARENA_BYTES_MAX);
        cases.run = ruleset_run_new(cases.ruleset);
        cases.trace = trace_new(cases.ruleset);
        code = explain_lines(&cases, path);
        arena_free(&cases.arena);
    }
    trace_free(&cases.trace);
    ruleset_run_free(&cases.run);
    ruleset_unref(&cases.ruleset);
    buf_free(&cases.bytes);
    return code;
}

static int run_explain(const struct options *options) {
    const char *path = option_str(options, "--file", NULL);
    if (option_operand_count(options) > 1) {
        return verb_usage(options, "one case at a time");
    }
    return path == NULL ? explain_stored_case(options) : explain_file(options, path);
}

static const struct option_row EXPLAIN_ROWS[] = {
    {"--source", "NAME", "the intake system, where several have a case of this id"},
    {"--revision", "N", "an earlier revision (the newest)"},
    {"--ruleset", "ID", "the outcome under that rule set, also a re-applied one (the intake's)"},
    {"--agreement", "ID", "only this agreement"},
    {"--file", "FILE.jsonl", "cases from a file, or - for standard input, instead of the database"},
    {"--rules", "DIR",
     "with --file: case.yaml and agreements/*.yaml (config here, or the installed one)"},
    {"--set", "AGREEMENT.PARAM=VALUE", "with --file: override a parameter; may repeat"},
    {NULL, NULL, NULL}};

const struct verb verb_explain = {
    .name = "explain",
    .summary = "the explanation of a case's outcome, and the facts that would decide it",
    .operands = "[CASE_ID]",
    .rows = EXPLAIN_ROWS,
    .run = run_explain,
};

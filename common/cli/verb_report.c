/* `casemill report`: the content of the database: findings of each agreement by month of reference
 * date, outcomes by winning agreement, totals, dead letters by reason.  Counts only, never a
 * case. */
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/database.h"

#include <stdio.h>

struct table {
    const char *name;
    const char *sql;
    uint32_t text_columns; /* these first, then counts */
    const char *shape;
};

/* One line per month and agreement: cases not reached because of its status (signed, suspended,
 * terminated), and findings of the rest.  The last count is of cases that would be adverse if it
 * were in force. */
#define COUNT_WHERE(condition) "coalesce(sum(findings) FILTER (WHERE " condition "), 0)::bigint"
#define COUNT_OF_DISPOSITION(word) COUNT_WHERE("disposition = '" word "'")
#define STATUS_REASONS                                                                             \
    "('agreement_not_in_force', 'not_known_in_force_as_of', 'agreement_suspended', "               \
    "'agreement_terminated')"
#define NOT_IN_FORCE COUNT_WHERE("reason IN ('agreement_not_in_force', 'not_known_in_force_as_of')")
#define SUSPENDED COUNT_WHERE("reason = 'agreement_suspended'")
#define TERMINATED COUNT_WHERE("reason = 'agreement_terminated'")
#define NOT_SUBJECT COUNT_WHERE("disposition = 'not_subject' AND reason NOT IN " STATUS_REASONS)
#define EXCEPTION COUNT_OF_DISPOSITION("exception_applies")
#define INSUFFICIENT COUNT_OF_DISPOSITION("insufficient_information")
#define SCREENING COUNT_OF_DISPOSITION("screening_required")
#define SUBJECT COUNT_OF_DISPOSITION("subject_to_agreement")
#define WOULD_BE_ADVERSE COUNT_WHERE("projected IN ('screening_required', 'subject_to_agreement')")

static const struct table TABLES[] = {
    {"agreements",
     "SELECT to_char(month, 'YYYY-MM') AS month, agreement, " NOT_IN_FORCE
     " AS not_in_force, " SUSPENDED " AS suspended, " TERMINATED " AS terminated, " NOT_SUBJECT
     " AS not_subject, " EXCEPTION " AS exception, " INSUFFICIENT " AS insufficient, " SCREENING
     " AS screening, " SUBJECT " AS subject, " WOULD_BE_ADVERSE " AS would_be_adverse "
     "FROM report.findings GROUP BY 1, 2 ORDER BY 1, 2",
     2, "* s s n n n n n n n n n"},
    {"outcomes",
     "SELECT agreement, disposition, sum(outcomes)::bigint AS outcomes FROM report.months "
     "GROUP BY 1, 2 ORDER BY 1, 2",
     2, "* s s n"},
    {"totals",
     "SELECT disposition, sum(outcomes)::bigint AS outcomes FROM report.months GROUP BY 1 "
     "ORDER BY 1",
     1, "* s n"},
    {"dead_letters",
     "SELECT reason, count(*) AS dead_letters FROM report.dead_letters GROUP BY 1 ORDER BY 1", 1,
     "* s n"},
    {"cases",
     "SELECT 'all' AS cases, coalesce(sum(outcomes), 0)::bigint AS outcomes FROM report.months", 1,
     "1 s n"},
};

static enum err print_tables(const struct options *options, struct db *db, struct diag *diag) {
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    enum err err = ERR_OK;
    for (size_t i = 0; i < COUNT_OF(TABLES) && err == ERR_OK; i++) {
        struct db_result *result = NULL;
        err = db_query(db, TABLES[i].sql, 0, NULL, &result, diag);
        err = err == ERR_OK ? db_expect(result, TABLES[i].shape, diag) : err;
        if (err == ERR_OK && option_flag(options, "--json")) {
            database_json_rows(json_key(&json, TABLES[i].name), result);
        } else if (err == ERR_OK) {
            database_print_rows(result, TABLES[i].text_columns);
            plain_printf(stdout, "\n");
        }
        db_result_free(&result);
    }
    json_object_close(&json);
    if (err == ERR_OK && option_flag(options, "--json")) {
        answer_print_json(NULL, &text);
    }
    buf_free(&text);
    return err;
}

static int run_report(const struct options *options) {
    struct db *db = NULL;
    struct diag diag = {0};
    int code = database_open(options, DATABASE_VIEWS, &db);
    if (code == EXIT_DONE && print_tables(options, db, &diag) != ERR_OK) {
        code = verb_fail(options, &diag, SPAN_LIT(""));
    }
    db_close(&db);
    return code;
}

const struct verb verb_report = {
    .name = "report",
    .summary = "findings of each agreement by month; totals; dead letters by reason",
    .operands = "",
    .rows = verb_no_options,
    .run = run_report,
};

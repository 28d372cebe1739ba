/* `casemill report`: the content of the database: findings of each agreement by month of reference
 * date, outcomes by winning agreement, totals, dead letters by reason.  Counts only, never a
 * case. */
#include "base/json.h"
#include "base/plain.h"
#include "cli/verb.h"
#include "db/db.h"

#include <stdio.h>
#include <stdlib.h>

struct table {
    const char *name;
    const char *sql;
    uint32_t text_columns; /* these first, then counts */
    const char *shape;
};

/* One line per month and agreement: cases not reached because of its status (signed, suspended,
 * terminated), and findings of the rest.  The last count is of cases that would be adverse if it
 * were in force. */
#define COUNT_WHERE(condition, name)                                                               \
    "coalesce(sum(findings) FILTER (WHERE " condition "), 0)::bigint AS " name
#define COUNT_OF_DISPOSITION(word, name) COUNT_WHERE("disposition = '" word "'", name)
#define STATUS_REASONS                                                                             \
    "('agreement_not_in_force', 'not_known_in_force_as_of', 'agreement_suspended', "               \
    "'agreement_terminated')"

static const struct table
    TABLES
        [] =
            {
                {"agreements",
                 "SELECT to_char(month, 'YYYY-MM') AS month, agreement, " COUNT_WHERE(
                     "reason IN ('agreement_not_in_force', 'not_known_in_force_as_of')",
                     "not_in_force") ", " COUNT_WHERE("reason = 'agreement_suspended'",
                                                      "suspended") ", " COUNT_WHERE("reason = "
                                                                                    "'agreement_"
                                                                                    "terminated'",
                                                                                    "terminated") ", " COUNT_WHERE("disposition = 'not_subject' AND reason NOT IN " STATUS_REASONS, "not_subject") ", " COUNT_OF_DISPOSITION("exception_applies", "exception") ", " COUNT_OF_DISPOSITION("insufficient_information", "insufficient") ", " COUNT_OF_DISPOSITION("screening_required", "screening") ", " COUNT_OF_DISPOSITION("subject_to_agreement",
                                                                                                                                                                                                                                                                                                                                                                                                                            "subject") ", " COUNT_WHERE("projected IN ('screening_required', 'subject_to_agreement')",
                                                                                                                                                                                                                                                                                                                                                                                                                                                        "would_be_adverse") " FROM report.findings GROUP BY 1, 2 ORDER BY 1, 2",
                 2, "* s s n n n n n n n n n"},
                {"outcomes",
                 "SELECT agreement, disposition, sum(outcomes)::bigint AS outcomes FROM "
                 "report.months "
                 "GROUP BY 1, 2 ORDER BY 1, 2",
                 2, "* s s n"},
                {"totals",
                 "SELECT disposition, sum(outcomes)::bigint AS outcomes FROM report.months GROUP "
                 "BY 1 "
                 "ORDER BY 1",
                 1, "* s n"},
                {"dead_letters",
                 "SELECT reason, count(*) AS dead_letters FROM report.dead_letters GROUP BY 1 "
                 "ORDER BY 1",
                 1, "* s n"},
                {"cases",
                 "SELECT 'all' AS cases, coalesce(sum(outcomes), 0)::bigint AS outcomes FROM "
                 "report.months",
                 1, "1 s n"},
};

enum { TABLE_COLUMNS_MAX = 12 };

static void column_widths(const struct db_result *result, int widths[TABLE_COLUMNS_MAX]) {
    for (uint32_t c = 0; c < db_columns(result); c++) {
        widths[c] = (int)strlen(db_column_name(result, c));
        for (uint32_t r = 0; r < db_rows(result); r++) {
            int len = (int)db_cell_span(result, r, c).len;
            widths[c] = len > widths[c] ? len : widths[c];
        }
    }
}

static void print_line(const struct db_result *result, uint32_t text_columns,
                       const int widths[TABLE_COLUMNS_MAX], int64_t row) {
    uint32_t last = db_columns(result) - 1;
    for (uint32_t c = 0; c <= last; c++) {
        const char *cell = row < 0 ? db_column_name(result, c) : db_cell(result, (uint32_t)row, c);
        int width = c < text_columns ? -widths[c] : widths[c];
        plain_printf(stdout, "%*s%s", width, cell == NULL ? "" : cell, c == last ? "\n" : "  ");
    }
}

static void print_text(const struct table *table, const struct db_result *result) {
    int widths[TABLE_COLUMNS_MAX];
    CHECK(db_columns(result) <= TABLE_COLUMNS_MAX);
    column_widths(result, widths);
    for (int64_t row = -1; row < (int64_t)db_rows(result); row++) {
        print_line(result, table->text_columns, widths, row);
    }
    plain_printf(stdout, "\n");
}

static void print_json(struct json *json, const struct table *table,
                       const struct db_result *result) {
    json_array_open(json_key(json, table->name));
    for (uint32_t r = 0; r < db_rows(result); r++) {
        json_object_open(json);
        for (uint32_t c = 0; c < db_columns(result); c++) {
            json_key(json, db_column_name(result, c));
            if (c >= table->text_columns) {
                json_int(json, strtoll(db_cell(result, r, c), NULL, 10));
            } else {
                json_span(json, db_cell_span(result, r, c));
            }
        }
        json_object_close(json);
    }
    json_array_close(json);
}

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
            print_json(&json, &TABLES[i], result);
        } else if (err == ERR_OK) {
            print_text(&TABLES[i], result);
        }
        db_result_free(&result);
    }
    json_object_close(&json);
    if (err == ERR_OK && option_flag(options, "--json")) {
        plain_printf(stdout, "%s\n", buf_cstr(&text));
    }
    buf_free(&text);
    return err;
}

static int run_report(const struct options *options) {
    const char *conninfo = option_db(options);
    if (conninfo == NULL) {
        return verb_usage(options, "which database? --db CONNINFO or CASEMILL_POSTGRES_CONNINFO");
    }
    struct db *db = NULL;
    struct diag diag = {0};
    enum err err = db_open(conninfo, "casemill report", &db, &diag);
    if (err == ERR_OK) {
        err = print_tables(options, db, &diag);
    }
    db_close(&db);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
}

static const struct option_row REPORT_ROWS[] = {{NULL, NULL, NULL}};

const struct verb verb_report = {
    .name = "report",
    .summary = "findings of each agreement by month; totals; dead letters by reason",
    .operands = "",
    .rows = REPORT_ROWS,
    .run = run_report,
};

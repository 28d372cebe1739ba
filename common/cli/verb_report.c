/* `casemill report`: what stands in the database: outcomes by month of reference date, agreement
 * and disposition, totals, dead letters by reason.  Counts only, never a case. */
#include "base/json.h"
#include "cli/verb.h"
#include "db/db.h"

#include <stdio.h>
#include <stdlib.h>

struct table {
    const char *name;
    const char *sql; /* text columns first, the count last */
};

static const struct table TABLES[] = {
    {"months", "SELECT to_char(month, 'YYYY-MM') AS month, agreement, disposition, outcomes FROM "
               "report.months ORDER BY 1, 2, 3"},
    {"totals", "SELECT disposition, sum(outcomes)::bigint AS outcomes FROM report.months GROUP BY "
               "1 ORDER BY 1"},
    {"dead_letters", "SELECT reason, count(*) AS dead_letters FROM report.dead_letters GROUP BY 1 "
                     "ORDER BY 1"},
    {"cases", "SELECT 'all' AS cases, count(*) AS outcomes FROM cases"},
};

enum { TABLE_COLUMNS_MAX = 8 };

static void column_widths(const struct db_result *result, int widths[TABLE_COLUMNS_MAX]) {
    for (uint32_t c = 0; c < db_columns(result); c++) {
        widths[c] = (int)strlen(db_column_name(result, c));
        for (uint32_t r = 0; r < db_rows(result); r++) {
            int len = (int)db_cell_span(result, r, c).len;
            widths[c] = len > widths[c] ? len : widths[c];
        }
    }
}

static void print_line(const struct db_result *result, const int widths[TABLE_COLUMNS_MAX],
                       int64_t row) {
    uint32_t last = db_columns(result) - 1;
    for (uint32_t c = 0; c <= last; c++) {
        const char *cell = row < 0 ? db_column_name(result, c) : db_cell(result, (uint32_t)row, c);
        int width = c == last ? widths[c] : -widths[c];
        printf("%*s%s", width, cell == NULL ? "" : cell, c == last ? "\n" : "  ");
    }
}

static void print_text(const struct db_result *result) {
    int widths[TABLE_COLUMNS_MAX];
    CHECK(db_columns(result) <= TABLE_COLUMNS_MAX);
    column_widths(result, widths);
    for (int64_t row = -1; row < (int64_t)db_rows(result); row++) {
        print_line(result, widths, row);
    }
    printf("\n");
}

static void print_json(struct json *json, const char *name, const struct db_result *result) {
    uint32_t last = db_columns(result) - 1;
    json_key(json, name);
    json_array_open(json);
    for (uint32_t r = 0; r < db_rows(result); r++) {
        json_object_open(json);
        for (uint32_t c = 0; c <= last; c++) {
            json_key(json, db_column_name(result, c));
            if (c == last) {
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
        if (err == ERR_OK && option_flag(options, "--json")) {
            print_json(&json, TABLES[i].name, result);
        } else if (err == ERR_OK) {
            print_text(result);
        }
        db_result_free(&result);
    }
    json_object_close(&json);
    if (err == ERR_OK && option_flag(options, "--json")) {
        printf("%s\n", buf_cstr(&text));
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
    .summary = "outcomes by month, agreement and disposition; dead letters by reason",
    .operands = "",
    .rows = REPORT_ROWS,
    .run = run_report,
};

/* `casemill dead list` and `casemill dead show`: cases without an outcome, and why. */
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/database.h"
#include "cli/dead/bytes.h"
#include "cli/dead/choice.h"
#include "cli/dead/reasons.h"
#include "cli/msgpack_json.h"
#include "cli/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 100, LIMIT_MAX = 1000000, LIMIT_BYTES = 24 };

#define OLDEST DB_UTC("min(first_seen_at)")
#define NEWEST DB_UTC("max(last_seen_at)")
#define LAST_SEEN DB_UTC("last_seen_at")
#define WANTED " WHERE ($1::text IS NULL OR reason = $1) AND ($2::text IS NULL OR source = $2) "
static const char GROUPS_SQL[] =
    "SELECT reason, count(*) AS letters, sum(seen)::bigint AS seen, count(DISTINCT source) AS "
    "sources, " OLDEST " AS first, " NEWEST " AS last FROM report.dead_letters" WANTED
    "GROUP BY reason ORDER BY 2 DESC, 1 LIMIT $3::bigint";
static const char LETTERS_SQL[] =
    "SELECT dead AS letter, reason, source, case_id, revision, path, expected, found, "
    "seen, " LAST_SEEN " AS last FROM report.dead_letters" WANTED "ORDER BY dead LIMIT $3::bigint";

#define GROUPS_SHAPE "* s n n n s s"
#define LETTERS_SHAPE "* i s s? s? w? s? s? s? n s"

static int list_run(const struct options *options) {
    int64_t limit = 0;
    const char *reason = option_str(options, "--reason", NULL);
    if (option_int(options, "--limit", LIMIT, 1, LIMIT_MAX, &limit) != ERR_OK ||
        dead_reason_check(options, reason) != ERR_OK) {
        return EXIT_USAGE;
    }
    struct db *db = NULL;
    struct db_result *rows = NULL;
    struct diag diag = {0};
    char limit_text[LIMIT_BYTES];
    (void)snprintf(limit_text, sizeof(limit_text), "%lld", (long long)limit);
    const char *const params[] = {reason, option_str(options, "--source", NULL), limit_text};
    int code = database_open(options, DATABASE_VIEWS, &db);
    if (code != EXIT_DONE) {
        return code;
    }
    bool letters = option_flag(options, "--letters");
    enum err err =
        db_query(db, letters ? LETTERS_SQL : GROUPS_SQL, COUNT_OF(params), params, &rows, &diag);
    err = err == ERR_OK ? db_expect(rows, letters ? LETTERS_SHAPE : GROUPS_SHAPE, &diag) : err;
    if (err == ERR_OK && option_flag(options, "--json")) {
        struct buf text = BUF_EMPTY;
        struct json json;
        json_init(&json, &text);
        database_json_rows(&json, rows);
        answer_print_json(letters ? "letters" : "groups", &text);
    } else if (err == ERR_OK && db_rows(rows) > 0) {
        database_print_rows(rows, db_columns(rows));
    } else if (err == ERR_OK) {
        plain_printf(stdout, "no open dead letter\n");
    }
    db_result_free(&rows);
    db_close(&db);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
}

/* --- show --- */

static void print_text(const struct db_result *rows, uint32_t row) {
    struct buf bytes = BUF_EMPTY;
    struct buf body = BUF_EMPTY;
    struct json json;
    uint32_t last = db_columns(rows) - 1;
    for (uint32_t column = 0; column < last; column++) {
        struct buf plain = BUF_EMPTY;
        const char *cell = db_cell(rows, row, column);
        const char *name = db_column_name(rows, column);
        const char *meaning = strcmp(name, "reason") == 0 ? dead_reason_meaning(cell) : NULL;
        plain_text(&plain, cell == NULL || cell[0] == '\0' ? "-" : cell);
        if (meaning != NULL) {
            buf_printf(&plain, " (%s)", meaning);
        }
        plain_printf(stdout, "%-14s %.*s\n", name, SPAN_ARG(plain));
        buf_free(&plain);
    }
    json_init(&json, &body);
    dead_letter_bytes(rows, row, &bytes);
    msgpack_json(buf_span(&bytes), &json);
    plain_printf(stdout, "%-14s %s\n\n", "body", buf_cstr(&body));
    buf_free(&bytes);
    buf_free(&body);
}

/* One object per line. */
static void print_letter(const struct db_result *rows, uint32_t row, bool as_json) {
    if (!as_json) {
        print_text(rows, row);
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    dead_letter_json(rows, row, &json);
    answer_print_json(NULL, &text);
}

static int show_run(const struct options *options) {
    struct dead_choice choice;
    struct operator_self self;
    if (operator_read(options, "--why is kept with your name: give the reason", &self) != ERR_OK) {
        return EXIT_USAGE;
    }
    if (dead_choice_read(options, false, &choice) != ERR_OK) {
        return EXIT_USAGE;
    }
    struct db *db = NULL;
    struct db_result *counts = NULL;
    struct db_result *rows = NULL;
    struct diag diag = {0};
    int code = database_open(options, DATABASE_MIGRATED, &db);
    if (code != EXIT_DONE) {
        dead_choice_free(&choice);
        return code;
    }
    enum err err = dead_choice_count(db, &choice, &counts, &diag);
    err = err == ERR_OK ? dead_letters_read(db, buf_cstr(&choice.ids), &self, &rows, &diag) : err;
    for (uint32_t row = 0; err == ERR_OK && row < db_rows(rows); row++) {
        print_letter(rows, row, option_flag(options, "--json"));
    }
    db_result_free(&counts);
    db_result_free(&rows);
    db_close(&db);
    dead_choice_free(&choice);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
}

static const struct option_row LIST_ROWS[] = {
    {"--letters", NULL, "one line per dead letter instead of one per reason"},
    {"--reason", "WORD", "with that reason"},
    {"--source", "NAME", "of that intake system"},
    {"--limit", "N", "at most this many lines (100)"},
    {NULL, NULL, NULL}};

const struct verb verb_dead_list = {
    .name = "dead list",
    .summary = "open dead letters by reason, or one by one",
    .operands = "",
    .rows = LIST_ROWS,
    .run = list_run,
};

static const struct option_row SHOW_ROWS[] = {OPERATOR_WHY_ROW, {NULL, NULL, NULL}};

const struct verb verb_dead_show = {
    .name = "dead show",
    .summary = "print dead letters with their bytes, which are personal data",
    .operands = "LETTER...",
    .rows = SHOW_ROWS,
    .run = show_run,
};

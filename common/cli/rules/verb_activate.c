/* `casemill rules activate` and `rules list`: the active rule set, since when, by whom and why.
 * The database decides who may activate (sql/baseline/2_rules.sql). */
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/database.h"
#include "cli/operator.h"
#include "cli/rules/stored_ruleset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Only the form of RFC 3339, so that day, month and zone are unambiguous; the database checks that
 * the moment exists. */
static bool is_moment(const char *text) {
    static const char shape[] = "0000-00-00T00:00:00";
    for (size_t i = 0; i + 1 < sizeof(shape); i++) {
        bool fits = shape[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == shape[i];
        if (!fits) {
            return false;
        }
    }
    const char *zone = text + sizeof(shape) - 1;
    if (*zone == '.') {
        zone += 1 + strspn(zone + 1, "0123456789");
    }
    static const char digits[] = "0123456789";
    bool is_offset = (*zone == '+' || *zone == '-') && strspn(zone + 1, digits) == 2 &&
                     zone[3] == ':' && strspn(zone + 4, digits) == 2 && zone[6] == '\0';
    return strcmp(zone, "Z") == 0 || is_offset;
}

/* Its engine must be this program's: workers of this version could not load another. */
static enum err engine_check(struct db *db, const char *number, struct diag *diag) {
    const char *const params[] = {number};
    struct db_result *found = NULL;
    enum err err = db_query(db, "SELECT engine FROM rulesets WHERE ruleset = $1::smallint", 1,
                            params, &found, diag);
    err = err == ERR_OK ? db_expect(found, "1 i", diag) : err;
    if (err == ERR_OK && strtol(db_cell(found, 0, 0), NULL, 10) != RULESET_ENGINE_VERSION) {
        err = diag_fail(diag, ERR_VERSION, "that rule set is for engine %s, this program has %d",
                        db_cell(found, 0, 0), RULESET_ENGINE_VERSION);
    }
    db_result_free(&found);
    return err;
}

static void print_activated(const struct options *options, const char *id, const char *from) {
    if (!option_flag(options, "--json")) {
        plain_printf(stdout, "activated %s from %s\n", id, from);
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_str(json_key(&json, "ruleset"), id);
    json_str(json_key(&json, "active_from"), from);
    json_object_close(&json);
    answer_print_json(NULL, &text);
}

/* The table's triggers sign the row and notify the workers. */
static enum err activate(const struct options *options, struct db *db,
                         const struct operator_self *self, struct diag *diag) {
    struct stored_ruleset found = {0};
    struct db_result *row = NULL;
    enum err err = stored_ruleset_find(db, option_operand(options, 0), &found, diag);
    if (err == ERR_OK) {
        err = engine_check(db, found.number, diag);
    }
    if (err == ERR_OK) {
        const char *const params[] = {found.number, self->why,  option_str(options, "--from", NULL),
                                      found.id,     self->user, self->host};
        err = db_query(
            db,
            "WITH activated AS (INSERT INTO activations (ruleset, why, active_from, "
            "previous) SELECT $1::smallint, $2, coalesce($3::timestamptz, now()), "
            "(SELECT ruleset FROM active_ruleset) RETURNING active_from), noted AS "
            "(INSERT INTO operator_actions (kind, why, subject, login, host) VALUES "
            "('activate', $2, $4, $5, $6)) SELECT " DB_UTC("active_from") " FROM activated",
            COUNT_OF(params), params, &row, diag);
    }
    err = err == ERR_OK ? db_expect(row, "1 s", diag) : err;
    if (err == ERR_OK) {
        operator_log(self, "rules_activate", found.id);
        print_activated(options, found.id, db_cell(row, 0, 0));
    }
    db_result_free(&row);
    return err;
}

static int run_activate(const struct options *options) {
    struct operator_self self;
    if (option_operand_count(options) != 1 || !stored_ruleset_is_id(option_operand(options, 0))) {
        return verb_usage(options, "which rule set? its id, or the first %d or more of its digits",
                          RULESET_ID_DIGITS_MIN);
    }
    if (operator_read(options, "--why is kept with the activation: give the reason", &self) !=
        ERR_OK) {
        return EXIT_USAGE;
    }
    if (!is_moment(option_str(options, "--from", "2000-01-01T00:00:00Z"))) {
        return verb_usage(options, "--from is a moment as in 2026-05-01T00:00:00Z");
    }
    struct db *db = NULL;
    struct diag diag = {0};
    int code = database_open(options, DATABASE_MIGRATED, &db);
    if (code == EXIT_DONE && activate(options, db, &self, &diag) != ERR_OK) {
        code = verb_fail(options, &diag, SPAN_LIT(""));
    }
    db_close(&db);
    return code;
}

#define PUBLISHED DB_UTC("r.published_at")
#define ACTIVE_FROM DB_UTC("active_from")
/* Of two activations for one moment, the later one counts. */
static const char LIST_SQL[] =
    "WITH ahead AS (SELECT DISTINCT ON (active_from) ruleset, active_from FROM activations "
    "WHERE active_from > now() ORDER BY active_from, activation DESC) "
    "SELECT r.id, " PUBLISHED " AS published_at, r.published_by, "
    "array_to_string(r.agreements, ' ') AS agreements, "
    "CASE WHEN r.ruleset = (SELECT ruleset FROM active_ruleset) THEN 'active' END AS "
    "state, (SELECT string_agg(" ACTIVE_FROM ", ' ' ORDER BY active_from) FROM ahead "
    "WHERE ahead.ruleset = r.ruleset) AS active_from, a.activated_by, a.why FROM rulesets r "
    "LEFT JOIN LATERAL (SELECT activated_by, why FROM activations WHERE ruleset = r.ruleset "
    "ORDER BY activation DESC LIMIT 1) a ON true ORDER BY r.ruleset";

/* A cell of words between spaces as an array of texts. */
static void words_json(struct json *json, const char *words) {
    json_array_open(json);
    for (const char *at = words == NULL ? "" : words; *at != '\0';) {
        size_t len = strcspn(at, " ");
        json_span(json, span_make(at, len));
        at += len + (at[len] == ' ' ? 1 : 0);
    }
    json_array_close(json);
}

static void list_json(const struct db_result *rows) {
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_array_open(&json);
    for (uint32_t r = 0; r < db_rows(rows); r++) {
        json_object_open(&json);
        for (uint32_t c = 0; c < db_columns(rows); c++) {
            const char *name = db_column_name(rows, c);
            bool is_list = strcmp(name, "agreements") == 0 || strcmp(name, "active_from") == 0;
            if (is_list) {
                words_json(json_key(&json, name), db_cell(rows, r, c));
            } else {
                database_json_cell(json_key(&json, name), rows, r, c);
            }
        }
        json_object_close(&json);
    }
    json_array_close(&json);
    answer_print_json("rulesets", &text);
}

static int run_list(const struct options *options) {
    struct db *db = NULL;
    struct db_result *result = NULL;
    struct diag diag = {0};
    int code = database_open(options, DATABASE_PLACED, &db);
    if (code != EXIT_DONE) {
        return code;
    }
    enum err err = db_query(db, LIST_SQL, 0, NULL, &result, &diag);
    err = err == ERR_OK ? db_expect(result, "* s s s s s? s? s? s?", &diag) : err;
    if (err == ERR_OK && option_flag(options, "--json")) {
        list_json(result);
    } else if (err == ERR_OK && db_rows(result) > 0) {
        database_print_rows(result, db_columns(result));
    } else if (err == ERR_OK) {
        plain_printf(stdout, "no rule set is published\n");
    }
    db_result_free(&result);
    db_close(&db);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
}

static const struct option_row ACTIVATE_ROWS[] = {
    OPERATOR_WHY_ROW,
    {"--from", "TIME", "active from that moment on, as in 2026-05-01T00:00:00Z (now)"},
    {NULL, NULL, NULL}};

const struct verb verb_rules_activate = {
    .name = "rules activate",
    .summary = "make a published rule set the active one",
    .operands = "ID",
    .rows = ACTIVATE_ROWS,
    .run = run_activate,
};

const struct verb verb_rules_list = {
    .name = "rules list",
    .summary = "published rule sets, oldest first; which is active or will be, and why",
    .operands = "",
    .rows = verb_no_options,
    .run = run_list,
};

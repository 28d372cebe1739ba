/* `casemill rules activate` and `rules list`: which published rule set decides, since when, by whom
 * and why. */
#include "base/json.h"
#include "cli/rules_option.h"
#include "db/db.h"

#include <stdio.h>
#include <stdlib.h>

enum { ID_HEX = 64, ID_HEX_MIN = 6 };

static bool is_id(const char *id) {
    size_t len = strlen(id);
    return len >= ID_HEX_MIN && len <= ID_HEX && strspn(id, "0123456789abcdef") == len;
}

/* The one rule set whose id starts with the text.  Its engine must be this program's: workers of
 * the same version could not load another. */
static enum err ruleset_pick(struct db *db, const char *id, struct db_result **found,
                             struct diag *diag) {
    const char *const params[] = {id};
    enum err err =
        db_query(db, "SELECT ruleset, id, engine FROM rulesets WHERE starts_with(id, $1)", 1,
                 params, found, diag);
    if (err != ERR_OK) {
        return err;
    }
    if (db_rows(*found) != 1) {
        return diag_fail(diag, db_rows(*found) == 0 ? ERR_NOT_FOUND : ERR_CONFLICT,
                         db_rows(*found) == 0 ? "no rule set %s; see: casemill rules list"
                                              : "several rule sets start with %s",
                         id);
    }
    if (strtol(db_cell(*found, 0, 2), NULL, 10) != RULESET_ENGINE_VERSION) {
        return diag_fail(diag, ERR_VERSION, "that rule set is for engine %s, this program has %d",
                         db_cell(*found, 0, 2), RULESET_ENGINE_VERSION);
    }
    return ERR_OK;
}

/* The table's trigger tells the workers. */
static enum err activate(struct db *db, const char *id, const char *why, const char *from,
                         struct diag *diag) {
    struct db_result *found = NULL;
    enum err err = ruleset_pick(db, id, &found, diag);
    if (err == ERR_OK) {
        const char *const params[] = {db_cell(found, 0, 0), why, from};
        err = db_exec(db,
                      "INSERT INTO activations (ruleset, why, active_from, previous) "
                      "SELECT $1::smallint, $2, coalesce($3::timestamptz, now()), "
                      "(SELECT ruleset FROM active_ruleset)",
                      COUNT_OF(params), params, diag);
    }
    if (err == ERR_OK) {
        printf("activated %s\n", db_cell(found, 0, 1));
    }
    db_result_free(&found);
    return err;
}

static int run_activate(const struct options *options) {
    const char *conninfo = option_db(options);
    const char *why = option_str(options, "--why", "");
    if (conninfo == NULL) {
        return verb_usage(options, "which database? --db CONNINFO or CASEMILL_POSTGRES_CONNINFO");
    }
    if (option_operand_count(options) != 1 || !is_id(option_operand(options, 0))) {
        return verb_usage(options, "which rule set? its id, or the first %d or more of its digits",
                          ID_HEX_MIN);
    }
    if (why[0] == '\0') {
        return verb_usage(options, "--why is kept with the activation: say why");
    }
    struct db *db = NULL;
    struct diag diag = {0};
    enum err err = db_open(conninfo, "casemill rules activate", &db, &diag);
    if (err == ERR_OK) {
        err = activate(db, option_operand(options, 0), why, option_str(options, "--from", NULL),
                       &diag);
    }
    db_close(&db);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
}

static const char LIST_SQL[] =
    "SELECT r.id, to_char(r.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS "
    "published_at, r.published_by, array_to_string(r.agreements, ' ') AS agreements, "
    "CASE WHEN r.ruleset = (SELECT ruleset FROM active_ruleset) THEN 'active' ELSE '' END AS "
    "state, (SELECT a.why FROM activations a WHERE a.ruleset = r.ruleset ORDER BY a.activation "
    "DESC LIMIT 1) AS why FROM rulesets r ORDER BY r.ruleset";

static void print_list(const struct options *options, const struct db_result *result) {
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_array_open(&json);
    for (uint32_t r = 0; r < db_rows(result); r++) {
        json_object_open(&json);
        for (uint32_t c = 0; c < db_columns(result); c++) {
            const char *cell = db_cell(result, r, c);
            json_key(&json, db_column_name(result, c));
            json_str(&json, cell == NULL ? "" : cell);
            if (!option_flag(options, "--json")) {
                printf("%s%s", c == 0 ? "" : "  ", cell == NULL || cell[0] == '\0' ? "-" : cell);
            }
        }
        json_object_close(&json);
        if (!option_flag(options, "--json")) {
            printf("\n");
        }
    }
    json_array_close(&json);
    if (option_flag(options, "--json")) {
        printf("%s\n", buf_cstr(&text));
    }
    buf_free(&text);
}

static int run_list(const struct options *options) {
    const char *conninfo = option_db(options);
    if (conninfo == NULL) {
        return verb_usage(options, "which database? --db CONNINFO or CASEMILL_POSTGRES_CONNINFO");
    }
    struct db *db = NULL;
    struct db_result *result = NULL;
    struct diag diag = {0};
    enum err err = db_open(conninfo, "casemill rules list", &db, &diag);
    if (err == ERR_OK) {
        err = db_query(db, LIST_SQL, 0, NULL, &result, &diag);
    }
    if (err == ERR_OK) {
        print_list(options, result);
    }
    db_result_free(&result);
    db_close(&db);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
}

static const struct option_row ACTIVATE_ROWS[] = {
    {"--why", "TEXT", "kept with the activation"},
    {"--from", "TIME", "active from then on, as PostgreSQL reads it (now)"},
    {NULL, NULL, NULL}};

const struct verb verb_rules_activate = {
    .name = "rules activate",
    .summary = "make a published rule set the one that decides",
    .operands = "ID",
    .rows = ACTIVATE_ROWS,
    .run = run_activate,
};

static const struct option_row LIST_ROWS[] = {{NULL, NULL, NULL}};

const struct verb verb_rules_list = {
    .name = "rules list",
    .summary = "published rule sets, oldest first; which is active and why",
    .operands = "",
    .rows = LIST_ROWS,
    .run = run_list,
};

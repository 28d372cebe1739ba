/* `casemill rules activate` and `rules list`: the active rule set, since when, by whom and why.
 * The database decides who may activate (sql/baseline/2_rules.sql). */
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/database.h"
#include "cli/operator.h"
#include "cli/rules/fit.h"
#include "cli/rules/stored_ruleset.h"
#include "cli/rules/takers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_S = 15, WAIT_S_MAX = 3600 };

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

/* Its facts against the database and the active rule set: workers would refuse it, or cases would
 * become dead letters. */
static enum err fit_check(const struct options *options, struct db *db, const char *id,
                          struct diag *diag) {
    struct ruleset *ruleset = NULL;
    struct buf dropped = BUF_EMPTY;
    struct diag why = {0};
    enum err err = stored_ruleset_load(db, id, &ruleset, diag);
    if (err == ERR_OK) {
        err = rules_fit_columns(db, ruleset, diag);
    }
    if (err == ERR_OK && rules_fit_dropped(db, ruleset, &dropped, &why) != ERR_OK) {
        plain_printf(stderr, "warning: the facts of the active rule set were not compared: %s\n",
                     why.text);
    } else if (err == ERR_OK && dropped.len > 0 && !option_flag(options, "--drop-facts")) {
        err =
            diag_fail(diag, ERR_CONFLICT,
                      "it lacks facts of the active rule set: %s; cases that send one would become "
                      "dead letters (unknown_fact): add it to case.yaml, run `casemill db migrate` "
                      "and publish again, or give --drop-facts",
                      buf_cstr(&dropped));
    }
    buf_free(&dropped);
    ruleset_unref(&ruleset);
    return err;
}

struct activated {
    char id[RULESET_ID_DIGITS + 1];
    char from[sizeof("2026-05-01T00:00:00Z") + 8];
    int64_t number;
    bool is_planned;
    struct takers takers;
};

/* The table's triggers sign the row and notify the workers. */
static enum err activate(const struct options *options, struct db *db,
                         const struct operator_self *self, struct activated *done,
                         struct diag *diag) {
    struct stored_ruleset found = {0};
    struct db_result *row = NULL;
    enum err err = stored_ruleset_find(db, option_operand(options, 0), &found, diag);
    if (err == ERR_OK) {
        err = engine_check(db, found.number, diag);
    }
    err = err == ERR_OK ? fit_check(options, db, found.id, diag) : err;
    err = err == ERR_OK ? takers_listen(db, &done->takers, diag) : err;
    if (err == ERR_OK) {
        const char *const params[] = {found.number, self->why,  option_str(options, "--from", NULL),
                                      found.id,     self->user, self->host};
        err = db_query(
            db,
            "WITH activated AS (INSERT INTO activations (ruleset, why, active_from, "
            "previous) SELECT $1::smallint, $2, coalesce($3::timestamptz, now()), "
            "(SELECT ruleset FROM active_ruleset) RETURNING activation, active_from), noted AS "
            "(INSERT INTO operator_actions (kind, why, subject, login, host) VALUES "
            "('activate', $2, $4, $5, $6)) SELECT " DB_UTC(
                "active_from") ", activation, "
                               "active_from > now() FROM activated",
            COUNT_OF(params), params, &row, diag);
    }
    err = err == ERR_OK ? db_expect(row, "1 s i b", diag) : err;
    if (err == ERR_OK) {
        operator_log(self, "rules_activate", found.id);
        (void)snprintf(done->id, sizeof(done->id), "%s", found.id);
        (void)snprintf(done->from, sizeof(done->from), "%s", db_cell(row, 0, 0));
        done->number = strtoll(db_cell(row, 0, 1), NULL, 10);
        done->is_planned = strcmp(db_cell(row, 0, 2), "t") == 0;
    }
    db_result_free(&row);
    return err;
}

static void print_activated(const struct options *options, const struct activated *done) {
    const struct takers *takers = &done->takers;
    if (!option_flag(options, "--json")) {
        plain_printf(stdout, "activated %s from %s\n", done->id, done->from);
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_str(json_key(&json, "ruleset"), done->id);
    json_str(json_key(&json, "active_from"), done->from);
    json_object_open(json_key(&json, "workers"));
    json_int(json_key(&json, "connected"), takers->connected);
    json_int(json_key(&json, "taken"), takers->taken);
    json_int(json_key(&json, "refused"), takers->refused);
    json_object_close(&json);
    json_object_close(&json);
    answer_print_json(NULL, &text);
}

/* Returns the exit code: the activation is recorded in any case. */
static int print_takers(const struct options *options, const struct takers *takers,
                        int64_t wait_s) {
    FILE *out = option_flag(options, "--json") ? stderr : stdout;
    if (takers->connected == 0) {
        plain_printf(out, "no worker is connected to this database: workers take it when they "
                          "start\n");
        return EXIT_DONE;
    }
    if (takers->refused > 0) {
        plain_printf(
            stderr, "casemill rules activate: it is active, but a worker refused it and decides by "
                    "the rule set before it:\n");
        plain_print(stderr, buf_span(&takers->refusals));
        return EXIT_FAILED;
    }
    if (takers->taken == 0) {
        plain_printf(
            stderr,
            "casemill rules activate: it is active, but none of %lld connected workers has "
            "taken it within %lld s: read their logs\n",
            (long long)takers->connected, (long long)wait_s);
        return EXIT_FAILED;
    }
    plain_printf(out, "taken by %lld of %lld connected workers\n", (long long)takers->taken,
                 (long long)takers->connected);
    return EXIT_DONE;
}

static int activate_and_wait(const struct options *options, struct db *db,
                             const struct operator_self *self, int64_t wait_s) {
    struct activated done = {.takers = {.refusals = BUF_EMPTY}};
    struct diag diag = {0};
    if (activate(options, db, self, &done, &diag) != ERR_OK) {
        takers_free(&done.takers);
        return verb_fail(options, &diag, SPAN_LIT(""));
    }
    bool waits = !done.is_planned && wait_s > 0;
    enum err err =
        waits ? takers_wait(db, done.number, wait_s * 1000, &done.takers, &diag) : ERR_OK;
    print_activated(options, &done);
    int code = err != ERR_OK ? verb_fail(options, &diag, SPAN_LIT(""))
               : waits       ? print_takers(options, &done.takers, wait_s)
                             : EXIT_DONE;
    takers_free(&done.takers);
    return code;
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
    int64_t wait_s = 0;
    if (option_int(options, "--wait", WAIT_S, 0, WAIT_S_MAX, &wait_s) != ERR_OK) {
        return EXIT_USAGE;
    }
    struct db *db = NULL;
    int code = database_open(options, DATABASE_MIGRATED, &db);
    if (code == EXIT_DONE) {
        code = activate_and_wait(options, db, &self, wait_s);
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
    {"--wait", "SECONDS", "wait until a worker has taken it; 0: do not wait (15)"},
    {"--drop-facts", NULL, "also if it lacks facts of the active rule set"},
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

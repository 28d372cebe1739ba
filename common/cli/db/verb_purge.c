/* `casemill db purge`: old cases of a source become tombstones, one piece per transaction.  Each
 * piece locks the table against lanes, which wait and try again.  It waits only briefly for that
 * lock, because lanes would wait behind it.  Kept: the counts in commits, the audit row in purges,
 * and key and digest of every revision, so that none is ever decided twice. */
#include "base/date.h"
#include "base/json.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/database.h"
#include "cli/db/lock_wait.h"

#include <stdio.h>
#include <stdlib.h>

enum { ID_BYTES = 65, NUMBER_BYTES = 24 };
#define PIECE_CASES "5000" /* a tenth of a second under the lock */

struct purge {
    struct db *db;
    const char *source, *before, *why;
    char number[NUMBER_BYTES];
    char last_id[ID_BYTES];
    char last_revision[NUMBER_BYTES];
    bool over; /* nothing was left */
};

/* Errors: ERR_NOT_FOUND no such source; those of db_query. */
static enum err begin_purge(struct purge *purge, struct diag *diag) {
    struct db_result *row = NULL;
    const char *const params[] = {purge->source, purge->before, purge->why};
    enum err err = db_query(purge->db,
                            "INSERT INTO purges (source, received_before, why) "
                            "SELECT source, $2::date::timestamp AT TIME ZONE 'UTC', $3 "
                            "FROM sources WHERE name = $1 RETURNING purge",
                            COUNT_OF(params), params, &row, diag);
    err = err == ERR_OK ? db_expect(row, "? i", diag) : err;
    if (err == ERR_OK && db_rows(row) == 0) {
        err = diag_fail(diag, ERR_NOT_FOUND, "no source \"%s\" has sent a case", purge->source);
    } else if (err == ERR_OK) {
        (void)snprintf(purge->number, sizeof(purge->number), "%s", db_cell(row, 0, 0));
    }
    db_result_free(&row);
    return err;
}

/* One transaction: see lock_wait_run. */
static enum err purge_piece(void *context, struct diag *diag) {
    struct purge *purge = context;
    struct db_result *row = NULL;
    const char *const params[] = {purge->number, purge->last_id, purge->last_revision};
    enum err err = db_query(purge->db,
                            "SELECT last_id, last_revision FROM purge_some($1::bigint, $2, "
                            "$3::integer, " PIECE_CASES ")",
                            COUNT_OF(params), params, &row, diag);
    err = err == ERR_OK ? db_expect(row, "? s w", diag) : err;
    if (err == ERR_OK) {
        purge->over = db_rows(row) == 0;
    }
    if (err == ERR_OK && !purge->over) {
        (void)snprintf(purge->last_id, sizeof(purge->last_id), "%s", db_cell(row, 0, 0));
        (void)snprintf(purge->last_revision, sizeof(purge->last_revision), "%s",
                       db_cell(row, 0, 1));
    }
    db_result_free(&row);
    return err;
}

/* Dead letters whose case could not be read also hold content, but belong to no stored case. */
static enum err purge_letters(struct purge *purge, struct diag *diag) {
    const char *const params[] = {purge->number};
    return db_exec(purge->db,
                   "WITH letters AS (DELETE FROM dead_letters d USING purges p WHERE p.purge = "
                   "$1::bigint AND d.source = p.source AND d.last_seen_at < p.received_before "
                   "RETURNING 1) UPDATE purges SET dead_letters = dead_letters + (SELECT count(*) "
                   "FROM letters) WHERE purge = $1::bigint",
                   COUNT_OF(params), params, diag);
}

static enum err print_purge(const struct options *options, const struct purge *purge,
                            struct diag *diag) {
    static const char *const names[] = {"cases", "reapplied", "dead_letters"};
    struct db_result *row = NULL;
    const char *const params[] = {purge->number};
    enum err err = db_query(
        purge->db, "SELECT cases, reapplied, dead_letters FROM purges WHERE purge = $1::bigint",
        COUNT_OF(params), params, &row, diag);
    err = err == ERR_OK ? db_expect(row, "1 n n n", diag) : err;
    if (err != ERR_OK) {
        db_result_free(&row);
        return err;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_int(json_key(&json, "purge"), strtoll(purge->number, NULL, 10));
    for (uint32_t i = 0; i < COUNT_OF(names); i++) {
        database_json_cell(json_key(&json, names[i]), row, 0, i);
    }
    json_object_close(&json);
    if (option_flag(options, "--json")) {
        answer_print_json(NULL, &text);
    } else {
        plain_printf(stdout,
                     "purge %s: %s cases are tombstones; %s further outcomes and %s dead letters "
                     "are removed\n",
                     purge->number, db_cell(row, 0, 0), db_cell(row, 0, 1), db_cell(row, 0, 2));
    }
    buf_free(&text);
    db_result_free(&row);
    return ERR_OK;
}

static enum err purge_all(const struct options *options, struct purge *purge, struct diag *diag) {
    const struct lock_wait wait = {.db = purge->db,
                                   .conninfo = option_db(options),
                                   .verb = "db purge",
                                   .patience_ms = LOCK_WAIT_S_DEFAULT * 1000,
                                   .step = purge_piece,
                                   .context = purge};
    enum err err = begin_purge(purge, diag);
    while (err == ERR_OK && !purge->over) {
        err = lock_wait_run(&wait, diag);
    }
    err = err == ERR_OK ? purge_letters(purge, diag) : err;
    return err == ERR_OK ? print_purge(options, purge, diag) : err;
}

static int run_purge(const struct options *options) {
    struct purge purge = {.source = option_str(options, "--source", ""),
                          .before = option_str(options, "--before", ""),
                          .why = option_str(options, "--why", ""),
                          .last_revision = "0"};
    int32_t day = 0;
    if (purge.source[0] == '\0') {
        return verb_usage(options, "whose cases? --source NAME");
    }
    if (date_parse(span_str(purge.before), &day) != ERR_OK) {
        return verb_usage(options, "accepted before which day? --before YYYY-MM-DD, in UTC");
    }
    if (purge.why[0] == '\0') {
        return verb_usage(options, "--why is kept with the purge: give the reason");
    }
    struct diag diag = {0};
    int code = database_open(options, DATABASE_MIGRATED, &purge.db);
    if (code == EXIT_DONE && purge_all(options, &purge, &diag) != ERR_OK) {
        code = verb_fail(options, &diag, SPAN_LIT(""));
    }
    db_close(&purge.db);
    return code;
}

static const struct option_row PURGE_ROWS[] = {
    {"--source", "NAME", "the intake system of the cases"},
    {"--before", "DATE", "those accepted before that day, in UTC"},
    {"--why", "TEXT", "kept with the purge"},
    {NULL, NULL, NULL}};

const struct verb verb_db_purge = {
    .name = "db purge",
    .summary =
        "remove old cases of a source; a tombstone of each stays, so no case is decided twice",
    .operands = "",
    .rows = PURGE_ROWS,
    .run = run_purge,
};

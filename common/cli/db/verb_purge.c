/* `casemill db purge`: old cases of a source, or one case, become tombstones, one piece per
 * transaction.  Each piece locks the table against lanes, which wait and try again.  It waits only
 * briefly for that lock, because lanes would wait behind it.  Kept: the counts in commits, the
 * audit rows in purges and operator_actions, and key and digest of every revision, so that none is
 * ever decided twice. */
#include "base/json.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/database.h"
#include "cli/db/lock_wait.h"
#include "cli/db/purge_choice.h"
#include "cli/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ID_BYTES = 65, NUMBER_BYTES = 24, ANSWER_BYTES = 16 };
#define PIECE_CASES "5000" /* a tenth of a second under the lock */

struct purge {
    struct db *db;
    struct purge_choice choice;
    struct operator_self self;
    char number[NUMBER_BYTES];
    char last_id[ID_BYTES];
    char last_revision[NUMBER_BYTES];
    bool over; /* nothing was left */
};

/* Recorded before anything is removed. */
static enum err begin_purge(struct purge *purge, struct diag *diag) {
    struct db_result *row = NULL;
    const char *params[PURGE_PARAMS + 3];
    purge_choice_params(&purge->choice, params);
    params[PURGE_PARAMS] = purge->self.why;
    params[PURGE_PARAMS + 1] = purge->self.user;
    params[PURGE_PARAMS + 2] = purge->self.host;
    enum err err =
        db_query(purge->db,
                 "WITH begun AS (INSERT INTO purges (source, received_before, case_id, revision, "
                 "why) SELECT source, $2::date::timestamp AT TIME ZONE 'UTC', $3, $4::integer, $5 "
                 "FROM sources WHERE name = $1 RETURNING purge), noted AS (INSERT INTO "
                 "operator_actions (kind, why, subject, login, host) SELECT 'purge', $5, "
                 "purge::text, $6, $7 FROM begun) SELECT purge FROM begun",
                 COUNT_OF(params), params, &row, diag);
    err = err == ERR_OK ? db_expect(row, "1 i", diag) : err;
    if (err == ERR_OK) {
        char subject[NUMBER_BYTES + 8];
        (void)snprintf(purge->number, sizeof(purge->number), "%s", db_cell(row, 0, 0));
        (void)snprintf(subject, sizeof(subject), "purge %s", purge->number);
        operator_log(&purge->self, "db_purge", subject);
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

/* Dead letters without an outcome also hold content, but belong to no stored case. */
static enum err purge_letters(struct purge *purge, struct diag *diag) {
    const char *const params[] = {purge->number};
    return db_exec(purge->db,
                   "WITH letters AS (DELETE FROM dead_letters d USING purges p WHERE p.purge = "
                   "$1::bigint AND d.source = p.source AND (d.last_seen_at < p.received_before OR "
                   "(d.case_id = p.case_id AND (p.revision IS NULL OR d.revision = p.revision))) "
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

/* --- what comes before --- */

static void print_counts(const struct options *options, const struct purge_counts *counts) {
    struct buf text = BUF_EMPTY;
    struct json json;
    if (!option_flag(options, "--json")) {
        plain_printf(stdout, "cases         %llu\nreapplied     %llu\ndead_letters  %llu\n",
                     (unsigned long long)counts->cases, (unsigned long long)counts->reapplied,
                     (unsigned long long)counts->dead_letters);
        plain_printf(stdout, "nothing was removed\n");
        return;
    }
    json_init(&json, &text);
    json_object_open(&json);
    json_bool(json_key(&json, "dry_run"), true);
    json_uint(json_key(&json, "cases"), counts->cases);
    json_uint(json_key(&json, "reapplied"), counts->reapplied);
    json_uint(json_key(&json, "dead_letters"), counts->dead_letters);
    json_object_close(&json);
    answer_print_json(NULL, &text);
}

/* Asks on a terminal: only "yes" is a yes. */
static bool is_confirmed(const struct purge_choice *choice, const struct purge_counts *counts) {
    char answer[ANSWER_BYTES] = "";
    plain_printf(
        stderr,
        "This removes for ever, of source %s, %s %s%s%s: %llu cases, %llu further outcomes and "
        "%llu dead letters.\nType yes to continue: ",
        choice->source, choice->before == NULL ? "case" : "what was accepted before",
        choice->before == NULL ? choice->case_id : choice->before,
        choice->revision[0] == '\0' ? "" : ", revision ", choice->revision,
        (unsigned long long)counts->cases, (unsigned long long)counts->reapplied,
        (unsigned long long)counts->dead_letters);
    return fgets(answer, sizeof(answer), stdin) != NULL && strcmp(answer, "yes\n") == 0;
}

static enum err prepare(const struct options *options, struct purge *purge, bool *continues,
                        struct diag *diag) {
    struct purge_counts counts = {0};
    bool is_dry = option_flag(options, "--dry-run");
    bool asks = !is_dry && !option_flag(options, "--yes");
    enum err err = purge_choice_check(purge->db, &purge->choice, diag);
    if (err == ERR_OK && (is_dry || asks || purge->choice.case_id != NULL)) {
        err = purge_choice_count(purge->db, &purge->choice, &counts, diag);
    }
    *continues = false;
    if (err != ERR_OK) {
        return err;
    }
    if (purge->choice.case_id != NULL && counts.cases == 0 && counts.dead_letters == 0) {
        return diag_fail(diag, ERR_NOT_FOUND,
                         "source \"%s\" has no such case and no dead letter of "
                         "it (any more)",
                         purge->choice.source);
    }
    if (is_dry) {
        print_counts(options, &counts);
    } else if (asks && !is_confirmed(&purge->choice, &counts)) {
        return diag_fail(diag, ERR_DENIED, "nothing was removed");
    } else {
        *continues = true;
    }
    return ERR_OK;
}

static int run_purge(const struct options *options) {
    struct purge purge = {.last_revision = "0"};
    bool is_dry = option_flag(options, "--dry-run");
    if (purge_choice_read(options, &purge.choice) != ERR_OK) {
        return EXIT_USAGE;
    }
    if (operator_read(options, is_dry ? NULL : "--why is kept with the purge: give the reason",
                      &purge.self) != ERR_OK) {
        purge_choice_free(&purge.choice);
        return EXIT_USAGE;
    }
    if (!is_dry && !option_flag(options, "--yes") && isatty(STDIN_FILENO) == 0) {
        purge_choice_free(&purge.choice);
        return verb_usage(options, "no terminal to ask on: --dry-run shows what would be removed, "
                                   "--yes removes it");
    }
    struct diag diag = {0};
    bool continues = false;
    int code = database_open(options, DATABASE_MIGRATED, &purge.db);
    if (code == EXIT_DONE) {
        enum err err = prepare(options, &purge, &continues, &diag);
        err = err == ERR_OK && continues ? purge_all(options, &purge, &diag) : err;
        code = err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
    }
    purge_choice_free(&purge.choice);
    db_close(&purge.db);
    return code;
}

static const struct option_row PURGE_ROWS[] = {
    {"--source", "NAME", "the intake system of the cases"},
    {"--before", "DATE", "those accepted before that day, in UTC; at most today"},
    {"--case", "CASE", "one case instead: SOURCE/CASE_ID, or SOURCE/CASE_ID@REVISION"},
    {"--dry-run", NULL, "show how many rows of each table, and remove nothing"},
    {"--yes", NULL, "do not ask; required without a terminal"},
    OPERATOR_WHY_ROW,
    {NULL, NULL, NULL}};

const struct verb verb_db_purge = {
    .name = "db purge",
    .summary =
        "remove old cases of a source, or one case; a tombstone of each stays, so no case is "
        "decided twice",
    .operands = "",
    .rows = PURGE_ROWS,
    .run = run_purge,
};

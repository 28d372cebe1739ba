/* Whether a pooler between a lane and PostgreSQL gives each transaction another server process
 * (pgbouncer: pool_mode transaction or statement).  A lane's SET would then affect other clients,
 * and their SETs this lane.
 *
 * In every mode a pooler sends its own key for cancel requests, so that key does not identify the
 * process that serves.  So the modes are distinguished by what two connections see.  A is the
 * lane's connection; B holds a transaction open while A asks again.
 *
 *   B's BEGIN is refused                   statement mode
 *   B gets the process that A had          mixed: the pool reuses the last process
 *   another process serves A               mixed: the pool rotates, or is in use by others
 *   B gets none, A is served               A keeps its own: a released one would be B's now
 *   B gets none, and A none either         mixed, or all servers are away: no result
 *
 * If other clients are active between two looks, one round may see nothing, so there are several
 * rounds.  A lane also compares processes from one transaction to the next (writer_tidy). */
#include "db/db_priv.h"
#include "db/lane.h"
#include "db/sqlstate.h"

#include "base/clock.h"

#include <string.h>

enum { ROUNDS = 8, WAIT_MS = 2000 };

#define POOLER_REFUSES "08P01" /* pgbouncer's only SQLSTATE of its own */
#define APPLICATION "casemill pooler check"
#define ASK "SELECT pg_backend_pid()"
#define REFUSAL                                                                                    \
    "the pooler in front of PostgreSQL %s: set its pool_mode to session, or connect directly"

struct timed {
    struct db_lane_wait outer;
    int64_t end_ms;
};

static enum err wait_timed(void *context, int fd, bool want_write) {
    const struct timed *timed = context;
    return clock_mono_ms() >= timed->end_ms
               ? ERR_TIMEOUT
               : timed->outer.wait(timed->outer.context, fd, want_write);
}

struct look {
    struct db_lane *lane, *other;
    int backend; /* the lane's */
};

static enum err mixes(struct diag *diag) {
    return diag_fail(diag, ERR_DENIED, REFUSAL,
                     "gives a session's transactions to different servers");
}

/* Errors: ERR_DENIED another process than before. */
static enum err ask_lane(struct look *look, struct diag *diag) {
    enum err err = db_lane_exec(look->lane, ASK, NULL);
    if (err != ERR_OK) {
        return diag_fail(diag, err, "the connection cannot be checked: %s",
                         sqlstate_text(db_lane_sqlstate(look->lane)));
    }
    if (look->backend != 0 && look->backend != db_lane_backend(look->lane)) {
        return mixes(diag);
    }
    look->backend = db_lane_backend(look->lane);
    return ERR_OK;
}

/* The lane's query with a deadline: the process is its own if it answers while another connection
 * waits for one. */
static enum err ask_beside_waiting(struct look *look, struct diag *diag) {
    struct db_lane_wait outer = db_lane_get_wait(look->lane);
    struct timed timed = {.outer = outer, .end_ms = clock_mono_ms() + WAIT_MS};
    db_lane_set_wait(look->lane, (struct db_lane_wait){.wait = wait_timed, .context = &timed});
    enum err err = ask_lane(look, diag);
    db_lane_set_wait(look->lane, outer);
    return err == ERR_TIMEOUT ? diag_fail(diag, ERR_BUSY, "the pooler has no free server") : err;
}

/* The other connection's transaction has begun on a server; *knows: the pooler supports
 * transactions. */
static enum err begin_other(struct look *look, bool *knows) {
    enum err err = db_lane_exec(look->other, ASK, NULL);
    if (err != ERR_OK) {
        return err;
    }
    err = db_lane_exec(look->other, "BEGIN", NULL);
    *knows = err == ERR_OK || strcmp(db_lane_sqlstate(look->other), POOLER_REFUSES) != 0;
    return err == ERR_OK ? db_lane_exec(look->other, ASK, NULL) : err;
}

/* *over: further looks show nothing new. */
static enum err look_once(struct look *look, bool *over, struct diag *diag) {
    enum err err = ask_lane(look, diag);
    if (err != ERR_OK) {
        return err;
    }
    bool knows = true;
    err = begin_other(look, &knows);
    if (!knows) {
        return diag_fail(diag, ERR_DENIED, REFUSAL, "does not support transactions");
    }
    if (err != ERR_OK) {
        *over = true;
        return ask_beside_waiting(look, diag);
    }
    if (db_lane_backend(look->other) == look->backend) {
        return mixes(diag);
    }
    err = ask_lane(look, diag);
    *over = db_lane_exec(look->other, "ROLLBACK", NULL) != ERR_OK;
    return err;
}

enum err db_lane_check_session(struct db_lane *lane, const char *conninfo, struct diag *diag) {
    struct look look = {.lane = lane};
    enum err err = ask_lane(&look, diag);
    if (err != ERR_OK || !db_lane_is_pooled(lane)) {
        return err;
    }
    struct timed timed = {.outer = db_lane_get_wait(lane), .end_ms = clock_mono_ms() + WAIT_MS};
    const struct db_lane_wait wait = {.wait = wait_timed, .context = &timed};
    bool over = false;
    err = db_lane_open(conninfo, APPLICATION, &wait, &look.other, diag);
    if (err != ERR_OK) {
        return ask_beside_waiting(&look, diag);
    }
    for (int round = 0; err == ERR_OK && round < ROUNDS && !over; round++) {
        timed.end_ms = clock_mono_ms() + WAIT_MS;
        err = look_once(&look, &over, diag);
    }
    db_lane_close(&look.other);
    return err;
}

enum err db_check_session(const char *conninfo, const struct db_lane_wait *wait,
                          struct diag *diag) {
    struct db_lane *lane = NULL;
    enum err err = db_lane_open(conninfo, APPLICATION, wait, &lane, diag);
    err = err == ERR_OK ? db_lane_check_session(lane, conninfo, diag) : err;
    db_lane_close(&lane);
    return err;
}

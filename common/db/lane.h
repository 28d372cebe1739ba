/* Purpose: the connection of a lane: libpq without blocking.  Whenever it has to wait it calls the
 * lane back with the descriptor, so that the lane sends heartbeats during COPY and COMMIT.
 * Threads: the lane's own.  Never puts a server message into a text: those can quote case content.
 * Errors of all calls to the server: see db/sqlstate.h; the wait callback's error (the connection
 * is then unusable); ERR_CONNECTION: close it. */
#ifndef CASEMILL_DB_LANE_H
#define CASEMILL_DB_LANE_H

#include "base/diag.h"
#include "db/db.h"

struct db_lane;

/* A stricter isolation would read with a snapshot that is older than a wait. */
#define DB_LANE_BEGIN "BEGIN ISOLATION LEVEL READ COMMITTED"
#define DB_LANE_BACKEND "pg_backend_pid"

/* wait returns ERR_OK when fd may have become readable (or writable, if want_write), or after a
 * fraction of a second: it is called again.  Any other result ends the call in progress with that
 * error. */
struct db_lane_wait {
    enum err (*wait)(void *context, int fd, bool want_write);
    void *context;
};

/* db_lane_open connects to the first host of the conninfo that accepts the connection, each with
 * its connect_timeout (10 s).  Errors: ERR_INVALID conninfo, ERR_CONNECTION, ERR_DENIED wrong
 * password, or the callback's; *lane unchanged. */
MUST_USE enum err db_lane_open(const char *conninfo, const char *application,
                               const struct db_lane_wait *wait, struct db_lane **lane,
                               struct diag *diag);
void db_lane_close(struct db_lane **lane);
int db_lane_fd(const struct db_lane *lane);

/* db_lane_check_session checks that the connection has its own server process, on which session
 * settings, temporary tables and locks depend.  Without a pooler it costs one query; else a second
 * connection (by the same conninfo) checks whether the two share processes.
 * Errors: ERR_DENIED a pooler mixes sessions, or does not support transactions; ERR_BUSY it has no
 * server for this connection; else as db_lane_open and db_lane_exec. */
MUST_USE enum err db_lane_check_session(struct db_lane *lane, const char *conninfo,
                                        struct diag *diag);

/* db_check_session connects and does this check.  Errors: as db_lane_open and
 * db_lane_check_session. */
MUST_USE enum err db_check_session(const char *conninfo, const struct db_lane_wait *wait,
                                   struct diag *diag);

/* db_lane_exec runs one or more statements of a simple query.  result (may be NULL) receives the
 * last one's rows; the caller frees it; unchanged on error. */
MUST_USE enum err db_lane_exec(struct db_lane *lane, const char *sql, struct db_result **result);
/* db_lane_copy runs a simple query that holds one COPY ... FROM STDIN, fed with data. */
MUST_USE enum err db_lane_copy(struct db_lane *lane, const char *sql, struct span data);
/* A transaction of one statement.  The settings are a SELECT of set_config(..., true): they belong
 * to the transaction, whichever session a pooler has assigned to the connection. */
struct db_lane_statement {
    const char *settings;
    const char *sql;
    uint32_t param_count;
    const struct span *params; /* in binary form; a NULL ptr is SQL NULL */
    bool binary_rows;          /* db_cell_span of the result is in binary form, too */
};
/* db_lane_transact runs it in one round trip between DB_LANE_BEGIN and COMMIT.  Ownership: as
 * db_lane_exec.  Errors: as above; the failed transaction is still open: send ROLLBACK. */
MUST_USE enum err db_lane_transact(struct db_lane *lane, const struct db_lane_statement *statement,
                                   struct db_result **result);
/* db_lane_idle reads notifications and notices.  Errors: ERR_CONNECTION the server has gone. */
MUST_USE enum err db_lane_idle(struct db_lane *lane);

/* Of the last call: SQLSTATE ("" when none), and the tag of its last statement ("COMMIT"; the
 * COMMIT of a failed transaction returns "ROLLBACK"). */
const char *db_lane_sqlstate(const struct db_lane *lane);
const char *db_lane_tag(const struct db_lane *lane);
/* Whether the last call was given up because the server gave no sign of life (db.h). */
bool db_lane_is_mute(const struct db_lane *lane);

/* db_lane_backend is the server process that the last call with pg_backend_pid() as its first
 * column reported; 0: none yet. */
int db_lane_backend(const struct db_lane *lane);

#endif

/* Purpose: the connection of a lane: libpq without blocking.  Whenever it has to wait it calls the
 * lane back with the descriptor, so that the lane goes on beating during COPY and COMMIT.
 * Threads: the lane's own.  Never puts a server message into a text: those can quote case content.
 * Errors of all that talk to the server: see db/sqlstate.h; what the wait callback returned when it
 * was not ERR_OK (the connection is then unusable); ERR_CONNECTION: close it. */
#ifndef CASEMILL_DB_LANE_H
#define CASEMILL_DB_LANE_H

#include "base/diag.h"
#include "db/db.h"

struct db_lane;

/* wait returns ERR_OK when fd may have become readable (or writable, if wanted), or some time has
 * passed: it is called again.  Anything else ends the call in progress with that error. */
struct db_lane_wait {
    enum err (*wait)(void *context, int fd, bool want_write);
    void *context;
};

/* db_lane_open connects to the first host of the conninfo that lets it in, each given its
 * connect_timeout (10 s).  Errors: ERR_INVALID conninfo, ERR_CONNECTION, ERR_DENIED wrong password,
 * or the callback's; *lane unchanged. */
MUST_USE enum err db_lane_open(const char *conninfo, const char *application,
                               const struct db_lane_wait *wait, struct db_lane **lane,
                               struct diag *diag);
void db_lane_close(struct db_lane **lane);
int db_lane_fd(const struct db_lane *lane);

/* db_lane_exec runs one or more statements of a simple query.  result (NULL: not wanted) receives
 * the last one's rows; the caller frees it; unchanged on error. */
MUST_USE enum err db_lane_exec(struct db_lane *lane, const char *sql, struct db_result **result);
/* db_lane_copy runs a simple query that holds one COPY ... FROM STDIN, fed with data. */
MUST_USE enum err db_lane_copy(struct db_lane *lane, const char *sql, struct span data);
/* db_lane_insert runs one statement with parameters in binary form; a NULL ptr is SQL NULL. */
MUST_USE enum err db_lane_insert(struct db_lane *lane, const char *sql, uint32_t param_count,
                                 const struct span *params);
/* db_lane_select runs one statement without parameters; its rows come in binary form
 * (db_cell_span). Ownership: as db_lane_exec. */
MUST_USE enum err db_lane_select(struct db_lane *lane, const char *sql, struct db_result **result);
/* db_lane_idle reads what came unasked.  Errors: ERR_CONNECTION the server has gone. */
MUST_USE enum err db_lane_idle(struct db_lane *lane);

/* Of the last call: SQLSTATE ("" when none), and the tag of its last statement ("COMMIT"; a COMMIT
 * of a failed transaction says "ROLLBACK"). */
const char *db_lane_sqlstate(const struct db_lane *lane);
const char *db_lane_tag(const struct db_lane *lane);

#endif

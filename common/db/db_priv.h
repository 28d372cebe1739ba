/* Purpose: shared by the files here: the structs around libpq's, and the reading of its errors. */
#ifndef CASEMILL_DB_DB_PRIV_H
#define CASEMILL_DB_DB_PRIV_H

#include "db/db.h"
#include "db/lane.h"
#include "db/sqlstate.h"

#include <libpq-fe.h>

struct db_probe;

/* How a connection waits: the callback during a call, and when the call is given up. */
struct db_patience {
    char *conninfo; /* owned: the probe connects with it */
    struct db_lane_wait wait;
    int64_t silent_ms_max; /* without a sign of life */
    int64_t call_ms_max;   /* for one call */
    int backend;           /* the server process that the server reported; 0: not yet */
    int64_t turned_ms;     /* monotonic: the last turn */
    int64_t call_ms, silent_ms;
    int64_t pause_ms;       /* until the next probe */
    struct db_probe *probe; /* NULL: none runs */
    bool mute;              /* the last call was given up because the server does not answer */
};

struct db {
    PGconn *conn;
    struct db_patience patience;
    struct db_limits limits;
    bool unusable;                 /* a call was given up in the middle */
    char sqlstate[SQLSTATE_BYTES]; /* of the last call */
};
struct db_result {
    PGresult *result;
};

/* --- result.c --- */
/* db_result_new takes the PGresult. */
struct db_result *db_result_new(PGresult *result);
/* db_one_line copies a server message without line ends and double quotes, cut to size. */
void db_one_line(const char *message, char *text, size_t size);

/* --- db.c --- */
/* db_fail fills in why the call that gave result (NULL: none) failed, and keeps its SQLSTATE.
 * Errors: it always returns one: ERR_CONNECTION, else by SQLSTATE. */
MUST_USE enum err db_fail(struct db *db, const PGresult *result, struct diag *diag);

/* --- hosts.c --- */
/* One host of a conninfo; a NULL field is as in the conninfo and the environment. */
struct db_host {
    uint32_t count; /* how many there are */
    int64_t timeout_ms;
    char *name, *address, *port; /* owned, if db_host_read made them */
};
/* db_host_read reads the nth, from 0.  Errors: ERR_INVALID the conninfo does not parse. */
MUST_USE enum err db_host_read(const char *conninfo, uint32_t n, struct db_host *host,
                               struct diag *diag);
void db_host_free(struct db_host *host);

/* --- connect.c --- */
/* Why there is no connection: the server's SQLSTATE, "" if the server sent none, and one line. */
struct db_refusal {
    char sqlstate[SQLSTATE_BYTES];
    bool password; /* it is wrong, or the server requires one */
    char text[384];
};
/* db_refusal_read reads libpq's message of a connection that was started by db_connect_start. */
void db_refusal_read(const char *message, struct db_refusal *refusal);
/* db_connect_start begins to connect to one host, the conninfo completed by name, encoding and
 * timeouts.  The caller owns the PGconn.  Errors: ERR_INVALID the conninfo does not parse. */
MUST_USE enum err db_connect_start(const char *conninfo, const char *application,
                                   const struct db_host *host, PGconn **conn, struct diag *diag);
struct db_connected {
    PGconn *conn;              /* the caller's, not blocking; NULL: none */
    int64_t timeout_ms;        /* connect_timeout of the host that was tried last */
    struct db_refusal refusal; /* of that host, if there is no connection */
};
/* db_connect tries one host after the other.  Errors: ERR_INVALID the conninfo does not parse (in
 * diag); ERR_CONNECTION no host accepted the connection (in the refusal); the callback's error. */
MUST_USE enum err db_connect(const char *conninfo, const char *application,
                             const struct db_lane_wait *wait, struct db_connected *connected,
                             struct diag *diag);
bool db_is_ready(int fd, bool want_write); /* now */

/* --- patience.c --- */
/* connect_ms: connect_timeout; a server without a sign of life for three times as long is given
 * up. */
void db_patience_init(struct db_patience *patience, const char *conninfo, int64_t connect_ms,
                      const struct db_lane_wait *wait);
void db_patience_free(struct db_patience *patience);
void db_patience_begin(struct db_patience *patience); /* of a call */
/* These wait until the socket is ready or a while has passed; until all is sent; for a result
 * (NULL: there are no more).  Errors: the callback's; ERR_CONNECTION the connection is lost, or
 * (mute) was given up; then it is unusable. */
MUST_USE enum err db_patience_wait(struct db_patience *patience, PGconn *conn, bool want_write);
MUST_USE enum err db_patience_flush(struct db_patience *patience, PGconn *conn);
MUST_USE enum err db_patience_result(struct db_patience *patience, PGconn *conn, PGresult **result);

/* --- db.c --- */
/* db_given_up fills in why the call that failed with err has no result; the connection is unusable
 * afterwards.  Errors: it always returns one: ERR_TIMEOUT it was woken, else ERR_CONNECTION. */
MUST_USE enum err db_given_up(struct db *db, enum err err, struct diag *diag);
/* db_send sends a query; db_last_result reads results to the last one, or the first error, or until
 * a COPY begins.  Errors: as db_given_up. */
MUST_USE enum err db_send(struct db *db, const char *sql, uint32_t param_count,
                          const char *const *params, struct diag *diag);
MUST_USE enum err db_last_result(struct db *db, PGresult **result, struct diag *diag);

/* Of a lane's connection, for pooler.c: whether a pooler replaced the server's key for cancel
 * requests; how the lane waits. */
bool db_lane_is_pooled(const struct db_lane *lane);
struct db_lane_wait db_lane_get_wait(const struct db_lane *lane);
void db_lane_set_wait(struct db_lane *lane, struct db_lane_wait wait);

#endif

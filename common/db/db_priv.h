/* Purpose: what the files here share: the structs around libpq's, and the reading of its errors. */
#ifndef CASEMILL_DB_DB_PRIV_H
#define CASEMILL_DB_DB_PRIV_H

#include "db/db.h"
#include "db/lane.h"

#include <libpq-fe.h>

struct db {
    PGconn *conn;
};
struct db_result {
    PGresult *result;
};

/* db_result_new takes the PGresult. */
struct db_result *db_result_new(PGresult *result);
/* db_fail says why the call that gave result (NULL: none) failed.  Errors: what it always returns:
 * ERR_CONNECTION, else by SQLSTATE. */
MUST_USE enum err db_fail(struct db *db, const PGresult *result, struct diag *diag);
/* db_one_line copies a server message without line ends and double quotes, cut to size. */
void db_one_line(const char *message, char *text, size_t size);
/* One host of a conninfo: what is NULL is as the conninfo and the environment have it. */
struct db_host {
    uint32_t count; /* how many there are */
    int64_t timeout_ms;
    char *name, *address, *port; /* owned */
};
/* db_host_read reads the nth, from 0.  Errors: ERR_INVALID the conninfo does not parse. */
MUST_USE enum err db_host_read(const char *conninfo, uint32_t n, struct db_host *host,
                               struct diag *diag);
void db_host_free(struct db_host *host);
/* db_connect opens a connection whose conninfo is completed by name, encoding and timeout: to the
 * host given it is just started, without one (NULL) it blocks, whichever host answers.  The caller
 * owns the PGconn.  Errors: ERR_INVALID the conninfo does not parse. */
MUST_USE enum err db_connect(const char *conninfo, const char *application,
                             const struct db_host *host, PGconn **conn, struct diag *diag);

/* Of a lane's connection, for pooler.c: whether somebody between has another key to cancel by than
 * the server's; how it waits. */
bool db_lane_is_pooled(const struct db_lane *lane);
struct db_lane_wait db_lane_get_wait(const struct db_lane *lane);
void db_lane_set_wait(struct db_lane *lane, struct db_lane_wait wait);

#endif

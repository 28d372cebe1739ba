/* Purpose: what db.c and lane.c share: the result struct and the reading of libpq's errors. */
#ifndef CASEMILL_DB_DB_PRIV_H
#define CASEMILL_DB_DB_PRIV_H

#include "base/diag.h"

#include <libpq-fe.h>

struct db_result {
    PGresult *result;
};

/* db_result_new takes the PGresult. */
struct db_result *db_result_new(PGresult *result);
/* db_one_line copies a server message without line ends and double quotes, cut to size. */
void db_one_line(const char *message, char *text, size_t size);
/* db_connect opens a connection whose conninfo is completed by name, encoding and timeout; blocking
 * or just started.  The caller owns the PGconn.  Errors: ERR_INVALID the conninfo does not parse.
 */
MUST_USE enum err db_connect(const char *conninfo, const char *application, bool blocking,
                             PGconn **conn, struct diag *diag);

#endif

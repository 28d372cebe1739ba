/* Purpose: a transaction that needs locks which other sessions may hold for long, for example a
 * reporter's open transaction.  Later sessions queue behind a waiting one, lanes too.  So it waits
 * for two seconds, rolls back to let the others continue, tries again, and names the blocking
 * session.
 * Threads: it starts one, with a second connection, when it must wait. */
#ifndef CASEMILL_CLI_DB_LOCK_WAIT_H
#define CASEMILL_CLI_DB_LOCK_WAIT_H

#include "db/db.h"

enum { LOCK_WAIT_S_DEFAULT = 60, LOCK_WAIT_S_MAX = 86400 };

struct lock_wait {
    struct db *db;
    const char *conninfo; /* of the second connection */
    const char *verb;     /* for the lines on stderr: "db migrate" */
    int64_t patience_ms;
    enum err (*step)(void *context, struct diag *diag);
    void *context;
};

/* lock_wait_run runs the step between BEGIN and COMMIT, from the start again after each rollback.
 * Errors: ERR_BUSY a session held a lock for the whole time; the diag names it without its query;
 * the step's, and those of db_exec. */
MUST_USE enum err lock_wait_run(const struct lock_wait *wait, struct diag *diag);

#endif

/* Purpose: a transaction whose locks others may hold for long, as an open transaction of a reporter
 * does.  Who waits for such a lock makes everybody who comes later wait, too, and lanes are among
 * them.  So it waits for two seconds, lets the others pass, tries again, and names who is in the
 * way.
 * Threads: one of its own, and a connection of its own, once it has to wait. */
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
 * Errors: ERR_BUSY somebody held a lock until the patience was over, named without what they run;
 * the step's, and those of db_exec. */
MUST_USE enum err lock_wait_run(const struct lock_wait *wait, struct diag *diag);

#endif

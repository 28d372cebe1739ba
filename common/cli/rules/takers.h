/* Purpose: the workers that take an activation, or refuse it.  Each worker's rule watch answers on
 * a channel of PostgreSQL, so no address of a broker or worker is needed. */
#ifndef CASEMILL_CLI_RULES_TAKERS_H
#define CASEMILL_CLI_RULES_TAKERS_H

#include "db/db.h"

struct takers {
    int64_t connected; /* workers whose rule watch is connected to this database */
    int64_t taken;
    int64_t refused;
    struct buf refusals; /* a line for each: "WORKER: TEXT" */
};

/* takers_listen comes before the activation, so that no answer is missed; it also counts.
 * Ownership: takers_free.  Errors: those of db_query. */
MUST_USE enum err takers_listen(struct db *db, struct takers *takers, struct diag *diag);
/* takers_wait returns when every connected worker has answered, when one has refused, shortly after
 * the first has taken it, or after wait_ms; at once where none is connected.
 * Errors: ERR_CONNECTION. */
MUST_USE enum err takers_wait(struct db *db, int64_t activation, int64_t wait_ms,
                              struct takers *takers, struct diag *diag);
void takers_free(struct takers *takers);

#endif

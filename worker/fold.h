/* Purpose: one thread that folds the lanes' tallies into the rollup tables, every few seconds, over
 * its own connection.  No other thread waits for it.
 * Threads: fold_start and fold_end from main. */
#ifndef CASEMILL_WORKER_FOLD_H
#define CASEMILL_WORKER_FOLD_H

#include "base/diag.h"

struct fold;

/* fold_start starts the thread; conninfo is borrowed until the end.  Ownership: *fold is the
 * caller's, ended by fold_end.  Errors: ERR_SYSTEM no thread or descriptor is left. */
MUST_USE enum err fold_start(const char *conninfo, struct fold **fold, struct diag *diag);
/* fold_end wakes the thread from any wait and joins it; accepts NULL inside. */
void fold_end(struct fold **fold);

#endif

/* Purpose: the conditions of a start, and of the lanes, before there are lanes. */
#ifndef CASEMILL_WORKER_TRY_H
#define CASEMILL_WORKER_TRY_H

#include "worker/worker.h"

/* try_postgres checks PostgreSQL with one connection, as a start does.
 * Errors: as worker_start. */
MUST_USE enum err try_postgres(const struct worker_options *options, struct diag *diag);

#endif

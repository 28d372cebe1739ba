/* Purpose: starting threads.  When the system refuses one (ulimit -u, TasksMax), the caller gets an
 * error, not an abort.
 * Threads: any.  A started thread blocks all signals: the main thread receives them. */
#ifndef CASEMILL_BASE_THREAD_H
#define CASEMILL_BASE_THREAD_H

#include "base/diag.h"

#include <pthread.h>
#include <stdint.h>

/* thread_start starts run(argument); what names the thread in the error's line.
 * Ownership: the caller joins *thread.  Errors: ERR_SYSTEM the system refuses the thread. */
MUST_USE enum err thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument,
                               const char *what, struct diag *diag);
/* thread_probe starts count threads at the same time and ends them.  It is called before a library
 * that aborts without a thread.  Errors: ERR_SYSTEM fewer can be started. */
MUST_USE enum err thread_probe(uint32_t count, struct diag *diag);

#endif

/* Purpose: starting threads, which the system may refuse (ulimit -u, TasksMax): one line instead of
 * an abort.
 * Threads: any.  A thread that is started here blocks all signals: they go to the main thread. */
#ifndef CASEMILL_BASE_THREAD_H
#define CASEMILL_BASE_THREAD_H

#include "base/diag.h"

#include <pthread.h>
#include <stdint.h>

/* thread_start starts run(argument); what names the thread in the error's line.
 * Ownership: the caller joins *thread.  Errors: ERR_SYSTEM the system has no thread left. */
MUST_USE enum err thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument,
                               const char *what, struct diag *diag);
/* thread_probe starts count threads at the same time and ends them.  It is called before a library
 * that aborts when it gets no thread.  Errors: ERR_SYSTEM not so many can be started. */
MUST_USE enum err thread_probe(uint32_t count, struct diag *diag);

#endif

/* Purpose: why a broker does not answer, for the log.  A name server may take longer than a lane or
 * the shutdown can wait: each question has its own detached thread.
 * Threads: a question belongs to the thread that asked it. */
#ifndef CASEMILL_WORKER_AWAY_H
#define CASEMILL_WORKER_AWAY_H

#include "net/net.h"

struct away;

/* away_ask starts the check of endpoint, which is copied.  Ownership: *question is the caller's,
 * dropped by away_drop.  Errors: ERR_SYSTEM no thread. */
MUST_USE enum err away_ask(const char *endpoint, struct away **question, struct diag *diag);
/* away_is_answered never waits; when true, text has the reason in one line. */
bool away_is_answered(const struct away *question, char text[NET_WHY_BYTES]);
void away_drop(struct away **question); /* at any time; accepts NULL inside */

#endif

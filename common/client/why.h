/* Purpose: the reason why a batch waits, in words, from the state of the broker in use.
 * Never: reports a broker without an answer while it answers, or was not asked. */
#ifndef CASEMILL_CLIENT_WHY_H
#define CASEMILL_CLIENT_WHY_H

#include "base/buf.h"
#include "client/casemill.h"

/* why_text appends the reason; fault: why the connection fails, or NULL. */
void why_text(const struct casemill_state *state, const char *fault, struct buf *out);
/* why_is_silent: the broker is connected, was asked, and does not answer. */
bool why_is_silent(const struct casemill_state *state);

#endif

/* Purpose: what a broker has of a batch now.  Read next: timeline.h. */
#ifndef CASEMILL_CLI_TRACE_BROKER_H
#define CASEMILL_CLI_TRACE_BROKER_H

#include "cli/control_ask.h"
#include "cli/trace/timeline.h"

enum { TRACE_TIME_BYTES = 28 }; /* 2026-05-01T00:00:00.123456Z and NUL */

/* trace_broker asks TRACE of the batch.  It adds events, and what it cannot know, also that the
 * broker does not answer.  accepted_at is the time of acceptance, "" if the broker has it not. */
void trace_broker(const struct control_peer *peer, const char *batch, struct timeline *timeline,
                  char accepted_at[TRACE_TIME_BYTES]);

#endif

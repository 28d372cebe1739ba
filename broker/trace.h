/* Purpose: TRACE of the control socket: what the broker has of one batch.  Threads: the loop's. */
#ifndef CASEMILL_BROKER_TRACE_H
#define CASEMILL_BROKER_TRACE_H

#include "broker/shell.h"

/* trace_json appends {"batches": [...], "more": false}, from memory.  There is one batch for each
 * source that has a batch of this id, at most 16; more: there are others.  A live batch has its
 * parts, one that was done lately its counts.  False: batch, a uuid, does not parse; the text
 * states it. */
bool trace_json(const struct shell *shell, struct span batch, struct buf *out);

#endif

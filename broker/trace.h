/* Purpose: TRACE of the control socket: what the broker has of one batch.  Threads: the loop's. */
#ifndef CASEMILL_BROKER_TRACE_H
#define CASEMILL_BROKER_TRACE_H

#include "broker/shell.h"

/* trace_json appends {"batches": [...]}, one for each source (at most 16) that has a batch of this
 * id, from memory: live ones with their parts, lately done ones with their counts.  False: batch, a
 * uuid, does not parse; the text states it. */
bool trace_json(const struct shell *shell, struct span batch, struct buf *out);

#endif

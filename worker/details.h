/* Purpose: what a client that asked for results receives for each case: agreement, reason, missing
 * facts with their questions.  Kept as texts, so that neither another rule set nor another
 * connection can change them.  Pure.
 * Units: a detail is an offset + 1 into txn.details; 0: there is none. */
#ifndef CASEMILL_WORKER_DETAILS_H
#define CASEMILL_WORKER_DETAILS_H

#include "wire/results.h"
#include "worker/txn.h"

/* Both append one detail and return it. */
uint32_t details_decided(struct buf *details, const struct ruleset *ruleset,
                         const struct outcome *outcome);
/* Of a stored row: paths separated by commas.  Their questions are those of this rule set's schema;
 * ruleset may be NULL.  Without agreement (a purged case) it has no facts either. */
uint32_t details_stored(struct buf *details, const struct ruleset *ruleset, struct span agreement,
                        struct span reason, struct span paths);

/* details_write appends the runs of all jobs that request results, in the order of the jobs, and
 * sets results_bytes of each.  A job without a detail for each of its cases, or with more than
 * DETAILS_BYTES_MAX of them, has none: its client is not sent a part of them. */
enum { DETAILS_BYTES_MAX = 1 << 20 };
void details_write(const struct txn *txn, struct results_writer *writer, struct buf *out,
                   struct wire_counts *counts);

#endif

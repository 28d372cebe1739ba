/* Purpose: an operator's VERIFY on its way through the journal.  Threads: the loop's. */
#ifndef CASEMILL_BROKER_ONLINE_VERIFY_H
#define CASEMILL_BROKER_ONLINE_VERIFY_H

#include "broker/shell.h"

enum { ONLINE_SEQS_MAX = 100 };
struct online_verify {
    bool runs;
    struct net_route route; /* of the operator; kept while it runs */
    uint64_t next_seq, batches, cases, damaged;
    uint64_t seqs[ONLINE_SEQS_MAX]; /* the first of the damaged */
};
void online_verify_start(struct online_verify *verify, struct shell *shell);
void online_verify_step(struct online_verify *verify, struct shell *shell);

#endif

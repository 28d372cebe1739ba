/* Purpose: what SUBMIT, ROWS and REAPPLY share: from shell->message, with one body frame, to the
 * core and the journal.  Threads: the loop's.  Read next: intake.c, reapply.c. */
#ifndef CASEMILL_BROKER_ADMIT_H
#define CASEMILL_BROKER_ADMIT_H

#include "broker/shell.h"

/* A batch as a head claims it; spans are borrowed. */
struct admission {
    enum wire_socket socket; /* refusals go here */
    struct net_route route;  /* every answer goes here */
    struct uuid batch;
    uint32_t count;
    enum wire_ack ack;
    enum wire_priority priority;
    struct span source;
    size_t body_bytes_max;
    enum work_mode mode;
    struct span extra;
    bool is_rows; /* its body is that of ROWS */
};

/* admit_batch checks bounds and framing, copies the body and hands it over. The answer is sent now
 * or later. */
void admit_batch(struct shell *shell, const struct admission *asked);
/* admit_refuse answers with the fault of a head. */
void admit_refuse(struct shell *shell, const struct admission *asked, enum wire_reason reason);

#endif

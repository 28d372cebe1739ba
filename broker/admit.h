/* Purpose: what SUBMIT and REAPPLY share: from a message with one body frame to the core and the
 * journal.  Threads: the loop's.  Read next: intake.c, reapply.c. */
#ifndef CASEMILL_BROKER_ADMIT_H
#define CASEMILL_BROKER_ADMIT_H

#include "broker/broker.h"

/* A batch as a head claims it; spans are borrowed. */
struct admission {
    struct net_socket *socket; /* refusals go here */
    struct net_route route;    /* every answer goes here */
    struct uuid batch;
    uint32_t count;
    enum wire_ack ack;
    enum wire_priority priority;
    struct span source;
    size_t body_bytes_max;
    enum work_mode mode;
    struct span extra;
};

/* admit_batch checks bounds and framing, copies the body and hands it over. The answer is sent now
 * or later. */
void admit_batch(struct broker *broker, const struct net_message *message,
                 const struct admission *asked);
/* admit_refuse answers with the fault of a head. */
void admit_refuse(struct broker *broker, const struct admission *asked, enum wire_reason reason);

#endif

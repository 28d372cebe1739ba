/* Purpose: the worker socket.  Threads: the loop's. */
#ifndef CASEMILL_BROKER_LANES_H
#define CASEMILL_BROKER_LANES_H

#include "broker/keys.h"
#include "broker/proof.h"

struct lanes {
    const struct keys *keys;
    struct proof proof;
    int64_t full_due; /* when LANES_FULL is logged again */
};
void lanes_receive(struct lanes *lanes, struct shell *shell);

#endif

/* Purpose: what the core decided.  Threads: the loop's.  Read next: dispatch.h, coalesce.h. */
#ifndef CASEMILL_BROKER_ACTIONS_H
#define CASEMILL_BROKER_ACTIONS_H

#include "broker/coalesce.h"
#include "broker/dispatch.h"

struct actions {
    struct dispatch *dispatch;
    struct coalesced *coalesced; /* receipts held together until the actions are performed */
    int64_t beat_ms;             /* for WELCOME */
};
void actions_perform(const struct actions *actions, struct shell *shell);

#endif

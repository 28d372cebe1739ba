/* Purpose: WORK to lanes.  Threads: the loop's. */
#ifndef CASEMILL_BROKER_DISPATCH_H
#define CASEMILL_BROKER_DISPATCH_H

#include "broker/shell.h"

struct dispatch;
struct dispatch *dispatch_new(void);
void dispatch_free(struct dispatch **dispatch);
/* dispatch_work sends the WORK among the actions. */
void dispatch_work(struct dispatch *dispatch, struct shell *shell,
                   const struct core_action *actions, size_t count);
/* dispatch_quarantine gives the core the damaged records that were found.
 * Order: the core's actions are over, because it may answer. */
void dispatch_quarantine(struct dispatch *dispatch, struct core *core);

#endif

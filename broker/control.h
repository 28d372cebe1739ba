/* Purpose: the operators' socket.  Threads: the loop's.  Read next: reapply.h. */
#ifndef CASEMILL_BROKER_CONTROL_H
#define CASEMILL_BROKER_CONTROL_H

#include "broker/keys.h"
#include "broker/online_verify.h"

/* control_open reads what operators have ordered in an earlier run (operator_state.h).
 * Order: after the journal.  Errors: as operator_state_open. */
MUST_USE enum err control_open(struct shell *shell, const char *path, struct diag *diag);
void control_tick(struct shell *shell); /* ends a pause or drain whose end has come */
void control_receive(struct shell *shell, const struct keys *keys, struct online_verify *verify);

#endif

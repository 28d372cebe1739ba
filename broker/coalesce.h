/* Purpose: equal receipts of many batches leave as one message, to peers that asked for it.
 * Order: of one batch ACCEPTED leaves before DONE: all ACCEPTED that are held leave first.
 * Limits: COALESCED_GROUPS different answers, WIRE_COALESCED_MAX batches each; beyond, all leave.
 * Threads: the loop's. */
#ifndef CASEMILL_BROKER_COALESCE_H
#define CASEMILL_BROKER_COALESCE_H

#include "broker/shell.h"

struct coalesced;

struct coalesced *coalesced_new(void);
void coalesced_free(struct coalesced **coalesced);
/* coalesce_take holds a receipt; false: it has to be sent by itself, and what was held is sent. */
bool coalesce_take(struct coalesced *coalesced, struct shell *shell,
                   const struct core_action *action);
void coalesce_flush(struct coalesced *coalesced, struct shell *shell);

#endif

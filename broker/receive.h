/* Purpose: how each socket's file reads its messages: into shell->message, and what is decoded of
 * them into shell->arena.  Threads: the loop's. */
#ifndef CASEMILL_BROKER_RECEIVE_H
#define CASEMILL_BROKER_RECEIVE_H

#include "broker/shell.h"

/* receive_next: false: no message waits.  Ownership: the caller closes shell->message. */
bool receive_next(struct shell *shell, enum wire_socket which);
/* receive_head decodes its first frame.  False: the peer was answered REFUSED. */
bool receive_head(struct shell *shell, enum wire_socket which, struct wire_message *decoded);

#endif

/* Purpose: the operators' socket.  Threads: the loop's.  Read next: reapply.h. */
#ifndef CASEMILL_BROKER_CONTROL_H
#define CASEMILL_BROKER_CONTROL_H

#include "broker/keys.h"
#include "broker/online_verify.h"

void control_receive(struct shell *shell, const struct keys *keys, struct online_verify *verify);

#endif

/* Purpose: the intake socket.  Threads: the loop's.  Read next: admit.h. */
#ifndef CASEMILL_BROKER_INTAKE_H
#define CASEMILL_BROKER_INTAKE_H

#include "broker/keys.h"
#include "broker/status.h"

struct intake {
    const struct keys *keys;
    const struct status *status; /* for PONG */
    size_t body_bytes_max;       /* of a SUBMIT */
};
void intake_receive(const struct intake *intake, struct shell *shell);
void intake_watch(struct shell *shell); /* what waits there wakes the loop when it is too much */
bool intake_is_open(const struct shell *shell); /* room for more bodies on their way to disk */
bool intake_is_read(const struct shell *shell); /* if only to answer BUSY */

#endif

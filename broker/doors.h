/* Purpose: how many connections each socket has; a limit that was reached is logged.
 * Threads: the loop's. */
#ifndef CASEMILL_BROKER_DOORS_H
#define CASEMILL_BROKER_DOORS_H

#include "broker/shell.h"

struct doors {
    int64_t looked_at;
    struct doors_logged {
        uint64_t count; /* as logged */
        int64_t at;
    } full[WIRE_SOCKET_COUNT];                    /* a reached limit of connections */
    struct doors_logged heavy[WIRE_SOCKET_COUNT]; /* a connection that held too much unread */
};
void doors_look(struct doors *doors, const struct shell *shell);

#endif

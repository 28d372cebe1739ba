/* Purpose: how many bytes of WORK libzmq still holds for lanes.  Credit bounds what one lane holds,
 * but WORK for a hundred lanes that do not read would be in memory at once. So dispatch stops when
 * too much is on its way (P7). Threads: sent from the broker's loop; libzmq's thread gives back
 * what has left, and wakes the loop where that waited for it. */
#ifndef CASEMILL_BROKER_FLIGHT_H
#define CASEMILL_BROKER_FLIGHT_H

#include "broker/body.h"
#include "net/net.h"

struct flight { /* outlives the sockets */
    _Atomic uint64_t bytes_max;
    struct net_wake *wake;
    _Atomic uint64_t bytes;
    atomic_bool is_awaited; /* there was no room */
};
/* flight_room: bytes that may be dispatched now. */
uint64_t flight_room(struct flight *flight);
/* flight_share makes a part of bytes of the blob and takes the reference; flight_copy of a copy. */
void flight_share(struct flight *flight, struct net_part *part, struct span bytes,
                  struct blob *blob);
void flight_copy(struct flight *flight, struct net_part *part, struct span bytes);

#endif

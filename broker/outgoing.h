/* Purpose: how many bytes of sent messages libzmq still holds, because their peers do not read them
 * (P7).  Credit bounds the WORK of one lane, but WORK for a hundred lanes that do not read would be
 * in memory at once: dispatch stops when too much is outgoing.  libzmq bounds the receipts of a
 * peer by number, but one may list a thousand dead letters: a receipt without room is not sent,
 * because receipts are best effort.  A peer may hold at most as much as is still free: one that
 * does not read gets half of it all, nine get a tenth each. So a peer that reads always has room.
 * A hash of the routing id names a peer; two with one slot share its room.
 * Threads: sent from the broker's loop; libzmq's thread gives back what has left, and wakes the
 * loop where that waited for it. */
#ifndef CASEMILL_BROKER_OUTGOING_H
#define CASEMILL_BROKER_OUTGOING_H

#include "broker/body.h"
#include "net/net.h"

struct outgoing { /* outlives the sockets */
    _Atomic uint64_t bytes_max;
    _Atomic uint64_t bytes;
    struct net_wake *wake;
    atomic_bool is_awaited; /* there was no room */
};
enum { OUTGOING_SLOTS = 4096 };
struct outgoing_receipts {
    struct outgoing all;
    _Atomic uint64_t of_slot[OUTGOING_SLOTS];
};
/* outgoing_room: bytes that may be sent now. */
uint64_t outgoing_room(struct outgoing *outgoing);
/* outgoing_share makes a part of bytes of the blob and takes the reference; outgoing_copy of a
 * copy. */
void outgoing_share(struct outgoing *outgoing, struct net_part *part, struct span bytes,
                    struct blob *blob);
void outgoing_copy(struct outgoing *outgoing, struct net_part *part, struct span bytes);
/* outgoing_receipt makes a part of a copy.  Errors: ERR_FULL: the peer has its share waiting;
 * nothing was made. */
MUST_USE enum err outgoing_receipt(struct outgoing_receipts *receipts,
                                   const struct net_route *route, struct span bytes,
                                   struct net_part *part);

#endif

/* Purpose: how many bytes of receipts wait for peers that do not read them.  libzmq bounds
 * messages, and a receipt may list a thousand dead letters, so bytes are bounded here. A receipt
 * without room is not sent: receipts are best effort (P7). A peer may hold at most as much as is
 * still free: one that does not read gets half of it all, nine get a tenth each. So a peer that
 * reads always has room. A hash of the routing id names a peer; two with one slot share its room.
 * Threads: sent from the broker's loop; libzmq's thread gives back what has left. */
#ifndef CASEMILL_BROKER_RECEIPTS_H
#define CASEMILL_BROKER_RECEIPTS_H

#include "net/net.h"

#include <stdatomic.h>

enum { RECEIPT_SLOTS = 4096 };
struct receipt_account { /* outlives the sockets */
    uint64_t bytes_max;
    _Atomic uint64_t bytes;
    _Atomic uint64_t of_slot[RECEIPT_SLOTS];
};
/* receipt_part makes a part of a copy of the bytes and books it.  Errors: ERR_FULL: the peer has
 * its share waiting; nothing was made. */
MUST_USE enum err receipt_part(struct receipt_account *account, const struct net_route *route,
                               struct span bytes, struct net_part *part);

#endif

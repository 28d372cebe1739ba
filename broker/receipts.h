/* Purpose: how many bytes of receipts wait for peers that do not read them.  libzmq bounds
 * messages, and a receipt may list a thousand dead letters, so bytes are bounded here: what has no
 * room is not sent, for receipts are best effort (P7). A peer may hold at most as much as is still
 * free: a deaf one half of it all, nine a tenth each, and there is always some for who reads. Peers
 * are told apart by a hash of their routing id; two that share a slot share its room. Threads: sent
 * from the broker's loop; libzmq's thread gives back what has left. */
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

/* Purpose: who may connect: the guard answers libzmq's request for each key (ZAP, RFC 27) from one
 * keyring per domain, and names the key of each message.
 * Owns its keyrings.  Never: waits.  Threads: the loop that polls its sockets also polls the
 * guard's; a handshake waits for that turn and nothing is shared.
 * Without a guard libzmq accepts every key: so a keyed ROUTER is bound only with a guard, and
 * closed before it (CHECK).  A key removed from its ring is refused from the next message on, also
 * on a present connection. */
#ifndef CASEMILL_NET_GUARD_H
#define CASEMILL_NET_GUARD_H

#include "net/keys.h"
#include "net/net.h"

struct net_guard;
enum { NET_GUARD_DOMAINS_MAX = 8 };

/* One per context; open it before the first keyed socket binds.  Errors: ERR_SYSTEM. */
MUST_USE enum err net_guard_open(struct net *net, struct net_guard **guard, struct diag *diag);
/* After the sockets, before net_close; accepts a NULL inside. */
void net_guard_close(struct net_guard **guard);
/* net_guard_set gives a domain its keyring or replaces it.  domain is static.
 * Ownership: *ring is taken and is NULL afterwards. */
void net_guard_set(struct net_guard *guard, const char *domain, struct net_keyring **ring);
/* Poll it; when it is ready, call net_guard_step. */
struct net_socket *net_guard_socket(struct net_guard *guard);
void net_guard_step(struct net_guard *guard);
/* net_guard_name: the name of the key that a message came with, in the domain's present ring; NULL
 * when the key is not in it.  Lives until the ring is replaced. */
const char *net_guard_name(const struct net_guard *guard, const char *domain,
                           struct net_message *message);
/* Keys that were refused; net_fault_count has the handshakes without a key. */
uint64_t net_guard_refused(const struct net_guard *guard);

#endif

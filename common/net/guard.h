/* Purpose: who may connect: the guard answers libzmq's question for each key (ZAP, RFC 27) from one
 * keyring a domain, and says of a message whose key it came with.
 * Owns its keyrings.  Never: waits.  Threads: the loop that polls its sockets also polls the
 *   guard's; a handshake waits for that turn and nothing is shared.
 * libzmq lets every key in when nobody answers: so no keyed ROUTER may be bound without a guard,
 * and none may outlive it (CHECK). A key taken out of its ring is refused from the next message on,
 * also on a connection that stands. */
#ifndef CASEMILL_NET_GUARD_H
#define CASEMILL_NET_GUARD_H

#include "net/keys.h"
#include "net/net.h"

struct net_guard;
enum { NET_GUARD_DOMAINS_MAX = 8 };

/* One a context; open it before the first keyed socket binds.  Errors: ERR_SYSTEM. */
MUST_USE enum err net_guard_open(struct net *net, struct net_guard **guard, struct diag *diag);
/* After the sockets, before net_close; accepts a NULL inside. */
void net_guard_close(struct net_guard **guard);
/* net_guard_set gives a domain its keyring or replaces it.  domain is static.
 * Ownership: *ring is taken and is NULL afterwards. */
void net_guard_set(struct net_guard *guard, const char *domain, struct net_keyring **ring);
/* To be polled; ready means net_guard_step has something to do. */
struct net_socket *net_guard_socket(struct net_guard *guard);
void net_guard_step(struct net_guard *guard);
/* net_guard_name: whose key a message came with, as the domain's ring has it now; NULL when it is
 * not in it (any more).  Lives until the ring is replaced. */
const char *net_guard_name(const struct net_guard *guard, const char *domain,
                           struct net_message *message);
/* Keys that were turned away; net_fault_count has the handshakes that showed no key. */
uint64_t net_guard_refused(const struct net_guard *guard);

#endif

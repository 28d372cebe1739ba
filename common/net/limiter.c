/* Set by hangup.c, used by door.c, which a program without hangup.c links, too. */
#include "net/net_priv.h"

#include <stdatomic.h>

static _Atomic(const struct net_limiter *) limiter;

void net_limiter_set(const struct net_limiter *given) { atomic_store(&limiter, given); }

const struct net_limiter *net_limiter(void) { return atomic_load(&limiter); }

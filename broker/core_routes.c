/* Routes that outlive the message they came with.  A client behind proxies may have one of 2,304
 * bytes, so the sum of what is kept and takes memory of its own is bounded (P7). */
#include "broker/core_priv.h"

#include "base/mem.h"

enum { FAR_BYTES_MAX = 8 << 20 };

bool core_same_route(const struct net_route *a, const struct net_route *b) {
    return a->channel == b->channel && net_route_eq(a, b);
}

static size_t far_bytes(const struct net_route *route) {
    return net_route_is_near(route) ? 0 : route->len;
}

bool core_route_fits(const struct core *core, const struct net_route *route) {
    size_t bytes = far_bytes(route);
    return bytes == 0 || core->route_bytes + bytes <= FAR_BYTES_MAX;
}

void core_route_keep(struct core *core, struct net_route *kept, const struct net_route *route) {
    net_route_keep(kept, route);
    core->route_bytes += far_bytes(route);
}

void core_route_drop(struct core *core, struct net_route *kept) {
    CHECK(core->route_bytes >= far_bytes(kept));
    core->route_bytes -= far_bytes(kept);
    net_route_drop(kept);
}

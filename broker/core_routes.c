/* Routes that outlive the message they came with.  Those of actions live in an arena until the
 * actions are cleared.  Those that are kept are blocks of their own: a client behind proxies may
 * have one of 2,304 bytes, so the sum of what is longer than usual is bounded (P7). */
#include "broker/core_priv.h"

#include "base/mem.h"

enum { LONG_BYTES_MAX = 8 << 20 };

static size_t beyond_usual(const struct net_route *route) {
    return route->len > NET_ROUTE_USUAL ? route->len : 0;
}

bool core_route_fits(const struct core *core, const struct net_route *route) {
    size_t bytes = beyond_usual(route);
    return bytes == 0 || core->route_bytes + bytes <= LONG_BYTES_MAX;
}

void core_route_keep(struct core *core, struct net_route *kept, const struct net_route *route) {
    net_route_keep(kept, route);
    core->route_bytes += beyond_usual(route);
}

void core_route_drop(struct core *core, struct net_route *kept) {
    CHECK(core->route_bytes >= beyond_usual(kept));
    core->route_bytes -= beyond_usual(kept);
    net_route_drop(kept);
}

struct core_action *core_emit_to(struct core *core, enum core_action_kind kind,
                                 const struct net_route *route) {
    struct core_action *action = core_emit(core, kind);
    action->route = *route;
    if (route->len > 0) {
        action->route.bytes =
            arena_copy(&core->action_routes, span_make(route->bytes, route->len)).ptr;
        CHECK(action->route.bytes != NULL);
    }
    return action;
}

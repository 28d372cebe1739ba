/* The actions that the core hands out, in the order they arose.  Their routes live in an arena
 * until they are cleared. */
#include "broker/core_priv.h"

#include "base/mem.h"

struct core_action *core_emit(struct core *core, enum core_action_kind kind) {
    MEM_ROOM(core->actions, core->action_count, core->action_cap, 64);
    struct core_action *action = &core->actions[core->action_count++];
    memset(action, 0, sizeof(*action));
    action->kind = kind;
    return action;
}

struct core_action *core_emit_to(struct core *core, enum core_action_kind kind,
                                 const struct net_route *route) {
    struct core_action *action = core_emit(core, kind);
    action->route = *route;
    if (!net_route_is_near(route)) {
        action->route.far = arena_copy(&core->action_routes, net_route_span(route)).ptr;
        CHECK(action->route.far != NULL);
    }
    return action;
}

const struct core_action *core_actions(const struct core *core, size_t *count) {
    *count = core->action_count;
    return core->actions;
}

void core_actions_clear(struct core *core) {
    for (size_t i = 0; i < core->action_count; i++) {
        if (core->actions[i].kind == CORE_DONE || core->actions[i].kind == CORE_STATUS) {
            core_counts_free(core, &core->actions[i].done.counts);
        }
    }
    core->action_count = 0;
    arena_reset(&core->action_routes);
}

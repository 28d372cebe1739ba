/* Looks batches and lanes up, for the log and for operators.  Changes nothing: a packed batch stays
 * packed. */
#include "broker/core_priv.h"

bool core_label(const struct core *core, uint64_t seq, struct core_label *label) {
    const struct core_batch *batch = core_find_seq(core, seq);
    struct packed_ref ref = packed_find_seq(core, seq);
    if (batch == NULL && ref.chunk == NULL) {
        return false;
    }
    label->batch = batch != NULL ? batch->id : ref.chunk->slots[ref.slot].id;
    label->source = core_source_name(core, batch != NULL ? batch->source : ref.chunk->source);
    return true;
}

bool core_lane_of(const struct core *core, const struct net_route *route, struct uuid *lane) {
    for (uint32_t i = 0; i < core->lane_count; i++) {
        if (net_route_eq(&core->lanes[i]->route, route)) {
            *lane = core->lanes[i]->uuid;
            return true;
        }
    }
    return false;
}

bool core_has_source(const struct core *core, struct span name) {
    return core_source_find(core, name) != UINT32_MAX;
}

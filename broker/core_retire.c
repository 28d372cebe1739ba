/* Lanes that an operator takes away.  Nothing more is dealt to one, every BEAT tells it to end, and
 * what it holds it finishes or gives back, which costs no attempt. */
#include "broker/core_priv.h"

bool core_retire(struct core *core, const struct uuid *uuid) {
    for (uint32_t i = 0; i < core->lane_count; i++) {
        struct core_lane *lane = core->lanes[i];
        if (uuid_eq(&lane->uuid, uuid)) {
            lane->retiring = true;
            core_beat_to(core, lane);
            return true;
        }
    }
    return false;
}

void core_beat_to(struct core *core, const struct core_lane *lane) {
    core_emit_to(core, CORE_BEAT, &lane->route)->retire = lane->retiring;
}

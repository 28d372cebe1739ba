/* Whether the end-to-end path works: broker -> lane -> PostgreSQL -> broker. DONE of work proves
 * it. Without one for canary_ms a lane gets a canary: it commits a row without a case, and its DONE
 * without a range proves the same. One at a time. A canary without DONE for canary_ms is lost, and
 * the next lane in turn gets one. */
#include "broker/core_priv.h"

static bool is_due(const struct core *core, int64_t now) {
    const struct core_canary *canary = &core->canary;
    int64_t since = canary->asked > canary->proved ? canary->asked : canary->proved;
    bool ever = canary->is_out || canary->is_proved || core->counters.canaries_sent > 0;
    return core->options.canary_ms > 0 && core->dispatching &&
           (!ever || now - since >= core->options.canary_ms);
}

void core_canary_tick(struct core *core, int64_t now) {
    struct core_canary *canary = &core->canary;
    struct core_lane *chosen = NULL;
    for (uint32_t i = 0; is_due(core, now) && i < core->lane_count; i++) {
        struct core_lane *lane = core->lanes[i];
        if (core_can_take(lane) && (chosen == NULL || lane->canary_turn < chosen->canary_turn)) {
            chosen = lane;
        }
    }
    if (chosen == NULL) {
        return;
    }
    core->counters.canaries_lost += canary->is_out ? 1 : 0;
    chosen->canary_turn = ++core->counters.canaries_sent;
    canary->lane = chosen->uuid;
    canary->is_out = true;
    canary->asked = now;
    core_emit_to(core, CORE_CANARY, &chosen->route)->work.lane = chosen->uuid;
}

void core_canary_done(struct core *core, struct core_lane *lane, uint32_t taken, uint32_t ranges,
                      int64_t now) {
    struct core_canary *canary = &core->canary;
    if (lane == NULL) {
        return;
    }
    bool is_canary = canary->is_out && ranges == 0 && uuid_eq(&lane->uuid, &canary->lane);
    if (is_canary) {
        canary->is_out = false;
        lane->worked = true;
        canary->took_ms = now - canary->asked;
    }
    if (is_canary || taken > 0) {
        canary->is_proved = true;
        canary->proved = now;
    }
}

void core_canary_stats(const struct core *core, int64_t now, struct core_stats *stats) {
    const struct core_canary *canary = &core->canary;
    stats->success_ms = canary->is_proved ? now - canary->proved : -1;
    stats->canary_took_ms = canary->took_ms;
    stats->success_proved = core->options.canary_ms == 0 ||
                            (canary->is_proved && stats->success_ms <= CORE_CANARIES_MISSED_MAX *
                                                                           core->options.canary_ms);
    for (uint32_t i = 0; i < core->lane_count; i++) {
        stats->lanes_open += core->lanes[i]->credit_cases > 0 ? 1 : 0;
    }
}

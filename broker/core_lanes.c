/* Lanes: how they come, what they report in BEAT, and how they go: with BYE, lost, retired by an
 * operator or replaced. A BEAT is compared with what the lane holds in the core. */
#include "broker/core_priv.h"

#include "base/mem.h"

enum { OMITTED_MAX = 2, STALL_MS_MIN = 500 };

static struct core_lane *lane_by_route(const struct core *core, const struct net_route *route) {
    for (uint32_t i = 0; i < core->lane_count; i++) {
        if (net_route_eq(&core->lanes[i]->route, route)) {
            return core->lanes[i];
        }
    }
    return NULL;
}

bool core_is_lane(const struct core *core, const struct net_route *route, const struct uuid *uuid) {
    const struct core_lane *lane = lane_by_route(core, route);
    return lane != NULL && (uuid == NULL || uuid_eq(&lane->uuid, uuid));
}

static struct core_lane *lane_by_uuid(struct core *core, const struct uuid *uuid) {
    for (uint32_t i = 0; i < core->lane_count; i++) {
        if (uuid_eq(&core->lanes[i]->uuid, uuid)) {
            return core->lanes[i];
        }
    }
    return NULL;
}

struct core_lane *core_lane_sender(struct core *core, const struct net_route *route, int64_t now) {
    struct core_lane *lane = lane_by_route(core, route);
    if (lane != NULL) {
        lane->received_at = now;
        lane->blocked = false;
    }
    return lane;
}

struct core_lane *core_lane_known(struct core *core, const struct net_route *route, int64_t now) {
    struct core_lane *lane = core_lane_sender(core, route, now);
    if (lane == NULL) {
        (void)core_emit_to(core, CORE_READY_ASK, route);
    }
    return lane;
}

/* Gives back all a lane holds, oldest first in the queue, and forgets the lane. */
static void lane_remove(struct core *core, struct core_lane *lane, bool silent) {
    while (lane->held.last != NULL) {
        struct core_part *part = lane->held.last;
        part->taken_over = part->taken_over || silent;
        if (!silent || !core_part_count_failure(core, part, NULL)) {
            part_queue_front(core, part);
        }
    }
    CHECK(lane->held_cases == 0 && lane->held_bytes == 0);
    core->counters.lanes_rows -= lane->takes_rows ? 1 : 0;
    for (uint32_t i = 0; i < core->lane_count; i++) {
        if (core->lanes[i] == lane) {
            core->lanes[i] = core->lanes[--core->lane_count];
            break;
        }
    }
    core_route_drop(core, &lane->route);
    mem_free(lane);
}

static void fence_remove(struct core *core, const struct uuid *uuid) {
    for (uint32_t i = 0; i < core->fence_count; i++) {
        if (uuid_eq(&core->fence[i], uuid)) {
            core->fence_count--;
            memmove(&core->fence[i], &core->fence[i + 1],
                    (core->fence_count - i) * sizeof(core->fence[0]));
            return;
        }
    }
}

static void fence_add(struct core *core, const struct uuid *uuid) {
    fence_remove(core, uuid);
    if (core->fence_count == CORE_FENCE_MAX) {
        struct uuid oldest = core->fence[0];
        fence_remove(core, &oldest);
    }
    core->fence[core->fence_count++] = *uuid;
}

struct core_batch *core_range_batch(struct core *core, const struct wire_range *range) {
    if (!uuid_eq(&range->journal, &core->options.journal) || range->count == 0) {
        return NULL;
    }
    struct core_batch *batch = core_batch_of(core, range->seq);
    if (batch == NULL || batch->state == BATCH_QUARANTINED || range->first >= batch->count ||
        range->count > batch->count - range->first) {
        return NULL;
    }
    return batch;
}

/* Whether a lane that reports a queued part gets it. After a restart the core has no record of
 * deliveries, so a proved lane does; an unproved lane could report any part.
 */
static bool may_hold(const struct core *core, const struct core_lane *lane,
                     const struct core_part *part) {
    return core_takes_form(lane, part) &&
           (!core->options.lanes_unproved || uuid_eq(&part->dealt_to, &lane->uuid));
}

/* What a lane reports in holds: marks its parts, and assigns queued ones to it. Only beats count
 * the parts they omit: they are a beat apart, while several READY may cross one WORK on its way. */
static void reconcile(struct core *core, struct core_lane *lane, const struct wire_range *holds,
                      uint32_t count, bool is_beat) {
    lane->beat++;
    for (uint32_t i = 0; i < count; i++) {
        /* A packed batch was never dispatched: an unproved lane cannot unpack it. */
        bool may_be = !core->options.lanes_unproved || core_find_seq(core, holds[i].seq) != NULL;
        struct core_batch *batch = may_be ? core_range_batch(core, &holds[i]) : NULL;
        if (batch == NULL) {
            continue;
        }
        uint32_t end = holds[i].first + holds[i].count;
        for (struct core_part *part = core_leaf(batch, holds[i].first);
             part != NULL && part->first < end; part = core_leaf_after(part)) {
            if ((part->state == PART_QUEUED || part->state == PART_DELAYED) &&
                may_hold(core, lane, part)) {
                part_assign(core, part, lane);
            }
            if (part->state == PART_OUT && part->lane == lane) {
                part->beat_seen = lane->beat;
                part->omitted = 0;
            }
        }
    }
    for (struct core_part *part = lane->held.last; is_beat && part != NULL;) {
        struct core_part *previous = part->prev;
        if (part->beat_seen != lane->beat && ++part->omitted >= OMITTED_MAX) {
            core->counters.parts_omitted++;
            part_queue_front(core, part);
        }
        part = previous;
    }
}

static void copy_text(char *text, size_t size, struct span from) {
    size_t len = from.len < size - 1 ? from.len : size - 1;
    memcpy(text, from.len == 0 ? (const uint8_t *)"" : from.ptr, len);
    text[len] = '\0';
}

/* The lane that gives its slot up first; NULL: none does. */
static struct core_lane *idle_lane(const struct core *core, bool has_credit) {
    struct core_lane *chosen = NULL;
    for (uint32_t i = 0; i < core->lane_count; i++) {
        struct core_lane *lane = core->lanes[i];
        bool is_open = lane->credit_cases > 0;
        if (lane->worked || lane->held.first != NULL || (is_open && !has_credit)) {
            continue;
        }
        if (chosen == NULL || is_open < (chosen->credit_cases > 0) ||
            (is_open == (chosen->credit_cases > 0) && lane->joined < chosen->joined)) {
            chosen = lane;
        }
    }
    return chosen;
}

/* A slot for a new lane; false: there is none. */
static bool make_slot(struct core *core, const struct wire_ready *ready) {
    if (core->lane_count < CORE_LANES_MAX) {
        return true;
    }
    struct core_lane *idle = idle_lane(core, ready->credit_cases > 0);
    if (idle == NULL) {
        core->counters.lanes_turned_away++;
        return false;
    }
    core->counters.lanes_replaced++;
    lane_remove(core, idle, false);
    return true;
}

bool core_ready(struct core *core, const struct net_route *route, const struct wire_ready *ready,
                int64_t now) {
    struct core_lane *lane = lane_by_uuid(core, &ready->uuid);
    struct core_lane *other = lane_by_route(core, route);
    if (other != NULL && other != lane) {
        fence_add(core, &other->uuid); /* another process has its route: it has ended */
        lane_remove(core, other, true);
    }
    if (lane == NULL) {
        if (!make_slot(core, ready)) {
            return false;
        }
        lane = mem_zero(1, sizeof(*lane));
        lane->uuid = ready->uuid;
        lane->joined = ++core->lanes_joined;
        core->lanes[core->lane_count++] = lane;
        fence_remove(core, &ready->uuid);
    }
    core_route_drop(core, &lane->route);
    core_route_keep(core, &lane->route, route);
    lane->received_at = now;
    lane->blocked = false;
    lane->credit_cases = ready->credit_cases;
    lane->credit_bytes = ready->credit_bytes;
    core->counters.lanes_rows -= lane->takes_rows ? 1 : 0;
    lane->takes_rows = (ready->forms & WIRE_FORM_BIT(WIRE_FORM_ROWS)) != 0;
    core->counters.lanes_rows += lane->takes_rows ? 1 : 0;
    copy_text(lane->name, sizeof(lane->name), ready->name);
    reconcile(core, lane, ready->holds, ready->hold_count, false);
    core_emit_to(core, CORE_WELCOME, route)->work.lane = lane->uuid;
    return true;
}

void core_beat(struct core *core, const struct net_route *route, const struct wire_lane_beat *beat,
               int64_t now) {
    struct core_lane *lane = core_lane_known(core, route, now);
    if (lane == NULL) {
        return;
    }
    copy_text(lane->phase, sizeof(lane->phase), beat->phase);
    reconcile(core, lane, beat->holds, beat->hold_count, true);
}

void core_bye(struct core *core, const struct net_route *route) {
    struct core_lane *lane = lane_by_route(core, route);
    if (lane != NULL) {
        lane_remove(core, lane, false);
    }
}

/* A lane that is cut off keeps what it holds: it may be working, and be back before it is lost.
 */
void core_unsent(struct core *core, const struct uuid *uuid, uint64_t seq, uint32_t first) {
    struct core_lane *lane = lane_by_uuid(core, uuid);
    if (lane == NULL) {
        return;
    }
    lane->blocked = true;
    struct core_batch *batch = core_find_seq(core, seq);
    struct core_part *part = batch == NULL ? NULL : core_leaf(batch, first);
    if (part != NULL && part->state == PART_OUT && part->lane == lane) {
        part_queue_front(core, part);
    }
}

static void beat_to(struct core *core, const struct core_lane *lane) {
    core_emit_to(core, CORE_BEAT, &lane->route)->retire = lane->retiring;
}

/* The lane gets no more work and every BEAT asks it to end. It finishes or returns what it holds,
 * which costs no attempt. */
bool core_retire(struct core *core, const struct uuid *uuid) {
    struct core_lane *lane = lane_by_uuid(core, uuid);
    if (lane == NULL) {
        return false;
    }
    lane->retiring = true;
    beat_to(core, lane);
    return true;
}

/* Lanes that wait for rows of a lost lane cannot become free for what it held: they get the fence
 * at once, and again as long as something waits. */
static void emit_fence(struct core *core) {
    for (uint32_t i = 0; i < core->lane_count; i++) {
        (void)core_emit_to(core, CORE_FENCE, &core->lanes[i]->route);
    }
}

/* While this process itself stopped no heartbeat could arrive: no lane is lost for that time. */
static void forgive_stall(struct core *core, int64_t now) {
    int64_t away = now - core->ticked;
    int64_t limit = core->options.silent_ms / 2;
    if (core->ticked != 0 && away > (limit > STALL_MS_MIN ? limit : STALL_MS_MIN)) {
        for (uint32_t i = 0; i < core->lane_count; i++) {
            struct core_lane *lane = core->lanes[i];
            lane->received_at = lane->received_at + away < now ? lane->received_at + away : now;
        }
    }
    core->ticked = now;
}

void core_tick(struct core *core, int64_t now) {
    core_release_due(core, now);
    forgive_stall(core, now);
    uint64_t silent = core->counters.lanes_silent;
    core->room = 0;
    for (uint32_t i = core->lane_count; i-- > 0;) {
        struct core_lane *lane = core->lanes[i];
        core->room += lane->credit_cases;
        if (now - lane->received_at >= core->options.silent_ms) {
            core->counters.lanes_silent++;
            fence_add(core, &lane->uuid);
            lane_remove(core, lane, true);
        }
    }
    core_canary_tick(core, now);
    bool is_due = now >= core->beat_due;
    if (silent != core->counters.lanes_silent ||
        (is_due && core->suspects.first != NULL && core->fence_count > 0)) {
        emit_fence(core);
    }
    if (!is_due) {
        return;
    }
    core->beat_due = now + core->options.beat_ms;
    for (uint32_t i = 0; i < core->lane_count; i++) {
        beat_to(core, core->lanes[i]);
    }
}

uint32_t core_fence(const struct core *core, const struct uuid **uuids) {
    *uuids = core->fence;
    return core->fence_count;
}

/* Which part is dispatched next, and to which lane.
 * Fairness: urgent before normal before bulk, but every dispatched case gives the waiting lower
 * priorities a guaranteed share. Among the sources of one priority: deficit round robin, counted in
 * cases and weighted. */
#include "broker/core_priv.h"

enum { SHARE_UNIT = 16, OWED_MAX = 4 * CORE_PART_CASES * SHARE_UNIT };
/* Of SHARE_UNIT dispatched cases, the share of a priority that waits behind higher ones. */
static const int64_t SHARE[WIRE_PRIORITY_COUNT] = {0, 2, 1};

/* The next part of one source: of the earlier batch, where both forms wait. */
static struct core_part *source_next(struct core *core, struct core_source *source,
                                     uint32_t priority, bool with_rows) {
    struct core_part *part = packed_first(core, &source->queue[priority]);
    struct core_part *row = with_rows ? source->rows[priority].first : NULL;
    bool is_row = row != NULL && (part == NULL || row->batch->seq < part->batch->seq);
    return is_row ? row : part;
}

/* The next part of one priority: deficit round robin.  NULL when nothing of it is queued, or only
 * rows and with_rows is false: their sources keep their places in the ring. */
static struct core_part *level_next(struct core *core, uint32_t priority, bool with_rows) {
    struct core_level *level = &core->levels[priority];
    const struct core_source *skipped = NULL; /* the first since a source got a share */
    while (level->first != NULL) {
        struct core_source *source = level->first;
        struct core_part *part = source_next(core, source, priority, with_rows);
        if (part != NULL && source->deficit[priority] >= part->count) {
            return part;
        }
        if (part == NULL && source->rows[priority].first != NULL) {
            if (source == skipped) {
                return NULL;
            }
            skipped = skipped == NULL ? source : skipped;
            level->first = source->ring_next[priority];
            core_ring_append(core, source, priority);
            continue;
        }
        level->first = source->ring_next[priority];
        if (part == NULL) {
            source->in_ring[priority] = false;
            source->deficit[priority] = 0;
            continue;
        }
        skipped = NULL;
        source->deficit[priority] += (int64_t)CORE_PART_CASES * source->weight;
        core_ring_append(core, source, priority);
    }
    return NULL;
}

static struct core_part *next_part(struct core *core, bool with_rows) {
    for (uint32_t priority = WIRE_PRIORITY_COUNT; priority-- > 1;) {
        struct core_level *level = &core->levels[priority];
        if (level->owed > 0) {
            struct core_part *part = level_next(core, priority, with_rows);
            if (part != NULL && level->owed >= (int64_t)part->count * SHARE_UNIT) {
                return part;
            }
        }
    }
    for (uint32_t priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
        struct core_part *part = level_next(core, priority, with_rows);
        if (part != NULL) {
            return part;
        }
    }
    return NULL;
}

/* Books a dispatched part against its source; waiting lower priorities get their share. */
static void pay(struct core *core, const struct core_part *part) {
    uint8_t mine = part->batch->priority;
    core_source_of(core, part)->deficit[mine] -= part->count;
    core->levels[mine].owed -= (int64_t)part->count * SHARE_UNIT;
    if (core->levels[mine].owed < 0) {
        core->levels[mine].owed = 0;
    }
    for (uint32_t priority = mine + 1U; priority < WIRE_PRIORITY_COUNT; priority++) {
        struct core_level *level = &core->levels[priority];
        if (level->first == NULL) {
            level->owed = 0;
            continue;
        }
        level->owed += (int64_t)part->count * SHARE[priority];
        level->owed = level->owed < OWED_MAX ? level->owed : OWED_MAX;
    }
}

void core_set_room(struct core *core, uint64_t bytes) { core->room_bytes = bytes; }

/* A part fits within the credit and the room; an empty lane takes one whatever its size, or lanes
 * that do not read would stop those that do. */
static bool fits(const struct core_lane *lane, const struct core_part *part, uint64_t room) {
    if (!core_takes_form(lane, part)) {
        return false;
    }
    if (!core_can_take(lane) || lane->held.first == NULL) {
        return core_can_take(lane);
    }
    uint64_t bytes = lane->held_bytes + part->length;
    return !lane->held.first->alone && bytes <= lane->credit_bytes && bytes <= room &&
           lane->held_cases + part->count <= lane->credit_cases;
}

static struct core_lane *choose_lane(struct core *core, const struct core_part *part,
                                     const struct core_lane *reserved, uint64_t room) {
    struct core_lane *best = NULL;
    for (uint32_t i = 0; i < core->lane_count; i++) {
        struct core_lane *lane = core->lanes[i];
        if (lane != reserved && fits(lane, part, room) &&
            (best == NULL || lane->held_cases < best->held_cases ||
             (lane->held_cases == best->held_cases && lane->turn < best->turn))) {
            best = lane;
        }
    }
    return best;
}

/* The suspect whose turn it is: rows wait until a lane takes them. */
static struct core_part *next_suspect(const struct core *core) {
    struct core_part *part = core->suspects.first;
    while (part != NULL && part->batch->is_rows && core->counters.lanes_rows == 0) {
        part = part->next;
    }
    return part;
}

/* The lane that a suspect waits for: the one with the least in flight gets no more until it is
 * empty. One suspect at a time: lanes of one process die together, and only one part is to be
 * suspected. */
static struct core_lane *reserve_lane(struct core *core, const struct core_part *suspect) {
    struct core_lane *best = NULL;
    for (uint32_t i = 0; suspect != NULL && i < core->lane_count; i++) {
        struct core_lane *lane = core->lanes[i];
        if (core_can_take(lane) && core_takes_form(lane, suspect) &&
            (best == NULL || lane->held_parts < best->held_parts)) {
            best = lane;
        }
    }
    return core->on_trial == NULL ? best : NULL;
}

void core_deal(struct core *core, int64_t now) {
    core_release_due(core, now);
    uint64_t room = core->room_bytes;
    bool with_rows = core->counters.lanes_rows > 0;
    while (core->dispatching && core->lane_count > 0) {
        struct core_part *suspect = next_suspect(core);
        struct core_lane *lane = reserve_lane(core, suspect);
        bool trial = lane != NULL && lane->held.first == NULL;
        struct core_part *part = trial ? suspect : next_part(core, with_rows);
        if (!trial && part != NULL) {
            lane = choose_lane(core, part, lane, room);
            if (lane == NULL && part->batch->is_rows &&
                core->counters.lanes_rows < core->lane_count) {
                with_rows = false; /* the lanes that take maps alone need not wait */
                continue;
            }
        }
        if (lane == NULL || part == NULL) {
            return;
        }
        room -= part->length < room ? part->length : room;
        pay(core, part);
        part_assign(core, part, lane);
        part->alone = trial;
        core->on_trial = trial ? part : core->on_trial;
        lane->turn = ++core->turn;
        core->counters.parts_dealt++;
        struct core_action *action =
            core_emit_to(core, core_is_poison(core, part) ? CORE_BURY : CORE_WORK, &lane->route);
        action->batch = part->batch->id;
        action->seq = part->batch->seq;
        action->tag = part->batch->tag;
        action->hash = part->batch->hash;
        action->work = (struct core_work){.lane = lane->uuid,
                                          .first = part->first,
                                          .count = part->count,
                                          .offset = part->offset,
                                          .length = part->length,
                                          .piece = part->whole != NULL,
                                          .begins = part->first / CORE_PART_CASES * CORE_PART_CASES,
                                          .attempt = part->failures + 1,
                                          .source = part->batch->source,
                                          .priority = (enum wire_priority)part->batch->priority,
                                          .accepted_at = part->batch->accepted_at,
                                          .failures = part->failures,
                                          .silences = part->silences,
                                          .reason = part->reason,
                                          .fenced = part->taken_over};
    }
}

/* Where a part is, and who is next.  part_move is the only mover of a part between lists.
 * Fairness: urgent before normal before bulk, except that every case dealt earns the waiting lower
 * priorities a guaranteed share; among the sources of one priority deficit round robin, counted in
 * cases and weighted. */
#include "broker/core_priv.h"

enum { SHARE_UNIT = 16, OWED_MAX = 4 * CORE_PART_CASES * SHARE_UNIT };
/* Of SHARE_UNIT cases dealt, what is owed to a priority that waits behind higher ones. */
static const int64_t SHARE[WIRE_PRIORITY_COUNT] = {0, 2, 1};

static void list_remove(struct part_list *list, struct core_part *part) {
    *(part->prev == NULL ? &list->first : &part->prev->next) = part->next;
    *(part->next == NULL ? &list->last : &part->next->prev) = part->prev;
    part->next = NULL;
    part->prev = NULL;
}

void part_list_append(struct part_list *list, struct core_part *part) {
    part->prev = list->last;
    *(list->last == NULL ? &list->first : &list->last->next) = part;
    list->last = part;
}

void part_list_insert(struct part_list *list, struct core_part *part, struct core_part *next) {
    part->next = next;
    part->prev = next->prev;
    *(next->prev == NULL ? &list->first : &next->prev->next) = part;
    next->prev = part;
}

static void list_prepend(struct part_list *list, struct core_part *part) {
    if (list->first == NULL) {
        part_list_append(list, part);
    } else {
        part_list_insert(list, part, list->first);
    }
}

static struct core_source *source_of(struct core *core, const struct core_part *part) {
    return core->sources[part->batch->source];
}

/* Who has no neighbour is an end of the queue's front or of its tail. */
void part_list_remove(struct core *core, struct core_part *part) {
    if (part->failures > 0) {
        list_remove(&core->suspects, part);
    } else if (part->chunk != NULL) {
        list_remove(&part->chunk->awake, part);
        part->chunk = NULL;
    } else {
        struct part_queue *queue = &source_of(core, part)->queue[part->batch->priority];
        bool first = queue->front.first == part;
        bool last = queue->front.last == part;
        *(part->prev != NULL ? &part->prev->next
          : first            ? &queue->front.first
                             : &queue->tail.first) = part->next;
        *(part->next != NULL ? &part->next->prev
          : last             ? &queue->front.last
                             : &queue->tail.last) = part->prev;
        part->next = NULL;
        part->prev = NULL;
    }
}

static void leave_list(struct core *core, struct core_part *part) {
    uint8_t priority = part->batch->priority;
    switch ((enum part_state)part->state) {
    case PART_QUEUED:
        part_list_remove(core, part);
        source_of(core, part)->queued_cases[priority] -= part->count;
        core->counters.queued_cases -= part->count;
        break;
    case PART_DELAYED:
        heap_remove(&core->delayed, &part->due);
        core->counters.delayed_cases -= part->count;
        break;
    case PART_OUT:
        list_remove(&part->lane->held, part);
        part->lane->held_cases -= part->count;
        part->lane->held_bytes -= part->length;
        part->lane->held_parts--;
        part->lane = NULL;
        core->on_trial = core->on_trial == part ? NULL : core->on_trial;
        core->counters.out_cases -= part->count;
        break;
    case PART_NEW:
        break;
    case PART_DONE:
    case PART_PARKED:
    case PART_SPLIT:
        UNREACHABLE();
    }
}

static void ring_append(struct core *core, struct core_source *source, uint32_t priority) {
    struct core_level *level = &core->levels[priority];
    source->ring_next[priority] = NULL;
    *(level->first == NULL ? &level->first : &level->last->ring_next[priority]) = source;
    level->last = source;
}

static void enter_queue(struct core *core, struct core_part *part, bool front) {
    uint8_t priority = part->batch->priority;
    struct core_source *source = source_of(core, part);
    source->queued_cases[priority] += part->count;
    core->counters.queued_cases += part->count;
    if (part->failures > 0) { /* behind the others: the worst comes last */
        part_list_append(&core->suspects, part);
        return;
    }
    struct part_queue *queue = &source->queue[priority];
    if (front) {
        list_prepend(&queue->front, part);
    } else {
        part_list_append(queue->len > 0 ? &queue->tail : &queue->front, part);
    }
    if (!source->in_ring[priority]) {
        ring_append(core, source, priority);
        source->in_ring[priority] = true;
    }
}

void part_move(struct core *core, struct core_part *part, enum part_state state) {
    CHECK(state != PART_NEW && state != PART_OUT && state != PART_DELAYED);
    leave_list(core, part);
    part->state = (uint8_t)state;
    if (state == PART_QUEUED) {
        enter_queue(core, part, false);
    }
}

void part_queue_front(struct core *core, struct core_part *part) {
    CHECK(part->state != PART_NEW);
    leave_list(core, part);
    part->state = PART_QUEUED;
    /* What is dealt again is dealt whole, and its duplicates tell the truth. */
    core_progress_drop(part);
    enter_queue(core, part, true);
}

void part_assign(struct core *core, struct core_part *part, struct core_lane *lane) {
    CHECK(part->state == PART_QUEUED || part->state == PART_DELAYED);
    leave_list(core, part);
    part->state = PART_OUT;
    part->lane = lane;
    part->dealt_to = lane->uuid;
    part->alone = false;
    part->omitted = 0;
    part->beat_seen = 0; /* beats are numbered from 1 by each lane: another's mean nothing here */
    part->batch->dealt = true;
    if (lane->held.first != NULL) {
        lane->held.first->alone = false;
    }
    part_list_append(&lane->held, part);
    lane->held_cases += part->count;
    lane->held_bytes += part->length;
    lane->held_parts++;
    core->counters.out_cases += part->count;
}

void part_delay(struct core *core, struct core_part *part, int64_t until) {
    CHECK(part->state == PART_OUT);
    CHECK(until >= 0);
    leave_list(core, part);
    part->state = PART_DELAYED;
    core_progress_drop(part);
    core->counters.delayed_cases += part->count;
    heap_add(&core->delayed, &part->due, (uint64_t)until);
}

void core_release_due(struct core *core, int64_t now) {
    struct heap_node *first = NULL;
    while ((first = heap_first(&core->delayed)) != NULL && (int64_t)first->key <= now) {
        part_queue_front(core, CONTAINER_OF(first, struct core_part, due));
    }
}

/* The next part of one priority: deficit round robin.  NULL when nothing of it is queued. */
static struct core_part *level_next(struct core *core, uint32_t priority) {
    struct core_level *level = &core->levels[priority];
    while (level->first != NULL) {
        struct core_source *source = level->first;
        struct core_part *part = rest_first(core, &source->queue[priority]);
        if (part != NULL && source->deficit[priority] >= part->count) {
            return part;
        }
        level->first = source->ring_next[priority];
        if (part == NULL) {
            source->in_ring[priority] = false;
            source->deficit[priority] = 0;
            continue;
        }
        source->deficit[priority] += (int64_t)CORE_PART_CASES * source->weight;
        ring_append(core, source, priority);
    }
    return NULL;
}

static struct core_part *next_part(struct core *core) {
    for (uint32_t priority = WIRE_PRIORITY_COUNT; priority-- > 1;) {
        struct core_level *level = &core->levels[priority];
        if (level->owed > 0) {
            struct core_part *part = level_next(core, priority);
            if (part != NULL && level->owed >= (int64_t)part->count * SHARE_UNIT) {
                return part;
            }
        }
    }
    for (uint32_t priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
        struct core_part *part = level_next(core, priority);
        if (part != NULL) {
            return part;
        }
    }
    return NULL;
}

/* Books a dealt part: its source pays; waiting lower priorities earn. */
static void pay(struct core *core, const struct core_part *part) {
    uint8_t mine = part->batch->priority;
    source_of(core, part)->deficit[mine] -= part->count;
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

bool core_can_take(const struct core_lane *lane) {
    return !lane->blocked && !lane->retiring && lane->credit_cases > 0 && lane->credit_bytes > 0 &&
           lane->held_parts < CORE_LANE_PARTS_MAX;
}

void core_set_room(struct core *core, uint64_t bytes) { core->room_bytes = bytes; }

/* A part fits within the credit and the room; an empty lane takes one whatever its size, or lanes
 * that do not read would stop those that do. */
static bool fits(const struct core_lane *lane, const struct core_part *part, uint64_t room) {
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

/* The lane that a suspect waits for: the one with the least in hand gets no more until it is empty.
 * One suspect at a time: lanes of one process die together, and only one is to be blamed. */
static struct core_lane *reserve_lane(struct core *core) {
    struct core_lane *best = NULL;
    for (uint32_t i = 0; core->suspects.first != NULL && i < core->lane_count; i++) {
        struct core_lane *lane = core->lanes[i];
        if (core_can_take(lane) && (best == NULL || lane->held_parts < best->held_parts)) {
            best = lane;
        }
    }
    return core->on_trial == NULL ? best : NULL;
}

void core_deal(struct core *core, int64_t now) {
    core_release_due(core, now);
    uint64_t room = core->room_bytes;
    while (core->dispatching && core->lane_count > 0) {
        struct core_lane *lane = reserve_lane(core);
        bool trial = lane != NULL && lane->held.first == NULL;
        struct core_part *part = trial ? core->suspects.first : next_part(core);
        if (!trial && part != NULL) {
            lane = choose_lane(core, part, lane, room);
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

/* Parts: where each one is.  part_enter alone writes a part's state, along an edge of EDGES; the
 * movers below call it and put the part into the list or heap that its new state names.
 * A part that was cut is a tree until its pieces are done; then it is one part again. */
#include "broker/core_priv.h"

#include "base/mem.h"

/* Sets of states. */
enum {
    TO_QUEUED = 1 << PART_QUEUED,
    TO_DELAYED = 1 << PART_DELAYED,
    TO_OUT = 1 << PART_OUT,
    TO_DONE = 1 << PART_DONE,
    TO_PARKED = 1 << PART_PARKED,
    TO_SPLIT = 1 << PART_SPLIT
};
/* Where a part may go from each state; README.md draws it. */
static const uint8_t EDGES[] = {
    [PART_NEW] = TO_QUEUED,
    [PART_QUEUED] = TO_OUT | TO_DONE | TO_PARKED,
    [PART_DELAYED] = TO_QUEUED | TO_OUT | TO_DONE | TO_PARKED,
    [PART_OUT] = TO_QUEUED | TO_DELAYED | TO_SPLIT | TO_DONE | TO_PARKED,
    [PART_SPLIT] = TO_DONE,
    [PART_DONE] = 0,
    [PART_PARKED] = 0,
};
_Static_assert(COUNT_OF(EDGES) == PART_STATES, "a row for each state");

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

static void list_insert(struct part_list *list, struct core_part *part, struct core_part *next) {
    part->next = next;
    part->prev = next->prev;
    *(next->prev == NULL ? &list->first : &next->prev->next) = part;
    next->prev = part;
}

static void list_prepend(struct part_list *list, struct core_part *part) {
    if (list->first == NULL) {
        part_list_append(list, part);
    } else {
        list_insert(list, part, list->first);
    }
}

/* A part without a neighbour is an end of the queue's front or of its tail. */
void part_queue_remove(struct core *core, struct core_part *part) {
    if (part->failures > 0) {
        list_remove(&core->suspects, part);
    } else if (part->chunk != NULL) {
        list_remove(&part->chunk->unpacked, part);
        part->chunk = NULL;
    } else if (part->batch->is_rows) {
        list_remove(&core_source_of(core, part)->rows[part->batch->priority], part);
    } else {
        struct part_queue *queue = &core_source_of(core, part)->queue[part->batch->priority];
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

/* Out of the list or heap that its state names. */
static void leave(struct core *core, struct core_part *part) {
    uint8_t priority = part->batch->priority;
    switch ((enum part_state)part->state) {
    case PART_QUEUED:
        part_queue_remove(core, part);
        core_source_of(core, part)->queued_cases[priority] -= part->count;
        core->counters.queued_cases -= part->count;
        core->counters.queued_rows -= part->batch->is_rows ? part->count : 0;
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
    case PART_SPLIT:
        break;
    case PART_DONE:
    case PART_PARKED:
        UNREACHABLE();
    }
}

static void part_enter(struct core *core, struct core_part *part, enum part_state state) {
    CHECK((EDGES[part->state] >> state & 1) != 0);
    leave(core, part);
    part->state = (uint8_t)state;
}

static void enter_queue(struct core *core, struct core_part *part, bool front) {
    uint8_t priority = part->batch->priority;
    struct core_source *source = core_source_of(core, part);
    source->queued_cases[priority] += part->count;
    core->counters.queued_cases += part->count;
    core->counters.queued_rows += part->batch->is_rows ? part->count : 0;
    if (part->failures > 0) { /* behind the others: the worst comes last */
        part_list_append(&core->suspects, part);
        return;
    }
    struct part_queue *queue = &source->queue[priority];
    struct part_list *rows = &source->rows[priority];
    if (part->batch->is_rows && front) {
        list_prepend(rows, part);
    } else if (part->batch->is_rows) {
        part_list_append(rows, part);
    } else if (front) {
        list_prepend(&queue->front, part);
    } else {
        part_list_append(queue->len > 0 ? &queue->tail : &queue->front, part);
    }
    if (!source->in_ring[priority]) {
        core_ring_append(core, source, priority);
        source->in_ring[priority] = true;
    }
}

void part_queue_last(struct core *core, struct core_part *part) {
    part_enter(core, part, PART_QUEUED);
    enter_queue(core, part, false);
}

void part_queue_front(struct core *core, struct core_part *part) {
    part_enter(core, part, PART_QUEUED);
    /* A new delivery has the whole part, and the duplicates in its counts are true. */
    core_progress_drop(core, part);
    enter_queue(core, part, true);
}

void part_unpack(struct core *core, struct core_part *part, struct part_list *list,
                 struct core_part *next) {
    part_enter(core, part, PART_QUEUED);
    if (next == NULL) {
        part_list_append(list, part);
    } else {
        list_insert(list, part, next);
    }
}

void part_assign(struct core *core, struct core_part *part, struct core_lane *lane) {
    part_enter(core, part, PART_OUT);
    part->lane = lane;
    part->dealt_to = lane->uuid;
    part->alone = false;
    part->omitted = 0;
    part->beat_seen = 0; /* each lane numbers its beats from 1 */
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
    CHECK(until >= 0);
    part_enter(core, part, PART_DELAYED);
    core_progress_drop(core, part);
    core->counters.delayed_cases += part->count;
    heap_add(&core->delayed, &part->due, (uint64_t)until);
}

void part_park(struct core *core, struct core_part *part) { part_enter(core, part, PART_PARKED); }

void part_split(struct core *core, struct core_part *part, uint32_t pieces_max) {
    uint32_t each = (part->count + pieces_max - 1) / pieces_max;
    uint32_t count = (part->count + each - 1) / each;
    part_enter(core, part, PART_SPLIT);
    core_progress_drop(core, part);
    part->pieces = mem_zero(count, sizeof(*part->pieces));
    part->piece_count = (uint8_t)count;
    part->pieces_left = (uint8_t)count;
    core->piece_count += count;
    core->counters.parts_split++;
    for (uint32_t i = count; i-- > 0;) {
        struct core_part *piece = &part->pieces[i];
        uint32_t left = part->count - i * each;
        piece->batch = part->batch;
        piece->whole = part;
        piece->first = part->first + i * each;
        piece->count = left < each ? left : each;
        piece->offset = part->offset; /* where a case begins is for the caller to find */
        piece->length = part->length;
        piece->failures = 1; /* its whole's: it goes alone */
        piece->silences = part->silences > 0 ? 1 : 0;
        piece->taken_over = part->taken_over;
        part_queue_last(core, piece);
    }
}

static void free_pieces(struct core *core, struct core_part *part) {
    for (uint32_t i = 0; i < part->piece_count; i++) {
        core_part_fini(core, &part->pieces[i]);
    }
    core->piece_count -= part->piece_count;
    mem_free(part->pieces);
    part->pieces = NULL;
    part->piece_count = 0;
}

void core_part_fini(struct core *core, struct core_part *part) {
    core_progress_drop(core, part);
    free_pieces(core, part);
    mem_free(part->reason);
    part->reason = NULL;
}

void part_finish(struct core *core, struct core_part *part) {
    core_progress_drop(core, part);
    part_enter(core, part, PART_DONE);
    for (struct core_part *whole = part->whole; whole != NULL && --whole->pieces_left == 0;) {
        free_pieces(core, whole);
        part_enter(core, whole, PART_DONE);
        whole = whole->whole;
    }
}

void core_release_due(struct core *core, int64_t now) {
    struct heap_node *first = NULL;
    while ((first = heap_first(&core->delayed)) != NULL && (int64_t)first->key <= now) {
        part_queue_front(core, CONTAINER_OF(first, struct core_part, due));
    }
}

struct core_part *core_leaf(struct core_batch *batch, uint32_t index) {
    struct core_part *part = &batch->parts[index / CORE_PART_CASES];
    while (part->state == PART_SPLIT) {
        part = &part->pieces[(index - part->first) / part->pieces[0].count];
    }
    return part;
}

struct core_part *core_leaf_after(const struct core_part *leaf) {
    uint32_t end = leaf->first + leaf->count;
    return end == leaf->batch->count ? NULL : core_leaf(leaf->batch, end);
}

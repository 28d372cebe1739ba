/* Packs batches that wait for their turn, and unpacks them.  A backlog of millions of small batches
 * is chunks and little else; a batch that is dispatched, damaged or asked for by a second peer is a
 * core_batch again. */
#include "broker/core_priv.h"

#include "base/mem.h"

enum { CHUNKS_FIRST = 16, ROOMS_SOON = 4 };

/* The last chunk that begins at or before seq. */
static struct packed_ref queue_find_seq(const struct part_queue *queue, uint64_t seq) {
    uint32_t low = 0;
    uint32_t high = queue->len; /* chunks before low begin at or before seq, from high on after */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool before = queue->chunks[queue->head + middle]->seq <= seq;
        *(before ? &low : &high) = before ? middle + 1 : middle;
    }
    struct core_chunk *chunk = low == 0 ? NULL : queue->chunks[queue->head + low - 1];
    for (uint32_t slot = 0; chunk != NULL && slot < chunk->used; slot++) {
        if (chunk->seq + chunk->slots[slot].after == seq && chunk->slots[slot].bytes > 0) {
            return (struct packed_ref){chunk, slot};
        }
    }
    return (struct packed_ref){NULL, 0};
}

/* Asked for by lanes only of what they held before a restart: no table is kept for it. */
struct packed_ref packed_find_seq(const struct core *core, uint64_t seq) {
    for (uint32_t i = 0; core->packed.count > 0 && i < core->source_count; i++) {
        for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
            struct packed_ref ref = queue_find_seq(&core->sources[i]->queue[priority], seq);
            if (ref.chunk != NULL) {
                return ref;
            }
        }
    }
    return (struct packed_ref){NULL, 0};
}

static void queue_add_chunk(struct part_queue *queue, struct core_chunk *chunk) {
    if (queue->head + queue->len == queue->cap && queue->head > queue->len) {
        memmove(queue->chunks, queue->chunks + queue->head,
                queue->len * sizeof(struct core_chunk *));
        queue->head = 0;
    }
    MEM_ROOM(queue->chunks, queue->head + queue->len, queue->cap, CHUNKS_FIRST);
    queue->chunks[queue->head + queue->len++] = chunk;
}

/* The chunk that takes the next batch; since may stay the same but never decreases. */
static struct core_chunk *chunk_for(struct core *core, struct part_queue *queue,
                                    const struct core_batch *batch) {
    struct core_chunk *last = queue->len == 0 ? NULL : queue->chunks[queue->head + queue->len - 1];
    if (last != NULL && last->used < PACKED_CHUNK && batch->seq - last->seq <= UINT32_MAX) {
        last->since_last = batch->since;
        return last;
    }
    struct core_chunk *chunk = packed_chunk_new(&core->packed);
    chunk->seq = batch->seq;
    chunk->since_first = batch->since;
    chunk->since_last = batch->since;
    chunk->unpacked = (struct part_list){NULL, NULL};
    chunk->used = 0;
    chunk->packed = 0;
    chunk->at = 0;
    chunk->source = batch->source;
    chunk->priority = batch->priority;
    queue_add_chunk(queue, chunk);
    return chunk;
}

static bool waits(const struct core_waiter *waiter) {
    return waiter->want_accepted || waiter->want_done;
}

/* Whether a packed_batch has room for all there is of it. */
static bool can_be_packed(const struct core_batch *batch) {
    uint32_t waiting = 0;
    for (const struct core_waiter *waiter = batch->waiters; waiter != NULL; waiter = waiter->next) {
        waiting += waits(waiter) ? (waiter->want_accepted ? 2 : 1) : 0;
    }
    const struct core_part *part = &batch->parts[0];
    return batch->state == BATCH_DURABLE && batch->part_count == 1 && waiting <= 1 &&
           batch->tag == NULL && batch->work_hash == 0 && !batch->dealt && batch->done_cases == 0 &&
           part->progress == NULL && part->failures == 0 && part->offset == 0 &&
           !part->taken_over && batch->accepted_at >= 0 &&
           (uint64_t)batch->accepted_at < UINT64_MAX / CORE_PART_CASES;
}

static void pack(struct core *core, struct core_chunk *chunk, struct core_batch *batch) {
    struct packed_ref ref = {chunk, chunk->used - 1};
    struct packed_batch *entry = &chunk->slots[ref.slot];
    packed_name_link(&core->packed, ref, batch->by_name.hash);
    entry->id = batch->id;
    entry->hash = batch->hash;
    entry->accepted = (uint64_t)batch->accepted_at * CORE_PART_CASES + batch->count - 1;
    entry->bytes = batch->bytes;
    entry->route = PACKED_NOBODY;
    for (const struct core_waiter *waiter = batch->waiters; waiter != NULL; waiter = waiter->next) {
        entry->route = waits(waiter) ? packed_route_keep(core, &waiter->route) : entry->route;
    }
    chunk->packed++;
    part_queue_remove(core, &batch->parts[0]);
    core_batch_forget(core, batch);
}

/* Moves the oldest batch of the tail to the last chunk, packed or, if it cannot be, as it is. */
static void pack_oldest(struct core *core, struct part_queue *queue) {
    struct core_batch *batch = queue->tail.first->batch;
    struct core_chunk *chunk = chunk_for(core, queue, batch);
    struct packed_batch *entry = &chunk->slots[chunk->used++];
    *entry = (struct packed_batch){.after = (uint32_t)(batch->seq - chunk->seq)};
    if (can_be_packed(batch)) {
        pack(core, chunk, batch);
        return;
    }
    while (queue->tail.first != NULL && queue->tail.first->batch == batch) {
        struct core_part *part = queue->tail.first;
        part_queue_remove(core, part);
        part->chunk = chunk;
        part_list_append(&chunk->unpacked, part);
    }
}

static bool waits_untouched(const struct core_batch *batch) {
    for (uint32_t i = 0; i < batch->part_count; i++) {
        const struct core_part *part = &batch->parts[i];
        if (part->state != PART_QUEUED || part->failures > 0 || part->chunk != NULL) {
            return false;
        }
    }
    return batch->state == BATCH_DURABLE && !batch->dealt;
}

void core_pack(struct core *core, uint64_t seq, void *tag) {
    struct core_batch *batch = core_find_seq(core, seq);
    if (batch == NULL) {
        return; /* done as soon as it was durable */
    }
    batch->tag = tag;
    if (batch->is_rows || !waits_untouched(batch)) {
        return;
    }
    struct part_queue *queue = &core->sources[batch->source]->queue[batch->priority];
    if (queue->len == 0) { /* what came later is the tail */
        queue->tail = (struct part_list){&batch->parts[0], queue->front.last};
        queue->front.last = batch->parts[0].prev;
        *(queue->front.last == NULL ? &queue->front.first : &queue->front.last->next) = NULL;
        batch->parts[0].prev = NULL;
    }
    while (queue->tail.first != NULL && queue->tail.first->batch->seq <= seq) {
        pack_oldest(core, queue);
    }
}

bool core_queue_has_packed(const struct core *core, uint64_t seq) {
    const struct core_batch *batch = core_find_seq(core, seq);
    return batch != NULL && !batch->is_rows &&
           core->sources[batch->source]->queue[batch->priority].len > 0;
}

bool core_waits_long(const struct core *core) {
    return core->counters.queued_cases > ROOMS_SOON * core->room;
}

bool packed_wait(struct core *core, struct packed_ref ref, const struct net_route *route) {
    struct packed_batch *entry = &ref.chunk->slots[ref.slot];
    if (entry->route == PACKED_NOBODY && core_route_fits(core, route)) {
        entry->route = packed_route_keep(core, route);
        return true;
    }
    if (entry->route == PACKED_NOBODY) {
        return false;
    }
    const struct net_route *known = &core->packed.routes[entry->route]->route;
    return core_same_route(known, route) && known->delimited == route->delimited;
}

/* Takes a packed batch out of its slot; its part is NEW. */
static struct core_batch *take_out(struct core *core, struct packed_ref ref) {
    struct core_chunk *chunk = ref.chunk;
    struct packed_batch *entry = &chunk->slots[ref.slot];
    CHECK(entry->bytes > 0);
    static const uint32_t cuts[1] = {0};
    const struct core_batch_meta meta = {.batch = entry->id,
                                         .hash = entry->hash,
                                         .count = (uint32_t)(entry->accepted % CORE_PART_CASES) + 1,
                                         .bytes = entry->bytes,
                                         .priority = (enum wire_priority)chunk->priority,
                                         .accepted_at =
                                             (int64_t)(entry->accepted / CORE_PART_CASES),
                                         .cuts = cuts};
    struct core_name name = core_name_of(chunk->source, &entry->id);
    packed_name_unlink(&core->packed, ref, name.hash);
    chunk->packed--;
    struct core_batch *batch = core_batch_new(core, &meta, &name, chunk->seq + entry->after);
    batch_make_durable(batch);
    int64_t span = chunk->since_last - chunk->since_first;
    batch->since = chunk->since_first + span * ref.slot / PACKED_CHUNK;
    if (entry->route != PACKED_NOBODY) {
        core_wait_done(core, batch, &core->packed.routes[entry->route]->route);
        packed_route_drop(core, entry->route);
    }
    entry->bytes = 0;
    return batch;
}

/* Unpacked parts of a chunk are sorted by sequence number, oldest first. */
struct core_batch *packed_unpack(struct core *core, struct packed_ref ref) {
    struct core_batch *batch = take_out(core, ref);
    struct core_part *part = &batch->parts[0];
    struct part_list *unpacked = &ref.chunk->unpacked;
    struct core_part *next = unpacked->first;
    while (next != NULL && next->batch->seq < batch->seq) {
        next = next->next;
    }
    part->chunk = ref.chunk;
    part_unpack(core, part, unpacked, next);
    return batch;
}

/* The first chunk is spent; with the last of them what came later is next. */
static void queue_drop_chunk(struct core *core, struct part_queue *queue) {
    struct core_chunk *chunk = queue->chunks[queue->head++];
    packed_chunk_free(&core->packed, chunk);
    if (--queue->len == 0) {
        queue->head = 0;
        CHECK(queue->front.first == NULL);
        queue->front = queue->tail;
        queue->tail = (struct part_list){NULL, NULL};
    }
}

static struct packed_ref first_packed(struct core_chunk *chunk) {
    while (chunk->slots[chunk->at].bytes == 0) {
        chunk->at++;
        CHECK(chunk->at < chunk->used);
    }
    return (struct packed_ref){chunk, chunk->at};
}

struct core_part *packed_first(struct core *core, struct part_queue *queue) {
    while (queue->front.first == NULL && queue->len > 0) {
        struct core_chunk *chunk = queue->chunks[queue->head];
        struct core_part *unpacked = chunk->unpacked.first;
        if (chunk->packed == 0 && unpacked == NULL) {
            queue_drop_chunk(core, queue);
            continue;
        }
        if (chunk->packed == 0) {
            return unpacked;
        }
        struct packed_ref ref = first_packed(chunk);
        if (unpacked != NULL && unpacked->batch->seq < chunk->seq + chunk->slots[ref.slot].after) {
            return unpacked;
        }
        struct core_batch *batch = take_out(core, ref);
        part_unpack(core, &batch->parts[0], &queue->front, NULL);
    }
    return queue->front.first;
}

bool packed_oldest(const struct core *core, struct core_oldest *oldest) {
    bool found = false;
    for (uint32_t i = 0; core->packed.count > 0 && i < core->source_count; i++) {
        for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
            const struct part_queue *queue = &core->sources[i]->queue[priority];
            uint32_t at = 0;
            while (at < queue->len && queue->chunks[queue->head + at]->packed == 0) {
                at++;
            }
            if (at == queue->len) {
                continue;
            }
            struct core_chunk *chunk = queue->chunks[queue->head + at];
            const struct packed_batch *entry = &chunk->slots[first_packed(chunk).slot];
            uint64_t seq = chunk->seq + entry->after;
            if (!found || seq < oldest->seq) {
                *oldest = (struct core_oldest){seq, (int64_t)(entry->accepted / CORE_PART_CASES),
                                               chunk->since_first};
                found = true;
            }
        }
    }
    return found;
}

static void check_chunk(const struct core *core, struct core_chunk *chunk, uint64_t *seq,
                        struct packed_sums *sums) {
    uint32_t packed = 0;
    CHECK(core->packed.chunks[chunk->number] == chunk);
    CHECK(chunk->used > 0 && chunk->used <= PACKED_CHUNK);
    CHECK(chunk->since_first <= chunk->since_last);
    for (uint32_t slot = 0; slot < chunk->used; slot++) {
        const struct packed_batch *entry = &chunk->slots[slot];
        CHECK(chunk->seq + entry->after > *seq);
        *seq = chunk->seq + entry->after;
        if (entry->bytes == 0) {
            continue;
        }
        CHECK(slot >= chunk->at);
        CHECK(core_find_seq(core, *seq) == NULL);
        struct core_name name = core_name_of(chunk->source, &entry->id);
        struct packed_ref ref = packed_find_name(core, &name);
        CHECK(ref.chunk == chunk && ref.slot == slot);
        ref = packed_find_seq(core, *seq);
        CHECK(ref.chunk == chunk && ref.slot == slot);
        CHECK(entry->route == PACKED_NOBODY || core->packed.routes[entry->route]->references > 0);
        sums->cases += entry->accepted % CORE_PART_CASES + 1;
        sums->bytes += entry->bytes;
        packed++;
    }
    CHECK(packed == chunk->packed);
    sums->batches += packed;
    for (const struct core_part *part = chunk->unpacked.first; part != NULL; part = part->next) {
        CHECK(part->chunk == chunk && part->failures == 0);
        CHECK(part->next == NULL || part->batch->seq <= part->next->batch->seq);
    }
}

void packed_check(const struct core *core, const struct part_queue *queue,
                  struct packed_sums *sums) {
    uint64_t seq = 0;
    CHECK(queue->len > 0 || queue->tail.first == NULL);
    for (uint32_t i = 0; i < queue->len; i++) {
        check_chunk(core, queue->chunks[queue->head + i], &seq, sums);
    }
}

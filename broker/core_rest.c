/* Packing what waits its turn, and waking it.  A backlog of millions of small batches is chunks and
 * little else; what is dealt, asked for by a second peer or failed is a core_batch. */
#include "broker/core_priv.h"

#include "base/mem.h"

_Static_assert(sizeof(struct core_rest) == 56, "a million of them is 56 MB");

enum { BUCKETS_FIRST = 64, CHUNKS_FIRST = 16, ROOMS_SOON = 4 };

static uint32_t number_take(struct rest_numbers *numbers) {
    return numbers->free_count > 0 ? numbers->free[--numbers->free_count] : numbers->next++;
}

static void number_give(struct rest_numbers *numbers, uint32_t number) {
    if (numbers->free_count == numbers->free_cap) {
        numbers->free_cap = numbers->free_cap == 0 ? CHUNKS_FIRST : numbers->free_cap * 2;
        numbers->free = mem_grow(numbers->free, numbers->free_cap, sizeof(*numbers->free));
    }
    numbers->free[numbers->free_count++] = number;
}

void rest_init(struct core *core) {
    struct core_rests *rests = &core->rests;
    rests->route_numbers.next = REST_NOBODY + 1;
    rests->buckets = mem_zero(BUCKETS_FIRST, sizeof(*rests->buckets));
    rests->bucket_count = BUCKETS_FIRST;
    table_init(&rests->by_route);
}

void rest_fini(struct core *core) {
    struct core_rests *rests = &core->rests;
    for (uint32_t i = 0; i < rests->chunk_numbers.next; i++) {
        mem_free(rests->chunks[i]);
    }
    for (uint32_t i = REST_NOBODY + 1; i < rests->route_numbers.next; i++) {
        if (rests->routes[i] != NULL) {
            core_route_drop(core, &rests->routes[i]->route);
            mem_free(rests->routes[i]);
        }
    }
    for (uint32_t i = 0; i < core->source_count; i++) {
        for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
            mem_free(core->sources[i]->queue[priority].chunks);
        }
    }
    mem_free(rests->chunks);
    mem_free(rests->routes);
    mem_free(rests->chunk_numbers.free);
    mem_free(rests->route_numbers.free);
    mem_free(rests->buckets);
    table_fini(&rests->by_route);
}

/* Routes: each is kept once, for as long as a packed batch keeps it. */

static uint64_t route_hash(const struct net_route *route) {
    return hash64(net_route_span(route)) + route->channel * 2U + route->delimited;
}

static uint32_t route_keep(struct core *core, const struct net_route *route) {
    struct core_rests *rests = &core->rests;
    uint64_t hash = route_hash(route);
    for (struct table_node *node = table_first(&rests->by_route, hash); node != NULL;
         node = table_next(node)) {
        struct rest_route *known = CONTAINER_OF(node, struct rest_route, node);
        if (core_same_route(&known->route, route) && known->route.delimited == route->delimited) {
            known->references++;
            return known->number;
        }
    }
    uint32_t number = number_take(&rests->route_numbers);
    if (number >= rests->route_cap) {
        rests->route_cap = rests->route_cap == 0 ? CHUNKS_FIRST : rests->route_cap * 2;
        rests->routes = mem_grow(rests->routes, rests->route_cap, sizeof(*rests->routes));
    }
    struct rest_route *made = mem_zero(1, sizeof(*made));
    core_route_keep(core, &made->route, route);
    made->references = 1;
    made->number = number;
    rests->routes[number] = made;
    table_insert(&rests->by_route, &made->node, hash);
    return number;
}

static void route_drop(struct core *core, uint32_t number) {
    struct core_rests *rests = &core->rests;
    struct rest_route *route = rests->routes[number];
    if (--route->references == 0) {
        table_remove(&rests->by_route, &route->node);
        rests->routes[number] = NULL;
        number_give(&rests->route_numbers, number);
        core_route_drop(core, &route->route);
        mem_free(route);
    }
}

/* Names: buckets of places, chained through `next`. */

static struct core_place place_of(const struct core_rests *rests, uint32_t place) {
    return place == 0 ? (struct core_place){NULL, 0}
                      : (struct core_place){rests->chunks[(place - 1) / REST_CHUNK],
                                            (place - 1) % REST_CHUNK};
}

static uint32_t place_number(struct core_place place) {
    return place.chunk->number * REST_CHUNK + place.slot + 1;
}

static uint32_t *bucket_of(const struct core_rests *rests, uint32_t source, const struct uuid *id) {
    return &rests->buckets[core_name_hash(source, id) & (rests->bucket_count - 1)];
}

static void name_link(struct core_rests *rests, struct core_place place) {
    struct core_rest *rest = &place.chunk->rests[place.slot];
    uint32_t *bucket = bucket_of(rests, place.chunk->source, &rest->id);
    rest->next = *bucket;
    *bucket = place_number(place);
}

static void names_double(struct core_rests *rests) {
    mem_free(rests->buckets);
    rests->bucket_count *= 2;
    rests->buckets = mem_zero(rests->bucket_count, sizeof(*rests->buckets));
    for (uint32_t i = 0; i < rests->chunk_numbers.next; i++) {
        struct core_chunk *chunk = rests->chunks[i];
        for (uint32_t slot = 0; chunk != NULL && slot < chunk->used; slot++) {
            if (chunk->rests[slot].bytes > 0) {
                name_link(rests, (struct core_place){chunk, slot});
            }
        }
    }
}

static void name_unlink(struct core_rests *rests, struct core_place place) {
    uint32_t number = place_number(place);
    uint32_t *at = bucket_of(rests, place.chunk->source, &place.chunk->rests[place.slot].id);
    while (*at != number) {
        struct core_place other = place_of(rests, *at);
        CHECK(other.chunk != NULL);
        at = &other.chunk->rests[other.slot].next;
    }
    *at = place.chunk->rests[place.slot].next;
}

struct core_place rest_find_name(const struct core *core, uint32_t source, const struct uuid *id) {
    const struct core_rests *rests = &core->rests;
    struct core_place place = place_of(rests, *bucket_of(rests, source, id));
    while (place.chunk != NULL) {
        const struct core_rest *rest = &place.chunk->rests[place.slot];
        if (place.chunk->source == source && uuid_eq(&rest->id, id)) {
            break;
        }
        place = place_of(rests, rest->next);
    }
    return place;
}

/* The last chunk that begins at or before seq. */
static struct core_place queue_find_seq(const struct part_queue *queue, uint64_t seq) {
    uint32_t low = 0;
    uint32_t high = queue->len; /* chunks before low begin at or before seq, from high on after */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool before = queue->chunks[queue->head + middle]->seq <= seq;
        *(before ? &low : &high) = before ? middle + 1 : middle;
    }
    struct core_chunk *chunk = low == 0 ? NULL : queue->chunks[queue->head + low - 1];
    for (uint32_t slot = 0; chunk != NULL && slot < chunk->used; slot++) {
        if (chunk->seq + chunk->rests[slot].after == seq && chunk->rests[slot].bytes > 0) {
            return (struct core_place){chunk, slot};
        }
    }
    return (struct core_place){NULL, 0};
}

/* Asked for by lanes only of what they held before a restart: no table is kept for it. */
struct core_place rest_find_seq(const struct core *core, uint64_t seq) {
    for (uint32_t i = 0; core->rests.count > 0 && i < core->source_count; i++) {
        for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
            struct core_place place = queue_find_seq(&core->sources[i]->queue[priority], seq);
            if (place.chunk != NULL) {
                return place;
            }
        }
    }
    return (struct core_place){NULL, 0};
}

static void queue_add_chunk(struct part_queue *queue, struct core_chunk *chunk) {
    if (queue->head + queue->len == queue->cap) {
        if (queue->head > queue->len) {
            memmove(queue->chunks, queue->chunks + queue->head,
                    queue->len * sizeof(struct core_chunk *));
            queue->head = 0;
        } else {
            queue->cap = queue->cap == 0 ? CHUNKS_FIRST : queue->cap * 2;
            queue->chunks = mem_grow(queue->chunks, queue->cap, sizeof(struct core_chunk *));
        }
    }
    queue->chunks[queue->head + queue->len++] = chunk;
}

/* The chunk that takes the next batch; since may stand still but never goes back. */
static struct core_chunk *chunk_for(struct core *core, struct part_queue *queue,
                                    const struct core_batch *batch) {
    struct core_rests *rests = &core->rests;
    struct core_chunk *last = queue->len == 0 ? NULL : queue->chunks[queue->head + queue->len - 1];
    if (last != NULL && last->used < REST_CHUNK && batch->seq - last->seq <= UINT32_MAX) {
        last->since_last = batch->since;
        return last;
    }
    struct core_chunk *chunk = mem_alloc(sizeof(*chunk));
    uint32_t number = number_take(&rests->chunk_numbers);
    if (number >= rests->chunk_cap) {
        rests->chunk_cap = rests->chunk_cap == 0 ? CHUNKS_FIRST : rests->chunk_cap * 2;
        rests->chunks = mem_grow(rests->chunks, rests->chunk_cap, sizeof(*rests->chunks));
    }
    rests->chunks[number] = chunk;
    chunk->seq = batch->seq;
    chunk->since_first = batch->since;
    chunk->since_last = batch->since;
    chunk->awake = (struct part_list){NULL, NULL};
    chunk->number = number;
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

/* Nothing of it that has no room in a core_rest. */
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
    struct core_rests *rests = &core->rests;
    if (rests->count >= rests->bucket_count) {
        names_double(rests);
    }
    struct core_place place = {chunk, chunk->used - 1};
    struct core_rest *rest = &chunk->rests[place.slot];
    rest->id = batch->id;
    rest->hash = batch->hash;
    rest->accepted = (uint64_t)batch->accepted_at * CORE_PART_CASES + batch->count - 1;
    rest->bytes = batch->bytes;
    rest->route = REST_NOBODY;
    for (const struct core_waiter *waiter = batch->waiters; waiter != NULL; waiter = waiter->next) {
        rest->route = waits(waiter) ? route_keep(core, &waiter->route) : rest->route;
    }
    name_link(rests, place);
    chunk->packed++;
    rests->count++;
    part_queue_remove(core, &batch->parts[0]);
    core_batch_forget(core, batch);
}

/* The oldest batch of the tail comes to rest, packed or, if it cannot be, as it is. */
static void settle_down(struct core *core, struct part_queue *queue) {
    struct core_batch *batch = queue->tail.first->batch;
    struct core_chunk *chunk = chunk_for(core, queue, batch);
    struct core_rest *rest = &chunk->rests[chunk->used++];
    *rest = (struct core_rest){.after = (uint32_t)(batch->seq - chunk->seq)};
    if (can_be_packed(batch)) {
        pack(core, chunk, batch);
        return;
    }
    while (queue->tail.first != NULL && queue->tail.first->batch == batch) {
        struct core_part *part = queue->tail.first;
        part_queue_remove(core, part);
        part->chunk = chunk;
        part_list_append(&chunk->awake, part);
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

void core_rest(struct core *core, uint64_t seq, void *tag) {
    struct core_batch *batch = core_find_seq(core, seq);
    if (batch == NULL) {
        return; /* done as soon as it was durable */
    }
    batch->tag = tag;
    if (!waits_untouched(batch)) {
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
        settle_down(core, queue);
    }
}

bool core_rests(const struct core *core, uint64_t seq) {
    const struct core_batch *batch = core_find_seq(core, seq);
    return batch != NULL && core->sources[batch->source]->queue[batch->priority].len > 0;
}

bool core_waits_long(const struct core *core) {
    return core->counters.queued_cases > ROOMS_SOON * core->room;
}

bool rest_wait(struct core *core, struct core_place place, const struct net_route *route) {
    struct core_rest *rest = &place.chunk->rests[place.slot];
    if (rest->route == REST_NOBODY && core_route_fits(core, route)) {
        rest->route = route_keep(core, route);
        return true;
    }
    if (rest->route == REST_NOBODY) {
        return false;
    }
    const struct net_route *known = &core->rests.routes[rest->route]->route;
    return core_same_route(known, route) && known->delimited == route->delimited;
}

/* Takes a packed batch out of its slot; its part is NEW. */
static struct core_batch *unpack(struct core *core, struct core_place place) {
    struct core_chunk *chunk = place.chunk;
    struct core_rest *rest = &chunk->rests[place.slot];
    CHECK(rest->bytes > 0);
    static const uint32_t cuts[1] = {0};
    const struct core_batch_meta meta = {.batch = rest->id,
                                         .hash = rest->hash,
                                         .count = (uint32_t)(rest->accepted % CORE_PART_CASES) + 1,
                                         .bytes = rest->bytes,
                                         .priority = (enum wire_priority)chunk->priority,
                                         .accepted_at = (int64_t)(rest->accepted / CORE_PART_CASES),
                                         .cuts = cuts};
    name_unlink(&core->rests, place);
    chunk->packed--;
    core->rests.count--;
    struct core_batch *batch = core_batch_new(core, &meta, chunk->source, chunk->seq + rest->after);
    batch_make_durable(batch);
    int64_t span = chunk->since_last - chunk->since_first;
    batch->since = chunk->since_first + span * place.slot / REST_CHUNK;
    if (rest->route != REST_NOBODY) {
        core_wait_done(core, batch, &core->rests.routes[rest->route]->route);
        route_drop(core, rest->route);
    }
    rest->bytes = 0;
    return batch;
}

/* It stands in its chunk before who came later. */
struct core_batch *rest_wake(struct core *core, struct core_place place) {
    struct core_batch *batch = unpack(core, place);
    struct core_part *part = &batch->parts[0];
    struct part_list *awake = &place.chunk->awake;
    struct core_part *next = awake->first;
    while (next != NULL && next->batch->seq < batch->seq) {
        next = next->next;
    }
    part->chunk = place.chunk;
    part_unpack(core, part, awake, next);
    return batch;
}

/* The first chunk is spent; with the last of them what came later is next. */
static void queue_drop_chunk(struct core *core, struct part_queue *queue) {
    struct core_chunk *chunk = queue->chunks[queue->head++];
    core->rests.chunks[chunk->number] = NULL;
    number_give(&core->rests.chunk_numbers, chunk->number);
    mem_free(chunk);
    if (--queue->len == 0) {
        queue->head = 0;
        CHECK(queue->front.first == NULL);
        queue->front = queue->tail;
        queue->tail = (struct part_list){NULL, NULL};
    }
}

static struct core_place first_packed(struct core_chunk *chunk) {
    while (chunk->rests[chunk->at].bytes == 0) {
        chunk->at++;
        CHECK(chunk->at < chunk->used);
    }
    return (struct core_place){chunk, chunk->at};
}

struct core_part *rest_first(struct core *core, struct part_queue *queue) {
    while (queue->front.first == NULL && queue->len > 0) {
        struct core_chunk *chunk = queue->chunks[queue->head];
        struct core_part *awake = chunk->awake.first;
        if (chunk->packed == 0 && awake == NULL) {
            queue_drop_chunk(core, queue);
            continue;
        }
        if (chunk->packed == 0) {
            return awake;
        }
        struct core_place place = first_packed(chunk);
        if (awake != NULL && awake->batch->seq < chunk->seq + chunk->rests[place.slot].after) {
            return awake;
        }
        struct core_batch *batch = unpack(core, place);
        part_unpack(core, &batch->parts[0], &queue->front, NULL);
    }
    return queue->front.first;
}

bool rest_oldest(const struct core *core, struct core_oldest *oldest) {
    bool found = false;
    for (uint32_t i = 0; core->rests.count > 0 && i < core->source_count; i++) {
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
            const struct core_rest *rest = &chunk->rests[first_packed(chunk).slot];
            uint64_t seq = chunk->seq + rest->after;
            if (!found || seq < oldest->seq) {
                *oldest = (struct core_oldest){seq, (int64_t)(rest->accepted / CORE_PART_CASES),
                                               chunk->since_first};
                found = true;
            }
        }
    }
    return found;
}

static void check_chunk(const struct core *core, struct core_chunk *chunk, uint64_t *seq,
                        struct rest_sums *sums) {
    uint32_t packed = 0;
    CHECK(core->rests.chunks[chunk->number] == chunk);
    CHECK(chunk->used > 0 && chunk->used <= REST_CHUNK);
    CHECK(chunk->since_first <= chunk->since_last);
    for (uint32_t slot = 0; slot < chunk->used; slot++) {
        const struct core_rest *rest = &chunk->rests[slot];
        CHECK(chunk->seq + rest->after > *seq);
        *seq = chunk->seq + rest->after;
        if (rest->bytes == 0) {
            continue;
        }
        CHECK(slot >= chunk->at);
        CHECK(core_find_seq(core, *seq) == NULL);
        struct core_place place = rest_find_name(core, chunk->source, &rest->id);
        CHECK(place.chunk == chunk && place.slot == slot);
        place = rest_find_seq(core, *seq);
        CHECK(place.chunk == chunk && place.slot == slot);
        CHECK(rest->route == REST_NOBODY || core->rests.routes[rest->route]->references > 0);
        sums->cases += rest->accepted % CORE_PART_CASES + 1;
        sums->bytes += rest->bytes;
        packed++;
    }
    CHECK(packed == chunk->packed);
    sums->batches += packed;
    for (const struct core_part *part = chunk->awake.first; part != NULL; part = part->next) {
        CHECK(part->chunk == chunk && part->failures == 0);
        CHECK(part->next == NULL || part->batch->seq <= part->next->batch->seq);
    }
}

void rest_check(const struct core *core, const struct part_queue *queue, struct rest_sums *sums) {
    uint64_t seq = 0;
    CHECK(queue->len > 0 || queue->tail.first == NULL);
    for (uint32_t i = 0; i < queue->len; i++) {
        check_chunk(core, queue->chunks[queue->head + i], &seq, sums);
    }
}

/* Where packed batches are: their chunks by number, their names, and the routes that they keep. */
#include "broker/core_priv.h"

#include "base/mem.h"

_Static_assert(sizeof(struct packed_batch) == 56, "a million of them is 56 MB");

enum { BUCKETS_FIRST = 64, CHUNKS_FIRST = 16 };

static uint32_t number_take(struct packed_numbers *numbers) {
    return numbers->free_count > 0 ? numbers->free[--numbers->free_count] : numbers->next++;
}

static void number_give(struct packed_numbers *numbers, uint32_t number) {
    MEM_ROOM(numbers->free, numbers->free_count, numbers->free_cap, CHUNKS_FIRST);
    numbers->free[numbers->free_count++] = number;
}

void packed_init(struct core *core) {
    struct packed_store *store = &core->packed;
    store->route_numbers.next = PACKED_NOBODY + 1;
    store->buckets = mem_zero(BUCKETS_FIRST, sizeof(*store->buckets));
    store->bucket_count = BUCKETS_FIRST;
    table_init(&store->by_route);
}

void packed_fini(struct core *core) {
    struct packed_store *store = &core->packed;
    for (uint32_t i = 0; i < store->chunk_numbers.next; i++) {
        mem_free(store->chunks[i]);
    }
    for (uint32_t i = PACKED_NOBODY + 1; i < store->route_numbers.next; i++) {
        if (store->routes[i] != NULL) {
            core_route_drop(core, &store->routes[i]->route);
            mem_free(store->routes[i]);
        }
    }
    for (uint32_t i = 0; i < core->source_count; i++) {
        for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
            mem_free(core->sources[i]->queue[priority].chunks);
        }
    }
    mem_free(store->chunks);
    mem_free(store->routes);
    mem_free(store->chunk_numbers.free);
    mem_free(store->route_numbers.free);
    mem_free(store->buckets);
    table_fini(&store->by_route);
}

struct core_chunk *packed_chunk_new(struct packed_store *store) {
    struct core_chunk *chunk = mem_alloc(sizeof(*chunk));
    chunk->number = number_take(&store->chunk_numbers);
    MEM_ROOM(store->chunks, chunk->number, store->chunk_cap, CHUNKS_FIRST);
    store->chunks[chunk->number] = chunk;
    return chunk;
}

void packed_chunk_free(struct packed_store *store, struct core_chunk *chunk) {
    store->chunks[chunk->number] = NULL;
    number_give(&store->chunk_numbers, chunk->number);
    mem_free(chunk);
}

/* Routes: each is kept once, for as long as a packed batch keeps it. */

static uint64_t route_hash(const struct net_route *route) {
    return hash64(net_route_span(route)) + route->channel * 2U + route->delimited;
}

uint32_t packed_route_keep(struct core *core, const struct net_route *route) {
    struct packed_store *store = &core->packed;
    uint64_t hash = route_hash(route);
    for (struct table_node *node = table_first(&store->by_route, hash); node != NULL;
         node = table_next(node)) {
        struct packed_route *known = CONTAINER_OF(node, struct packed_route, node);
        if (core_same_route(&known->route, route) && known->route.delimited == route->delimited) {
            known->references++;
            return known->number;
        }
    }
    uint32_t number = number_take(&store->route_numbers);
    MEM_ROOM(store->routes, number, store->route_cap, CHUNKS_FIRST);
    struct packed_route *made = mem_zero(1, sizeof(*made));
    core_route_keep(core, &made->route, route);
    made->references = 1;
    made->number = number;
    store->routes[number] = made;
    table_insert(&store->by_route, &made->node, hash);
    return number;
}

void packed_route_drop(struct core *core, uint32_t number) {
    struct packed_store *store = &core->packed;
    struct packed_route *route = store->routes[number];
    if (--route->references == 0) {
        table_remove(&store->by_route, &route->node);
        store->routes[number] = NULL;
        number_give(&store->route_numbers, number);
        core_route_drop(core, &route->route);
        mem_free(route);
    }
}

/* Names: buckets of numbers of references, chained through `next`. */

static struct packed_ref ref_of(const struct packed_store *store, uint32_t number) {
    return number == 0 ? (struct packed_ref){NULL, 0}
                       : (struct packed_ref){store->chunks[(number - 1) / PACKED_CHUNK],
                                             (number - 1) % PACKED_CHUNK};
}

static uint32_t ref_number(struct packed_ref ref) {
    return ref.chunk->number * PACKED_CHUNK + ref.slot + 1;
}

static uint32_t *bucket_of(const struct packed_store *store, uint64_t hash) {
    return &store->buckets[hash & (store->bucket_count - 1)];
}

static void link_name(struct packed_store *store, struct packed_ref ref, uint64_t hash) {
    struct packed_batch *entry = &ref.chunk->slots[ref.slot];
    uint32_t *bucket = bucket_of(store, hash);
    entry->next = *bucket;
    *bucket = ref_number(ref);
}

static void names_double(struct packed_store *store) {
    mem_free(store->buckets);
    store->bucket_count *= 2;
    store->buckets = mem_zero(store->bucket_count, sizeof(*store->buckets));
    for (uint32_t i = 0; i < store->chunk_numbers.next; i++) {
        struct core_chunk *chunk = store->chunks[i];
        for (uint32_t slot = 0; chunk != NULL && slot < chunk->used; slot++) {
            if (chunk->slots[slot].bytes > 0) {
                struct core_name name = core_name_of(chunk->source, &chunk->slots[slot].id);
                link_name(store, (struct packed_ref){chunk, slot}, name.hash);
            }
        }
    }
}

void packed_name_link(struct packed_store *store, struct packed_ref ref, uint64_t hash) {
    if (store->count++ >= store->bucket_count) {
        names_double(store);
    }
    link_name(store, ref, hash);
}

void packed_name_unlink(struct packed_store *store, struct packed_ref ref, uint64_t hash) {
    uint32_t number = ref_number(ref);
    uint32_t *at = bucket_of(store, hash);
    while (*at != number) {
        struct packed_ref other = ref_of(store, *at);
        CHECK(other.chunk != NULL);
        at = &other.chunk->slots[other.slot].next;
    }
    *at = ref.chunk->slots[ref.slot].next;
    store->count--;
}

struct packed_ref packed_find_name(const struct core *core, const struct core_name *name) {
    const struct packed_store *store = &core->packed;
    struct packed_ref ref = ref_of(store, *bucket_of(store, name->hash));
    while (ref.chunk != NULL) {
        const struct packed_batch *entry = &ref.chunk->slots[ref.slot];
        if (ref.chunk->source == name->source && uuid_eq(&entry->id, name->id)) {
            break;
        }
        ref = ref_of(store, entry->next);
    }
    return ref;
}

/* Batches: how one is found, made, waited for and freed.  batch_enter alone writes a batch's state,
 * along an edge of EDGES. */
#include "broker/core_priv.h"

#include "base/mem.h"

/* Where a batch may go from each state, as sets; README.md draws it. */
static const uint8_t EDGES[] = {
    [BATCH_PENDING] = 1 << BATCH_DURABLE,
    [BATCH_DURABLE] = 1 << BATCH_QUARANTINED,
    [BATCH_QUARANTINED] = 0,
};
_Static_assert(COUNT_OF(EDGES) == BATCH_STATES, "a row for each state");

static void batch_enter(struct core_batch *batch, enum batch_state state) {
    CHECK((EDGES[batch->state] >> state & 1) != 0);
    batch->state = (uint8_t)state;
}

void batch_make_durable(struct core_batch *batch) { batch_enter(batch, BATCH_DURABLE); }
void batch_quarantine(struct core_batch *batch) { batch_enter(batch, BATCH_QUARANTINED); }

struct core_name core_name_of(uint32_t source, const struct uuid *id) {
    uint8_t key[4 + sizeof(id->bytes)];
    memcpy(key, &source, 4);
    memcpy(key + 4, id->bytes, sizeof(id->bytes));
    return (struct core_name){id, hash64(span_make(key, sizeof(key))), source};
}

/* The number itself: numbers follow each other, so the table is a ring of them.  A lookup reads its
 * bucket and the batch, and the next one the bucket beside.  Gaps and old numbers of a journal that
 * was read back share buckets, as other nodes do. */
static uint64_t seq_hash(uint64_t seq) { return seq; }

struct core_batch *core_find_seq(const struct core *core, uint64_t seq) {
    for (struct table_node *node = table_first(&core->by_seq, seq_hash(seq)); node != NULL;
         node = table_next(node)) {
        struct core_batch *batch = CONTAINER_OF(node, struct core_batch, by_seq);
        if (batch->seq == seq) {
            return batch;
        }
    }
    return NULL;
}

struct core_batch *core_find_name(const struct core *core, const struct core_name *name) {
    for (struct table_node *node = table_first(&core->by_name, name->hash); node != NULL;
         node = table_next(node)) {
        struct core_batch *batch = CONTAINER_OF(node, struct core_batch, by_name);
        if (batch->source == name->source && uuid_eq(&batch->id, name->id)) {
            return batch;
        }
    }
    return NULL;
}

/* Cuts the batch into parts of CORE_PART_CASES. */
struct core_batch *core_batch_new(struct core *core, const struct core_batch_meta *meta,
                                  const struct core_name *name, uint64_t seq) {
    CHECK(meta->count >= 1 && meta->count <= WIRE_CASES_MAX);
    uint32_t parts = (meta->count + CORE_PART_CASES - 1) / CORE_PART_CASES;
    struct core_batch *batch = mem_zero(1, sizeof(*batch) + parts * sizeof(batch->parts[0]));
    batch->seq = seq;
    batch->tag = meta->tag;
    batch->accepted_at = meta->accepted_at;
    batch->id = *name->id;
    batch->hash = meta->hash;
    batch->work_hash = meta->work_hash;
    batch->source = name->source;
    batch->count = meta->count;
    batch->bytes = meta->bytes;
    batch->priority = (uint8_t)meta->priority;
    batch->is_rows = meta->is_rows;
    batch->part_count = (uint8_t)parts;
    table_insert(&core->by_seq, &batch->by_seq, seq_hash(seq));
    table_insert(&core->by_name, &batch->by_name, name->hash);
    heap_add(&core->live, &batch->live, seq);
    for (uint32_t i = 0; i < parts; i++) {
        struct core_part *part = &batch->parts[i];
        uint32_t end = i + 1 < parts ? meta->cuts[i + 1] : meta->bytes;
        part->batch = batch;
        part->first = i * CORE_PART_CASES;
        part->count = i + 1 < parts ? CORE_PART_CASES : meta->count - part->first;
        part->offset = meta->cuts[i];
        CHECK(end > part->offset);
        part->length = end - part->offset;
    }
    return batch;
}

static void batch_free(struct core *core, struct core_batch *batch) {
    for (struct core_waiter *waiter = batch->waiters; waiter != NULL;) {
        struct core_waiter *next = waiter->next;
        core_route_drop(core, &waiter->route);
        if (waiter != &batch->waiter) {
            mem_free(waiter);
        }
        waiter = next;
    }
    for (uint32_t i = 0; i < batch->part_count; i++) {
        core_part_fini(core, &batch->parts[i]);
    }
    core_counts_free(core, &batch->counts);
    mem_free(batch);
}

void core_batch_forget(struct core *core, struct core_batch *batch) {
    table_remove(&core->by_seq, &batch->by_seq);
    table_remove(&core->by_name, &batch->by_name);
    heap_remove(&core->live, &batch->live);
    batch_free(core, batch);
}

/* Adds a peer that waits for the batch.  A REQ peer gets one reply: ACCEPTED, or with ack outcome
 * DONE. */
struct core_waiter *core_waiter_add(struct core *core, struct core_batch *batch,
                                    const struct net_route *route) {
    uint32_t count = 0;
    struct core_waiter *spent = NULL;
    for (struct core_waiter *waiter = batch->waiters; waiter != NULL; waiter = waiter->next) {
        if (core_same_route(&waiter->route, route)) {
            return waiter;
        }
        spent = !waiter->want_accepted && !waiter->want_done ? waiter : spent;
        count++;
    }
    if (count >= CORE_WAITERS_MAX && spent == NULL) {
        return NULL;
    }
    if (spent != NULL) {
        core_route_drop(core, &spent->route);
        core_route_keep(core, &spent->route, route);
        return spent;
    }
    struct core_waiter *waiter =
        batch->waiters == NULL ? &batch->waiter : mem_zero(1, sizeof(*waiter));
    core_route_keep(core, &waiter->route, route);
    waiter->next = batch->waiters;
    batch->waiters = waiter;
    return waiter;
}

void core_wait_done(struct core *core, struct core_batch *batch, const struct net_route *route) {
    struct core_waiter *waiter = core_waiter_add(core, batch, route);
    if (waiter != NULL) {
        waiter->want_done = true;
    }
}

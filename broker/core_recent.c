/* The last DONEs, for QUERY: a ring of entries by number.  An entry names the one before it in its
 * bucket, so a bucket is a chain of falling numbers.  Nothing is ever taken out of a chain: it ends
 * where its entries have left the ring.  So a DONE touches one bucket and the ring's end. */
#include "broker/core_priv.h"

#include "base/mem.h"

enum { BLOCK = 1024 };

void core_recents_init(struct core_recents *recents, uint32_t max) {
    uint32_t buckets = 1;
    while (buckets < max) {
        buckets *= 2;
    }
    *recents = (struct core_recents){.max = max, .next = 1, .bucket_count = buckets};
    recents->buckets = mem_zero(buckets, sizeof(*recents->buckets));
    recents->blocks = mem_zero(max / BLOCK + 1, sizeof(*recents->blocks));
}

void core_recents_fini(struct core_recents *recents) {
    for (uint32_t i = 0; i < recents->max / BLOCK + 1; i++) {
        mem_free(recents->blocks[i]);
    }
    mem_free(recents->blocks);
    mem_free(recents->buckets);
}

static uint64_t *bucket_of(const struct core_recents *recents, uint64_t hash) {
    return &recents->buckets[hash & (recents->bucket_count - 1)];
}

static struct core_recent *entry_of(const struct core_recents *recents, uint64_t number) {
    uint32_t at = (uint32_t)(number % recents->max);
    return &recents->blocks[at / BLOCK][at % BLOCK];
}

/* A source keeps its slot as long as its naming: the hash of a live batch's name finds it, too. */
const struct core_recent *core_find_recent(const struct core *core, uint32_t source,
                                           const struct uuid *id) {
    const struct core_recents *recents = &core->recents;
    uint64_t naming = core->sources[source]->naming;
    uint64_t number = *bucket_of(recents, core_name_of(source, id).hash);
    while (number != 0 && recents->next - number <= recents->max) {
        const struct core_recent *recent = entry_of(recents, number);
        if (recent->naming == naming && uuid_eq(&recent->id, id)) {
            return recent;
        }
        number = recent->older;
    }
    return NULL;
}

void core_remember_done(struct core *core, const struct core_batch *batch) {
    struct core_recents *recents = &core->recents;
    uint64_t number = recents->next++;
    struct core_recent **block = &recents->blocks[number % recents->max / BLOCK];
    if (*block == NULL) {
        *block = mem_zero(BLOCK, sizeof(**block));
    }
    struct core_recent *recent = entry_of(recents, number);
    uint64_t *bucket = bucket_of(recents, batch->by_name.hash);
    recent->older = *bucket;
    *bucket = number;
    recent->id = batch->id;
    recent->naming = core->sources[batch->source]->naming;
    recent->count = batch->count;
    recent->accepted_at = batch->accepted_at;
    memcpy(recent->outcomes, batch->counts.outcomes, sizeof(recent->outcomes));
    recent->duplicates = batch->counts.duplicates;
    recent->dead_count = batch->counts.dead_count;
}

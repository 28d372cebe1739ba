/* Zones by name for one thread; when the cache is full, the oldest is removed. */
#include "cel/zone.h"

#include "base/mem.h"

struct entry {
    uint8_t name[ZONE_NAME_BYTES_MAX];
    size_t name_len;
    struct zone *zone; /* NULL: no zone has the name */
};

struct zone_cache {
    struct entry entries[ZONE_CACHE_MAX];
    uint32_t used;
    uint32_t next; /* the entry to fill */
};

const struct zone *zone_cache_find(struct zone_cache **cache, struct span name) {
    if (name.len > ZONE_NAME_BYTES_MAX) {
        return NULL;
    }
    if (*cache == NULL) {
        *cache = mem_zero(1, sizeof(**cache));
    }
    struct zone_cache *known = *cache;
    for (uint32_t i = 0; i < known->used; i++) {
        if (span_eq(span_make(known->entries[i].name, known->entries[i].name_len), name)) {
            return known->entries[i].zone;
        }
    }
    struct zone *zone = NULL;
    enum err err = zone_read(name, &zone);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return NULL; /* a later read may succeed */
    }
    struct entry *entry = &known->entries[known->next];
    zone_free(&entry->zone);
    entry->zone = zone;
    if (name.len != 0) {
        memcpy(entry->name, name.ptr, name.len);
    }
    entry->name_len = name.len;
    known->next = (known->next + 1) % ZONE_CACHE_MAX;
    known->used += known->used < ZONE_CACHE_MAX ? 1 : 0;
    return entry->zone;
}

void zone_cache_free(struct zone_cache **cache) {
    if (*cache == NULL) {
        return;
    }
    for (uint32_t i = 0; i < (*cache)->used; i++) {
        zone_free(&(*cache)->entries[i].zone);
    }
    mem_free(*cache);
    *cache = NULL;
}

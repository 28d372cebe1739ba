/* Purpose: an intrusive hash table: the things in it carry their own node, so that looking up,
 * adding and removing never allocates beyond the bucket array.
 * Ownership: nodes belong to their holder, which removes them before freeing. */
#ifndef CASEMILL_BROKER_TABLE_H
#define CASEMILL_BROKER_TABLE_H

#include <stdint.h>

struct table_node {
    struct table_node *next;
    uint64_t hash;
};
struct table {
    struct table_node **buckets;
    uint32_t bucket_count; /* a power of two */
    uint32_t count;
};

void table_init(struct table *table);
void table_fini(struct table *table); /* frees the buckets, not the nodes */
void table_insert(struct table *table, struct table_node *node, uint64_t hash);
void table_remove(struct table *table, struct table_node *node);
/* table_first and table_next walk the nodes with exactly this hash; the caller compares the keys.
 */
struct table_node *table_first(const struct table *table, uint64_t hash);
struct table_node *table_next(const struct table_node *node);

#endif

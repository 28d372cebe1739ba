/* Chained buckets, doubled when there are as many nodes as buckets. */
#include "broker/table.h"

#include "base/check.h"
#include "base/mem.h"

enum { BUCKETS_FIRST = 64 };

void table_init(struct table *table) {
    table->buckets = mem_zero(BUCKETS_FIRST, sizeof(*table->buckets));
    table->bucket_count = BUCKETS_FIRST;
    table->count = 0;
}

void table_fini(struct table *table) {
    mem_free(table->buckets);
    *table = (struct table){NULL, 0, 0};
}

static void link_node(struct table *table, struct table_node *node) {
    struct table_node **bucket = &table->buckets[node->hash & (table->bucket_count - 1)];
    node->next = *bucket;
    *bucket = node;
}

static void table_double(struct table *table) {
    struct table_node **old = table->buckets;
    uint32_t old_count = table->bucket_count;
    table->bucket_count = old_count * 2;
    table->buckets = mem_zero(table->bucket_count, sizeof(*table->buckets));
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct table_node *node = old[i]; node != NULL;) {
            struct table_node *next = node->next;
            link_node(table, node);
            node = next;
        }
    }
    mem_free(old);
}

void table_insert(struct table *table, struct table_node *node, uint64_t hash) {
    CHECK(table->buckets != NULL);
    if (table->count >= table->bucket_count / 2) {
        table_double(table);
    }
    node->hash = hash;
    link_node(table, node);
    table->count++;
}

void table_remove(struct table *table, struct table_node *node) {
    struct table_node **at = &table->buckets[node->hash & (table->bucket_count - 1)];
    while (*at != node) {
        CHECK(*at != NULL);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    table->count--;
}

static struct table_node *same_hash(struct table_node *node, uint64_t hash) {
    while (node != NULL && node->hash != hash) {
        node = node->next;
    }
    return node;
}

struct table_node *table_first(const struct table *table, uint64_t hash) {
    return same_hash(table->buckets[hash & (table->bucket_count - 1)], hash);
}

struct table_node *table_next(const struct table_node *node) {
    return same_hash(node->next, node->hash);
}

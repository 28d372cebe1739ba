/* Purpose: an intrusive binary heap: its first node is the one with the lowest key.  The things in
 * it carry their own node, so adding and removing allocate nothing but the array of pointers.
 * Ownership: nodes belong to their holder, which removes them before freeing. */
#ifndef CASEMILL_BROKER_HEAP_H
#define CASEMILL_BROKER_HEAP_H

#include <stdint.h>

struct heap_node { /* written by heap.c alone */
    uint64_t key;
    uint32_t index; /* in the heap */
};
struct heap { /* zeroed: empty */
    struct heap_node **nodes;
    uint32_t len, cap;
};

void heap_fini(struct heap *heap); /* frees the pointers, not the nodes */
void heap_add(struct heap *heap, struct heap_node *node, uint64_t key);
void heap_remove(struct heap *heap, const struct heap_node *node);
/* heap_check aborts unless every node knows its index and no key is below its parent's. */
void heap_check(const struct heap *heap);

/* heap_first: NULL when it is empty. */
static inline struct heap_node *heap_first(const struct heap *heap) {
    return heap->len == 0 ? (struct heap_node *)0 : heap->nodes[0];
}

#endif

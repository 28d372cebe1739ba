/* The children of node i are 2i + 1 and 2i + 2. */
#include "broker/heap.h"

#include "base/check.h"
#include "base/mem.h"

enum { NODES_FIRST = 64 };

void heap_fini(struct heap *heap) {
    mem_free(heap->nodes);
    *heap = (struct heap){0};
}

static void place(struct heap_node **nodes, struct heap_node *node, uint32_t index) {
    nodes[index] = node;
    node->index = index;
}

/* rise and sink place the node, from the free `index` on, where its key belongs. */
static void rise(struct heap_node **nodes, struct heap_node *node, uint32_t index) {
    while (index > 0 && nodes[(index - 1) / 2]->key > node->key) {
        place(nodes, nodes[(index - 1) / 2], index);
        index = (index - 1) / 2;
    }
    place(nodes, node, index);
}

static void sink(struct heap_node **nodes, uint32_t len, struct heap_node *node, uint32_t index) {
    for (;;) {
        uint32_t child = index * 2 + 1;
        if (child + 1 < len && nodes[child + 1]->key < nodes[child]->key) {
            child++;
        }
        if (child >= len || nodes[child]->key >= node->key) {
            break;
        }
        place(nodes, nodes[child], index);
        index = child;
    }
    place(nodes, node, index);
}

void heap_add(struct heap *heap, struct heap_node *node, uint64_t key) {
    MEM_ROOM(heap->nodes, heap->len, heap->cap, NODES_FIRST);
    node->key = key;
    rise(heap->nodes, node, heap->len++);
}

void heap_remove(struct heap *heap, const struct heap_node *node) {
    struct heap_node **nodes = heap->nodes;
    uint32_t index = node->index;
    CHECK(index < heap->len);
    CHECK(nodes[index] == node);
    uint32_t len = --heap->len;
    struct heap_node *last = nodes[len];
    if (last == node) {
        return;
    }
    if (index > 0 && nodes[(index - 1) / 2]->key > last->key) {
        rise(nodes, last, index);
    } else {
        sink(nodes, len, last, index);
    }
}

void heap_check(const struct heap *heap) {
    CHECK(heap->len <= heap->cap);
    for (uint32_t i = 0; i < heap->len; i++) {
        CHECK(heap->nodes[i]->index == i);
        CHECK(i == 0 || heap->nodes[(i - 1) / 2]->key <= heap->nodes[i]->key);
    }
}

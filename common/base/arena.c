/* Bump allocation in a chain of chunks; a reset keeps the chain. */
#include "base/arena.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdint.h>

enum { CHUNK_BYTES = 64 * 1024, ALIGN_BYTES = 16 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t cap;
    size_t used;
    _Alignas(ALIGN_BYTES) uint8_t bytes[];
};

void arena_init(struct arena *arena, size_t bytes_max) {
    *arena = (struct arena){.bytes_max = bytes_max};
}

void arena_reset(struct arena *arena) {
    for (struct arena_chunk *chunk = arena->first; chunk != NULL; chunk = chunk->next) {
        chunk->used = 0;
    }
    arena->current = arena->first;
    arena->used_bytes = 0;
}

void arena_free(struct arena *arena) {
    struct arena_chunk *chunk = arena->first;
    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;
        mem_free(chunk);
        chunk = next;
    }
    *arena = (struct arena){.bytes_max = arena->bytes_max, .chunk_bytes = arena->chunk_bytes};
}

static struct arena_chunk *chunk_new(size_t bytes, size_t chunk_bytes) {
    size_t least = chunk_bytes == 0 ? CHUNK_BYTES : chunk_bytes;
    size_t cap = bytes > least ? bytes : least;
    struct arena_chunk *chunk = mem_alloc(sizeof(*chunk) + cap);
    chunk->next = NULL;
    chunk->cap = cap;
    chunk->used = 0;
    return chunk;
}

/* Moves to the next chunk with room; inserts one after the current chunk if none has room. */
static void advance(struct arena *arena, size_t bytes) {
    while (arena->current != NULL && arena->current->next != NULL) {
        arena->current = arena->current->next;
        if (arena->current->cap - arena->current->used >= bytes) {
            return;
        }
    }
    struct arena_chunk *chunk = chunk_new(bytes, arena->chunk_bytes);
    if (arena->current == NULL) {
        arena->first = chunk;
    } else {
        arena->current->next = chunk;
    }
    arena->current = chunk;
}

void *arena_alloc(struct arena *arena, size_t bytes) {
    CHECK(arena->used_bytes <= arena->bytes_max);
    size_t padded = (bytes + (ALIGN_BYTES - 1)) & ~(size_t)(ALIGN_BYTES - 1);
    if (padded < bytes || padded > arena->bytes_max - arena->used_bytes) {
        return NULL;
    }
    if (arena->current == NULL || arena->current->cap - arena->current->used < padded) {
        advance(arena, padded);
    }
    void *ptr = arena->current->bytes + arena->current->used;
    arena->current->used += padded;
    arena->used_bytes += padded;
    return ptr;
}

void *arena_zero(struct arena *arena, size_t count, size_t bytes) {
    if (bytes != 0 && count > SIZE_MAX / bytes) {
        return NULL;
    }
    void *ptr = arena_alloc(arena, count * bytes);
    if (ptr != NULL) {
        memset(ptr, 0, count * bytes);
    }
    return ptr;
}

struct span arena_copy(struct arena *arena, struct span bytes) {
    uint8_t *copy = arena_alloc(arena, bytes.len + 1);
    if (copy == NULL) {
        return (struct span){NULL, 0};
    }
    if (bytes.len != 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    copy[bytes.len] = 0;
    return span_make(copy, bytes.len);
}

struct arena_mark arena_mark(const struct arena *arena) {
    return (struct arena_mark){arena->current, arena->current == NULL ? 0 : arena->current->used,
                               arena->used_bytes};
}

void arena_rewind(struct arena *arena, struct arena_mark mark) {
    struct arena_chunk *chunk = mark.chunk == NULL ? arena->first : mark.chunk->next;
    for (; chunk != NULL; chunk = chunk->next) {
        chunk->used = 0;
    }
    if (mark.chunk != NULL) {
        mark.chunk->used = mark.chunk_used;
    }
    arena->current = mark.chunk == NULL ? arena->first : mark.chunk;
    arena->used_bytes = mark.used_bytes;
}

void *arena_room(struct arena *arena, void *array, uint32_t count, uint32_t *cap, size_t bytes) {
    if (count < *cap) {
        return array;
    }
    uint32_t more = *cap == 0 ? 8 : *cap * 2;
    void *grown = arena_zero(arena, more, bytes);
    if (grown == NULL) {
        return NULL;
    }
    if (count != 0) {
        memcpy(grown, array, count * bytes);
    }
    *cap = more;
    return grown;
}

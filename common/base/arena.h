/* Purpose: memory that is freed all at once: one arena for a batch, a transaction or a program.
 * Limits: at most bytes_max between resets.  Beyond that arena_alloc returns NULL, and the caller
 * returns ERR_TOO_LARGE, because sizes may come from outside. */
#ifndef CASEMILL_BASE_ARENA_H
#define CASEMILL_BASE_ARENA_H

#include "base/span.h"

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *first;
    struct arena_chunk *current;
    size_t used_bytes; /* handed out since the last reset, padding included */
    size_t bytes_max;
    size_t chunk_bytes; /* smallest piece from the heap; 0: the default */
};

void arena_init(struct arena *arena, size_t bytes_max);
void arena_reset(struct arena *arena); /* all allocations become invalid; chunks are kept */
void arena_free(struct arena *arena);

/* arena_alloc returns bytes aligned to 16, not zeroed; NULL when that would exceed bytes_max. */
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_zero(struct arena *arena, size_t count,
                 size_t bytes); /* zeroed; NULL as above or on overflow */
/* arena_copy copies the bytes and appends a NUL; .ptr is NULL when there is no room. */
struct span arena_copy(struct arena *arena, struct span bytes);

/* A return to a mark frees every allocation made after the mark. */
struct arena_mark {
    struct arena_chunk *chunk;
    size_t chunk_used;
    size_t used_bytes;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);

/* arena_room returns the array with room for one more element, a zeroed larger copy if it was full;
 * NULL: the arena is full, and *cap is unchanged. */
void *arena_room(struct arena *arena, void *array, uint32_t count, uint32_t *cap, size_t bytes);

#endif

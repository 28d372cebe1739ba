/* Purpose: memory that is thrown away all at once: one arena a case batch, a transaction, a
 * program. Limits: never hands out more than bytes_max between resets; arena_alloc says so by NULL,
 * which the caller turns into ERR_TOO_LARGE, because sizes may come from outside. */
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
void arena_reset(struct arena *arena); /* all that was handed out is invalid; chunks are kept */
void arena_free(struct arena *arena);

/* arena_alloc returns bytes aligned to 16, not zeroed; NULL when bytes_max would be passed. */
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_zero(struct arena *arena, size_t count,
                 size_t bytes); /* zeroed; NULL as above or on overflow */
/* arena_copy copies the bytes and puts a NUL behind them; .ptr is NULL when there was no room. */
struct span arena_copy(struct arena *arena, struct span bytes);

/* A mark lets a caller give back what it took: everything handed out after the mark is invalid. */
struct arena_mark {
    struct arena_chunk *chunk;
    size_t chunk_used;
    size_t used_bytes;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);

#endif

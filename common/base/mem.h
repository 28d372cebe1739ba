/* Purpose: the only caller of malloc.  Running out of memory ends the program with one line:
 * callers bound every size from outside, and the journal makes a crash safe. */
#ifndef CASEMILL_BASE_MEM_H
#define CASEMILL_BASE_MEM_H

#include <stddef.h>

/* Ownership: the caller's, freed with mem_free; a size of 0 gives a pointer that may be freed. */
void *mem_alloc(size_t bytes);
void *mem_zero(size_t count, size_t bytes); /* zeroed; count * bytes is overflow-checked */
void *mem_grow(void *ptr, size_t count,
               size_t bytes); /* realloc to count * bytes, overflow-checked */
/* MEM_ROOM makes room for one more element: an array that is full at len doubles, or gets `first`
 * elements.  Every argument is read more than once. */
#define MEM_ROOM(array, len, cap, first)                                                           \
    do {                                                                                           \
        if ((len) >= (cap)) {                                                                      \
            (cap) = (cap) == 0 ? (first) : (cap)*2;                                                \
            (array) = mem_grow((array), (cap), sizeof(*(array)));                                  \
        }                                                                                          \
    } while (0)
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len);
void mem_free(void *ptr);
/* mem_trim returns free pages to the system; it takes milliseconds. */
void mem_trim(void);

#endif

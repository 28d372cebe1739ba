/* Purpose: the one caller of malloc.  Running out of memory ends the program with one line: every
 * size that comes from outside is bounded before it gets here, and the journal makes a crash safe.
 */
#ifndef CASEMILL_BASE_MEM_H
#define CASEMILL_BASE_MEM_H

#include <stddef.h>

/* Ownership: the caller's, freed with mem_free; a size of 0 gives a pointer that may be freed. */
void *mem_alloc(size_t bytes);
void *mem_zero(size_t count, size_t bytes); /* zeroed; count * bytes is overflow-checked */
void *mem_grow(void *ptr, size_t count,
               size_t bytes); /* realloc to count * bytes, overflow-checked */
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len);
void mem_free(void *ptr);
/* mem_trim gives free pages between what is in use back to the system; takes milliseconds. */
void mem_trim(void);

#endif

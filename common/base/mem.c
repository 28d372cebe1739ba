/* The only file that calls malloc. */
#include "base/mem.h"

#include "base/check.h"

#include <stdint.h>
#include <stdio.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 80 };

static void *or_die(void *ptr, size_t bytes) {
    if (ptr == NULL) {
        char text[TEXT_BYTES];
        (void)snprintf(text, sizeof(text), "out of memory: %zu bytes were requested\n", bytes);
        check_abort(text);
    }
    return ptr;
}

static size_t product(size_t count, size_t bytes) {
    if (bytes != 0 && count > SIZE_MAX / bytes) {
        (void)or_die(NULL, SIZE_MAX);
    }
    return count * bytes;
}

void *mem_alloc(size_t bytes) { return or_die(malloc(bytes == 0 ? 1 : bytes), bytes); }

void *mem_zero(size_t count, size_t bytes) {
    size_t total = product(count, bytes);
    return or_die(calloc(1, total == 0 ? 1 : total), total);
}

void *mem_grow(void *ptr, size_t count, size_t bytes) {
    size_t total = product(count, bytes);
    return or_die(realloc(ptr, total == 0 ? 1 : total), total);
}

char *mem_strndup(const char *text, size_t len) {
    char *copy = mem_alloc(len + 1);
    if (len != 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    return copy;
}

char *mem_strdup(const char *text) { return mem_strndup(text, strlen(text)); }

void mem_free(void *ptr) { free(ptr); }

void mem_trim(void) {
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

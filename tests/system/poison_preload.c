/* Preloaded into a shipped worker: the process ends at once before it writes a row into `cases`
 * whose case id begins with POISON.  A dead letter of such a case is written normally. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char MARK[] = "POISON";

static bool has(const void *bytes, size_t len, const char *text) {
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

static void next_function(const char *name, void *function, size_t size) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        abort();
    }
    memcpy(function, &found, size);
}

int PQputCopyData(void *connection, const char *buffer, int bytes);
int PQputCopyData(void *connection, const char *buffer, int bytes) {
    int (*next)(void *, const char *, int) = NULL;
    next_function("PQputCopyData", &next, sizeof(next));
    if (has(buffer, (size_t)bytes, MARK)) {
        abort();
    }
    return next(connection, buffer, bytes);
}

int PQsendQueryParams(void *connection, const char *query, int count, const unsigned *types,
                      const char *const *values, const int *lengths, const int *formats,
                      int result_format);
int PQsendQueryParams(void *connection, const char *query, int count, const unsigned *types,
                      const char *const *values, const int *lengths, const int *formats,
                      int result_format) {
    int (*next)(void *, const char *, int, const unsigned *, const char *const *, const int *,
                const int *, int) = NULL;
    next_function("PQsendQueryParams", &next, sizeof(next));
    for (int i = 0; i < count && has(query, strlen(query), "INSERT INTO cases"); i++) {
        if (values[i] != NULL && has(values[i], (size_t)lengths[i], MARK)) {
            abort();
        }
    }
    return next(connection, query, count, types, values, lengths, formats, result_format);
}

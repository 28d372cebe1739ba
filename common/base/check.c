/* The end of a failed check. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *condition, const char *file, int line, const char *function) {
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s:%d: %s: check failed: %s\n", file, line, function, condition);
    (void)fflush(stderr);
    abort();
}

/* The end of a failed check. */
#include "base/check.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES = 1024 };

void check_failed(const char *condition, const char *file, int line, const char *function) {
    char text[TEXT_BYTES];
    int len = snprintf(text, sizeof(text), "%s:%d: %s: check failed: %s\n", file, line, function,
                       condition);
    if (len >= (int)sizeof(text)) {
        text[sizeof(text) - 2] = '\n';
    }
    (void)fflush(stdout);
    log_dying(text);
    abort();
}

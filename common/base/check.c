/* The end of a failed check.  Nothing of this folder is used here, because everything uses it. */
#include "base/check.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 1024 };

static struct {
    void (*_Atomic write)(const char *text); /* NULL: there is no log yet */
} check_end;

void check_set_writer(void (*write_text)(const char *text)) {
    atomic_store(&check_end.write, write_text);
}

static void write_stderr(const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t wrote = write(STDERR_FILENO, text, left);
        if (wrote < 0 && errno != EINTR) {
            return; /* there is no other place to report it */
        }
        text += wrote > 0 ? wrote : 0;
        left -= wrote > 0 ? (size_t)wrote : 0;
    }
}

void check_abort(const char *text) {
    void (*write_text)(const char *text) = atomic_load(&check_end.write);
    (write_text != NULL ? write_text : write_stderr)(text);
    abort();
}

void check_failed(const char *condition, const char *file, int line, const char *function) {
    char text[TEXT_BYTES];
    int len = snprintf(text, sizeof(text), "%s:%d: %s: check failed: %s\n", file, line, function,
                       condition);
    if (len >= (int)sizeof(text)) {
        text[sizeof(text) - 2] = '\n';
    }
    (void)fflush(stdout);
    check_abort(text);
}

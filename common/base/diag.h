/* Purpose: the text of one failure, for a person: where, what was expected, what to do.  The
 * function that finds the fault fills the diag once; callers pass it up unchanged.
 * Never holds personal data: names, paths, positions and types only (P10). */
#ifndef CASEMILL_BASE_DIAG_H
#define CASEMILL_BASE_DIAG_H

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

#include <stdint.h>

enum { DIAG_TEXT_MAX = 512, DIAG_FILE_MAX = 256 };

struct diag {
    enum err err;
    char file[DIAG_FILE_MAX]; /* "" when no file is meant */
    uint32_t line;            /* from 1; 0 = no position */
    uint32_t column;          /* from 1, in bytes of the line; 0 = whole line */
    uint32_t width;           /* bytes under the caret, at least 1 */
    size_t offset; /* byte offset in the source text, for a caller that maps it further */
    char text[DIAG_TEXT_MAX]; /* one line; control characters are shown as '?' */
};

/* diag_fail fills the diag (NULL is allowed) and returns err, for `return diag_fail(...)`. */
MUST_USE enum err diag_fail(struct diag *diag, enum err err, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* diag_fail_at in addition sets file, line, column and width. */
MUST_USE enum err diag_fail_at(struct diag *diag, enum err err, const char *file, uint32_t line,
                               uint32_t column, const char *format, ...) PRINTF_LIKE(6, 7);
/* diag_print writes "file:line:column: text\n"; with source (the whole text of the file, else
 * empty) also the line itself and a caret under the fault. */
void diag_print(const struct diag *diag, struct span source, struct buf *out);

#endif

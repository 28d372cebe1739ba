/* Purpose: a file's lines one after another in bounded memory, as they come: a pipe's line is
 * handed out when it is there. */
#ifndef CASEMILL_CLI_LINES_H
#define CASEMILL_CLI_LINES_H

#include "base/buf.h"
#include "base/diag.h"

struct lines {
    int fd;           /* borrowed unless opened by lines_open */
    const char *path; /* borrowed, for messages */
    bool is_owned;
    bool is_at_end;
    struct buf bytes;
    size_t at; /* bytes before it are handed out */
    size_t line_bytes_max;
    uint64_t number; /* of the line handed out last, from 1 */
};

/* lines_open reads a path, or standard input for "-".  Errors: ERR_NOT_FOUND, ERR_IO. */
MUST_USE enum err lines_open(struct lines *lines, const char *path, size_t line_bytes_max,
                             struct diag *diag);
void lines_close(struct lines *lines);
/* lines_next hands out the next line without its newline, valid until the next call; a last line
 * needs none.  *is_cut: the line was longer than line_bytes_max and its rest was passed over.
 * Errors: ERR_NOT_FOUND no more lines; ERR_IO. */
MUST_USE enum err lines_next(struct lines *lines, struct span *line, bool *is_cut,
                             struct diag *diag);

#endif

/* Purpose: a text's lines one after another in bounded memory: a pipe's line is returned when it
 * arrives.  submit/feed.h unpacks the text. */
#ifndef CASEMILL_CLI_SUBMIT_LINES_H
#define CASEMILL_CLI_SUBMIT_LINES_H

#include "cli/submit/feed.h"

struct lines {
    struct feed *feed;
    struct buf bytes;
    size_t at; /* bytes before it are consumed */
    size_t line_bytes_max;
    uint64_t number; /* of the last line returned, from 1 */
};

/* lines_open reads a path, or standard input for "-"; lines_open_bytes reads borrowed memory.  Both
 * borrow path.  Errors: ERR_NOT_FOUND, ERR_IO. */
MUST_USE enum err lines_open(struct lines *lines, const char *path, size_t line_bytes_max,
                             struct diag *diag);
void lines_open_bytes(struct lines *lines, struct span bytes, const char *path,
                      size_t line_bytes_max);
void lines_close(struct lines *lines);
/* lines_next returns the next line without its newline, valid until the next call; the last line
 * needs no newline.  *is_cut: the line was longer than line_bytes_max and its rest was skipped.
 * Errors: ERR_NOT_FOUND no more lines; as feed_more. */
MUST_USE enum err lines_next(struct lines *lines, struct span *line, bool *is_cut,
                             struct diag *diag);
/* For a reader that does not read lines: lines_left is the unconsumed part of the buffer.
 * lines_more reads more; lines_skip consumes its first bytes and counts their newlines.
 * Errors: ERR_NOT_FOUND the text ends here; as feed_more. */
struct span lines_left(const struct lines *lines);
MUST_USE enum err lines_more(struct lines *lines, struct diag *diag);
void lines_skip(struct lines *lines, size_t bytes);

#endif

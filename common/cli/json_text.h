/* Purpose: the JSON objects of a text, one after another: one per line, or the elements of one
 * array that is the whole text.  It only finds the start and end of an object; json_case.h reads
 * it. Limits: an object has at most object_bytes_max; only one is in memory. */
#ifndef CASEMILL_CLI_JSON_TEXT_H
#define CASEMILL_CLI_JSON_TEXT_H

#include "cli/submit/lines.h"

enum json_text_state {
    JSON_TEXT_START, /* nothing was read */
    JSON_TEXT_LINES,
    JSON_TEXT_FIRST, /* after the bracket that opens the array */
    JSON_TEXT_NEXT,  /* after an element */
    JSON_TEXT_END
};

struct json_text {
    struct lines lines;
    enum json_text_state state;
    uint64_t location; /* of the last object: its line, or in an array its number, from 1 */
};

/* As lines_open and lines_open_bytes. */
MUST_USE enum err json_text_open(struct json_text *text, const char *path, size_t object_bytes_max,
                                 struct diag *diag);
void json_text_open_bytes(struct json_text *text, struct span bytes, const char *path,
                          size_t object_bytes_max);
void json_text_close(struct json_text *text);
/* json_text_next returns the next line that is not empty, or the next object of an array, valid
 * until the next call.  *is_cut: the line was longer than the limit and is skipped.
 * Errors: ERR_NOT_FOUND no more; ERR_INVALID, ERR_TOO_LARGE, ERR_TRUNCATED: not one array of
 * objects (diag: path and line); as feed_more. */
MUST_USE enum err json_text_next(struct json_text *text, struct span *object, bool *is_cut,
                                 struct diag *diag);

#endif

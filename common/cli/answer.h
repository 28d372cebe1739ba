/* Purpose: the one shape of answers with --json.  An answer is one object on one line, whose first
 * member is schema_version.  Rows are an array of objects, counts are numbers, a time is text as
 * 2026-05-01T00:00:00Z, an absent value is null.  A verb that answers more than once prints one
 * such line each time. */
#ifndef CASEMILL_CLI_ANSWER_H
#define CASEMILL_CLI_ANSWER_H

#include "base/buf.h"

/* answer_append appends such a line, from JSON that it frees: an object, or an array as the member
 * `rows`; answer_print_json prints it. */
void answer_append(const char *rows, struct buf *json, struct buf *out);
void answer_print_json(const char *rows, struct buf *json);

#endif

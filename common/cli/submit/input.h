/* Purpose: the cases of a file, of standard input or of memory, one after another, as MessagePack,
 * each with its location.  Formats of common tools are read, or refused in a line with the remedy:
 * client/README.md lists them. Limits: a case has at most SUBMIT_CASE_BYTES_MAX; only one is in
 * memory. */
#ifndef CASEMILL_CLI_SUBMIT_INPUT_H
#define CASEMILL_CLI_SUBMIT_INPUT_H

#include "base/buf.h"
#include "base/diag.h"
#include "casedoc/schema.h"

enum { SUBMIT_CASE_BYTES_MAX = 4 << 20 };

enum submit_format { SUBMIT_JSONL, SUBMIT_MSGPACK, SUBMIT_CSV };

/* submit_format_of finds a format by its name ("jsonl", "msgpack", "csv") or, name NULL, by the
 * path's ending, which .gz may follow; standard input is JSON.  Errors: ERR_UNKNOWN. */
MUST_USE enum err submit_format_of(const char *name, const char *path, enum submit_format *format);

struct submit_input;

/* submit_input_open opens a path, "-" is standard input; schema is only needed for CSV, and
 * borrowed. Errors: ERR_NOT_FOUND, ERR_IO; ERR_INVALID a CSV header that does not fit the
 * schema. */
MUST_USE enum err submit_input_open(const char *path, enum submit_format format,
                                    const struct schema *schema, struct submit_input **input,
                                    struct diag *diag);
void submit_input_close(struct submit_input **input);
/* submit_input_open_bytes reads borrowed memory; path is for messages.  Errors: as above. */
MUST_USE enum err submit_input_open_bytes(struct span bytes, const char *path,
                                          enum submit_format format, const struct schema *schema,
                                          struct submit_input **input, struct diag *diag);
/* submit_input_next appends the next case to out; *location is its line, or in a MessagePack file
 * or a JSON array its number, from 1.
 * Errors: ERR_NOT_FOUND no more; ERR_INVALID and others with file and line: out unchanged. */
MUST_USE enum err submit_input_next(struct submit_input *input, struct buf *out, uint64_t *location,
                                    struct diag *diag);
/* After a fault: whether no case can follow, and where the fault is. */
bool submit_input_is_ended(const struct submit_input *input);
uint64_t submit_input_location(const struct submit_input *input);
/* submit_input_is_numbered: locations are numbers, not lines; known after the first case. */
bool submit_input_is_numbered(const struct submit_input *input);

#endif

/* Purpose: a case as a line of JSON -> the same case as MessagePack.  Only the notation changes;
 * casedoc checks the facts.
 * Limits: JSON_LINE_BYTES_MAX per line, JSON_CASE_DEPTH_MAX levels. Never: puts a line's content
 * into a diag (P10). */
#ifndef CASEMILL_CLI_JSON_CASE_H
#define CASEMILL_CLI_JSON_CASE_H

#include "base/buf.h"
#include "base/diag.h"

enum { JSON_LINE_BYTES_MAX = 8 << 20, JSON_CASE_DEPTH_MAX = 16 };

/* json_case_encode appends the MessagePack of one JSON object to out.  A number with a point or an
 * exponent is a float, every other an int.
 * Errors: ERR_INVALID not a JSON object, a key twice, a number beyond 64 bits (diag: column);
 * ERR_TOO_DEEP; ERR_TOO_LARGE; out unchanged. */
MUST_USE enum err json_case_encode(struct span line, struct buf *out, struct diag *diag);

#endif

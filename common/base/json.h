/* Purpose: writing JSON into a buffer, for status pages, logs and --json output.
 * The writer adds commas and escapes keys and strings, also characters that change a terminal
 * (base/plain.h).  Bytes that are not UTF-8 become U+FFFD.  Limits: 32 levels. */
#ifndef CASEMILL_BASE_JSON_H
#define CASEMILL_BASE_JSON_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Of every JSON answer of the programs.  It rises when a member goes or changes its meaning; a new
 * member does not change it.  common/cli/README.md describes it. */
enum { JSON_SCHEMA_VERSION = 1 };

struct json {
    struct buf *out; /* borrowed */
    uint32_t depth;
    uint32_t has_items; /* bit per level */
    bool after_key;
};

void json_init(struct json *json, struct buf *out);
void json_object_open(struct json *json);
void json_object_close(struct json *json);
void json_array_open(struct json *json);
void json_array_close(struct json *json);
/* json_key returns json, for members in one statement: json_int(json_key(json, "count"), 3). */
struct json *json_key(struct json *json, const char *key);
void json_str(struct json *json, const char *text);
void json_span(struct json *json, struct span text);
void json_int(struct json *json, int64_t value);
void json_uint(struct json *json, uint64_t value);
void json_double(struct json *json, double value); /* null when not finite */
/* json_float is json_double for readers that distinguish 1 from 1.0. */
void json_float(struct json *json, double value);
void json_bool(struct json *json, bool value);
void json_nil(struct json *json); /* not json_null: jansson has that name and would call this one */

#endif

/* Purpose: MessagePack bytes as JSON, for a person or for `submit`. */
#ifndef CASEMILL_CLI_MSGPACK_JSON_H
#define CASEMILL_CLI_MSGPACK_JSON_H

#include "base/json.h"
#include "base/span.h"

/* msgpack_json writes one value.  Values that JSON lacks (bytes, texts that are not UTF-8) become
 * "hex:...".  Invalid bytes, or a map with a key that is no text, become one such text. */
void msgpack_json(struct span bytes, struct json *json);
/* msgpack_json_is_exact is false where msgpack_json writes another value: "hex:..." for bytes, null
 * for a number that is not finite. */
bool msgpack_json_is_exact(struct span bytes);

#endif

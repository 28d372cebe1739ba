/* Purpose: MessagePack bytes as JSON for a person. */
#ifndef CASEMILL_CLI_MSGPACK_JSON_H
#define CASEMILL_CLI_MSGPACK_JSON_H

#include "base/json.h"
#include "base/span.h"

/* msgpack_json writes one value.  What JSON cannot say (bytes, texts that are not UTF-8) becomes
 * "hex:..."; bytes that are no value, or a map with a key that is no text, become that as a whole.
 */
void msgpack_json(struct span bytes, struct json *json);

#endif

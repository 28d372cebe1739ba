/* Purpose: writing MessagePack values to a buffer; the only user of msgpack.h.
 * Numbers take the shortest form that holds them.  A map or array is followed by its items. */
#ifndef CASEMILL_WIRE_PACK_H
#define CASEMILL_WIRE_PACK_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

void pack_nil(struct buf *out);
void pack_bool(struct buf *out, bool value);
void pack_int(struct buf *out, int64_t value);
void pack_uint(struct buf *out, uint64_t value);
void pack_double(struct buf *out, double value);
void pack_str(struct buf *out, struct span text);
void pack_bin(struct buf *out, struct span bytes);
void pack_array(struct buf *out, size_t count);
void pack_map(struct buf *out, size_t pairs);

#endif

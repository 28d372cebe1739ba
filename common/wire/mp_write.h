/* Purpose: writing MessagePack values to a buffer; the only user of msgpack.h.
 * Numbers take the shortest form that holds them.  A map or array is followed by its items. */
#ifndef CASEMILL_WIRE_MP_WRITE_H
#define CASEMILL_WIRE_MP_WRITE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

void mp_write_nil(struct buf *out);
void mp_write_bool(struct buf *out, bool value);
void mp_write_int(struct buf *out, int64_t value);
void mp_write_uint(struct buf *out, uint64_t value);
void mp_write_double(struct buf *out, double value);
void mp_write_str(struct buf *out, struct span text);
void mp_write_bin(struct buf *out, struct span bytes);
void mp_write_array(struct buf *out, size_t count);
void mp_write_map(struct buf *out, size_t pairs);

#endif

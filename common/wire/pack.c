/* The only caller of msgpack-c's packer.  A packer is two pointers, so each call makes its own. */
#include "wire/pack.h"

#include <msgpack.h>

static int write_bytes(void *data, const char *bytes, size_t len) {
    buf_append((struct buf *)data, span_make(bytes, len));
    return 0;
}

/* Packing fails only when writing does, and appending to a buffer cannot. */
#define PACK(out, call, ...)                                                                       \
    do {                                                                                           \
        msgpack_packer packer;                                                                     \
        msgpack_packer_init(&packer, out, write_bytes);                                            \
        (void)msgpack_pack_##call(&packer, __VA_ARGS__);                                           \
    } while (0)

void pack_nil(struct buf *out) { buf_byte(out, 0xc0); }
void pack_bool(struct buf *out, bool value) { buf_byte(out, value ? 0xc3 : 0xc2); }
void pack_int(struct buf *out, int64_t value) { PACK(out, int64, value); }
void pack_uint(struct buf *out, uint64_t value) { PACK(out, uint64, value); }
void pack_double(struct buf *out, double value) { PACK(out, double, value); }
void pack_str(struct buf *out, struct span text) { PACK(out, str_with_body, text.ptr, text.len); }
void pack_bin(struct buf *out, struct span bytes) {
    PACK(out, bin_with_body, bytes.ptr, bytes.len);
}
void pack_array(struct buf *out, size_t count) { PACK(out, array, count); }
void pack_map(struct buf *out, size_t pairs) { PACK(out, map, pairs); }

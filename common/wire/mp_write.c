/* The only caller of msgpack-c's packer.  A packer is two pointers, so each call makes its own. */
#include "wire/mp_write.h"

#include <msgpack.h>

static int write_bytes(void *data, const char *bytes, size_t len) {
    buf_append((struct buf *)data, span_make(bytes, len));
    return 0;
}

/* Packing fails only when writing does, and appending to a buffer cannot. */
#define WRITE(out, call, ...)                                                                      \
    do {                                                                                           \
        msgpack_packer packer;                                                                     \
        msgpack_packer_init(&packer, out, write_bytes);                                            \
        (void)msgpack_pack_##call(&packer, __VA_ARGS__);                                           \
    } while (0)

void mp_write_nil(struct buf *out) { buf_byte(out, 0xc0); }
void mp_write_bool(struct buf *out, bool value) { buf_byte(out, value ? 0xc3 : 0xc2); }
void mp_write_int(struct buf *out, int64_t value) { WRITE(out, int64, value); }
void mp_write_uint(struct buf *out, uint64_t value) { WRITE(out, uint64, value); }
void mp_write_double(struct buf *out, double value) { WRITE(out, double, value); }
void mp_write_str(struct buf *out, struct span text) {
    WRITE(out, str_with_body, text.ptr, text.len);
}
void mp_write_bin(struct buf *out, struct span bytes) {
    WRITE(out, bin_with_body, bytes.ptr, bytes.len);
}
void mp_write_array(struct buf *out, size_t count) { WRITE(out, array, count); }
void mp_write_map(struct buf *out, size_t pairs) { WRITE(out, map, pairs); }

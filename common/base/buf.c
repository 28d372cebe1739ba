/* Growing bytes. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>

enum { BUF_CAP_MIN = 64 };

void buf_free(struct buf *buf) {
    mem_free(buf->ptr);
    *buf = BUF_EMPTY;
}

void buf_grow(struct buf *buf, size_t bytes) {
    CHECK(buf->len <= buf->cap);
    size_t wanted = buf->len + bytes;
    CHECK(wanted >= bytes);
    size_t cap = buf->cap < BUF_CAP_MIN ? BUF_CAP_MIN : buf->cap;
    while (cap < wanted) {
        cap += cap / 2;
    }
    buf->ptr = mem_grow(buf->ptr, cap, 1);
    buf->cap = cap;
}

void buf_vprintf(struct buf *buf, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    char small[256];
    int wanted = vsnprintf(small, sizeof(small), format, arguments);
    CHECK(wanted >= 0);
    size_t len = (size_t)wanted;
    if (len < sizeof(small)) {
        buf_append(buf, span_make(small, len));
    } else {
        (void)vsnprintf((char *)buf_room(buf, len + 1), len + 1, format, again);
        buf->len += len;
    }
    va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(buf, format, arguments);
    va_end(arguments);
}

const char *buf_cstr(struct buf *buf) {
    *buf_room(buf, 1) = 0;
    return (const char *)buf->ptr;
}

void buf_hex(struct buf *buf, struct span bytes) {
    static const char digits[] = "0123456789abcdef";
    uint8_t *room = buf_room(buf, bytes.len * 2);
    for (size_t i = 0; i < bytes.len; i++) {
        room[2 * i] = (uint8_t)digits[bytes.ptr[i] >> 4];
        room[2 * i + 1] = (uint8_t)digits[bytes.ptr[i] & 15];
    }
    buf->len += bytes.len * 2;
}

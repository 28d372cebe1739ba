/* Growing bytes. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>

enum { BUF_CAP_MIN = 64 };

void buf_free(struct buf *buf) {
    mem_free(buf->ptr);
    *buf = BUF_EMPTY;
}

uint8_t *buf_room(struct buf *buf, size_t bytes) {
    CHECK(buf->len <= buf->cap);
    if (buf->cap - buf->len < bytes) {
        size_t wanted = buf->len + bytes;
        CHECK(wanted >= bytes);
        size_t cap = buf->cap < BUF_CAP_MIN ? BUF_CAP_MIN : buf->cap;
        while (cap < wanted) {
            cap += cap / 2;
        }
        buf->ptr = mem_grow(buf->ptr, cap, 1);
        buf->cap = cap;
    }
    return buf->ptr == NULL ? NULL : buf->ptr + buf->len;
}

void buf_append(struct buf *buf, struct span bytes) {
    uint8_t *room = buf_room(buf, bytes.len);
    if (bytes.len != 0) {
        memcpy(room, bytes.ptr, bytes.len);
    }
    buf->len += bytes.len;
}

void buf_str(struct buf *buf, const char *text) { buf_append(buf, span_str(text)); }

void buf_byte(struct buf *buf, uint8_t byte) { buf_append(buf, span_make(&byte, 1)); }

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

static void append_le(struct buf *buf, uint64_t value, size_t bytes) {
    uint8_t *room = buf_room(buf, bytes);
    for (size_t i = 0; i < bytes; i++) {
        room[i] = (uint8_t)(value >> (8 * i));
    }
    buf->len += bytes;
}

static void append_be(struct buf *buf, uint64_t value, size_t bytes) {
    uint8_t *room = buf_room(buf, bytes);
    for (size_t i = 0; i < bytes; i++) {
        room[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    }
    buf->len += bytes;
}

static uint64_t read_le(const uint8_t *ptr, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = bytes; i > 0; i--) {
        value = value << 8 | ptr[i - 1];
    }
    return value;
}

static uint64_t read_be(const uint8_t *ptr, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | ptr[i];
    }
    return value;
}

void buf_le16(struct buf *buf, uint16_t value) { append_le(buf, value, 2); }
void buf_le32(struct buf *buf, uint32_t value) { append_le(buf, value, 4); }
void buf_le64(struct buf *buf, uint64_t value) { append_le(buf, value, 8); }
void buf_be16(struct buf *buf, uint16_t value) { append_be(buf, value, 2); }
void buf_be32(struct buf *buf, uint32_t value) { append_be(buf, value, 4); }
void buf_be64(struct buf *buf, uint64_t value) { append_be(buf, value, 8); }
uint16_t get_le16(const uint8_t *ptr) { return (uint16_t)read_le(ptr, 2); }
uint32_t get_le32(const uint8_t *ptr) { return (uint32_t)read_le(ptr, 4); }
uint64_t get_le64(const uint8_t *ptr) { return read_le(ptr, 8); }
uint16_t get_be16(const uint8_t *ptr) { return (uint16_t)read_be(ptr, 2); }
uint32_t get_be32(const uint8_t *ptr) { return (uint32_t)read_be(ptr, 4); }
uint64_t get_be64(const uint8_t *ptr) { return read_be(ptr, 8); }

void buf_hex(struct buf *buf, struct span bytes) {
    static const char digits[] = "0123456789abcdef";
    uint8_t *room = buf_room(buf, bytes.len * 2);
    for (size_t i = 0; i < bytes.len; i++) {
        room[2 * i] = (uint8_t)digits[bytes.ptr[i] >> 4];
        room[2 * i + 1] = (uint8_t)digits[bytes.ptr[i] & 15];
    }
    buf->len += bytes.len * 2;
}

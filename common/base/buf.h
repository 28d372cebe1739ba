/* Purpose: a growing byte buffer.  It grows through mem.h, so appending cannot fail; readers bound
 * bytes from outside before they append them. */
#ifndef CASEMILL_BASE_BUF_H
#define CASEMILL_BASE_BUF_H

#include "base/check.h"
#include "base/span.h"

#include <endian.h>
#include <stdarg.h>
#include <stdint.h>

struct buf {
    uint8_t *ptr; /* NULL while cap is 0 */
    size_t len;   /* bytes in use, <= cap */
    size_t cap;   /* bytes allocated */
};

#define BUF_EMPTY ((struct buf){NULL, 0, 0})

void buf_free(struct buf *buf); /* frees the bytes and empties the struct; reusable afterwards */

static inline void buf_clear(struct buf *buf) { buf->len = 0; }
static inline struct span buf_span(const struct buf *buf) { return span_make(buf->ptr, buf->len); }

/* buf_grow is the slow path of buf_room. */
void buf_grow(struct buf *buf, size_t bytes);
/* buf_room makes room for more bytes and returns their address; the caller adds the bytes it wrote
 * to len. */
static inline uint8_t *buf_room(struct buf *buf, size_t bytes) {
    if (buf->ptr == NULL || buf->cap - buf->len < bytes) {
        buf_grow(buf, bytes);
    }
    return buf->ptr + buf->len;
}
static inline void buf_append(struct buf *buf, struct span bytes) {
    if (bytes.len != 0) {
        memcpy(buf_room(buf, bytes.len), bytes.ptr, bytes.len);
        buf->len += bytes.len;
    }
}
static inline void buf_str(struct buf *buf, const char *text) { buf_append(buf, span_str(text)); }
static inline void buf_byte(struct buf *buf, uint8_t byte) {
    *buf_room(buf, 1) = byte;
    buf->len++;
}
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list arguments) PRINTF_LIKE(2, 0);
/* buf_cstr puts a NUL behind the bytes (not counted in len) and returns them; valid until the next
 * change. */
const char *buf_cstr(struct buf *buf);

/* Fixed-width integers: le for the journal, be for PostgreSQL.  Inline, because rows consist of
 * them. */
#define BUF_INTEGER(order, bits, to_order, from_order)                                             \
    static inline void buf_##order##bits(struct buf *buf, uint##bits##_t value) {                  \
        uint##bits##_t stored = to_order(value);                                                   \
        memcpy(buf_room(buf, sizeof(stored)), &stored, sizeof(stored));                            \
        buf->len += sizeof(stored);                                                                \
    }                                                                                              \
    static inline uint##bits##_t get_##order##bits(const uint8_t *ptr) {                           \
        uint##bits##_t stored = 0;                                                                 \
        memcpy(&stored, ptr, sizeof(stored));                                                      \
        return from_order(stored);                                                                 \
    }
BUF_INTEGER(le, 16, htole16, le16toh)
BUF_INTEGER(le, 32, htole32, le32toh)
BUF_INTEGER(le, 64, htole64, le64toh)
BUF_INTEGER(be, 16, htobe16, be16toh)
BUF_INTEGER(be, 32, htobe32, be32toh)
BUF_INTEGER(be, 64, htobe64, be64toh)
#undef BUF_INTEGER

/* Hexadecimal, lower case. */
void buf_hex(struct buf *buf, struct span bytes);

#endif

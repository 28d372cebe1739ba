/* Purpose: a growing byte buffer.  Grows through mem.h, so appending cannot fail; bytes from
 * outside are bounded by their reader before they are appended. */
#ifndef CASEMILL_BASE_BUF_H
#define CASEMILL_BASE_BUF_H

#include "base/check.h"
#include "base/span.h"

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

/* buf_room makes room for bytes more and returns where they go; the caller adds to len what it
 * wrote. */
uint8_t *buf_room(struct buf *buf, size_t bytes);
void buf_append(struct buf *buf, struct span bytes);
void buf_str(struct buf *buf, const char *text);
void buf_byte(struct buf *buf, uint8_t byte);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list arguments) PRINTF_LIKE(2, 0);
/* buf_cstr puts a NUL behind the bytes (not counted in len) and returns them; valid until the next
 * change. */
const char *buf_cstr(struct buf *buf);

/* Fixed-width integers: le for the journal, be for PostgreSQL. */
void buf_le16(struct buf *buf, uint16_t value);
void buf_le32(struct buf *buf, uint32_t value);
void buf_le64(struct buf *buf, uint64_t value);
void buf_be16(struct buf *buf, uint16_t value);
void buf_be32(struct buf *buf, uint32_t value);
void buf_be64(struct buf *buf, uint64_t value);
uint16_t get_le16(const uint8_t *ptr);
uint32_t get_le32(const uint8_t *ptr);
uint64_t get_le64(const uint8_t *ptr);
uint16_t get_be16(const uint8_t *ptr);
uint32_t get_be32(const uint8_t *ptr);
uint64_t get_be64(const uint8_t *ptr);

/* Hexadecimal, lower case. */
void buf_hex(struct buf *buf, struct span bytes);

#endif

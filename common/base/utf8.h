/* Purpose: text as code points.  The functions expect well-formed UTF-8, see span_is_utf8. */
#ifndef CASEMILL_BASE_UTF8_H
#define CASEMILL_BASE_UTF8_H

#include "base/span.h"

/* utf8_put writes one code point and returns its bytes, 1 to 4. */
static inline size_t utf8_put(uint32_t code, uint8_t *out) {
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* utf8_width is the number of bytes of the sequence that begins with lead. */
static inline size_t utf8_width(uint8_t lead) {
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static inline uint32_t utf8_get(const uint8_t *at) {
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t width = utf8_width(*at);
    uint32_t code = (uint32_t)(*at & lead_bits[width]);
    for (size_t i = 1; i < width; i++) {
        code = code << 6 | (at[i] & 0x3fU);
    }
    return code;
}

static inline size_t utf8_count(struct span text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += (text.ptr[i] & 0xc0) != 0x80;
    }
    return count;
}

/* utf8_offset is the byte offset of a code point; count of code points gives the length. */
static inline size_t utf8_offset(struct span text, size_t point) {
    size_t at = 0;
    while (point > 0 && at < text.len) {
        at += utf8_width(text.ptr[at]);
        point--;
    }
    return at;
}

#endif

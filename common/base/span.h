/* Purpose: borrowed bytes with a length; never NUL-terminated by assumption.
 * Ownership: a span owns nothing; its maker documents how long the bytes live. */
#ifndef CASEMILL_BASE_SPAN_H
#define CASEMILL_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *ptr; /* may be NULL when len is 0 */
    size_t len;         /* bytes */
};

/* For printf: "%.*s", SPAN_ARG(s). */
#define SPAN_ARG(span) (int)(span).len, (const char *)(span).ptr
#define SPAN_LIT(literal) ((struct span){(const uint8_t *)(literal), sizeof(literal) - 1})

static inline struct span span_make(const void *ptr, size_t len) {
    return (struct span){(const uint8_t *)ptr, len};
}

/* span_str views a NUL-terminated string without its NUL. */
static inline struct span span_str(const char *text) {
    return (struct span){(const uint8_t *)text, strlen(text)};
}

/* span_from is the rest of the text from byte `from`; the text may be empty. */
static inline struct span span_from(struct span text, size_t at) {
    return at == 0 ? text : span_make(text.ptr + at, text.len - at);
}

static inline bool span_eq(struct span a, struct span b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool span_is(struct span a, const char *text) { return span_eq(a, span_str(text)); }

/* span_trim leaves out the spaces and tabs at both ends. */
static inline struct span span_trim(struct span text) {
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text = span_make(text.ptr + 1, text.len - 1);
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

/* span_starts and span_ends: whether the text begins or ends with another. */
static inline bool span_starts(struct span text, const char *start) {
    size_t len = strlen(start);
    return text.len >= len && span_is(span_make(text.ptr, len), start);
}
static inline bool span_ends(struct span text, const char *end) {
    size_t len = strlen(end);
    return text.len >= len && span_is(span_make(text.ptr + (text.len - len), len), end);
}

/* span_cmp orders by bytes, shorter first on a common prefix: <0, 0, >0. */
static inline int span_cmp(struct span a, struct span b) {
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

/* span_is_utf8 is true for well-formed UTF-8 (no surrogates, no overlong forms, up to U+10FFFF). */
bool span_is_utf8(struct span text);

#endif

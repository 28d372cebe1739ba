/* Purpose: the values of the slow evaluator, and their order.  Instants and durations are one count
 * of nanoseconds, texts are bytes that are taken apart into code points where that matters. */
#ifndef CASEMILL_TESTS_UNIT_CEL_SLOW_VALUE_H
#define CASEMILL_TESTS_UNIT_CEL_SLOW_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"

#include <math.h>

__extension__ typedef __int128 wide;

enum slow_kind {
    SLOW_BOOL,
    SLOW_INT,
    SLOW_UINT,
    SLOW_DOUBLE,
    SLOW_STRING,
    SLOW_BYTES,
    SLOW_INSTANT,
    SLOW_DURATION,
    SLOW_DATE,
    SLOW_INTS,
    SLOW_STRINGS,
    SLOW_PEOPLE,
    SLOW_PERSON,
    SLOW_MAP, /* text -> int */
    SLOW_OPT_INT,
    SLOW_OPT_STRING,
    SLOW_OPT_PERSON,
    SLOW_ZONE, /* where a text names a time zone; of values it is SLOW_STRING */
    SLOW_UNKNOWN,
    SLOW_ERROR,
    SLOW_KINDS
};

struct slow {
    enum slow_kind kind;
    int64_t i; /* bool, int, date in days */
    uint64_t u;
    double d;
    wide nanos;               /* instant since 1970, duration */
    struct span text;         /* string, bytes */
    const struct slow *items; /* of a list; pairs of a map; of an optional; leaves of a person */
    uint32_t count;
    uint64_t facts; /* of an unknown */
};

static inline struct slow slow_error(void) { return (struct slow){.kind = SLOW_ERROR}; }
static inline struct slow slow_of(enum slow_kind kind, int64_t i) {
    return (struct slow){.kind = kind, .i = i};
}
static inline struct slow slow_bool(bool yes) { return slow_of(SLOW_BOOL, yes); }
static inline struct slow slow_text(const char *text) {
    return (struct slow){.kind = SLOW_STRING, .text = span_str(text)};
}
static inline bool slow_is_fault(struct slow value) { return value.kind >= SLOW_UNKNOWN; }

static inline int slow_compare_texts(struct span a, struct span b) {
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool slow_is_real(struct slow value) { return value.kind == SLOW_DOUBLE; }

static inline double slow_real(struct slow value) {
    return slow_is_real(value)       ? value.d
           : value.kind == SLOW_UINT ? (double)value.u
                                     : (double)value.i;
}

/* A date among instants is its midnight. */
static inline wide slow_whole(struct slow value) {
    return value.kind == SLOW_UINT       ? (wide)value.u
           : value.kind == SLOW_DATE     ? (wide)value.i * 86400 * 1000000000
           : value.kind == SLOW_INSTANT  ? value.nanos
           : value.kind == SLOW_DURATION ? value.nanos
                                         : value.i;
}

static inline int slow_compare(struct slow a, struct slow b) {
    if (a.kind == SLOW_STRING || a.kind == SLOW_BYTES) {
        return slow_compare_texts(a.text, b.text);
    }
    if (slow_is_real(a) || slow_is_real(b)) {
        double left = slow_real(a);
        double right = slow_real(b);
        return (left > right) - (left < right);
    }
    wide left = slow_whole(a);
    wide right = slow_whole(b);
    return (left > right) - (left < right);
}

static inline bool slow_is_unordered(struct slow a, struct slow b) {
    return (slow_is_real(a) && isnan(a.d)) || (slow_is_real(b) && isnan(b.d));
}

/* The value under a key, or NULL. */
static inline const struct slow *slow_find(struct slow map, struct span key) {
    for (uint32_t i = 0; i < map.count; i++) {
        if (slow_compare_texts(map.items[2 * i].text, key) == 0) {
            return &map.items[2 * i + 1];
        }
    }
    return NULL;
}

static inline bool slow_equal(struct slow a, struct slow b) {
    bool is_map = a.kind == SLOW_MAP;
    bool is_many = a.kind >= SLOW_INTS && a.kind <= SLOW_OPT_PERSON;
    if (!is_many) {
        return !slow_is_unordered(a, b) && slow_compare(a, b) == 0;
    }
    bool equal = a.count == b.count;
    for (uint32_t i = 0; equal && i < a.count; i++) {
        const struct slow *other = is_map ? slow_find(b, a.items[2 * i].text) : &b.items[i];
        equal = other != NULL && slow_equal(a.items[is_map ? 2 * i + 1 : i], *other);
    }
    return equal;
}

#endif

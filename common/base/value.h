/* Purpose: the 16-byte typed value that the decoder of cases fills and the condition language runs
 * on, so a decoded fact is evaluated in place, without conversion. Ownership: payload pointers are
 * borrowed from an arena or from the case's bytes; a value owns nothing. Limits: PATHS_MAX fact
 * paths in a schema. */
#ifndef CASEMILL_BASE_VALUE_H
#define CASEMILL_BASE_VALUE_H

#include "base/check.h"
#include "base/date.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum value_kind {
    VAL_NULL,
    VAL_BOOL,
    VAL_INT,
    VAL_UINT,
    VAL_DOUBLE,
    VAL_STRING, /* text, len: UTF-8 without NUL */
    VAL_BYTES,
    VAL_LIST,      /* items[len] */
    VAL_MAP,       /* pairs of items: key, value, key, value; len counts pairs; keys are unique */
    VAL_TIMESTAMP, /* i: seconds since 1970, len: nanoseconds 0..999999999; a date is one at 00:00Z
                    */
    VAL_DURATION,  /* i: seconds, len: nanoseconds as an int32 of the same sign */
    VAL_TYPE,
    VAL_OPTIONAL, /* items: the held value, len 1; none: len 0 */
    VAL_UNKNOWN,  /* len 1 to VALUE_PATHS_MAX: u holds `len` fact paths, 16 bits each, the first
                     lowest; len 0: paths points to a set */
    VAL_ERROR     /* aux: enum of the language; see cel/ */
};

enum { PATHS_MAX = 256, PATH_WORDS = PATHS_MAX / 64, VALUE_PATHS_MAX = 4 };

/* A set of fact paths (ids as numbered by the schema). */
struct path_set {
    uint64_t words[PATH_WORDS];
};

struct value {
    uint8_t kind;  /* enum value_kind */
    uint8_t flags; /* the language's own */
    uint16_t aux;  /* the language's own: error kind, type id, interned word */
    uint32_t len;
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
        const char *text;
        const uint8_t *bytes;
        const struct value *items;
        const struct path_set *paths;
    };
};
_Static_assert(sizeof(struct value) == 16, "a value is two words");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "value_mark has aux above kind");

static inline struct value value_null(void) { return (struct value){.kind = VAL_NULL}; }
static inline struct value value_bool(bool b) {
    return (struct value){.kind = VAL_BOOL, .u = b ? 1 : 0};
}
static inline struct value value_int(int64_t i) { return (struct value){.kind = VAL_INT, .i = i}; }
static inline struct value value_uint(uint64_t u) {
    return (struct value){.kind = VAL_UINT, .u = u};
}
static inline struct value value_double(double d) {
    return (struct value){.kind = VAL_DOUBLE, .d = d};
}
static inline struct value value_string(struct span text) {
    return (struct value){
        .kind = VAL_STRING, .len = (uint32_t)text.len, .text = (const char *)text.ptr};
}
/* value_word is a text known to be word `number` (from 0, below VALUE_WORDS_MAX) of its fact's
 * vocabulary.  Code that knows the declaration compares numbers, not texts. */
enum { VALUE_WORDS_MAX = UINT16_MAX - 1 };
static inline struct value value_word(struct span text, uint32_t number) {
    struct value value = value_string(text);
    value.aux = (uint16_t)(number + 1);
    return value;
}
/* value_mark distinguishes the words of one vocabulary: kind, flags and aux as one number. */
static inline uint32_t value_mark(const struct value *value) {
    uint32_t mark = 0;
    memcpy(&mark, value, sizeof(mark));
    return mark;
}
static inline uint32_t mark_of_word(uint32_t number) { return VAL_STRING | (number + 1) << 16; }
/* mark_number is below VALUE_WORDS_MAX for the mark of a word, and for no other. */
static inline uint32_t mark_number(uint32_t mark) {
    uint32_t turned = mark ^ VAL_STRING;
    return (turned >> 16 | turned << 16) - 1;
}
static inline bool mark_is_word(uint32_t mark) { return mark_number(mark) < VALUE_WORDS_MAX; }
static inline struct value value_date(int32_t days) {
    return (struct value){.kind = VAL_TIMESTAMP, .i = (int64_t)days * DATE_DAY_SECONDS};
}
static inline struct value value_list(const struct value *items, uint32_t count) {
    return (struct value){.kind = VAL_LIST, .len = count, .items = items};
}
static inline struct value value_map(const struct value *pairs, uint32_t count) {
    return (struct value){.kind = VAL_MAP, .len = count, .items = pairs};
}
/* value_record is a map of all fields that its record is declared with, in that order. */
enum { MARK_OF_RECORD = VAL_MAP | 1 << 16 };
static inline struct value value_record(const struct value *pairs, uint32_t count) {
    return (struct value){.kind = VAL_MAP, .aux = 1, .len = count, .items = pairs};
}
static inline struct value value_unknown(uint16_t path) {
    return (struct value){.kind = VAL_UNKNOWN, .len = 1, .u = path};
}
static inline struct span value_span(struct value value) {
    return span_make(value.text, value.len);
}

static inline void path_set_add(struct path_set *set, unsigned path) {
    CHECK(path < PATHS_MAX);
    set->words[path / 64] |= (uint64_t)1 << path % 64;
}
static inline bool path_set_has(const struct path_set *set, unsigned path) {
    return path < PATHS_MAX && (set->words[path / 64] >> path % 64 & 1) != 0;
}
static inline void path_set_join(struct path_set *set, const struct path_set *other) {
    for (int i = 0; i < PATH_WORDS; i++) {
        set->words[i] |= other->words[i];
    }
}
static inline bool path_set_is_empty(const struct path_set *set) {
    uint64_t all = 0;
    for (int i = 0; i < PATH_WORDS; i++) {
        all |= set->words[i];
    }
    return all == 0;
}
static inline uint16_t value_path(struct value unknown, uint32_t i) {
    return (uint16_t)(unknown.u >> 16 * i);
}
/* value_unknown_more is value_unknown_paths for more than one path. */
void value_unknown_more(struct value value, struct path_set *set);
/* value_unknown_paths joins the paths of an unknown value into set. */
static inline void value_unknown_paths(struct value value, struct path_set *set) {
    CHECK(value.kind == VAL_UNKNOWN);
    if (value.len == 1) {
        path_set_add(set, (unsigned)value.u);
    } else {
        value_unknown_more(value, set);
    }
}
/* value_unknown_join adds the paths of one unknown value to another's; returns false and adds
 * nothing when they need a set. */
bool value_unknown_join(struct value *to, struct value from);

#endif

/* Purpose: strict functions of the slow evaluator on numbers, bytes, lists, maps, records and
 * optionals: comparison, arithmetic, conversion, membership, reading. */
#ifndef CASEMILL_TESTS_UNIT_CEL_SLOW_BASIC_H
#define CASEMILL_TESTS_UNIT_CEL_SLOW_BASIC_H

#include "cel_slow.h"

#include <stdio.h>

#define SLOW_FUNCTION(name)                                                                        \
    static inline struct slow name(struct slow_run *run, const struct slow_function *function,     \
                                   const struct slow *v)
#define SLOW_UNUSED                                                                                \
    (void)run;                                                                                     \
    (void)function

enum { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL };
enum { ADD, SUBTRACT, MULTIPLY, DIVIDE, MODULO };

SLOW_FUNCTION(slow_not) {
    SLOW_UNUSED;
    return slow_bool(v[0].i == 0);
}

SLOW_FUNCTION(slow_relation) {
    (void)run;
    if (function->number == EQUAL || function->number == NOT_EQUAL) {
        return slow_bool(slow_equal(v[0], v[1]) == (function->number == EQUAL));
    }
    int order = slow_compare(v[0], v[1]);
    bool holds = function->number == LESS         ? order < 0
                 : function->number == LESS_EQUAL ? order <= 0
                 : function->number == GREATER    ? order > 0
                                                  : order >= 0;
    return slow_bool(holds && !slow_is_unordered(v[0], v[1]));
}

/* --- numbers -----------------------------------------------------------------------------------
 */

static inline struct slow slow_fit(enum slow_kind kind, wide number) {
    if (kind == SLOW_UINT) {
        return number < 0 || number > (wide)UINT64_MAX
                   ? slow_error()
                   : (struct slow){.kind = kind, .u = (uint64_t)number};
    }
    return number < INT64_MIN || number > INT64_MAX ? slow_error() : slow_of(kind, (int64_t)number);
}

SLOW_FUNCTION(slow_real_arithmetic) {
    (void)run;
    double a = v[0].d;
    double b = v[1].d;
    double results[] = {a + b, a - b, a * b, a / b};
    return (struct slow){.kind = SLOW_DOUBLE, .d = results[function->number]};
}

SLOW_FUNCTION(slow_arithmetic) {
    (void)run;
    wide a = slow_whole(v[0]);
    wide b = slow_whole(v[1]);
    if (function->number >= DIVIDE && b == 0) {
        return slow_error();
    }
    if (function->number == MODULO && a == INT64_MIN && b == -1) {
        return slow_error(); /* as the quotient overflows */
    }
    wide result = function->number == ADD        ? a + b
                  : function->number == SUBTRACT ? a - b
                  : function->number == DIVIDE   ? a / b
                  : function->number == MODULO   ? a % b
                                                 : 0;
    if (function->number != MULTIPLY) {
        return slow_fit(v[0].kind, result);
    }
    bool overflows = __builtin_mul_overflow(a, b, &result); /* two uints are more than 127 bits */
    return overflows ? slow_error() : slow_fit(v[0].kind, result);
}

SLOW_FUNCTION(slow_negate) {
    SLOW_UNUSED;
    return v[0].kind == SLOW_DOUBLE ? (struct slow){.kind = SLOW_DOUBLE, .d = -v[0].d}
                                    : slow_fit(SLOW_INT, -(wide)v[0].i);
}

/* From int, uint and double, whose fraction is cut; the ends of the range are out of it. */
SLOW_FUNCTION(slow_to_whole) {
    (void)run;
    if (v[0].kind != SLOW_DOUBLE) {
        return slow_fit(function->result, slow_whole(v[0]));
    }
    bool fits = function->result == SLOW_INT ? v[0].d > -0x1p63 && v[0].d < 0x1p63
                                             : v[0].d >= 0 && v[0].d < 0x1p64;
    return fits ? slow_fit(function->result, (wide)v[0].d) : slow_error();
}

SLOW_FUNCTION(slow_to_double) {
    SLOW_UNUSED;
    return (struct slow){.kind = SLOW_DOUBLE, .d = slow_real(v[0])};
}

/* Decimal digits behind an optional sign, nothing else. */
SLOW_FUNCTION(slow_read_whole) {
    (void)run;
    struct span text = v[0].text;
    size_t at = text.len != 0 && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;
    wide number = 0;
    if (at == text.len || text.len > 20 ||
        (at == 1 && text.ptr[0] == '-' && function->result == SLOW_UINT)) {
        return slow_error();
    }
    for (size_t i = at; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return slow_error();
        }
        number = number * 10 + (text.ptr[i] - '0');
    }
    return slow_fit(function->result, at == 1 && text.ptr[0] == '-' ? -number : number);
}

/* number: 1 the greatest, -1 the least. */
SLOW_FUNCTION(slow_extreme) {
    (void)run;
    struct slow best = v[0];
    for (uint32_t i = 1; i < function->count; i++) {
        best = slow_compare(v[i], best) == function->number ? v[i] : best;
    }
    return best;
}

SLOW_FUNCTION(slow_abs) {
    SLOW_UNUSED;
    wide number = slow_whole(v[0]);
    return slow_fit(v[0].kind, number < 0 ? -number : number);
}

SLOW_FUNCTION(slow_sign) {
    SLOW_UNUSED;
    wide number = slow_whole(v[0]);
    return slow_fit(v[0].kind, (number > 0) - (number < 0));
}

enum { BITS_AND, BITS_OR, BITS_XOR, BITS_NOT, BITS_LEFT, BITS_RIGHT };

/* A shift takes in zeros, also on the left of a negative number. */
SLOW_FUNCTION(slow_bits) {
    (void)run;
    uint64_t a = v[0].kind == SLOW_UINT ? v[0].u : (uint64_t)v[0].i;
    uint64_t b = v[1].kind == SLOW_UINT ? v[1].u : (uint64_t)v[1].i;
    uint64_t shift = b > 63 ? 63 : b;
    bool is_shift = function->number >= BITS_LEFT;
    uint64_t results[] = {a & b, a | b, a ^ b, ~a, a << shift, a >> shift};
    uint64_t bits = is_shift && b > 63 ? 0 : results[function->number];
    if (is_shift && v[1].i < 0) {
        return slow_error();
    }
    return v[0].kind == SLOW_UINT ? (struct slow){.kind = SLOW_UINT, .u = bits}
                                  : slow_of(SLOW_INT, (int64_t)bits);
}

/* --- bytes, lists, maps ------------------------------------------------------------------------
 */

enum { SLOW_BYTES_MAX = 4096 /* of a text that is compared */ };

static inline struct slow slow_made(struct slow_run *run, enum slow_kind kind,
                                    const struct buf *made) {
    uint8_t *copy = arena_zero(run->arena, made->len + 1, 1);
    CHECK(copy != NULL);
    for (size_t i = 0; i < made->len; i++) {
        copy[i] = made->ptr[i];
    }
    run->too_large = run->too_large || made->len > SLOW_BYTES_MAX;
    return (struct slow){.kind = kind, .text = span_make(copy, made->len)};
}

SLOW_FUNCTION(slow_join_texts) {
    (void)function;
    struct buf made = BUF_EMPTY;
    buf_append(&made, v[0].text);
    buf_append(&made, v[1].text);
    struct slow joined = slow_made(run, v[0].kind, &made);
    buf_free(&made);
    return joined;
}

SLOW_FUNCTION(slow_to_bytes) {
    SLOW_UNUSED;
    return (struct slow){.kind = SLOW_BYTES, .text = v[0].text};
}

/* How many bytes a character of UTF-8 takes; 0 when none starts here. */
static inline size_t slow_character(struct span text, size_t at) {
    static const struct {
        uint8_t mask, mark;
    } heads[] = {{0x80, 0}, {0xe0, 0xc0}, {0xf0, 0xe0}, {0xf8, 0xf0}};
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    for (size_t width = 1; width <= 4; width++) {
        if ((text.ptr[at] & heads[width - 1].mask) != heads[width - 1].mark) {
            continue;
        }
        uint32_t code = text.ptr[at] & (uint8_t)~heads[width - 1].mask;
        for (size_t i = 1; i < width; i++) {
            if (at + i >= text.len || (text.ptr[at + i] & 0xc0) != 0x80) {
                return 0;
            }
            code = code << 6 | (text.ptr[at + i] & 0x3f);
        }
        bool is_surrogate = code >= 0xd800 && code < 0xe000;
        return code < least[width - 1] || code > 0x10ffff || is_surrogate ? 0 : width;
    }
    return 0;
}

static inline bool slow_is_utf8(struct span text) {
    size_t width = 1;
    for (size_t at = 0; at < text.len && width != 0; at += width) {
        width = slow_character(text, at);
    }
    return width != 0;
}

SLOW_FUNCTION(slow_text_of_bytes) {
    SLOW_UNUSED;
    return slow_is_utf8(v[0].text) ? (struct slow){.kind = SLOW_STRING, .text = v[0].text}
                                   : slow_error();
}

SLOW_FUNCTION(slow_join_lists) {
    (void)function;
    struct slow *items = slow_room(run, (size_t)v[0].count + v[1].count);
    for (uint32_t i = 0; i < v[0].count + v[1].count; i++) {
        items[i] = i < v[0].count ? v[0].items[i] : v[1].items[i - v[0].count];
    }
    return slow_list(v[0].kind, items, v[0].count + v[1].count);
}

SLOW_FUNCTION(slow_size) {
    SLOW_UNUSED;
    if (v[0].kind == SLOW_BYTES) {
        return slow_of(SLOW_INT, (int64_t)v[0].text.len);
    }
    int64_t points = 0;
    for (size_t i = 0; v[0].kind == SLOW_STRING && i < v[0].text.len; i++) {
        points += (v[0].text.ptr[i] & 0xc0) != 0x80; /* not a byte that continues a character */
    }
    return slow_of(SLOW_INT, v[0].kind == SLOW_STRING ? points : v[0].count);
}

SLOW_FUNCTION(slow_is_in) {
    SLOW_UNUSED;
    bool found = v[1].kind == SLOW_MAP && slow_find(v[1], v[0].text) != NULL;
    for (uint32_t i = 0; v[1].kind != SLOW_MAP && i < v[1].count; i++) {
        found = found || slow_compare(v[0], v[1].items[i]) == 0;
    }
    return slow_bool(found);
}

static inline const struct slow *slow_element(struct slow many, struct slow index) {
    if (many.kind == SLOW_MAP) {
        return slow_find(many, index.text);
    }
    return index.i < 0 || index.i >= many.count ? NULL : &many.items[index.i];
}

SLOW_FUNCTION(slow_index) {
    SLOW_UNUSED;
    const struct slow *found = slow_element(v[0], v[1]);
    return found == NULL ? slow_error() : *found;
}

SLOW_FUNCTION(slow_index_optional) {
    const struct slow *found = slow_element(v[0], v[1]);
    return found == NULL ? (struct slow){.kind = function->result}
                         : slow_some(run, function->result, *found);
}

/* [@0, @1]; each may be optional, and then stands only if it holds something. */
SLOW_FUNCTION(slow_list_of) {
    struct slow *items = slow_room(run, function->count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < function->count; i++) {
        bool is_optional = v[i].kind == SLOW_OPT_INT || v[i].kind == SLOW_OPT_STRING;
        if (!is_optional || v[i].count != 0) {
            items[count++] = is_optional ? v[i].items[0] : v[i];
        }
    }
    return slow_list(function->result, items, count);
}

/* {'a': @0, 'b': @1}, values that may be optional likewise. */
SLOW_FUNCTION(slow_map_of) {
    static const char *const keys[] = {"a", "b"};
    struct slow *pairs = slow_room(run, 4);
    uint32_t count = 0;
    for (uint32_t i = 0; i < function->count; i++) {
        if (v[i].kind == SLOW_INT || v[i].count != 0) {
            pairs[2 * count] = slow_text(keys[i]);
            pairs[2 * count + 1] = v[i].kind == SLOW_INT ? v[i] : v[i].items[0];
            count++;
        }
    }
    return slow_list(SLOW_MAP, pairs, count);
}

/* {@0: 1, @1: 2}: two keys that are the same are an error. */
SLOW_FUNCTION(slow_map_with_keys) {
    (void)function;
    struct slow *pairs = slow_room(run, 4);
    for (uint32_t i = 0; i < 2; i++) {
        pairs[2 * i] = v[i];
        pairs[2 * i + 1] = slow_of(SLOW_INT, i + 1);
    }
    return slow_compare(v[0], v[1]) == 0 ? slow_error() : slow_list(SLOW_MAP, pairs, 2);
}

/* {...}.a and the like; number: which of the two keys that maps here have. */
static inline const struct slow *slow_field(const struct slow_function *function, struct slow map) {
    return slow_find(map, span_str(function->number == 0 ? "a" : "b"));
}

SLOW_FUNCTION(slow_select) {
    (void)run;
    const struct slow *found = slow_field(function, v[0]);
    return found == NULL ? slow_error() : *found;
}

SLOW_FUNCTION(slow_select_optional) {
    const struct slow *found = slow_field(function, v[0]);
    return found == NULL ? (struct slow){.kind = function->result}
                         : slow_some(run, function->result, *found);
}

SLOW_FUNCTION(slow_has_field) {
    (void)run;
    return slow_bool(slow_field(function, v[0]) != NULL);
}

/* --- records and optionals; number: the leaf ---------------------------------------------------
 */

SLOW_FUNCTION(slow_leaf) {
    (void)run;
    return v[0].items[function->number];
}

SLOW_FUNCTION(slow_has_leaf) {
    (void)run;
    struct slow leaf = v[0].items[function->number];
    return slow_is_fault(leaf) ? leaf : slow_bool(true);
}

/* From a person, or from an optional one. */
SLOW_FUNCTION(slow_leaf_optional) {
    struct slow person = v[0];
    if (person.kind == SLOW_OPT_PERSON) {
        if (person.count == 0) {
            return (struct slow){.kind = function->result};
        }
        person = person.items[0];
    }
    struct slow leaf = person.items[function->number];
    return slow_is_fault(leaf) ? leaf : slow_some(run, function->result, leaf);
}

SLOW_FUNCTION(slow_optional_of) { return slow_some(run, function->result, v[0]); }

SLOW_FUNCTION(slow_optional_of_non_zero) {
    bool is_zero = v[0].kind == SLOW_INT ? v[0].i == 0 : v[0].text.len == 0;
    return is_zero ? (struct slow){.kind = function->result}
                   : slow_some(run, function->result, v[0]);
}

SLOW_FUNCTION(slow_has_value) {
    SLOW_UNUSED;
    return slow_bool(v[0].count != 0);
}

SLOW_FUNCTION(slow_value) {
    SLOW_UNUSED;
    return v[0].count == 0 ? slow_error() : v[0].items[0];
}

#endif

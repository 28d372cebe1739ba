/* Purpose: the string functions of the slow evaluator, on texts taken apart into their code points;
 * format, and the text of a value. */
#ifndef CASEMILL_TESTS_UNIT_CEL_SLOW_TEXT_H
#define CASEMILL_TESTS_UNIT_CEL_SLOW_TEXT_H

#include "cel_slow_basic.h"
#include "cel_slow_time.h"

#include <inttypes.h>

/* A text as its characters, each a piece of it. */
struct points {
    struct span *at;
    int64_t count;
};

static inline struct points slow_points(struct slow_run *run, struct span text) {
    struct points points = {.at = arena_zero(run->arena, text.len + 1, sizeof(struct span))};
    CHECK(points.at != NULL);
    for (size_t at = 0; at < text.len;) {
        size_t width = slow_character(text, at);
        CHECK(width != 0);
        points.at[points.count++] = span_make(text.ptr + at, width);
        at += width;
    }
    return points;
}

static inline struct slow slow_piece(struct slow_run *run, struct points text, int64_t from,
                                     int64_t to) {
    struct buf made = BUF_EMPTY;
    for (int64_t i = from; i < to; i++) {
        buf_append(&made, text.at[i]);
    }
    struct slow piece = slow_made(run, SLOW_STRING, &made);
    buf_free(&made);
    return piece;
}

static inline bool slow_is_at(struct points text, int64_t at, struct points part) {
    bool equal = at + part.count <= text.count;
    for (int64_t i = 0; equal && i < part.count; i++) {
        equal = span_eq(text.at[at + i], part.at[i]);
    }
    return equal;
}

/* number: 0 contains, 1 startsWith, 2 endsWith. */
SLOW_FUNCTION(slow_has_part) {
    struct points text = slow_points(run, v[0].text);
    struct points part = slow_points(run, v[1].text);
    bool found = false;
    for (int64_t at = 0; at <= text.count; at++) {
        bool is_place = function->number == 0 || (function->number == 1 && at == 0) ||
                        (function->number == 2 && at == text.count - part.count);
        found = found || (is_place && slow_is_at(text, at, part));
    }
    return slow_bool(found);
}

SLOW_FUNCTION(slow_char_at) {
    (void)function;
    struct points text = slow_points(run, v[0].text);
    bool is_inside = v[1].i >= 0 && v[1].i <= text.count;
    return !is_inside ? slow_error()
                      : slow_piece(run, text, v[1].i, v[1].i + (v[1].i < text.count ? 1 : 0));
}

/* number: 1 the first place from v[2] on, -1 the last one that is not behind it. */
SLOW_FUNCTION(slow_index_of) {
    struct points text = slow_points(run, v[0].text);
    struct points part = slow_points(run, v[1].text);
    int64_t from = function->count == 3 ? v[2].i : function->number == 1 ? 0 : text.count;
    if (from < 0 || from > text.count) {
        return slow_error();
    }
    for (int64_t at = from; at >= 0 && at <= text.count; at += function->number) {
        if (slow_is_at(text, at, part)) {
            return slow_of(SLOW_INT, at);
        }
    }
    return slow_of(SLOW_INT, -1);
}

SLOW_FUNCTION(slow_substring) {
    struct points text = slow_points(run, v[0].text);
    int64_t to = function->count == 3 ? v[2].i : text.count;
    bool is_inside = v[1].i >= 0 && v[1].i <= to && to <= text.count;
    return is_inside ? slow_piece(run, text, v[1].i, to) : slow_error();
}

/* number: 'a' - 'A' to lower, its negative to upper. */
SLOW_FUNCTION(slow_change_case) {
    struct buf made = BUF_EMPTY;
    char first = function->number > 0 ? 'A' : 'a';
    for (size_t i = 0; i < v[0].text.len; i++) {
        uint8_t c = v[0].text.ptr[i];
        bool changes = c >= first && c <= first + 25;
        buf_byte(&made, (uint8_t)(changes ? c + function->number : c));
    }
    struct slow changed = slow_made(run, SLOW_STRING, &made);
    buf_free(&made);
    return changed;
}

/* An empty part is found before every character and at the end. */
SLOW_FUNCTION(slow_replace) {
    struct points text = slow_points(run, v[0].text);
    struct points part = slow_points(run, v[1].text);
    int64_t left = function->count == 4 && v[3].i >= 0 ? v[3].i : INT64_MAX;
    struct buf made = BUF_EMPTY;
    for (int64_t at = 0; at <= text.count;) {
        bool hit = left > 0 && slow_is_at(text, at, part);
        left -= hit ? 1 : 0;
        if (hit) {
            buf_append(&made, v[2].text);
        }
        if (!hit || part.count == 0) {
            buf_append(&made, at < text.count ? text.at[at] : SPAN_LIT(""));
            at++;
        } else {
            at += part.count;
        }
    }
    struct slow replaced = slow_made(run, SLOW_STRING, &made);
    buf_free(&made);
    return replaced;
}

/* At most v[2] pieces, the last with the rest; an empty part splits into characters. */
SLOW_FUNCTION(slow_split) {
    struct points text = slow_points(run, v[0].text);
    struct points part = slow_points(run, v[1].text);
    int64_t most = function->count == 3 && v[2].i >= 0 ? v[2].i : INT64_MAX;
    struct slow *pieces = slow_room(run, (size_t)text.count + 1);
    uint32_t count = 0;
    int64_t start = 0;
    if (most == 0 || (text.count == 0 && part.count == 0)) {
        return slow_list(SLOW_STRINGS, pieces, 0);
    }
    for (int64_t at = 0; at < text.count && count + 1 < most;) {
        if (part.count == 0 && at + 1 < text.count) {
            pieces[count++] = slow_piece(run, text, at, at + 1);
            start = ++at;
        } else if (part.count != 0 && slow_is_at(text, at, part)) {
            pieces[count++] = slow_piece(run, text, start, at);
            at += part.count;
            start = at;
        } else {
            at++;
        }
    }
    pieces[count++] = slow_piece(run, text, start, text.count);
    return slow_list(SLOW_STRINGS, pieces, count);
}

static inline bool slow_is_space(struct span character) {
    static const char *const spaces[] = {" ", "\t", "\n", "\xc2\xa0", "\xe2\x80\x83"};
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(spaces); i++) {
        found = found || span_is(character, spaces[i]); /* those that the inventor writes */
    }
    return found;
}

SLOW_FUNCTION(slow_trim) {
    (void)function;
    struct points text = slow_points(run, v[0].text);
    int64_t from = 0;
    int64_t to = text.count;
    while (from < to && slow_is_space(text.at[from])) {
        from++;
    }
    while (to > from && slow_is_space(text.at[to - 1])) {
        to--;
    }
    return slow_piece(run, text, from, to);
}

SLOW_FUNCTION(slow_join) {
    struct buf made = BUF_EMPTY;
    for (uint32_t i = 0; i < v[0].count; i++) {
        buf_append(&made, i != 0 && function->count == 2 ? v[1].text : SPAN_LIT(""));
        buf_append(&made, v[0].items[i].text);
    }
    struct slow joined = slow_made(run, SLOW_STRING, &made);
    buf_free(&made);
    return joined;
}

SLOW_FUNCTION(slow_reverse) {
    (void)function;
    struct points text = slow_points(run, v[0].text);
    struct buf made = BUF_EMPTY;
    for (int64_t i = text.count; i > 0; i--) {
        buf_append(&made, text.at[i - 1]);
    }
    struct slow reversed = slow_made(run, SLOW_STRING, &made);
    buf_free(&made);
    return reversed;
}

SLOW_FUNCTION(slow_quote) {
    (void)function;
    struct buf made = BUF_EMPTY;
    buf_byte(&made, '"');
    for (size_t i = 0; i < v[0].text.len; i++) {
        uint8_t c = v[0].text.ptr[i];
        if (c == '\t' || c == '\n') {
            buf_str(&made, c == '\t' ? "\\t" : "\\n");
            continue;
        }
        buf_str(&made, c == '"' || c == '\\' ? "\\" : "");
        buf_byte(&made, c);
    }
    buf_byte(&made, '"');
    struct slow quoted = slow_made(run, SLOW_STRING, &made);
    buf_free(&made);
    return quoted;
}

/* --- the text of a value -----------------------------------------------------------------------
 */

static inline void slow_print_base(wide number, unsigned base, bool upper, struct buf *out) {
    char digits[130];
    size_t count = 0;
    wide left = number < 0 ? -number : number;
    do {
        unsigned digit = (unsigned)(left % base);
        digits[count++] = (char)(digit < 10 ? '0' + digit : (upper ? 'A' : 'a') + digit - 10);
        left /= base;
    } while (left != 0);
    buf_str(out, number < 0 ? "-" : "");
    while (count > 0) {
        buf_byte(out, (uint8_t)digits[--count]);
    }
}

/* False for bytes that are no text. */
static inline bool slow_print(struct slow value, struct buf *out) {
    bool good = true;
    switch ((int)value.kind) {
    case SLOW_BOOL:
        buf_str(out, value.i != 0 ? "true" : "false");
        break;
    case SLOW_BYTES:
        good = slow_is_utf8(value.text);
        buf_append(out, value.text);
        break;
    case SLOW_STRING:
        buf_append(out, value.text);
        break;
    case SLOW_DATE:
    case SLOW_INSTANT:
        slow_print_instant(slow_whole(value), out);
        break;
    case SLOW_DURATION:
        slow_print_duration(value.nanos, out);
        break;
    case SLOW_INTS:
    case SLOW_STRINGS:
        for (uint32_t i = 0; i < value.count; i++) {
            buf_str(out, i == 0 ? "[" : ", ");
            good = slow_print(value.items[i], out) && good;
        }
        buf_str(out, value.count == 0 ? "[]" : "]");
        break;
    default:
        slow_print_base(slow_whole(value), 10, false, out);
        break;
    }
    return good;
}

SLOW_FUNCTION(slow_to_text) {
    (void)function;
    struct buf made = BUF_EMPTY;
    bool good = slow_print(v[0], &made);
    struct slow text = good ? slow_made(run, SLOW_STRING, &made) : slow_error();
    buf_free(&made);
    return text;
}

static inline void slow_print_hex(struct span bytes, bool upper, struct buf *out) {
    for (size_t i = 0; i < bytes.len; i++) {
        slow_print_base(bytes.ptr[i] >> 4, 16, upper, out);
        slow_print_base(bytes.ptr[i] & 15, 16, upper, out);
    }
}

static inline bool slow_clause(const char *clause, struct slow value, struct buf *out) {
    char verb = clause[strlen(clause) - 1];
    bool is_text = value.kind == SLOW_STRING || value.kind == SLOW_BYTES;
    if (verb == 'f' || verb == 'e') {
        double real = slow_real(value);
        if (!isfinite(real)) {
            buf_str(out, isnan(real) ? "NaN" : real < 0 ? "-Infinity" : "Infinity");
        } else if (strcmp(clause, "%.2f") == 0) {
            buf_printf(out, "%.2f", real);
        } else {
            buf_printf(out, verb == 'f' ? "%f" : "%e", real);
        }
    } else if ((verb == 'x' || verb == 'X') && is_text) {
        slow_print_hex(value.text, verb == 'X', out);
    } else if (verb == 's') {
        return slow_print(value, out);
    } else {
        unsigned base = verb == 'b' ? 2 : verb == 'o' ? 8 : verb == 'd' ? 10 : 16;
        slow_print_base(slow_whole(value), base, verb == 'X', out);
    }
    return true;
}

/* The form is 'FORMAT'.format([@0, ...]): each clause takes the next argument. */
SLOW_FUNCTION(slow_format) {
    const char *end = strstr(function->form, "'.format");
    CHECK(end != NULL);
    struct buf made = BUF_EMPTY;
    bool good = true;
    uint32_t next = 0;
    for (const char *at = function->form + 1; at < end; at++) {
        if (*at != '%') {
            buf_byte(&made, (uint8_t)*at);
            continue;
        }
        char clause[8] = "%";
        do {
            clause[strlen(clause)] = *++at;
        } while (strchr("sdfebxXo%", *at) == NULL);
        if (*at == '%') {
            buf_byte(&made, '%');
        } else {
            CHECK(next < function->count);
            good = slow_clause(clause, v[next++], &made) && good;
        }
    }
    struct slow text = good ? slow_made(run, SLOW_STRING, &made) : slow_error();
    buf_free(&made);
    return text;
}

#endif

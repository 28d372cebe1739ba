/* Instants and durations as text: RFC 3339, and sums like 1h30m. */
#include "cel/time.h"

#include "base/date.h"
#include "cel/cel_priv.h"

#include <stdio.h>

enum { NANOS = 1000 * 1000 * 1000 };

static int64_t floor_days(int64_t seconds) {
    return seconds / DATE_DAY_SECONDS - (seconds % DATE_DAY_SECONDS < 0 ? 1 : 0);
}

/* A fraction with the fewest of 9 digits that hold it. */
static void print_fraction(uint32_t nanos, struct buf *out) {
    char text[16];
    (void)snprintf(text, sizeof(text), ".%09u", nanos);
    size_t len = 10;
    while (len > 1 && text[len - 1] == '0') {
        len--;
    }
    if (nanos != 0) {
        buf_append(out, span_make(text, len));
    }
}

void print_timestamp(struct value value, struct buf *out) {
    int64_t days = floor_days(value.i);
    int64_t second = value.i - days * DATE_DAY_SECONDS;
    char date[DATE_TEXT_BYTES];
    date_format((int32_t)days, date);
    buf_printf(out, "%sT%02d:%02d:%02d", date, (int)(second / 3600), (int)(second / 60 % 60),
               (int)(second % 60));
    print_fraction(value.len, out);
    buf_byte(out, 'Z');
}

void print_duration(struct value value, struct buf *out) {
    int32_t nanos = (int32_t)value.len;
    buf_str(out, value.i < 0 || nanos < 0 ? "-" : "");
    buf_printf(out, "%llu",
               (unsigned long long)(value.i < 0 ? -(uint64_t)value.i : (uint64_t)value.i));
    print_fraction((uint32_t)(nanos < 0 ? -nanos : nanos), out);
    buf_byte(out, 's');
}

struct value time_instant(int64_t seconds, int64_t nanos) {
    int64_t carry = nanos / NANOS - (nanos % NANOS < 0 ? 1 : 0);
    seconds += carry;
    nanos -= carry * NANOS;
    bool inside = seconds >= CEL_SECONDS_MIN && seconds <= CEL_SECONDS_MAX;
    return inside ? (struct value){.kind = VAL_TIMESTAMP, .len = (uint32_t)nanos, .i = seconds}
                  : value_error(CEL_ERROR_RANGE);
}

struct value time_span(int64_t seconds, int64_t nanos) {
    seconds += nanos / NANOS;
    nanos %= NANOS;
    if (seconds > 0 && nanos < 0) {
        seconds--;
        nanos += NANOS;
    } else if (seconds < 0 && nanos > 0) {
        seconds++;
        nanos -= NANOS;
    }
    int64_t total = 0;
    bool inside = !__builtin_mul_overflow(seconds, (int64_t)NANOS, &total) &&
                  !__builtin_add_overflow(total, nanos, &total);
    return inside
               ? (struct value){.kind = VAL_DURATION, .len = (uint32_t)(int32_t)nanos, .i = seconds}
               : value_error(CEL_ERROR_RANGE);
}

/* A reader of text at position `at`; a failed read sets ok to false. */
struct reader {
    struct span text;
    size_t at;
    bool ok;
};

static int peek(const struct reader *reader) {
    return reader->at < reader->text.len ? reader->text.ptr[reader->at] : -1;
}

static bool is_digit(int c) { return c >= '0' && c <= '9'; }

static bool accept(struct reader *reader, char c) {
    if (peek(reader) != c) {
        return false;
    }
    reader->at++;
    return true;
}

static void need(struct reader *reader, char c) { reader->ok &= accept(reader, c); }

/* Exactly count digits. */
static int32_t fixed(struct reader *reader, int count) {
    int32_t sum = 0;
    for (int i = 0; i < count; i++) {
        if (!is_digit(peek(reader))) {
            reader->ok = false;
            return 0;
        }
        sum = sum * 10 + (reader->text.ptr[reader->at++] - '0');
    }
    return sum;
}

/* Digits after a point as nanoseconds; finer digits are cut. */
static int64_t fraction(struct reader *reader) {
    int64_t sum = 0;
    int64_t unit = NANOS / 10;
    reader->ok &= is_digit(peek(reader));
    while (is_digit(peek(reader))) {
        sum += unit * (reader->text.ptr[reader->at++] - '0');
        unit /= 10;
    }
    return sum;
}

/* Z or +hh:mm; seconds east of UTC. */
static int64_t offset(struct reader *reader) {
    if (accept(reader, 'Z') || accept(reader, 'z')) {
        return 0;
    }
    bool west = peek(reader) == '-';
    reader->ok &= west || peek(reader) == '+';
    reader->at++;
    int64_t hours = fixed(reader, 2);
    need(reader, ':');
    int64_t minutes = fixed(reader, 2);
    reader->ok &= hours < 24 && minutes < 60;
    return (west ? -1 : 1) * (hours * 3600 + minutes * 60);
}

struct value time_parse_instant(struct span text) {
    struct reader reader = {.text = text, .ok = true};
    int32_t year = fixed(&reader, 4);
    need(&reader, '-');
    int32_t month = fixed(&reader, 2);
    need(&reader, '-');
    int32_t day = fixed(&reader, 2);
    reader.ok &= accept(&reader, 'T') || accept(&reader, 't');
    int64_t second = fixed(&reader, 2) * 3600;
    reader.ok &= second < DATE_DAY_SECONDS;
    need(&reader, ':');
    int32_t minute = fixed(&reader, 2);
    need(&reader, ':');
    int32_t last = fixed(&reader, 2);
    second += minute * 60 + last;
    int64_t nanos = accept(&reader, '.') ? fraction(&reader) : 0;
    second -= offset(&reader);
    if (!reader.ok || reader.at != text.len || minute > 59 || last > 59) {
        return value_error(CEL_ERROR_CONVERSION);
    }
    if (!date_is_civil(year, month, day)) {
        return value_error(CEL_ERROR_RANGE);
    }
    return time_instant((int64_t)date_from_civil(year, month, day) * DATE_DAY_SECONDS + second,
                        nanos);
}

/* The unit after a number, in nanoseconds; 0 when it is none. */
static int64_t unit_nanos(struct reader *reader) {
    static const struct {
        const char *name;
        int64_t nanos;
    } units[] = {{"ns", 1},    {"us", 1000},        {"\xc2\xb5s", 1000},  {"ms", 1000000},
                 {"s", NANOS}, {"m", 60LL * NANOS}, {"h", 3600LL * NANOS}};
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        size_t len = strlen(units[i].name);
        if (reader->text.len - reader->at >= len &&
            memcmp(reader->text.ptr + reader->at, units[i].name, len) == 0) {
            reader->at += len;
            return units[i].nanos;
        }
    }
    return 0;
}

/* One number with its unit, added to the sum; false when it is malformed or out of range. */
static bool add_part(struct reader *reader, int64_t *seconds, int64_t *nanos) {
    int64_t whole = 0;
    bool any = false;
    while (is_digit(peek(reader))) {
        any = true;
        if (__builtin_mul_overflow(whole, (int64_t)10, &whole) ||
            __builtin_add_overflow(whole, (int64_t)(peek(reader) - '0'), &whole)) {
            return false;
        }
        reader->at++;
    }
    int64_t part = 0;
    if (accept(reader, '.')) {
        any |= is_digit(peek(reader));
        part = is_digit(peek(reader)) ? fraction(reader) : 0;
    }
    int64_t unit = unit_nanos(reader);
    if (!any || unit == 0) {
        return false;
    }
    /* whole * unit, taken apart so that it fits. */
    int64_t whole_seconds = 0;
    if (unit >= NANOS) {
        if (__builtin_mul_overflow(whole, unit / NANOS, &whole_seconds)) {
            return false;
        }
    } else {
        whole_seconds = whole / (NANOS / unit);
        *nanos += whole % (NANOS / unit) * unit;
    }
    int64_t part_nanos = (int64_t)((double)part / NANOS * (double)unit);
    if (__builtin_add_overflow(*seconds, whole_seconds, seconds)) {
        return false;
    }
    *nanos += part_nanos;
    *seconds += *nanos / NANOS;
    *nanos %= NANOS;
    return *seconds <= CEL_DURATION_SECONDS_MAX;
}

struct value time_parse_span(struct span text) {
    struct reader reader = {.text = text, .ok = true};
    bool minus = accept(&reader, '-');
    if (!minus) {
        (void)accept(&reader, '+');
    }
    int64_t seconds = 0;
    int64_t nanos = 0;
    bool zero = text.len - reader.at == 1 && peek(&reader) == '0';
    if (reader.at == text.len) {
        return value_error(CEL_ERROR_CONVERSION);
    }
    while (!zero && reader.at < text.len) {
        if (!add_part(&reader, &seconds, &nanos)) {
            return value_error(CEL_ERROR_CONVERSION);
        }
    }
    return minus ? time_span(-seconds, -nanos) : time_span(seconds, nanos);
}

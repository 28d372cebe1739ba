/* Conversions between types: int(), uint(), double(), string(), bytes(), bool(), timestamp(),
 * duration().  A value out of range is an error, never the nearest value. */
#include "cel/functions.h"
#include "cel/time.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { NUMBER_BYTES_MAX = 400 };

static struct value range(void) { return value_error(CEL_ERROR_RANGE); }
static struct value unreadable(void) { return value_error(CEL_ERROR_CONVERSION); }

/* Digits with an optional sign into a magnitude; false for any other text. */
static bool read_digits(struct span text, bool *minus, uint64_t *magnitude, bool *fits) {
    size_t at = 0;
    *minus = text.len > 0 && text.ptr[0] == '-';
    at += *minus || (text.len > 0 && text.ptr[0] == '+') ? 1 : 0;
    *magnitude = 0;
    *fits = true;
    if (at == text.len) {
        return false;
    }
    for (; at < text.len; at++) {
        if (text.ptr[at] < '0' || text.ptr[at] > '9') {
            return false;
        }
        *fits &= !__builtin_mul_overflow(*magnitude, (uint64_t)10, magnitude);
        *fits &= !__builtin_add_overflow(*magnitude, (uint64_t)(text.ptr[at] - '0'), magnitude);
    }
    return true;
}

static struct value int_from_text(struct span text) {
    bool minus = false;
    bool fits = true;
    uint64_t magnitude = 0;
    if (!read_digits(text, &minus, &magnitude, &fits)) {
        return unreadable();
    }
    uint64_t most = (uint64_t)INT64_MAX + (minus ? 1 : 0);
    if (!fits || magnitude > most) {
        return range();
    }
    return value_int(minus ? (int64_t)(0 - magnitude) : (int64_t)magnitude);
}

CEL_FUNCTION(op_int) {
    if (count != 1) {
        return no_overload();
    }
    struct value value = args[0];
    if (value.kind == VAL_INT) {
        return value;
    }
    if (value.kind == VAL_UINT) {
        return value.u > INT64_MAX ? range() : value_int((int64_t)value.u);
    }
    if (value.kind == VAL_DOUBLE) {
        bool inside = value.d > -9223372036854775808.0 && value.d < 9223372036854775808.0;
        return inside ? value_int((int64_t)value.d) : range();
    }
    if (value.kind == VAL_TIMESTAMP) {
        return value_int(value.i);
    }
    return value.kind == VAL_STRING ? int_from_text(value_span(value)) : no_overload();
}

CEL_FUNCTION(op_uint) {
    if (count != 1) {
        return no_overload();
    }
    struct value value = args[0];
    if (value.kind == VAL_UINT) {
        return value;
    }
    if (value.kind == VAL_INT) {
        return value.i < 0 ? range() : value_uint((uint64_t)value.i);
    }
    if (value.kind == VAL_DOUBLE) {
        bool inside = value.d >= 0 && value.d < 18446744073709551616.0;
        return inside ? value_uint((uint64_t)value.d) : range();
    }
    if (value.kind != VAL_STRING) {
        return no_overload();
    }
    bool minus = false;
    bool fits = true;
    uint64_t magnitude = 0;
    if (!read_digits(value_span(value), &minus, &magnitude, &fits) || minus) {
        return unreadable();
    }
    return fits ? value_uint(magnitude) : range();
}

static struct value double_from_text(struct span text) {
    char copy[NUMBER_BYTES_MAX];
    bool plain = text.len != 0 && text.len < sizeof(copy);
    for (size_t i = 0; plain && i < text.len; i++) {
        plain = memchr("0123456789+-.eE", text.ptr[i], 15) != NULL;
    }
    if (span_is(text, "NaN")) {
        return value_double(NAN);
    }
    if (span_is(text, "Infinity") || span_is(text, "+Infinity") || span_is(text, "-Infinity")) {
        return value_double(text.ptr[0] == '-' ? -INFINITY : INFINITY);
    }
    if (!plain) {
        return unreadable();
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end = NULL;
    double value = strtod(copy, &end);
    return end == copy + text.len ? value_double(value) : unreadable();
}

CEL_FUNCTION(op_double) {
    if (count != 1) {
        return no_overload();
    }
    if (args[0].kind == VAL_INT) {
        return value_double((double)args[0].i);
    }
    if (args[0].kind == VAL_UINT) {
        return value_double((double)args[0].u);
    }
    if (args[0].kind == VAL_STRING) {
        return double_from_text(value_span(args[0]));
    }
    return args[0].kind == VAL_DOUBLE ? args[0] : no_overload();
}

/* The text of a scalar; false when it has none. */
static bool text_of(struct value value, struct buf *out) {
    if (value.kind == VAL_INT) {
        buf_printf(out, "%lld", (long long)value.i);
    } else if (value.kind == VAL_UINT) {
        buf_printf(out, "%llu", (unsigned long long)value.u);
    } else if (value.kind == VAL_BOOL) {
        buf_str(out, value.b ? "true" : "false");
    } else if (value.kind == VAL_DOUBLE) {
        print_double(value.d, out);
    } else if (value.kind == VAL_TIMESTAMP) {
        print_timestamp(value, out);
    } else if (value.kind == VAL_DURATION) {
        print_duration(value, out);
    } else {
        return false;
    }
    return true;
}

CEL_FUNCTION(op_string) {
    if (count != 1) {
        return no_overload();
    }
    if (args[0].kind == VAL_STRING) {
        return args[0];
    }
    if (args[0].kind == VAL_BYTES) {
        struct span bytes = value_span(args[0]);
        return span_is_utf8(bytes) ? value_string(bytes) : unreadable();
    }
    struct buf text = BUF_EMPTY;
    struct value result =
        text_of(args[0], &text) ? value_text(run, buf_span(&text)) : no_overload();
    buf_free(&text);
    return result;
}

CEL_FUNCTION(op_bytes) {
    if (count != 1 || (args[0].kind != VAL_STRING && args[0].kind != VAL_BYTES)) {
        return no_overload();
    }
    struct value bytes = args[0];
    bytes.kind = VAL_BYTES;
    return bytes;
}

CEL_FUNCTION(op_bool) {
    static const char *const trues[] = {"1", "t", "true", "TRUE", "True", "T"};
    static const char *const falses[] = {"0", "f", "false", "FALSE", "False", "F"};
    if (count != 1 || (args[0].kind != VAL_STRING && args[0].kind != VAL_BOOL)) {
        return no_overload();
    }
    if (args[0].kind == VAL_BOOL) {
        return args[0];
    }
    for (size_t i = 0; i < COUNT_OF(trues); i++) {
        if (span_is(value_span(args[0]), trues[i]) || span_is(value_span(args[0]), falses[i])) {
            return value_bool(span_is(value_span(args[0]), trues[i]));
        }
    }
    return unreadable();
}

CEL_FUNCTION(op_timestamp) {
    if (count != 1) {
        return no_overload();
    }
    if (args[0].kind == VAL_INT) {
        return time_instant(args[0].i, 0);
    }
    if (args[0].kind == VAL_STRING) {
        return time_parse_instant(value_span(args[0]));
    }
    return args[0].kind == VAL_TIMESTAMP ? args[0] : no_overload();
}

CEL_FUNCTION(op_duration) {
    if (count != 1) {
        return no_overload();
    }
    if (args[0].kind == VAL_INT) {
        return time_span(args[0].i, 0);
    }
    if (args[0].kind == VAL_STRING) {
        return time_parse_span(value_span(args[0]));
    }
    return args[0].kind == VAL_DURATION ? args[0] : no_overload();
}

/* text.format(list): %s %d %f %e %b %o %x %X, with a precision for %f and %e. */
#include "cel/functions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRECISION_DEFAULT = 6, PRECISION_MAX = 100, FORMAT_BYTES_MAX = 64 * 1024 };

/* False for a value without text, or with more than FORMAT_BYTES_MAX. */
static bool print_value(struct value value, struct buf *out);

static bool print_list(struct value value, struct buf *out) {
    buf_byte(out, '[');
    for (uint32_t i = 0; i < value.len; i++) {
        buf_str(out, i == 0 ? "" : ", ");
        if (!print_value(value.items[i], out)) {
            return false;
        }
    }
    buf_byte(out, ']');
    return true;
}

static int order_entries(const void *a, const void *b) {
    const struct buf *const *one = a;
    const struct buf *const *two = b;
    return span_cmp(buf_span(*one), buf_span(*two));
}

/* Entries are in the order of their keys as text, so that the same map gives the same text. */
static bool print_map(struct value value, struct buf *out) {
    struct buf entries[64];
    const struct buf *order[64];
    uint32_t made = 0;
    bool good = value.len <= COUNT_OF(entries);
    for (; good && made < value.len; made++) {
        entries[made] = BUF_EMPTY;
        order[made] = &entries[made];
        good = print_value(value.items[(size_t)made * 2], &entries[made]);
        buf_str(&entries[made], ": ");
        good = good && print_value(value.items[(size_t)made * 2 + 1], &entries[made]);
    }
    qsort(order, made, sizeof(order[0]), order_entries);
    buf_byte(out, '{');
    for (uint32_t i = 0; i < made; i++) {
        buf_str(out, i == 0 ? "" : ", ");
        buf_append(out, buf_span(order[i]));
    }
    buf_byte(out, '}');
    for (uint32_t i = 0; i < made; i++) {
        buf_free(&entries[i]);
    }
    return good;
}

static bool print_value(struct value value, struct buf *out) {
    if (out->len > FORMAT_BYTES_MAX) {
        return false;
    }
    switch ((enum value_kind)value.kind) {
    case VAL_STRING:
    case VAL_TYPE:
        buf_append(out, value_span(value));
        return true;
    case VAL_BYTES:
        buf_append(out, value_span(value));
        return span_is_utf8(value_span(value));
    case VAL_UINT:
        buf_printf(out, "%llu", (unsigned long long)value.u);
        return true;
    case VAL_DOUBLE:
        print_double(value.d, out);
        return true;
    case VAL_TIMESTAMP:
        print_timestamp(value, out);
        return true;
    case VAL_DURATION:
        print_duration(value, out);
        return true;
    case VAL_LIST:
        return print_list(value, out);
    case VAL_MAP:
        return print_map(value, out);
    case VAL_NULL:
    case VAL_BOOL:
    case VAL_INT:
        cel_value_print(value, out);
        return true;
    case VAL_OPTIONAL:
    case VAL_UNKNOWN:
    case VAL_ERROR:
        return false;
    }
    UNREACHABLE();
}

static bool print_decimal(struct value value, struct buf *out) {
    bool special = value.kind == VAL_DOUBLE && !isfinite(value.d);
    return (special || value.kind == VAL_INT || value.kind == VAL_UINT) && print_value(value, out);
}

static bool print_real(struct value value, int precision, bool scientific, struct buf *out) {
    double real = value.kind == VAL_INT    ? (double)value.i
                  : value.kind == VAL_UINT ? (double)value.u
                                           : value.d;
    if (value.kind != VAL_INT && value.kind != VAL_UINT && value.kind != VAL_DOUBLE) {
        return false;
    }
    if (!isfinite(real)) {
        print_double(real, out);
    } else if (scientific) {
        buf_printf(out, "%.*e", precision, real);
    } else {
        buf_printf(out, "%.*f", precision, real);
    }
    return true;
}

static bool print_binary(struct value value, struct buf *out) {
    if (value.kind != VAL_INT && value.kind != VAL_UINT && value.kind != VAL_BOOL) {
        return false;
    }
    bool minus = value.kind == VAL_INT && value.i < 0;
    uint64_t bits = minus ? 0 - value.u : value.u;
    buf_str(out, minus ? "-" : "");
    int top = 63;
    while (top > 0 && (bits >> top & 1) == 0) {
        top--;
    }
    for (; top >= 0; top--) {
        buf_byte(out, (bits >> top & 1) != 0 ? '1' : '0');
    }
    return true;
}

/* x and o; text and bytes in hexadecimal too. */
static bool print_base(struct value value, char verb, struct buf *out) {
    if (value.kind == VAL_INT || value.kind == VAL_UINT) {
        bool minus = value.kind == VAL_INT && value.i < 0;
        unsigned long long magnitude = minus ? 0 - value.u : value.u;
        buf_str(out, minus ? "-" : "");
        buf_printf(out, verb == 'o' ? "%llo" : verb == 'x' ? "%llx" : "%llX", magnitude);
        return true;
    }
    if (verb == 'o' || (value.kind != VAL_STRING && value.kind != VAL_BYTES)) {
        return false;
    }
    for (uint32_t i = 0; i < value.len; i++) {
        buf_printf(out, verb == 'x' ? "%02x" : "%02X", value.bytes[i]);
    }
    return true;
}

static bool print_verb(char verb, int precision, struct value value, struct buf *out) {
    switch (verb) {
    case 's':
        return print_value(value, out);
    case 'd':
        return print_decimal(value, out);
    case 'f':
    case 'e':
        return print_real(value, precision, verb == 'e', out);
    case 'b':
        return print_binary(value, out);
    case 'o':
    case 'x':
    case 'X':
        return print_base(value, verb, out);
    default:
        return false;
    }
}

/* Reads ".3" after a percent sign; false when the digits are missing or too many. */
static bool read_precision(struct span text, size_t *at, int *precision) {
    *precision = PRECISION_DEFAULT;
    if (*at >= text.len || text.ptr[*at] != '.') {
        return true;
    }
    size_t start = ++*at;
    *precision = 0;
    while (*at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9' &&
           *precision <= PRECISION_MAX) {
        *precision = *precision * 10 + (text.ptr[(*at)++] - '0');
    }
    return *at > start && *precision <= PRECISION_MAX;
}

static bool format_all(struct cel_run *run, struct span text, struct value list, struct buf *out) {
    uint32_t next = 0;
    for (size_t at = 0; at < text.len;) {
        uint8_t c = text.ptr[at++];
        if (c != '%') {
            buf_byte(out, c);
            continue;
        }
        int precision = 0;
        if (!read_precision(text, &at, &precision) || at == text.len) {
            return false;
        }
        char verb = (char)text.ptr[at++];
        if (verb == '%') {
            buf_byte(out, '%');
        } else if (next == list.len || out->len > FORMAT_BYTES_MAX || !run_spend(run, 1) ||
                   !print_verb(verb, precision, list.items[next++], out)) {
            return false;
        }
    }
    return true;
}

CEL_FUNCTION(op_format) {
    if (count != 2 || args[0].kind != VAL_STRING || args[1].kind != VAL_LIST) {
        return no_overload();
    }
    struct value fault = value_null();
    for (uint32_t i = 0; i < args[1].len; i++) {
        fault = values_fault_join(run, fault, args[1].items[i]);
    }
    if (value_is_fault(fault)) {
        return fault;
    }
    struct buf out = BUF_EMPTY;
    bool good = format_all(run, value_span(args[0]), args[1], &out);
    struct value result = good ? value_text(run, buf_span(&out)) : value_error(CEL_ERROR_ARGUMENT);
    buf_free(&out);
    return result;
}

/* Values as literals that read back the same. */
#include "cel/cel_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void print_double(double value, struct buf *out) {
    char text[40];
    if (isnan(value) || isinf(value)) {
        buf_str(out, isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    buf_str(out, text);
}

static void print_text(struct span text, struct buf *out) {
    buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '"' || c == '\\') {
            buf_byte(out, '\\');
            buf_byte(out, c);
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\x%02x", c);
        } else {
            buf_byte(out, c);
        }
    }
    buf_byte(out, '"');
}

static void print_bytes(struct span bytes, struct buf *out) {
    buf_str(out, "b\"");
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        if (plain) {
            buf_byte(out, c);
        } else {
            buf_printf(out, "\\x%02x", c);
        }
    }
    buf_byte(out, '"');
}

static void print_items(struct value value, struct buf *out) {
    buf_byte(out, '[');
    for (uint32_t i = 0; i < value.len; i++) {
        buf_str(out, i == 0 ? "" : ", ");
        cel_value_print(value.items[i], out);
    }
    buf_byte(out, ']');
}

static void print_pairs(struct value value, struct buf *out) {
    buf_byte(out, '{');
    for (uint32_t i = 0; i < value.len; i++) {
        buf_str(out, i == 0 ? "" : ", ");
        cel_value_print(value.items[(size_t)i * 2], out);
        buf_str(out, ": ");
        cel_value_print(value.items[(size_t)i * 2 + 1], out);
    }
    buf_byte(out, '}');
}

static void print_optional(struct value value, struct buf *out) {
    if (value.len == 0) {
        buf_str(out, "optional.none()");
        return;
    }
    buf_str(out, "optional.of(");
    cel_value_print(value.items[0], out);
    buf_byte(out, ')');
}

static void print_real(double value, struct buf *out) {
    size_t before = out->len;
    print_double(value, out);
    for (size_t i = before; i < out->len; i++) {
        if (strchr(".eNI", out->ptr[i]) != NULL) {
            return;
        }
    }
    buf_str(out, ".0");
}

void cel_value_print(struct value value, struct buf *out) {
    switch ((enum value_kind)value.kind) {
    case VAL_NULL:
        buf_str(out, "null");
        break;
    case VAL_BOOL:
        buf_str(out, value.b ? "true" : "false");
        break;
    case VAL_INT:
        buf_printf(out, "%lld", (long long)value.i);
        break;
    case VAL_UINT:
        buf_printf(out, "%lluu", (unsigned long long)value.u);
        break;
    case VAL_DOUBLE:
        print_real(value.d, out);
        break;
    case VAL_STRING:
        print_text(value_span(value), out);
        break;
    case VAL_BYTES:
        print_bytes(value_span(value), out);
        break;
    case VAL_LIST:
        print_items(value, out);
        break;
    case VAL_MAP:
        print_pairs(value, out);
        break;
    case VAL_TIMESTAMP:
        buf_str(out, "timestamp(\"");
        print_timestamp(value, out);
        buf_str(out, "\")");
        break;
    case VAL_DURATION:
        buf_str(out, "duration(\"");
        print_duration(value, out);
        buf_str(out, "\")");
        break;
    case VAL_TYPE:
        buf_append(out, value_span(value));
        break;
    case VAL_OPTIONAL:
        print_optional(value, out);
        break;
    case VAL_UNKNOWN:
        buf_str(out, "unknown");
        break;
    case VAL_ERROR:
        buf_printf(out, "error(%s)", cel_error_name((enum cel_error)value.aux));
        break;
    }
}

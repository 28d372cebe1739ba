/* A small JSON writer. */
#include "base/json.h"

#include "base/check.h"
#include "base/plain.h"

#include <math.h>

void json_init(struct json *json, struct buf *out) { *json = (struct json){.out = out}; }

static void before_value(struct json *json) {
    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if ((json->has_items >> json->depth & 1) != 0) {
        buf_byte(json->out, ',');
    }
    json->has_items |= 1U << json->depth;
}

static void open_level(struct json *json, uint8_t bracket) {
    before_value(json);
    buf_byte(json->out, bracket);
    json->depth++;
    CHECK(json->depth < 32);
    json->has_items &= ~(1U << json->depth);
}

static void close_level(struct json *json, uint8_t bracket) {
    CHECK(json->depth > 0);
    json->depth--;
    buf_byte(json->out, bracket);
}

void json_object_open(struct json *json) { open_level(json, '{'); }
void json_object_close(struct json *json) { close_level(json, '}'); }
void json_array_open(struct json *json) { open_level(json, '['); }
void json_array_close(struct json *json) { close_level(json, ']'); }

/* Printable ASCII is written unchanged, except the quote and the backslash. */
static bool is_plain(uint8_t c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))
/* Whether all eight bytes are plain; false for some that are. */
static inline bool eight_plain(uint64_t eight) {
    uint64_t quote = eight ^ EACH_BYTE('"');
    uint64_t backslash = eight ^ EACH_BYTE('\\');
    uint64_t del = eight ^ EACH_BYTE(0x7f);
    uint64_t odd = eight | (eight - EACH_BYTE(0x20)) | (quote - EACH_BYTE(1)) |
                   (backslash - EACH_BYTE(1)) | (del - EACH_BYTE(1));
    return (odd & EACH_BYTE(0x80)) == 0;
}

static inline uint64_t bytes_at(const uint8_t *ptr, size_t count) {
    uint64_t bytes = EACH_BYTE('a');
    memcpy(&bytes, ptr, count);
    return bytes;
}

/* Copies eight bytes at a time, then the last eight (or four of a shorter text), which may overlap.
 * */
static inline bool all_plain(struct span text) {
    if (text.len < 8) {
        return text.len >= 4 && eight_plain(bytes_at(text.ptr, 4)) &&
               eight_plain(bytes_at(text.ptr + text.len - 4, 4));
    }
    for (size_t at = 0; at + 8 < text.len; at += 8) {
        if (!eight_plain(bytes_at(text.ptr + at, 8))) {
            return false;
        }
    }
    return eight_plain(bytes_at(text.ptr + text.len - 8, 8));
}

static size_t plain_end(struct span text, size_t at) {
    if (at == 0 && all_plain(text)) {
        return text.len;
    }
    while (at < text.len && is_plain(text.ptr[at])) {
        at++;
    }
    return at;
}

static void escaped(struct buf *out, struct span text) {
    buf_byte(out, '"');
    size_t at = 0;
    while (at < text.len) {
        size_t plain = plain_end(text, at);
        buf_append(out, span_make(text.ptr + at, plain - at));
        at = plain;
        if (at == text.len) {
            break;
        }
        uint32_t code = 0;
        size_t len = plain_next(text, at, &code);
        if (code == '"' || code == '\\') {
            buf_byte(out, '\\');
            buf_byte(out, (uint8_t)code);
        } else if (code == PLAIN_NO_CODE) {
            buf_str(out, "\xef\xbf\xbd");
        } else if (!plain_is_shown(code)) {
            plain_escape(out, code);
        } else {
            buf_append(out, span_make(text.ptr + at, len));
        }
        at += len;
    }
    buf_byte(out, '"');
}

struct json *json_key(struct json *json, const char *key) {
    CHECK(!json->after_key);
    before_value(json);
    escaped(json->out, span_str(key));
    buf_byte(json->out, ':');
    json->after_key = true;
    return json;
}

void json_span(struct json *json, struct span text) {
    before_value(json);
    escaped(json->out, text);
}

void json_str(struct json *json, const char *text) { json_span(json, span_str(text)); }

void json_int(struct json *json, int64_t value) {
    before_value(json);
    buf_printf(json->out, "%lld", (long long)value);
}

void json_uint(struct json *json, uint64_t value) {
    before_value(json);
    buf_printf(json->out, "%llu", (unsigned long long)value);
}

void json_double(struct json *json, double value) {
    before_value(json);
    if (isfinite(value)) {
        buf_printf(json->out, "%.17g", value);
    } else {
        buf_str(json->out, "null");
    }
}

void json_float(struct json *json, double value) {
    static const double exponent_from = 1e17; /* of %.17g */
    json_double(json, value);
    if (isfinite(value) && trunc(value) == value && fabs(value) < exponent_from) {
        buf_str(json->out, ".0");
    }
}

void json_bool(struct json *json, bool value) {
    before_value(json);
    buf_str(json->out, value ? "true" : "false");
}

void json_nil(struct json *json) {
    before_value(json);
    buf_str(json->out, "null");
}

/* A small JSON writer. */
#include "base/json.h"

#include "base/check.h"

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

static size_t utf8_len(const uint8_t *ptr, size_t left) {
    size_t len = ptr[0] < 0x80 ? 1 : ptr[0] < 0xe0 ? 2 : ptr[0] < 0xf0 ? 3 : 4;
    return len <= left && span_is_utf8(span_make(ptr, len)) ? len : 0;
}

/* Printable ASCII but for the quote and the backslash stands for itself. */
static bool is_plain(uint8_t c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

static void escaped(struct buf *out, struct span text) {
    buf_byte(out, '"');
    size_t at = 0;
    while (at < text.len) {
        size_t plain = at;
        while (plain < text.len && is_plain(text.ptr[plain])) {
            plain++;
        }
        buf_append(out, span_make(text.ptr + at, plain - at));
        at = plain;
        if (at == text.len) {
            break;
        }
        uint8_t c = text.ptr[at];
        size_t len = utf8_len(text.ptr + at, text.len - at);
        if (c == '"' || c == '\\') {
            buf_byte(out, '\\');
            buf_byte(out, c);
        } else if (c < 0x20) {
            buf_printf(out, "\\u%04x", c);
        } else if (len == 0) {
            buf_str(out, "\xef\xbf\xbd");
        } else {
            buf_append(out, span_make(text.ptr + at, len));
        }
        at += len == 0 ? 1 : len;
    }
    buf_byte(out, '"');
}

void json_key(struct json *json, const char *key) {
    CHECK(!json->after_key);
    before_value(json);
    escaped(json->out, span_str(key));
    buf_byte(json->out, ':');
    json->after_key = true;
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

void json_bool(struct json *json, bool value) {
    before_value(json);
    buf_str(json->out, value ? "true" : "false");
}

void json_nil(struct json *json) {
    before_value(json);
    buf_str(json->out, "null");
}

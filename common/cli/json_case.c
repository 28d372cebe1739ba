/* jansson reads JSON; this file writes MessagePack, of which a case needs five forms. */
#include "cli/json_case.h"

#include <jansson.h>
#include <stdio.h>

static void write_head(struct buf *out, uint8_t fix, uint32_t fix_max, uint8_t wide16,
                       size_t count) {
    CHECK(count <= JSON_LINE_BYTES_MAX);
    if (count <= fix_max) {
        buf_byte(out, (uint8_t)(fix | count));
    } else if (count <= UINT16_MAX) {
        buf_byte(out, wide16);
        buf_be16(out, (uint16_t)count);
    } else {
        buf_byte(out, (uint8_t)(wide16 + 1));
        buf_be32(out, (uint32_t)count);
    }
}

static void write_text(struct buf *out, const char *text, size_t len) {
    write_head(out, 0xa0, 31, 0xda, len);
    buf_append(out, span_make(text, len));
}

static void write_int(struct buf *out, int64_t number) {
    if (number >= 0 && number <= 127) {
        buf_byte(out, (uint8_t)number);
    } else if (number >= 0 && number <= UINT16_MAX) {
        buf_byte(out, 0xcd);
        buf_be16(out, (uint16_t)number);
    } else if (number >= 0) {
        buf_byte(out, 0xcf);
        buf_be64(out, (uint64_t)number);
    } else if (number >= -32) {
        buf_byte(out, (uint8_t)(int8_t)number);
    } else {
        buf_byte(out, 0xd3);
        buf_be64(out, (uint64_t)number);
    }
}

static void write_double(struct buf *out, double number) {
    uint64_t bits = 0;
    memcpy(&bits, &number, sizeof(bits));
    buf_byte(out, 0xcb);
    buf_be64(out, bits);
}

static enum err write_value(struct buf *out, json_t *value, uint32_t depth, struct diag *diag);

static enum err write_object(struct buf *out, json_t *object, uint32_t depth, struct diag *diag) {
    write_head(out, 0x80, 15, 0xde, json_object_size(object));
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value) {
        write_text(out, key, strlen(key)); /* jansson refuses a key with a NUL */
        enum err err = write_value(out, value, depth + 1, diag);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static enum err write_array(struct buf *out, json_t *array, uint32_t depth, struct diag *diag) {
    write_head(out, 0x90, 15, 0xdc, json_array_size(array));
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < json_array_size(array); i++) {
        err = write_value(out, json_array_get(array, i), depth + 1, diag);
    }
    return err;
}

static enum err write_value(struct buf *out, json_t *value, uint32_t depth, struct diag *diag) {
    if (depth >= JSON_CASE_DEPTH_MAX) {
        return diag_fail(diag, ERR_TOO_DEEP, "nested more than %d levels", JSON_CASE_DEPTH_MAX);
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return write_object(out, value, depth, diag);
    case JSON_ARRAY:
        return write_array(out, value, depth, diag);
    case JSON_STRING:
        write_text(out, json_string_value(value), json_string_length(value));
        return ERR_OK;
    case JSON_INTEGER:
        write_int(out, json_integer_value(value));
        return ERR_OK;
    case JSON_REAL:
        write_double(out, json_real_value(value));
        return ERR_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        buf_byte(out, json_is_true(value) ? 0xc3 : 0xc2);
        return ERR_OK;
    case JSON_NULL:
        buf_byte(out, 0xc0);
        return ERR_OK;
    }
    UNREACHABLE();
}

static const char *parse_text(json_error_t *error) {
    switch ((int)json_error_code(error)) { /* jansson's enum grows */
    case json_error_duplicate_key:
        return "a key occurs twice";
    case json_error_numeric_overflow:
        return "a number does not fit 64 bits";
    case json_error_invalid_utf8:
        return "not UTF-8";
    case json_error_premature_end_of_input:
        return "the line ends too early";
    case json_error_end_of_input_expected:
        return "something follows the object";
    case json_error_null_byte_in_key:
        return "a key holds a NUL";
    default:
        return "not JSON";
    }
}

enum err json_case_encode(struct span line, struct buf *out, struct diag *diag) {
    if (line.len > JSON_LINE_BYTES_MAX) {
        return diag_fail(diag, ERR_TOO_LARGE, "a line is at most %d bytes", JSON_LINE_BYTES_MAX);
    }
    json_error_t error;
    json_t *root = json_loadb((const char *)line.ptr, line.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        return diag_fail_at(
            diag, ERR_INVALID, "", 0, error.position > 0 ? (uint32_t)error.position : 0,
            "%s (byte %d): expected one JSON object per line", parse_text(&error), error.position);
    }
    size_t before = out->len;
    enum err err = json_is_object(root)
                       ? write_value(out, root, 0, diag)
                       : diag_fail(diag, ERR_INVALID, "expected one JSON object per line");
    if (err != ERR_OK) {
        out->len = before;
    }
    json_decref(root);
    return err;
}

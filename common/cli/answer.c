/* See answer.h. */
#include "cli/answer.h"

#include "base/check.h"
#include "base/json.h"
#include "base/plain.h"

#include <stdio.h>

void answer_append(const char *rows, struct buf *json, struct buf *out) {
    struct span text = buf_span(json);
    bool is_object = span_starts(text, "{");
    CHECK(is_object || rows != NULL);
    buf_printf(out, "{\"schema_version\":%d", JSON_SCHEMA_VERSION);
    if (is_object && !span_is(text, "{}")) {
        buf_byte(out, ',');
    }
    if (is_object) {
        buf_append(out, span_make(text.ptr + 1, text.len - 1));
    } else {
        buf_printf(out, ",\"%s\":", rows);
        buf_append(out, text);
        buf_byte(out, '}');
    }
    buf_byte(out, '\n');
    buf_free(json);
}

void answer_print_json(const char *rows, struct buf *json) {
    struct buf line = BUF_EMPTY;
    answer_append(rows, json, &line);
    plain_json(stdout, buf_span(&line));
    buf_free(&line);
}

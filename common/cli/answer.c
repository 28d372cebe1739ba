/* See answer.h. */
#include "cli/answer.h"

#include "base/check.h"
#include "base/json.h"
#include "base/plain.h"

#include <stdio.h>

void answer_print_json(const char *rows, struct buf *json) {
    struct buf line = BUF_EMPTY;
    struct span text = buf_span(json);
    bool is_object = span_starts(text, "{");
    CHECK(is_object || rows != NULL);
    buf_printf(&line, "{\"schema_version\":%d", JSON_SCHEMA_VERSION);
    if (is_object && !span_is(text, "{}")) {
        buf_byte(&line, ',');
    }
    if (is_object) {
        buf_append(&line, span_make(text.ptr + 1, text.len - 1));
    } else {
        buf_printf(&line, ",\"%s\":", rows);
        buf_append(&line, text);
        buf_byte(&line, '}');
    }
    buf_byte(&line, '\n');
    plain_json(stdout, buf_span(&line));
    buf_free(&line);
    buf_free(json);
}

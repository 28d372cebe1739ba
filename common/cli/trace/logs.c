/* See logs.h.  A line of JSON becomes key=value, so that both forms print alike. */
#include "cli/trace/logs.h"

#include "base/io.h"
#include "base/mem.h"

#include <jansson.h>
#include <string.h>

#define LOG_BYTES_MAX ((size_t)256 << 20)

struct line {
    struct buf time, program, event, details;
};

static void line_free(struct line *line) {
    buf_free(&line->time);
    buf_free(&line->program);
    buf_free(&line->event);
    buf_free(&line->details);
}

static void take_field(struct line *line, struct span key, struct span value, bool is_text) {
    struct buf *own = span_is(key, "time")      ? &line->time
                      : span_is(key, "program") ? &line->program
                      : span_is(key, "event")   ? &line->event
                                                : NULL;
    if (own != NULL) {
        buf_clear(own);
        buf_append(own, value);
    } else if (!span_is(key, "level")) {
        bool is_quoted = is_text && memchr(value.ptr, ' ', value.len) != NULL;
        buf_printf(&line->details, "%s%.*s=%s%.*s%s", line->details.len == 0 ? "" : " ",
                   SPAN_ARG(key), is_quoted ? "\"" : "", SPAN_ARG(value), is_quoted ? "\"" : "");
    }
}

static int append(const char *bytes, size_t len, void *context) {
    buf_append(context, span_make((const uint8_t *)bytes, len));
    return 0;
}

static void read_json(struct span text, struct line *line) {
    json_t *root = json_loadb((const char *)text.ptr, text.len, 0, NULL);
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(root, key, value) {
        struct buf shown = BUF_EMPTY;
        if (json_is_string(value)) {
            buf_append(&shown, span_make((const uint8_t *)json_string_value(value),
                                         json_string_length(value)));
        } else if (json_dump_callback(value, append, &shown, JSON_ENCODE_ANY) != 0) {
            buf_str(&shown, "unreadable");
        }
        take_field(line, span_str(key), buf_span(&shown), json_is_string(value));
        buf_free(&shown);
    }
    json_decref(root);
}

/* key=value or key="value", where \" is a quote. */
static void read_logfmt(struct span text, struct line *line) {
    size_t at = 0;
    while (at < text.len) {
        const uint8_t *equals = memchr(text.ptr + at, '=', text.len - at);
        if (equals == NULL) {
            return;
        }
        struct span key = span_make(text.ptr + at, (size_t)(equals - text.ptr) - at);
        at = (size_t)(equals - text.ptr) + 1;
        struct buf value = BUF_EMPTY;
        bool is_quoted = at < text.len && text.ptr[at] == '"';
        at += is_quoted ? 1 : 0;
        for (; at < text.len && text.ptr[at] != (is_quoted ? '"' : ' '); at++) {
            at += is_quoted && text.ptr[at] == '\\' && at + 1 < text.len ? 1 : 0;
            buf_byte(&value, text.ptr[at]);
        }
        at += is_quoted ? 2 : 1;
        take_field(line, key, buf_span(&value), is_quoted);
        buf_free(&value);
    }
}

static bool has_one(struct span text, const struct buf *ids) {
    for (struct span rest = buf_span(ids); rest.len > 0;) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        CHECK(end != NULL);
        size_t len = (size_t)(end - rest.ptr);
        if (memmem(text.ptr, text.len, rest.ptr, len) != NULL) {
            return true;
        }
        rest = span_make(end + 1, rest.len - len - 1);
    }
    return false;
}

struct period {
    char *first, *last; /* of the events before any log */
};

static void take_line(struct span text, const struct period *period, struct timeline *timeline) {
    bool is_of_batch = has_one(text, &timeline->batches);
    if (!is_of_batch && !has_one(text, &timeline->lanes)) {
        return;
    }
    struct line line = {BUF_EMPTY, BUF_EMPTY, BUF_EMPTY, BUF_EMPTY};
    (span_starts(text, "{") ? read_json : read_logfmt)(text, &line);
    const char *at = buf_cstr(&line.time);
    bool is_event = line.event.len > 0 && line.time.len > 0;
    if (is_event &&
        (is_of_batch || (strcmp(at, period->first) >= 0 && strcmp(at, period->last) <= 0))) {
        const struct timeline_event event = {at, buf_cstr(&line.event), buf_cstr(&line.program),
                                             buf_cstr(&line.details)};
        timeline_add(timeline, &event);
    }
    line_free(&line);
}

enum err trace_log(const char *path, struct timeline *timeline, struct diag *diag) {
    struct buf bytes = BUF_EMPTY;
    struct period period = {NULL, NULL};
    const char *first = timeline_first(timeline);
    const char *last = timeline_last(timeline);
    period.first = mem_strndup(first, strlen(first));
    period.last = mem_strndup(last, strlen(last));
    enum err err = io_read_file(path, LOG_BYTES_MAX, &bytes, diag);
    for (struct span rest = buf_span(&bytes); err == ERR_OK && rest.len > 0;) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        take_line(span_make(rest.ptr, len), &period, timeline);
        rest = span_make(rest.ptr + len, rest.len - len);
        rest = rest.len > 0 ? span_make(rest.ptr + 1, rest.len - 1) : rest;
    }
    mem_free(period.first);
    mem_free(period.last);
    buf_free(&bytes);
    return err;
}

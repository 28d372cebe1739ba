/* See timeline.h. */
#include "cli/trace/timeline.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/plain.h"
#include "cli/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_FIRST = 16, MILLISECONDS_BYTES = 25 /* 2026-05-01T00:00:00.123Z and NUL */ };

struct timeline_row {
    char *at, *what, *who, *details;
    uint32_t index;
};

static char *copy(const char *text) {
    return mem_strndup(text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

/* Appends the words of `more` that the row does not have. */
static void add_details(struct timeline_row *row, const char *more) {
    struct buf all = BUF_EMPTY;
    buf_printf(&all, " %s ", row->details);
    for (const char *word = more; *word != '\0';) {
        size_t len = strcspn(word, " ");
        struct buf wanted = BUF_EMPTY;
        buf_printf(&wanted, " %.*s ", (int)len, word);
        if (strstr(buf_cstr(&all), buf_cstr(&wanted)) == NULL) {
            buf_append(&all, span_make(wanted.ptr + 1, wanted.len - 1));
        }
        buf_free(&wanted);
        word += len + (word[len] == ' ' ? 1 : 0);
    }
    mem_free(row->details);
    row->details = mem_strndup((const char *)all.ptr + 1, all.len - 2);
    buf_free(&all);
}

static bool is_same(const struct timeline_row *row, const struct timeline_event *event) {
    return strcmp(row->what, event->what) == 0 && strcmp(row->at, event->at) == 0 &&
           strcmp(row->who, event->who) == 0;
}

void timeline_add(struct timeline *timeline, const struct timeline_event *event) {
    bool is_merged = strcmp(event->what, "accepted") == 0 && event->who != NULL;
    for (uint32_t i = 0; is_merged && i < timeline->count; i++) {
        if (is_same(&timeline->rows[i], event)) {
            add_details(&timeline->rows[i], event->details);
            return;
        }
    }
    MEM_ROOM(timeline->rows, timeline->count, timeline->cap, ROWS_FIRST);
    timeline->rows[timeline->count] = (struct timeline_row){.at = copy(event->at),
                                                            .what = copy(event->what),
                                                            .who = copy(event->who),
                                                            .details = copy(event->details),
                                                            .index = timeline->count};
    timeline->count++;
}

void timeline_fini(struct timeline *timeline) {
    for (uint32_t i = 0; i < timeline->count; i++) {
        mem_free(timeline->rows[i].at);
        mem_free(timeline->rows[i].what);
        mem_free(timeline->rows[i].who);
        mem_free(timeline->rows[i].details);
    }
    mem_free(timeline->rows);
    buf_free(&timeline->batches);
    buf_free(&timeline->lanes);
    buf_free(&timeline->unknown);
    *timeline = (struct timeline){0};
}

static bool has_id(const struct buf *ids, struct span id) {
    for (struct span rest = buf_span(ids); rest.len > 0;) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        CHECK(end != NULL);
        struct span known = span_make(rest.ptr, (size_t)(end - rest.ptr));
        if (span_eq(known, id)) {
            return true;
        }
        rest = span_make(end + 1, rest.len - known.len - 1);
    }
    return false;
}

void timeline_note_id(struct buf *ids, const char *id) {
    if (id != NULL && *id != '\0' && !has_id(ids, span_str(id))) {
        buf_printf(ids, "%s\n", id);
    }
}

void timeline_unknown(struct timeline *timeline, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    buf_printf(&timeline->unknown, "%s\n", text);
}

const char *timeline_first(const struct timeline *timeline) {
    const char *first = "";
    for (uint32_t i = 0; i < timeline->count; i++) {
        const char *at = timeline->rows[i].at;
        first = *first == '\0' || strcmp(at, first) < 0 ? at : first;
    }
    return first;
}

const char *timeline_last(const struct timeline *timeline) {
    const char *last = "";
    for (uint32_t i = 0; i < timeline->count; i++) {
        last = strcmp(timeline->rows[i].at, last) > 0 ? timeline->rows[i].at : last;
    }
    return last;
}

static int by_time(const void *left, const void *right) {
    const struct timeline_row *a = left;
    const struct timeline_row *b = right;
    int order = strcmp(a->at, b->at);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* Milliseconds, as in the logs. */
static void shorten(const char *at, char text[MILLISECONDS_BYTES]) {
    (void)snprintf(text, MILLISECONDS_BYTES, "%s", at);
    if (strlen(at) >= MILLISECONDS_BYTES) {
        text[MILLISECONDS_BYTES - 2] = 'Z';
    }
}

static void print_json(const struct timeline *timeline, const char *subject) {
    struct buf text = BUF_EMPTY;
    struct json json;
    char at[MILLISECONDS_BYTES];
    json_init(&json, &text);
    json_object_open(&json);
    json_str(json_key(&json, "subject"), subject);
    json_array_open(json_key(&json, "events"));
    for (uint32_t i = 0; i < timeline->count; i++) {
        const struct timeline_row *row = &timeline->rows[i];
        shorten(row->at, at);
        json_object_open(&json);
        json_str(json_key(&json, "time"), at);
        json_str(json_key(&json, "what"), row->what);
        json_str(json_key(&json, "who"), row->who);
        json_str(json_key(&json, "details"), row->details);
        json_object_close(&json);
    }
    json_array_close(&json);
    json_array_open(json_key(&json, "unknown"));
    for (struct span rest = buf_span(&timeline->unknown); rest.len > 0;) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        CHECK(end != NULL);
        struct span line = span_make(rest.ptr, (size_t)(end - rest.ptr));
        json_span(&json, line);
        rest = span_make(end + 1, rest.len - line.len - 1);
    }
    json_array_close(&json);
    json_object_close(&json);
    answer_print_json(NULL, &text);
}

static int width_of(const char *text, int width) {
    size_t columns = plain_columns(span_str(text));
    return (int)columns > width ? (int)columns : width;
}

static void print_text(const struct timeline *timeline) {
    struct buf text = BUF_EMPTY;
    const struct timeline_event head = {"TIME", "WHAT", "WHO", "DETAILS"};
    int what = 0;
    int who = 0;
    for (uint32_t i = 0; i < timeline->count; i++) {
        what = width_of(timeline->rows[i].what, what);
        who = width_of(timeline->rows[i].who, who);
    }
    for (int64_t i = -1; i < (int64_t)timeline->count; i++) {
        char at[MILLISECONDS_BYTES];
        const struct timeline_row *row = i < 0 ? NULL : &timeline->rows[i];
        shorten(row == NULL ? head.at : row->at, at);
        plain_cell(&text, at, 1 - MILLISECONDS_BYTES);
        buf_str(&text, "  ");
        plain_cell(&text, row == NULL ? head.what : row->what, -what);
        buf_str(&text, "  ");
        plain_cell(&text, row == NULL ? head.who : *row->who == '\0' ? "-" : row->who, -who);
        buf_str(&text, "  ");
        plain_text(&text, row == NULL ? head.details : row->details);
        buf_byte(&text, '\n');
    }
    for (struct span rest = buf_span(&timeline->unknown); rest.len > 0;) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        CHECK(end != NULL);
        size_t len = (size_t)(end - rest.ptr) + 1;
        buf_printf(&text, "unknown: %.*s", (int)len, (const char *)rest.ptr);
        rest = span_make(rest.ptr + len, rest.len - len);
    }
    plain_print(stdout, buf_span(&text));
    buf_free(&text);
}

void timeline_print(struct timeline *timeline, const char *subject, bool as_json) {
    if (timeline->count > 0) {
        qsort(timeline->rows, timeline->count, sizeof(*timeline->rows), by_time);
    }
    if (as_json) {
        print_json(timeline, subject);
    } else {
        print_text(timeline);
    }
}

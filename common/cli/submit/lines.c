/* One buffer of bytes that are read but not consumed.  A line over the limit is cut, never kept. */
#include "cli/submit/lines.h"

#include <string.h>

enum err lines_open(struct lines *lines, const char *path, size_t line_bytes_max,
                    struct diag *diag) {
    *lines = (struct lines){.line_bytes_max = line_bytes_max};
    return feed_open(path, FEED_TEXT, &lines->feed, diag);
}

void lines_open_bytes(struct lines *lines, struct span bytes, const char *path,
                      size_t line_bytes_max) {
    *lines = (struct lines){.feed = feed_open_bytes(bytes, path, FEED_TEXT),
                            .line_bytes_max = line_bytes_max};
}

void lines_close(struct lines *lines) {
    feed_close(&lines->feed);
    buf_free(&lines->bytes);
    *lines = (struct lines){0};
}

struct span lines_left(const struct lines *lines) {
    return span_from(buf_span(&lines->bytes), lines->at);
}

enum err lines_more(struct lines *lines, struct diag *diag) {
    if (feed_is_at_end(lines->feed)) {
        return ERR_NOT_FOUND;
    }
    if (lines->at > 0) {
        lines->bytes.len -= lines->at;
        memmove(lines->bytes.ptr, lines->bytes.ptr + lines->at, lines->bytes.len);
        lines->at = 0;
    }
    size_t before = lines->bytes.len;
    enum err err = feed_more(lines->feed, &lines->bytes, diag);
    return err == ERR_OK && lines->bytes.len == before ? ERR_NOT_FOUND : err;
}

void lines_skip(struct lines *lines, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        lines->number += lines->bytes.ptr[lines->at + i] == '\n';
    }
    lines->at += bytes;
}

/* Finds the newline, reading as needed; *len is the line's length, at most line_bytes_max + 1. */
static enum err find_end(struct lines *lines, size_t *len, bool *has_newline, struct diag *diag) {
    size_t seen = 0;
    while (true) {
        size_t left = lines_left(lines).len;
        const uint8_t *start = lines_left(lines).ptr;
        const uint8_t *end = seen < left ? memchr(start + seen, '\n', left - seen) : NULL;
        *has_newline = end != NULL;
        *len = end == NULL ? left : (size_t)(end - start);
        if (end != NULL || left > lines->line_bytes_max) {
            return ERR_OK;
        }
        seen = left;
        enum err err = lines_more(lines, diag);
        if (err != ERR_OK) {
            return err == ERR_NOT_FOUND ? ERR_OK : err;
        }
    }
}

/* Skips the rest of a cut line and keeps none of it. */
static enum err skip_rest(struct lines *lines, struct diag *diag) {
    bool has_newline = false;
    size_t len = 0;
    enum err err = ERR_OK;
    while (err == ERR_OK && !has_newline) {
        err = find_end(lines, &len, &has_newline, diag);
        lines->at += len;
        if (feed_is_at_end(lines->feed) && !has_newline) {
            return err;
        }
    }
    lines->at += has_newline ? 1 : 0;
    return err;
}

enum err lines_next(struct lines *lines, struct span *line, bool *is_cut, struct diag *diag) {
    bool has_newline = false;
    size_t len = 0;
    enum err err = find_end(lines, &len, &has_newline, diag);
    if (err != ERR_OK) {
        return err;
    }
    if (len == 0 && !has_newline) {
        return ERR_NOT_FOUND;
    }
    lines->number++;
    *is_cut = len > lines->line_bytes_max;
    if (*is_cut) {
        *line = (struct span){0};
        return skip_rest(lines, diag);
    }
    *line = span_make(lines->bytes.ptr + lines->at, len);
    lines->at += len + (has_newline ? 1 : 0);
    return ERR_OK;
}

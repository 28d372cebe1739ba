/* One buffer: what was read and not yet handed out.  A line over the limit is cut, never kept. */
#include "cli/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 16 };

enum err lines_open(struct lines *lines, const char *path, size_t line_bytes_max,
                    struct diag *diag) {
    *lines = (struct lines){
        .fd = STDIN_FILENO, .path = "standard input", .line_bytes_max = line_bytes_max};
    if (strcmp(path, "-") == 0) {
        return ERR_OK;
    }
    lines->path = path;
    lines->fd = open(path, O_RDONLY | O_CLOEXEC);
    lines->is_owned = true;
    if (lines->fd < 0) {
        return diag_fail(diag, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                         strerror(errno));
    }
    return ERR_OK;
}

void lines_close(struct lines *lines) {
    if (lines->is_owned && lines->fd >= 0) {
        (void)close(lines->fd); /* opened for reading alone: nothing can be lost */
    }
    buf_free(&lines->bytes);
    *lines = (struct lines){.fd = -1};
}

/* Reads one more chunk behind what is there. */
static enum err fill(struct lines *lines, struct diag *diag) {
    if (lines->at > 0) {
        memmove(lines->bytes.ptr, lines->bytes.ptr + lines->at, lines->bytes.len - lines->at);
        lines->bytes.len -= lines->at;
        lines->at = 0;
    }
    ssize_t got = 0;
    do {
        got = read(lines->fd, buf_room(&lines->bytes, CHUNK_BYTES), CHUNK_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return diag_fail(diag, ERR_IO, "%s: %s", lines->path, strerror(errno));
    }
    lines->is_at_end = got == 0;
    lines->bytes.len += (size_t)got;
    return ERR_OK;
}

/* Finds the newline, reading as needed; *len is the line's length, at most line_bytes_max + 1. */
static enum err find_end(struct lines *lines, size_t *len, bool *has_newline, struct diag *diag) {
    size_t seen = 0;
    while (true) {
        size_t left = lines->bytes.len - lines->at;
        const uint8_t *start = lines->bytes.ptr + lines->at;
        const uint8_t *end = seen < left ? memchr(start + seen, '\n', left - seen) : NULL;
        *has_newline = end != NULL;
        *len = end == NULL ? left : (size_t)(end - start);
        if (end != NULL || lines->is_at_end || left > lines->line_bytes_max) {
            return ERR_OK;
        }
        seen = left;
        enum err err = fill(lines, diag);
        if (err != ERR_OK) {
            return err;
        }
    }
}

/* Passes over the rest of a line that was cut, keeping none of it. */
static enum err skip_rest(struct lines *lines, struct diag *diag) {
    bool has_newline = false;
    size_t len = 0;
    enum err err = ERR_OK;
    while (err == ERR_OK && !has_newline) {
        err = find_end(lines, &len, &has_newline, diag);
        lines->at += len;
        if (lines->is_at_end && !has_newline) {
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

/* The text of one failure. */
#include "base/diag.h"

#include "base/plain.h"

#include <stdio.h>

/* A text that was cut may end inside a character: the rest of that character is removed, so UTF-8
 * stays valid. */
static void drop_part(char *text, size_t len) {
    size_t at = len;
    while (at > 0 && len - at < 3 && ((uint8_t)text[at - 1] & 0xc0) == 0x80) {
        at--;
    }
    size_t have = len - at + 1;
    uint8_t lead = at == 0 ? 0 : (uint8_t)text[at - 1];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : have;
    if (have < wanted) {
        text[at - 1] = '\0';
    }
}

/* A name or path from outside must not break the line or send control characters to a log or
 * terminal. */
static void make_plain(char *text, size_t size) {
    struct buf plain = BUF_EMPTY;
    plain_text(&plain, text);
    (void)snprintf(text, size, "%s", buf_cstr(&plain));
    buf_free(&plain);
}

PRINTF_LIKE(3, 0)
static void fill(struct diag *diag, enum err err, const char *format, va_list arguments) {
    if (diag == NULL) {
        return;
    }
    *diag = (struct diag){.err = err, .width = 1};
    int wanted = vsnprintf(diag->text, sizeof(diag->text), format, arguments);
    if (wanted >= (int)sizeof(diag->text)) {
        drop_part(diag->text, sizeof(diag->text) - 1);
    }
    make_plain(diag->text, sizeof(diag->text));
}

enum err diag_fail(struct diag *diag, enum err err, const char *format, ...) {
    CHECK(err != ERR_OK);
    va_list arguments;
    va_start(arguments, format);
    fill(diag, err, format, arguments);
    va_end(arguments);
    return err;
}

enum err diag_fail_at(struct diag *diag, enum err err, const char *file, uint32_t line,
                      uint32_t column, const char *format, ...) {
    CHECK(err != ERR_OK);
    va_list arguments;
    va_start(arguments, format);
    fill(diag, err, format, arguments);
    va_end(arguments);
    if (diag != NULL) {
        if (snprintf(diag->file, sizeof(diag->file), "%s", file == NULL ? "" : file) >=
            (int)sizeof(diag->file)) {
            drop_part(diag->file, sizeof(diag->file) - 1);
        }
        make_plain(diag->file, sizeof(diag->file));
        diag->line = line;
        diag->column = column;
    }
    return err;
}

static struct span source_line(struct span source, uint32_t line) {
    size_t start = 0;
    for (uint32_t at = 1; at < line; at++) {
        const uint8_t *newline =
            source.len > start ? memchr(source.ptr + start, '\n', source.len - start) : NULL;
        if (newline == NULL) {
            return span_make(NULL, 0);
        }
        start = (size_t)(newline - source.ptr) + 1;
    }
    if (start >= source.len) {
        return span_make(NULL, 0);
    }
    const uint8_t *end = memchr(source.ptr + start, '\n', source.len - start);
    return span_make(source.ptr + start,
                     end == NULL ? source.len - start : (size_t)(end - source.ptr) - start);
}

/* Tabs are kept and UTF-8 continuation bytes skipped, so the caret is under the fault. */
static void print_caret(struct span line, const struct diag *diag, struct buf *out) {
    for (size_t i = 0; i + 1 < diag->column && i < line.len; i++) {
        if ((line.ptr[i] & 0xc0) != 0x80) {
            buf_byte(out, line.ptr[i] == '\t' ? '\t' : ' ');
        }
    }
    buf_byte(out, '^');
    for (size_t i = diag->column; i + 1 < diag->column + (size_t)diag->width && i < line.len; i++) {
        if ((line.ptr[i] & 0xc0) != 0x80) {
            buf_byte(out, '~');
        }
    }
    buf_byte(out, '\n');
}

void diag_print(const struct diag *diag, struct span source, struct buf *out) {
    if (diag->file[0] != '\0') {
        plain_text(out, diag->file);
        buf_byte(out, ':');
        if (diag->line != 0) {
            buf_printf(out, "%u:", diag->line);
        }
        if (diag->line != 0 && diag->column != 0) {
            buf_printf(out, "%u:", diag->column);
        }
        buf_byte(out, ' ');
    }
    plain_text(out, diag->text); /* one line, whatever it contains */
    buf_byte(out, '\n');
    struct span line = diag->line == 0 ? span_make(NULL, 0) : source_line(source, diag->line);
    if (line.len != 0 && diag->column != 0) {
        buf_append(out, line);
        buf_byte(out, '\n');
        print_caret(line, diag, out);
    }
}

/* Harmless characters, and those that change a terminal or are invisible. */
#include "base/plain.h"

#include <string.h>
#include <unistd.h>

enum { BLANK = 0x20, DEL = 0x7f, C1_LAST = 0x9f, PLANE_FIRST = 0x10000 };

/* Sorted: direction marks, Unicode line ends, invisible joiners, marks and tags.  U+200C and U+200D
 * are allowed: Persian and Indian scripts need them. */
static const uint32_t HIDDEN[][2] = {{0x061c, 0x061c}, {0x180e, 0x180e}, {0x200b, 0x200b},
                                     {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
                                     {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

bool plain_is_shown(uint32_t code) {
    if (code < BLANK || (code >= DEL && code <= C1_LAST) || code == PLAIN_NO_CODE) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(HIDDEN); i++) {
        if (code >= HIDDEN[i][0] && code <= HIDDEN[i][1]) {
            return false;
        }
    }
    return true;
}

size_t plain_next(struct span text, size_t at, uint32_t *code) {
    uint8_t lead = text.ptr[at];
    size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    *code = lead;
    if (len == 1) {
        return 1;
    }
    if (len > text.len - at || !span_is_utf8(span_make(text.ptr + at, len))) {
        *code = PLAIN_NO_CODE;
        return 1;
    }
    *code = lead & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        *code = *code << 6 | (text.ptr[at + i] & 0x3fU);
    }
    return len;
}

/* Whether eight bytes are printable ASCII; false for some that are. */
static inline bool are_ascii(const uint8_t *ptr) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t eight = 0;
    memcpy(&eight, ptr, sizeof(eight));
    uint64_t odd = eight | (eight - ones * BLANK) | ((eight ^ ones * DEL) - ones);
    return (odd & ones * 0x80) == 0;
}

/* Fast path: appends a run of printable ASCII.  Returns its end. */
static size_t append_ascii(struct buf *out, struct span text, size_t at) {
    size_t end = at;
    while (text.len - end >= sizeof(uint64_t) && are_ascii(text.ptr + end)) {
        end += sizeof(uint64_t);
    }
    while (end < text.len && text.ptr[end] >= BLANK && text.ptr[end] < DEL) {
        end++;
    }
    buf_append(out, span_make(text.ptr + at, end - at));
    return end;
}

static void append(struct buf *out, struct span text, const char *kept) {
    for (size_t at = append_ascii(out, text, 0); at < text.len; at = append_ascii(out, text, at)) {
        uint32_t code = 0;
        size_t len = plain_next(text, at, &code);
        bool is_kept = code < BLANK && code != 0 && strchr(kept, (int)code) != NULL;
        if (is_kept || plain_is_shown(code)) {
            buf_append(out, span_make(text.ptr + at, len));
        } else {
            buf_byte(out, '?');
        }
        at += len;
    }
}

void plain_text(struct buf *out, const char *text) { append(out, span_str(text), ""); }

void plain_lines(struct buf *out, struct span lines) { append(out, lines, "\n\t"); }

/* The only writer to a stream.  Its errors show when the caller flushes. */
static void put(FILE *to, struct span bytes) {
    if (bytes.len > 0) {
        (void)fwrite(bytes.ptr, 1, bytes.len, to);
    }
}

void plain_print(FILE *to, struct span lines) {
    struct buf plain = BUF_EMPTY;
    (void)buf_room(&plain, lines.len + 1);
    plain_lines(&plain, lines);
    put(to, buf_span(&plain));
    buf_free(&plain);
}

void plain_printf(FILE *to, const char *format, ...) {
    struct buf text = BUF_EMPTY;
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&text, format, arguments);
    va_end(arguments);
    plain_print(to, buf_span(&text));
    buf_free(&text);
}

void plain_escape(struct buf *out, uint32_t code) {
    if (code == PLAIN_NO_CODE) {
        buf_str(out, "\\ufffd");
    } else if (code >= PLANE_FIRST) {
        uint32_t rest = code - PLANE_FIRST;
        buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
    } else {
        buf_printf(out, "\\u%04x", code);
    }
}

void plain_json(FILE *to, struct span json) {
    struct buf plain = BUF_EMPTY;
    for (size_t at = append_ascii(&plain, json, 0); at < json.len;
         at = append_ascii(&plain, json, at)) {
        uint32_t code = 0;
        size_t len = plain_next(json, at, &code);
        /* JSON has white space between tokens; other hidden characters occur only in strings.
         */
        if (code == '\n' || code == '\t' || code == '\r' || plain_is_shown(code)) {
            buf_append(&plain, span_make(json.ptr + at, len));
        } else {
            plain_escape(&plain, code);
        }
        at += len;
    }
    put(to, buf_span(&plain));
    buf_free(&plain);
}

void plain_exact(FILE *to, struct span bytes) {
    if (isatty(fileno(to)) == 1) {
        plain_print(to, bytes);
    } else {
        put(to, bytes);
    }
}

void plain_redraw(FILE *to, struct span line) {
    struct buf plain = BUF_EMPTY;
    buf_byte(&plain, '\r');
    append(&plain, line, "");
    buf_str(&plain, "\033[K"); /* clears the rest of a longer line */
    put(to, buf_span(&plain));
    buf_free(&plain);
}

static void blanks(struct buf *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        buf_byte(out, ' ');
    }
}

void plain_cell(struct buf *out, const char *text, int width) {
    struct buf plain = BUF_EMPTY;
    plain_text(&plain, text);
    size_t columns = plain_columns(buf_span(&plain));
    size_t wanted = (size_t)(width < 0 ? -width : width);
    size_t missing = columns < wanted ? wanted - columns : 0;
    blanks(out, width < 0 ? 0 : missing);
    buf_append(out, buf_span(&plain));
    blanks(out, width < 0 ? missing : 0);
    buf_free(&plain);
}

static bool is_continuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

size_t plain_columns(struct span text) {
    size_t columns = 0;
    for (size_t i = 0; i < text.len; i++) {
        columns += is_continuation(text.ptr[i]) ? 0 : 1;
    }
    return columns;
}

struct span plain_cut(struct span text, size_t columns) {
    size_t len = 0;
    for (; len < text.len; len++) {
        if (!is_continuation(text.ptr[len]) && columns-- == 0) {
            break;
        }
    }
    return span_make(text.ptr, len);
}

/* Control characters: below blank, DEL, and U+0080 to U+009F, which are C2 80 to C2 9F in UTF-8. */
#include "cli/plain.h"

#include <string.h>

enum { BLANK = 0x20, DEL = 0x7f, C1_LEAD = 0xc2, C1_LAST = 0x9f };

static bool is_continuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

static void append(struct buf *out, struct span bytes, bool keeps_newlines) {
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.ptr[i];
        bool is_c1 = byte == C1_LEAD && i + 1 < bytes.len && is_continuation(bytes.ptr[i + 1]) &&
                     bytes.ptr[i + 1] <= C1_LAST;
        bool is_kept = byte == '\n' && keeps_newlines;
        i += is_c1 ? 1 : 0;
        buf_byte(out, is_c1 || (byte < BLANK && !is_kept) || byte == DEL ? '?' : byte);
    }
}

void plain_text(struct buf *out, const char *text) { append(out, span_str(text), false); }

void plain_print(FILE *to, struct span lines) {
    struct buf plain = BUF_EMPTY;
    append(&plain, lines, true);
    if (plain.len > 0) {
        (void)fwrite(plain.ptr, 1, plain.len, to); /* standard output is checked by verb_main */
    }
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

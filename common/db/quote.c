/* Literals for SQL text, for any bytes and any server settings: no input can end the literal or
 * make the server refuse its encoding.  A text with a backslash is an E literal, which means the
 * same whatever standard_conforming_strings is. */
#include "db/db.h"

#include <string.h>

static void quote(struct buf *sql, struct span text, uint8_t mark, bool escapes) {
    bool utf8 = span_is_utf8(text);
    buf_byte(sql, mark);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (byte == 0) {
            continue;
        }
        if (byte == mark || (escapes && byte == '\\')) {
            buf_byte(sql, byte);
        }
        buf_byte(sql, byte >= 0x80 && !utf8 ? (uint8_t)'?' : byte);
    }
    buf_byte(sql, mark);
}

void db_quote_text(struct buf *sql, struct span text) {
    bool escapes = text.len > 0 && memchr(text.ptr, '\\', text.len) != NULL;
    buf_str(sql, escapes ? " E" : "");
    quote(sql, text, '\'', escapes);
}

void db_quote_name(struct buf *sql, struct span name) { quote(sql, name, '"', false); }

void db_quote_bytes(struct buf *sql, struct span bytes) {
    buf_str(sql, " E'\\\\x");
    buf_hex(sql, bytes);
    buf_byte(sql, '\'');
}

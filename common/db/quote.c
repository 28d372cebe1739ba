/* Literals for SQL text.  Written for bytes from anywhere: nothing that goes in can end the literal
 * or make the server refuse its encoding.  Relies on standard_conforming_strings, which lanes set.
 */
#include "db/db.h"

static void quote(struct buf *sql, struct span text, uint8_t mark) {
    bool utf8 = span_is_utf8(text);
    buf_byte(sql, mark);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (byte == 0) {
            continue;
        }
        if (byte == mark) {
            buf_byte(sql, mark);
        }
        buf_byte(sql, byte >= 0x80 && !utf8 ? (uint8_t)'?' : byte);
    }
    buf_byte(sql, mark);
}

void db_quote_text(struct buf *sql, struct span text) { quote(sql, text, '\''); }

void db_quote_name(struct buf *sql, struct span name) { quote(sql, name, '"'); }

void db_quote_bytes(struct buf *sql, struct span bytes) {
    buf_str(sql, "'\\x");
    buf_hex(sql, bytes);
    buf_byte(sql, '\'');
}

/* The stream of a binary COPY from a server that may send anything: the first byte is the number of
 * columns, then pieces, each behind its be16 length.  Each field lies in its piece, a row that is
 * read is written back to the bytes it was read from, and nothing is read behind the end. */
#include "base/buf.h"
#include "db/copy_read.h"
#include "fuzz.h"

enum { COLUMNS_MAX = 8 };

static void fields_check(struct span piece, const struct span *fields, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (fields[i].ptr != NULL) {
            CHECK(fields[i].ptr >= piece.ptr);
            CHECK(fields[i].len <= (size_t)(piece.ptr + piece.len - fields[i].ptr));
        } else {
            CHECK(fields[i].len == 0);
        }
    }
}

/* The row as the server must have sent it is directly before the rest. */
static void row_check(struct span left, const struct span *fields, uint32_t count) {
    struct buf row = BUF_EMPTY;
    buf_be16(&row, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        buf_be32(&row, fields[i].ptr == NULL ? UINT32_MAX : (uint32_t)fields[i].len);
        buf_append(&row, fields[i]);
    }
    CHECK(memcmp(left.ptr - row.len, row.ptr, row.len) == 0);
    buf_free(&row);
}

static enum err piece_read(struct copy_reader *reader, struct span piece) {
    struct span fields[COLUMNS_MAX];
    bool had_end = reader->has_end;
    enum err err = copy_reader_take(reader, piece);
    CHECK(err == ERR_OK || err == ERR_CORRUPT);
    CHECK(err != ERR_OK || !had_end);
    for (bool is_row = true; err == ERR_OK && is_row;) {
        uint64_t rows = reader->rows;
        err = copy_reader_next(reader, fields, &is_row);
        CHECK(err == ERR_OK || err == ERR_CORRUPT);
        CHECK(!is_row || err == ERR_OK);
        CHECK(reader->rows == rows + (is_row ? 1 : 0));
        if (is_row) {
            fields_check(piece, fields, reader->field_count);
            row_check(reader->left, fields, reader->field_count);
        }
    }
    CHECK(err != ERR_OK || reader->left.len == 0);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    if (len == 0) {
        return 0;
    }
    struct copy_reader reader = {.field_count = bytes[0] % COLUMNS_MAX + 1U};
    size_t at = 1;
    while (len - at > 2) {
        size_t piece = get_be16(bytes + at);
        at += 2;
        piece = piece < len - at ? piece : len - at;
        if (piece > 0 && piece_read(&reader, span_make(bytes + at, piece)) != ERR_OK) {
            break;
        }
        at += piece;
    }
    return 0;
}

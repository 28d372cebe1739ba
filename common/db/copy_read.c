/* The stream: a signature with flags and an extension, then rows of be16 count and be32 lengths
 * with their bytes, then a count of -1 and nothing after it. */
#include "db/copy_read.h"

#include "base/buf.h"

enum { SIGNATURE_BYTES = 11, HEAD_BYTES = SIGNATURE_BYTES + 4 + 4, COUNT_BYTES = 2 };
enum { NULL_LENGTH = -1, END = -1 };

static void skip(struct span *left, size_t bytes) {
    *left = span_make(left->ptr + bytes, left->len - bytes);
}

enum err copy_reader_take(struct copy_reader *reader, struct span piece) {
    static const char signature[] = "PGCOPY\n\377\r\n";
    CHECK(reader->left.len == 0 && piece.len > 0);
    if (reader->has_end) {
        return ERR_CORRUPT;
    }
    reader->left = piece;
    if (reader->has_head) {
        return ERR_OK;
    }
    if (piece.len < HEAD_BYTES || memcmp(piece.ptr, signature, SIGNATURE_BYTES) != 0) {
        return ERR_CORRUPT;
    }
    uint32_t extension = get_be32(piece.ptr + HEAD_BYTES - 4);
    if (piece.len - HEAD_BYTES < extension) {
        return ERR_CORRUPT;
    }
    skip(&reader->left, HEAD_BYTES + (size_t)extension);
    reader->has_head = true;
    return ERR_OK;
}

static enum err read_field(struct span *left, struct span *field) {
    if (left->len < 4) {
        return ERR_CORRUPT;
    }
    int32_t len = (int32_t)get_be32(left->ptr);
    skip(left, 4);
    if (len == NULL_LENGTH) {
        *field = span_make(NULL, 0);
        return ERR_OK;
    }
    if (len < 0 || left->len < (size_t)len) {
        return ERR_CORRUPT;
    }
    *field = span_make(left->ptr, (size_t)len);
    skip(left, (size_t)len);
    return ERR_OK;
}

enum err copy_reader_next(struct copy_reader *reader, struct span *fields, bool *is_row) {
    struct span *left = &reader->left;
    *is_row = false;
    if (left->len == 0) {
        return ERR_OK;
    }
    if (left->len < COUNT_BYTES || reader->has_end) {
        return ERR_CORRUPT;
    }
    int16_t count = (int16_t)get_be16(left->ptr);
    skip(left, COUNT_BYTES);
    if (count == END) {
        reader->has_end = true;
        return left->len == 0 ? ERR_OK : ERR_CORRUPT;
    }
    if (count < 0 || (uint32_t)count != reader->field_count) {
        return ERR_CORRUPT;
    }
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < reader->field_count; i++) {
        err = read_field(left, &fields[i]);
    }
    *is_row = err == ERR_OK;
    reader->rows += *is_row ? 1 : 0;
    return err;
}

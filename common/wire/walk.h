/* Purpose: bounded walking of MessagePack before anything is decoded: depth, counts against the
 * bytes left, exact end.  Never allocates; never reads past the span. */
#ifndef CASEMILL_WIRE_WALK_H
#define CASEMILL_WIRE_WALK_H

#include "base/span.h"
#include "wire/wire.h"

enum { WALK_DEPTH_MAX = 16 };

struct walk_fault {
    enum wire_reason reason; /* TRUNCATED, TOO_DEEP, SIZE_BOMB, COUNT_MISMATCH, TRAILING_BYTES */
    uint32_t index;          /* case */
    uint64_t offset;         /* byte in the body */
};

/* walk_value skips one value at *offset.  Errors: ERR_TRUNCATED, ERR_TOO_DEEP, ERR_SIZE_BOMB,
 * ERR_INVALID (byte 0xc1); *offset is then that of the fault. */
MUST_USE enum err walk_value(struct span bytes, size_t *offset);
/* walk_value_below is walk_value for a value that may be nested at most so deep itself. */
MUST_USE enum err walk_value_below(struct span bytes, size_t *offset, unsigned depth_max);
enum wire_reason walk_reason(enum err err); /* of an error of these two */

/* walk_body checks that the body is exactly `count` values (the decoder checks that each is a map).
 * Every `stride` cases the offset of that case is written to cuts (cut i = offset of case i*stride;
 * cut 0 is 0); cut_max bounds it; stride 0 writes none.  A byte that starts no value counts as
 * truncated.  Errors: as in fault. */
MUST_USE enum err walk_body(struct span body, uint32_t count, uint32_t stride, uint32_t *cuts,
                            uint32_t cut_max, struct walk_fault *fault);

/* A cursor for typed reading of one already walked value (case decoding, header decoding). */
enum walk_type {
    WALK_NIL,
    WALK_BOOL,
    WALK_INT,
    WALK_UINT,
    WALK_FLOAT,
    WALK_STR,
    WALK_BIN,
    WALK_ARRAY,
    WALK_MAP,
    WALK_EXT
};
struct walk_item {
    enum walk_type type; /* WALK_INT: negative; WALK_UINT: zero and up */
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
        struct span bytes; /* STR, BIN, EXT */
        uint32_t count;    /* ARRAY: elements, MAP: pairs; their items follow */
    };
};
/* walk_any is walk_next for every kind of item. */
MUST_USE enum err walk_any(struct span bytes, size_t *offset, struct walk_item *item);
/* walk_next reads the item at *offset and moves past it (into an array or map, not over it). Inline
 * for the common items of cases: short texts, true, false and nil. */
MUST_USE static inline enum err walk_next(struct span bytes, size_t *offset,
                                          struct walk_item *item) {
    size_t at = *offset;
    uint8_t first = at < bytes.len ? bytes.ptr[at] : 0;
    if (first >= 0xa0 && first < 0xc0 && (first & 0x1fU) < bytes.len - at) {
        item->type = WALK_STR;
        item->bytes = span_make(bytes.ptr + at + 1, first & 0x1f);
        *offset = at + 1 + (first & 0x1f);
        return ERR_OK;
    }
    if (first == 0xc0 || first == 0xc2 || first == 0xc3) {
        item->type = first == 0xc0 ? WALK_NIL : WALK_BOOL;
        item->b = first == 0xc3;
        *offset = at + 1;
        return ERR_OK;
    }
    return walk_any(bytes, offset, item);
}
const char *walk_type_name(
    enum walk_type type); /* "nil", "bool", "int", "float", "str", "bin", "array", "map", "ext" */

#endif

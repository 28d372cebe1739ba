/* Walking without decoding: an explicit stack counts the values that each open container still
 * needs. So nesting uses no C stack, and a claimed count uses no memory. */
#include "wire/walk.h"

enum { FIRST_UNUSED = 0xc1 };

/* Big-endian unsigned of 1, 2, 4 or 8 bytes. */
static uint64_t read_be(const uint8_t *ptr, unsigned width) {
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++) {
        value = value << 8 | ptr[i];
    }
    return value;
}

static double double_of(uint64_t bits, unsigned width) {
    if (width == 4) {
        union {
            uint32_t bits;
            float value;
        } narrow = {.bits = (uint32_t)bits};
        return (double)narrow.value;
    }
    union {
        uint64_t bits;
        double value;
    } wide = {.bits = bits};
    return wide.value;
}

/* Sign-extends width bytes; the result is INT or UINT. */
static void set_signed(struct walk_item *item, uint64_t bits, unsigned width) {
    unsigned shift = 64 - 8 * width;
    int64_t value = (int64_t)(bits << shift) >> shift;
    if (value < 0) {
        item->type = WALK_INT;
        item->i = value;
    } else {
        item->type = WALK_UINT;
        item->u = (uint64_t)value;
    }
}

/* The shape after a first byte: `width` bytes of number or length, then for STR, BIN and EXT the
 * bytes (EXT has its type byte in between). */
struct shape {
    enum walk_type type;
    uint8_t width;
    uint8_t fixed;  /* length or count when width is 0 */
    bool is_signed; /* of a number */
};

/* The shapes of 0xc0 .. 0xdf, in order. */
static const struct shape shapes[32] = {
    {WALK_NIL, 0, 0, false},  {WALK_NIL, 0, 0, false},   {WALK_BOOL, 0, 0, false},
    {WALK_BOOL, 0, 1, false}, {WALK_BIN, 1, 0, false},   {WALK_BIN, 2, 0, false},
    {WALK_BIN, 4, 0, false},  {WALK_EXT, 1, 0, false},   {WALK_EXT, 2, 0, false},
    {WALK_EXT, 4, 0, false},  {WALK_FLOAT, 4, 0, false}, {WALK_FLOAT, 8, 0, false},
    {WALK_UINT, 1, 0, false}, {WALK_UINT, 2, 0, false},  {WALK_UINT, 4, 0, false},
    {WALK_UINT, 8, 0, false}, {WALK_UINT, 1, 0, true},   {WALK_UINT, 2, 0, true},
    {WALK_UINT, 4, 0, true},  {WALK_UINT, 8, 0, true},   {WALK_EXT, 0, 1, false},
    {WALK_EXT, 0, 2, false},  {WALK_EXT, 0, 4, false},   {WALK_EXT, 0, 8, false},
    {WALK_EXT, 0, 16, false}, {WALK_STR, 1, 0, false},   {WALK_STR, 2, 0, false},
    {WALK_STR, 4, 0, false},  {WALK_ARRAY, 2, 0, false}, {WALK_ARRAY, 4, 0, false},
    {WALK_MAP, 2, 0, false},  {WALK_MAP, 4, 0, false},
};

static struct shape shape_of(uint8_t first) {
    if (first < 0x90) {
        return (struct shape){WALK_MAP, 0, first & 0x0f, false};
    }
    if (first < 0xa0) {
        return (struct shape){WALK_ARRAY, 0, first & 0x0f, false};
    }
    if (first < 0xc0) {
        return (struct shape){WALK_STR, 0, first & 0x1f, false};
    }
    return shapes[first - 0xc0];
}

static enum err take_bytes(struct span bytes, size_t at, uint64_t len, struct walk_item *item,
                           size_t *offset) {
    if (len > bytes.len - at) {
        return ERR_TRUNCATED;
    }
    item->bytes = span_make(bytes.ptr + at, (size_t)len);
    *offset = at + (size_t)len;
    return ERR_OK;
}

enum err walk_any(struct span bytes, size_t *offset, struct walk_item *item) {
    size_t at = *offset;
    if (at >= bytes.len) {
        return ERR_TRUNCATED;
    }
    uint8_t first = bytes.ptr[at++];
    if (first < 0x80 || first >= 0xe0) { /* small numbers */
        set_signed(item, first, 1);
        *offset = at;
        return ERR_OK;
    }
    if (first == FIRST_UNUSED) {
        return ERR_INVALID;
    }
    struct shape shape = shape_of(first);
    if (shape.width > bytes.len - at) {
        return ERR_TRUNCATED;
    }
    uint64_t number = shape.width == 0 ? shape.fixed : read_be(bytes.ptr + at, shape.width);
    at += shape.width;
    item->type = shape.type;
    switch (shape.type) {
    case WALK_NIL:
        break;
    case WALK_BOOL:
        item->b = number != 0;
        break;
    case WALK_INT:
    case WALK_UINT:
        item->u = number;
        if (shape.is_signed) {
            set_signed(item, number, shape.width);
        }
        break;
    case WALK_FLOAT:
        item->d = double_of(number, shape.width);
        break;
    case WALK_EXT:
        if (at >= bytes.len) {
            return ERR_TRUNCATED;
        }
        return take_bytes(bytes, at + 1, number, item, offset);
    case WALK_STR:
    case WALK_BIN:
        return take_bytes(bytes, at, number, item, offset);
    case WALK_ARRAY:
    case WALK_MAP:
        if (number > (bytes.len - at) / (shape.type == WALK_MAP ? 2 : 1)) {
            return ERR_SIZE_BOMB;
        }
        item->count = (uint32_t)number;
        break;
    }
    *offset = at;
    return ERR_OK;
}

/* Most values of a case are short texts, small numbers, true, false and nil: their first byte gives
 * their length.  0: use the slow path. */
static size_t plain_bytes(uint8_t first) {
    if (first >= 0xa0 && first < 0xc0) {
        return 1U + (first & 0x1f);
    }
    bool is_plain =
        first < 0x80 || first >= 0xe0 || first == 0xc0 || first == 0xc2 || first == 0xc3;
    return is_plain ? 1 : 0;
}

static inline enum err walk_within(struct span bytes, size_t *offset, unsigned depth_max) {
    uint64_t owed[WALK_DEPTH_MAX + 1];
    unsigned depth = 0;
    size_t at = *offset;
    do {
        size_t plain = at < bytes.len ? plain_bytes(bytes.ptr[at]) : 0;
        if (plain != 0 && plain <= bytes.len - at) {
            at += plain;
        } else {
            struct walk_item item;
            size_t next = at;
            enum err err = walk_any(bytes, &next, &item);
            if (err == ERR_OK && (item.type == WALK_ARRAY || item.type == WALK_MAP)) {
                if (depth == depth_max) {
                    err = ERR_TOO_DEEP;
                } else {
                    depth++;
                    owed[depth] = 1 + (item.type == WALK_MAP ? 2 : 1) * (uint64_t)item.count;
                }
            }
            if (err != ERR_OK) {
                *offset = at;
                return err;
            }
            at = next;
        }
        /* Each value counts in its container; a complete container counts in the one around it. */
        while (depth > 0 && --owed[depth] == 0) {
            depth--;
        }
    } while (depth > 0);
    *offset = at;
    return ERR_OK;
}

enum err walk_value(struct span bytes, size_t *offset) {
    return walk_within(bytes, offset, WALK_DEPTH_MAX);
}

enum err walk_value_below(struct span bytes, size_t *offset, unsigned depth_max) {
    CHECK(depth_max <= WALK_DEPTH_MAX);
    return walk_within(bytes, offset, depth_max);
}

enum wire_reason walk_reason(enum err err) {
    if (err == ERR_TOO_DEEP) {
        return WIRE_REASON_TOO_DEEP;
    }
    return err == ERR_SIZE_BOMB ? WIRE_REASON_SIZE_BOMB : WIRE_REASON_TRUNCATED;
}

static enum err fault_at(struct walk_fault *fault, enum err err, enum wire_reason reason,
                         uint32_t index, size_t offset) {
    *fault = (struct walk_fault){.reason = reason, .index = index, .offset = offset};
    return err;
}

enum err walk_body(struct span body, uint32_t count, uint32_t stride, uint32_t *cuts,
                   uint32_t cut_max, struct walk_fault *fault) {
    CHECK(body.len <= UINT32_MAX);
    size_t at = 0;
    uint32_t cut = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (at == body.len) {
            return fault_at(fault, ERR_INVALID, WIRE_REASON_COUNT_MISMATCH, i, at);
        }
        if (stride > 0 && i % stride == 0 && cut < cut_max) {
            cuts[cut++] = (uint32_t)at;
        }
        enum err err = walk_value(body, &at);
        if (err != ERR_OK) {
            return fault_at(fault, err, walk_reason(err), i, at);
        }
    }
    if (at != body.len) {
        return fault_at(fault, ERR_TRAILING, WIRE_REASON_TRAILING_BYTES, count, at);
    }
    return ERR_OK;
}

const char *walk_type_name(enum walk_type type) {
    static const char *const names[] = {"nil", "bool", "int",   "int", "float",
                                        "str", "bin",  "array", "map", "ext"};
    return names[type];
}

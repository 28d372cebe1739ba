/* The walk of ROWS.  Most values of a row are one byte or a short text, so a table of their lengths
 * moves over them. */
#include "wire/rows.h"

#include "base/hash.h"

enum { SLOTS = 2 * ROWS_NAMES_MAX };

static enum err fault_at(struct walk_fault *fault, enum err err, enum wire_reason reason,
                         uint32_t index, size_t offset) {
    *fault = (struct walk_fault){.reason = reason, .index = index, .offset = offset};
    return err;
}

bool rows_name_record(struct span name, struct span *record) {
    const uint8_t *dot = name.len == 0 ? NULL : memchr(name.ptr, '.', name.len);
    *record = span_make(name.ptr, dot == NULL ? 0 : (size_t)(dot - name.ptr));
    return dot != NULL;
}

/* The slot of a name: it holds the name's number + 1, or 0. */
static uint16_t *slot_of(uint16_t *slots, const struct row_names *names, struct span name) {
    uint32_t at = (uint32_t)hash64(name) % SLOTS;
    while (slots[at] != 0 && !span_eq(names->names[slots[at] - 1], name)) {
        at = (at + 1) % SLOTS;
    }
    return &slots[at];
}

/* The first name that stands twice or whose record is a name itself; count: there is none. */
static uint32_t find_clash(const struct row_names *names) {
    uint16_t slots[SLOTS] = {0};
    for (uint32_t i = 0; i < names->count; i++) {
        uint16_t *slot = slot_of(slots, names, names->names[i]);
        if (*slot != 0) {
            return i;
        }
        *slot = (uint16_t)(i + 1);
    }
    for (uint32_t i = 0; i < names->count; i++) {
        struct span record;
        if (rows_name_record(names->names[i], &record) && *slot_of(slots, names, record) != 0) {
            return i;
        }
    }
    return names->count;
}

enum err rows_names_read(struct span bytes, struct row_names *names, uint32_t *length,
                         struct walk_fault *fault) {
    size_t offsets[ROWS_NAMES_MAX];
    size_t at = 0;
    struct walk_item item;
    enum err err = walk_next(bytes, &at, &item);
    if (err != ERR_OK) {
        return fault_at(fault, err, walk_reason(err), 0, 0);
    }
    if (item.type != WALK_ARRAY) {
        return fault_at(fault, ERR_INVALID, WIRE_REASON_BAD_NAMES, 0, 0);
    }
    uint32_t count = item.count;
    for (uint32_t i = 0; i < count; i++) {
        size_t start = at;
        if (i == ROWS_NAMES_MAX) {
            return fault_at(fault, ERR_INVALID, WIRE_REASON_BAD_NAMES, i, start);
        }
        err = walk_next(bytes, &at, &item);
        if (err != ERR_OK) {
            return fault_at(fault, err, walk_reason(err), i, start);
        }
        if (item.type != WALK_STR || at > ROWS_NAMES_BYTES_MAX) {
            return fault_at(fault, ERR_INVALID, WIRE_REASON_BAD_NAMES, i, start);
        }
        names->names[i] = item.bytes;
        offsets[i] = start;
    }
    names->count = count;
    uint32_t clash = find_clash(names);
    if (clash < count) {
        return fault_at(fault, ERR_INVALID, WIRE_REASON_BAD_NAMES, clash, offsets[clash]);
    }
    *length = (uint32_t)at;
    return ERR_OK;
}

#define SIXTEEN(n) n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n
#define EIGHT(n) n, n, n, n, n, n, n, n
/* Bytes of a value by its first byte; 0: use walk_value_below. */
static const uint8_t LENGTHS[256] = {
    SIXTEEN(1), SIXTEEN(1), SIXTEEN(1), SIXTEEN(1), SIXTEEN(1), SIXTEEN(1), SIXTEEN(1), SIXTEEN(1),
    /* maps, arrays */
    SIXTEEN(0), SIXTEEN(0),                                         /* maps, arrays */
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,          /* a0 .. */
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, /* .. bf: texts */
    1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 5, 9, 2, 3, 5, 9,                 /* nil, bools; floats, uints */
    2, 3, 5, 9, EIGHT(0), 0, 0, 0, 0,                               /* ints */
    SIXTEEN(1), SIXTEEN(1),                                         /* e0 .. ff */
};

/* The elements of a small array, or keys and values of a small map; 0: it is none. */
static inline uint32_t small_count(uint8_t first) {
    return first < 0x80 || first >= 0xa0 ? 0 : (first & 0x0fU) << (first < 0x90 ? 1 : 0);
}

/* Moves over a small container of plain values.  0: it has others, or is cut: walk_value_below
 * finds out. */
static inline size_t flat_end(const uint8_t *ptr, size_t at, size_t end) {
    uint32_t left = small_count(ptr[at++]);
    for (; left > 0; left--) {
        size_t step = at < end ? LENGTHS[ptr[at]] : 0;
        if (step == 0 || step > end - at) {
            return 0;
        }
        at += step;
    }
    return at;
}

/* The same for one that also holds such containers: a list of records. */
static inline size_t small_end(const uint8_t *ptr, size_t at, size_t end) {
    uint32_t left = small_count(ptr[at]);
    bool is_container = ptr[at] >= 0x80 && ptr[at] < 0xa0;
    for (at++; left > 0 && is_container; left--) {
        size_t step = at < end ? LENGTHS[ptr[at]] : 0;
        if (step != 0 && step <= end - at) {
            at += step;
            continue;
        }
        bool is_inner = at < end && ptr[at] >= 0x80 && ptr[at] < 0xa0;
        at = is_inner ? flat_end(ptr, at, end) : 0;
        if (at == 0) {
            return 0;
        }
    }
    return is_container ? at : 0;
}

enum { PLAIN_MAX = 32 }; /* the longest in LENGTHS */

static enum err walk_row(struct span body, uint32_t most, size_t *offset,
                         enum wire_reason *reason) {
    struct walk_item row;
    size_t at = *offset;
    enum err err = walk_next(body, &at, &row);
    *reason = WIRE_REASON_BAD_ROW;
    if (err == ERR_OK && (row.type != WALK_ARRAY || row.count > most)) {
        return ERR_INVALID;
    }
    if (err == ERR_OK) {
        *offset = at;
        const uint8_t *ptr = body.ptr;
        size_t end = body.len;
        for (uint32_t left = row.count; err == ERR_OK && left > 0; left--) {
            /* One comparison for most values: no plain one is longer. */
            for (; left > 1 && end - at > PLAIN_MAX && LENGTHS[ptr[at]] != 0; left--) {
                at += LENGTHS[ptr[at]];
            }
            size_t step = at < end ? LENGTHS[ptr[at]] : 0;
            size_t next = step != 0 && step <= end - at ? at + step
                          : step == 0 && at < end       ? small_end(ptr, at, end)
                                                        : 0;
            if (next != 0) {
                at = next;
            } else {
                err = walk_value_below(body, &at, ROWS_DEPTH_MAX);
            }
        }
        *offset = at;
    }
    *reason = err == ERR_OK ? WIRE_REASON_NONE : walk_reason(err);
    return err;
}

enum err rows_walk(struct span body, uint32_t count, uint32_t stride, uint32_t *cuts,
                   uint32_t cut_max, struct walk_fault *fault) {
    struct row_names names;
    uint32_t length = 0;
    uint32_t cut = 0;
    CHECK(body.len <= UINT32_MAX);
    enum err err = rows_names_read(body, &names, &length, fault);
    if (err != ERR_OK) {
        return err;
    }
    size_t at = length;
    for (uint32_t i = 0; i < count; i++) {
        enum wire_reason reason = WIRE_REASON_NONE;
        if (at == body.len) {
            return fault_at(fault, ERR_INVALID, WIRE_REASON_COUNT_MISMATCH, i, at);
        }
        if (stride > 0 && i % stride == 0 && cut < cut_max) {
            cuts[cut++] = (uint32_t)at;
        }
        err = walk_row(body, ROWS_KEYS + names.count, &at, &reason);
        if (err != ERR_OK) {
            return fault_at(fault, err, reason, i, at);
        }
    }
    if (at != body.len) {
        return fault_at(fault, ERR_TRAILING, WIRE_REASON_TRAILING_BYTES, count, at);
    }
    return ERR_OK;
}

/* One pass over the maps: each value is copied behind the head of its row, in the order of names.
 * Facts mostly come in one order, so the name behind the last one is tried before the table. */
#include "client/to_rows.h"

#include "base/hash.h"
#include "base/mem.h"
#include "wire/mp_write.h"

enum { HEAD_BYTES = 3, SLOTS = 2 * ROWS_NAMES_MAX, ARRAY_16 = 0xdc, NIL = 0xc0, AHEAD_MAX = 4 };
#define NAME_NONE UINT32_MAX

void to_rows_fini(struct to_rows *to) {
    mem_free(to->slots);
    mem_free(to->cells);
    mem_free(to->written);
    buf_free(&to->rows);
    buf_free(&to->body);
    *to = (struct to_rows){.slots = NULL};
}

static void begin(struct to_rows *to) {
    if (to->slots == NULL) {
        to->slots = mem_alloc(SLOTS * sizeof(*to->slots));
        to->cells = mem_alloc(ROWS_NAMES_MAX * sizeof(*to->cells));
        to->written = mem_alloc(ROWS_NAMES_MAX * sizeof(*to->written));
    }
    memset(to->slots, 0, SLOTS * sizeof(*to->slots));
    to->names.count = 0;
    to->names_bytes = 3; /* the head of the array, at most */
    buf_clear(&to->rows);
    buf_clear(&to->body);
}

/* The number of a name that is new or known; NAME_NONE: there is no room for it, or it cannot be
 * the name of a column. */
static uint32_t number_of(struct to_rows *to, struct span name) {
    uint32_t at = (uint32_t)hash64(name) % SLOTS;
    while (to->slots[at] != 0 && !span_eq(to->names.names[to->slots[at] - 1], name)) {
        at = (at + 1) % SLOTS;
    }
    if (to->slots[at] != 0) {
        return to->slots[at] - 1U;
    }
    struct span record;
    to->names_bytes += name.len + 5;
    if (to->names.count == ROWS_NAMES_MAX || to->names_bytes > ROWS_NAMES_BYTES_MAX ||
        rows_name_record(name, &record)) {
        return NAME_NONE; /* a dot would make it a field of a record */
    }
    to->names.names[to->names.count] = name;
    to->written[to->names.count] = 0;
    to->slots[at] = (uint16_t)++to->names.count;
    return to->names.count - 1;
}

static inline uint32_t find(struct to_rows *to, struct span name, uint32_t hint) {
    uint32_t end = hint + AHEAD_MAX < to->names.count ? hint + AHEAD_MAX : to->names.count;
    for (uint32_t i = hint; i < end; i++) {
        const struct span *known = &to->names.names[i];
        if (known->len == name.len && memcmp(known->ptr, name.ptr, name.len) == 0) {
            return i;
        }
    }
    return number_of(to, name);
}

/* Reads the value at *at without a look into it. */
static inline bool read_value(struct span maps, size_t *at, struct span *value) {
    size_t start = *at;
    uint8_t first = start < maps.len ? maps.ptr[start] : 0xc1;
    size_t plain = first >= 0xa0 && first < 0xc0 ? 1U + (first & 0x1f)
                   : first < 0x80 || first >= 0xe0 || first == NIL || first == 0xc2 || first == 0xc3
                       ? 1U
                       : 0U;
    if (plain != 0 && plain <= maps.len - start) {
        *at = start + plain;
    } else if (walk_value_below(maps, at, ROWS_DEPTH_MAX) != ERR_OK) {
        return false;
    }
    *value = span_make(maps.ptr + start, *at - start);
    return true;
}

/* The facts of one case into cells; *used: how many columns of the row are not nil at its end. */
static bool read_facts(struct to_rows *to, struct span maps, size_t *at, uint32_t number,
                       uint32_t *used) {
    struct walk_item item;
    if (walk_next(maps, at, &item) != ERR_OK || item.type != WALK_MAP) {
        return false;
    }
    uint32_t hint = 0;
    *used = 0;
    for (uint32_t left = item.count; left > 0; left--) {
        struct walk_item key;
        struct span value;
        if (walk_next(maps, at, &key) != ERR_OK || key.type != WALK_STR) {
            return false;
        }
        uint32_t column = find(to, key.bytes, hint);
        if (column == NAME_NONE || to->written[column] == number || !read_value(maps, at, &value)) {
            return false;
        }
        to->cells[column] = value;
        to->written[column] = number;
        hint = column + 1;
        *used = value.ptr[0] != NIL && column >= *used ? column + 1 : *used;
    }
    return true;
}

static inline uint8_t *put(uint8_t *at, struct span value) {
    memcpy(at, value.ptr, value.len);
    return at + value.len;
}

static void write_row(struct to_rows *to, const struct span *keys, uint32_t number, uint32_t used,
                      size_t case_bytes) {
    uint32_t count = ROWS_KEYS + used;
    /* Each value is from the case, but for a nil in place of each that is absent. */
    uint8_t *at = buf_room(&to->rows, HEAD_BYTES + count + case_bytes);
    uint8_t *start = at;
    *at++ = ARRAY_16;
    *at++ = (uint8_t)(count >> 8);
    *at++ = (uint8_t)count;
    for (uint32_t i = 0; i < ROWS_KEYS; i++) {
        at = put(at, keys[i].len == 0 ? SPAN_LIT("\xc0") : keys[i]);
    }
    for (uint32_t i = 0; i < used; i++) {
        if (to->written[i] != number) {
            *at++ = NIL;
        } else if (to->cells[i].len == 1) {
            *at++ = to->cells[i].ptr[0];
        } else {
            at = put(at, to->cells[i]);
        }
    }
    to->rows.len += (size_t)(at - start);
}

/* False for everything that is not the plain map of a case, with each of its keys once. */
static bool take_case(struct to_rows *to, struct span maps, size_t *at, uint32_t number) {
    static const char *const KEYS[ROWS_KEYS] = {"case_id", "revision", "reference_date", "as_of"};
    struct span keys[ROWS_KEYS] = {{NULL, 0}};
    bool has_facts = false;
    uint32_t used = 0;
    size_t start = *at;
    struct walk_item map;
    if (walk_next(maps, at, &map) != ERR_OK || map.type != WALK_MAP) {
        return false;
    }
    for (uint32_t left = map.count; left > 0; left--) {
        struct walk_item key;
        uint32_t i = 0;
        if (walk_next(maps, at, &key) != ERR_OK || key.type != WALK_STR) {
            return false;
        }
        while (i < ROWS_KEYS && !span_is(key.bytes, KEYS[i])) {
            i++;
        }
        if (i < ROWS_KEYS && keys[i].len == 0) {
            if (!read_value(maps, at, &keys[i])) {
                return false;
            }
        } else if (i == ROWS_KEYS && !has_facts && span_is(key.bytes, "facts")) {
            has_facts = read_facts(to, maps, at, number, &used);
            if (!has_facts) {
                return false;
            }
        } else {
            return false;
        }
    }
    if (has_facts) {
        write_row(to, keys, number, used, *at - start);
    }
    return has_facts;
}

bool to_rows_write(struct to_rows *to, struct span maps, uint32_t count) {
    size_t at = 0;
    begin(to);
    for (uint32_t i = 0; i < count; i++) {
        if (!take_case(to, maps, &at, i + 1) || to->rows.len > maps.len) {
            return false;
        }
    }
    mp_write_array(&to->body, to->names.count);
    for (uint32_t i = 0; i < to->names.count; i++) {
        mp_write_str(&to->body, to->names.names[i]);
    }
    buf_append(&to->body, buf_span(&to->rows));
    return at == maps.len && to->body.len < maps.len;
}

/* Adds a pair at the end of a map without decoding it: its head changes, and a nil date of its own
 * is removed. */
#include "cli/submit/dates.h"

#include "wire/mp_write.h"
#include "wire/walk.h"

enum { DATES = 2 };
static const char *const NAMES[DATES] = {"reference_date", "as_of"};

struct pair {
    struct span bytes; /* key and value */
    int date;          /* which of NAMES the key is; DATES: another key */
    bool is_nil;       /* the value */
};

static enum err next_pair(struct span bytes, size_t *at, struct pair *pair) {
    size_t start = *at;
    size_t peek = *at;
    struct walk_item key;
    struct walk_item value;
    enum err err = walk_next(bytes, &peek, &key);
    if (err == ERR_OK) {
        err = walk_value(bytes, at);
    }
    peek = *at;
    if (err == ERR_OK) {
        err = walk_next(bytes, &peek, &value);
    }
    if (err == ERR_OK) {
        err = walk_value(bytes, at);
    }
    if (err != ERR_OK) {
        return err;
    }
    pair->bytes = span_make(bytes.ptr + start, *at - start);
    pair->is_nil = value.type == WALK_NIL;
    pair->date = 0;
    while (pair->date < DATES && !(key.type == WALK_STR && span_is(key.bytes, NAMES[pair->date]))) {
        pair->date++;
    }
    return ERR_OK;
}

enum err submit_dates_add(struct span bytes, const char *reference_date, const char *as_of,
                          struct buf *out) {
    const char *given[DATES] = {reference_date, as_of};
    size_t at = 0;
    struct walk_item map;
    struct pair pair;
    if (walk_next(bytes, &at, &map) != ERR_OK || map.type != WALK_MAP) {
        return ERR_INVALID;
    }
    size_t pairs_at = at;
    size_t count = map.count;
    for (uint32_t i = 0; i < map.count; i++) {
        if (next_pair(bytes, &at, &pair) != ERR_OK) {
            return ERR_INVALID;
        }
        if (pair.date < DATES && !pair.is_nil) {
            given[pair.date] = NULL;
        }
        count -= pair.is_nil && pair.date < DATES;
    }
    for (int date = 0; date < DATES; date++) {
        count += given[date] != NULL;
    }
    mp_write_map(out, count);
    at = pairs_at;
    for (uint32_t i = 0; i < map.count; i++) {
        CHECK(next_pair(bytes, &at, &pair) == ERR_OK); /* read before */
        if (pair.date == DATES || !pair.is_nil) {
            buf_append(out, pair.bytes);
        }
    }
    for (int date = 0; date < DATES; date++) {
        if (given[date] != NULL) {
            mp_write_str(out, span_str(NAMES[date]));
            mp_write_str(out, span_str(given[date]));
        }
    }
    return ERR_OK;
}

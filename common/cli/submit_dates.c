/* Adds a pair at the end of a map without decoding it: only its head changes. */
#include "cli/submit_dates.h"

#include "wire/pack.h"
#include "wire/walk.h"

enum err submit_dates_add(struct span bytes, const char *reference_date, const char *as_of,
                          struct buf *out) {
    size_t at = 0;
    struct walk_item map;
    if (walk_next(bytes, &at, &map) != ERR_OK || map.type != WALK_MAP) {
        return ERR_INVALID;
    }
    size_t pairs_at = at;
    for (uint32_t i = 0; i < map.count; i++) {
        size_t key_at = at;
        struct walk_item key;
        if (walk_next(bytes, &at, &key) != ERR_OK) {
            return ERR_INVALID;
        }
        if (key.type == WALK_STR && span_is(key.bytes, "reference_date")) {
            reference_date = NULL;
        } else if (key.type == WALK_STR && span_is(key.bytes, "as_of")) {
            as_of = NULL;
        }
        at = key_at;
        enum err err = walk_value(bytes, &at); /* over the key, */
        if (err == ERR_OK) {
            err = walk_value(bytes, &at); /* then its value */
        }
        if (err != ERR_OK) {
            return ERR_INVALID;
        }
    }
    size_t added = (reference_date != NULL ? 1U : 0U) + (as_of != NULL ? 1U : 0U);
    pack_map(out, map.count + added);
    buf_append(out, span_make(bytes.ptr + pairs_at, at - pairs_at));
    if (reference_date != NULL) {
        pack_str(out, SPAN_LIT("reference_date"));
        pack_str(out, span_str(reference_date));
    }
    if (as_of != NULL) {
        pack_str(out, SPAN_LIT("as_of"));
        pack_str(out, span_str(as_of));
    }
    return ERR_OK;
}

/* The key of a case that may not be decoded, or need not be. */
#include "casedoc/case_doc.h"

#include "wire/walk.h"

static bool is_case_id(struct span text) {
    return text.len > 0 && text.len <= CASE_ID_BYTES_MAX && span_is_utf8(text) &&
           memchr(text.ptr, 0, text.len) == NULL;
}

void case_key_peek(struct span bytes, struct span *case_id, int32_t *revision) {
    size_t at = 0;
    struct walk_item map;
    if (walk_next(bytes, &at, &map) != ERR_OK || map.type != WALK_MAP) {
        return;
    }
    for (uint32_t i = 0; i < map.count; i++) {
        struct walk_item key;
        struct walk_item value;
        if (walk_next(bytes, &at, &key) != ERR_OK || key.type != WALK_STR) {
            return;
        }
        size_t value_at = at;
        if (walk_value(bytes, &at) != ERR_OK || walk_next(bytes, &value_at, &value) != ERR_OK) {
            return;
        }
        if (span_is(key.bytes, "case_id") && value.type == WALK_STR && is_case_id(value.bytes)) {
            *case_id = value.bytes;
        } else if (span_is(key.bytes, "revision") && value.type == WALK_UINT &&
                   value.u <= INT32_MAX) {
            *revision = (int32_t)value.u;
        }
    }
}

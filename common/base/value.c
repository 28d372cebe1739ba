#include "base/value.h"

void value_unknown_more(struct value value, struct path_set *set) {
    for (uint32_t i = 0; i < value.len; i++) {
        path_set_add(set, value_path(value, i));
    }
    if (value.len == 0) {
        path_set_join(set, value.paths);
    }
}

bool value_unknown_join(struct value *to, struct value from) {
    struct value joined = *to;
    if (joined.len == 0 || from.len == 0) {
        return false;
    }
    for (uint32_t i = 0; i < from.len; i++) {
        uint32_t at = 0;
        while (at < joined.len && value_path(joined, at) != value_path(from, i)) {
            at++;
        }
        if (at == VALUE_PATHS_MAX) {
            return false;
        }
        if (at == joined.len) {
            joined.u |= (uint64_t)value_path(from, i) << 16 * at;
            joined.len++;
        }
    }
    *to = joined;
    return true;
}

/* Read by the bounded walker; each field is compared with its range before it is returned. */
#include "worker/work_read.h"

#include "base/date.h"
#include "casedoc/case_doc.h"
#include "wire/walk.h"
#include "wire/wire.h"

enum { TRIPLE_ITEMS = 3, RULESET_ID_BYTES_MAX = 64 };

/* Whether PostgreSQL accepts it as a text. */
static bool is_text(struct span text, size_t bytes_max) {
    return text.len > 0 && text.len <= bytes_max && span_is_utf8(text) &&
           memchr(text.ptr, 0, text.len) == NULL;
}

static enum err read_str(struct span bytes, size_t *at, struct span *text) {
    struct walk_item item;
    enum err err = walk_next(bytes, at, &item);
    if (err != ERR_OK || item.type != WALK_STR) {
        return ERR_INVALID;
    }
    *text = item.bytes;
    return ERR_OK;
}

static enum err read_map(struct span bytes, size_t *at, uint32_t *pairs) {
    struct walk_item item;
    enum err err = walk_next(bytes, at, &item);
    if (err != ERR_OK || item.type != WALK_MAP) {
        return ERR_INVALID;
    }
    *pairs = item.count;
    return ERR_OK;
}

static enum err read_pair(struct span extra, size_t *at, struct work_request *request) {
    struct span key;
    struct span value;
    enum err err = read_str(extra, at, &key);
    if (err == ERR_OK) {
        err = read_str(extra, at, &value);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (span_is(key, "ruleset")) {
        request->ruleset = value;
    } else if (span_is(key, "reference_date")) {
        request->has_reference_date = true;
        err = date_parse(value, &request->reference_date);
    } else if (span_is(key, "as_of")) {
        request->has_as_of = true;
        err = date_parse(value, &request->as_of);
    }
    return err;
}

enum err work_read_request(struct span extra, struct work_request *request) {
    size_t at = 0;
    uint32_t pairs = 0;
    struct span key = {NULL, 0};
    *request = (struct work_request){.ruleset = SPAN_LIT("")};
    enum err err = read_map(extra, &at, &pairs);
    err = err == ERR_OK ? read_str(extra, &at, &key) : err;
    if (err != ERR_OK || pairs != 1 || !span_is(key, "reapply")) {
        return ERR_INVALID;
    }
    err = read_map(extra, &at, &pairs);
    for (uint32_t i = 0; err == ERR_OK && i < pairs; i++) {
        err = read_pair(extra, &at, request);
    }
    return err == ERR_OK && is_text(request->ruleset, RULESET_ID_BYTES_MAX) ? ERR_OK : ERR_INVALID;
}

bool work_wants_results(struct span extra) {
    size_t at = 0;
    uint32_t pairs = 0;
    enum err err = extra.len == 0 ? ERR_NOT_FOUND : read_map(extra, &at, &pairs);
    for (uint32_t i = 0; err == ERR_OK && i < pairs; i++) {
        struct span key;
        err = read_str(extra, &at, &key);
        if (err == ERR_OK && span_is(key, "results")) {
            struct walk_item value;
            return walk_next(extra, &at, &value) == ERR_OK && value.type == WALK_BOOL && value.b;
        }
        err = err == ERR_OK ? walk_value(extra, &at) : err;
    }
    return false;
}

bool work_read_triple(struct span body, struct work_triple *triple) {
    size_t at = 0;
    struct walk_item array;
    struct walk_item revision;
    if (walk_next(body, &at, &array) != ERR_OK || array.type != WALK_ARRAY ||
        array.count != TRIPLE_ITEMS || read_str(body, &at, &triple->source) != ERR_OK ||
        read_str(body, &at, &triple->case_id) != ERR_OK ||
        walk_next(body, &at, &revision) != ERR_OK || revision.type != WALK_UINT ||
        revision.u > INT32_MAX) {
        return false;
    }
    triple->revision = (int32_t)revision.u;
    return is_text(triple->source, WIRE_NAME_MAX) && is_text(triple->case_id, CASE_ID_BYTES_MAX);
}

bool work_read_letter(struct span raw, int64_t *dead) {
    size_t at = 0;
    struct walk_item item;
    if (walk_next(raw, &at, &item) != ERR_OK || item.type != WALK_UINT || item.u > INT64_MAX) {
        return false;
    }
    *dead = (int64_t)item.u;
    return true;
}

static uint32_t at_most_u32(uint64_t number) {
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

void work_read_history(struct span extra, struct work_history *history) {
    size_t at = 0;
    struct walk_item item;
    if (walk_next(extra, &at, &item) != ERR_OK || item.type != WALK_MAP || item.count != 1 ||
        walk_next(extra, &at, &item) != ERR_OK || item.type != WALK_STR ||
        !span_is(item.bytes, "poison") || walk_next(extra, &at, &item) != ERR_OK ||
        item.type != WALK_MAP) {
        return;
    }
    for (uint32_t pairs = item.count; pairs > 0; pairs--) {
        struct walk_item key;
        if (walk_next(extra, &at, &key) != ERR_OK || key.type != WALK_STR) {
            return;
        }
        size_t value_at = at;
        if (walk_value(extra, &at) != ERR_OK || walk_next(extra, &value_at, &item) != ERR_OK) {
            return;
        }
        if (item.type == WALK_UINT && span_is(key.bytes, "attempts")) {
            history->attempts = at_most_u32(item.u);
        } else if (item.type == WALK_UINT && span_is(key.bytes, "silent")) {
            history->silences = at_most_u32(item.u);
        } else if (item.type == WALK_STR && span_is(key.bytes, "reason")) {
            history->last_words = item.bytes;
        } else if (item.type == WALK_BOOL && span_is(key.bytes, "results")) {
            history->wants_results = item.b;
        }
    }
}

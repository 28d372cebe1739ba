/* msgpack_json walks the whole value first, which bounds the depth of write_value. */
#include "cli/msgpack_json.h"

#include "wire/walk.h"

#include <math.h>

static void write_hex(struct span bytes, struct json *json) {
    struct buf text = BUF_EMPTY;
    buf_str(&text, "hex:");
    buf_hex(&text, bytes);
    json_span(json, buf_span(&text));
    buf_free(&text);
}

static bool is_text(const struct walk_item *item) {
    return item->type == WALK_STR && span_is_utf8(item->bytes);
}

/* False: a key that JSON cannot hold. */
static bool keys_are_texts(struct span bytes) {
    size_t at = 0;
    uint32_t pairs[WALK_DEPTH_MAX + 1] = {0}; /* pairs or elements left, by depth */
    bool maps[WALK_DEPTH_MAX + 1] = {false};
    bool at_key[WALK_DEPTH_MAX + 1] = {false};
    uint32_t depth = 0;
    do {
        struct walk_item item;
        if (walk_next(bytes, &at, &item) != ERR_OK) {
            return false;
        }
        if (depth > 0 && maps[depth] && at_key[depth]) {
            if (!is_text(&item) || memchr(item.bytes.ptr, 0, item.bytes.len) != NULL) {
                return false;
            }
            at_key[depth] = false;
            continue;
        }
        if ((item.type == WALK_MAP || item.type == WALK_ARRAY) && item.count > 0) {
            depth++;
            CHECK(depth <= WALK_DEPTH_MAX);
            pairs[depth] = item.count;
            maps[depth] = item.type == WALK_MAP;
            at_key[depth] = true;
            continue;
        }
        while (depth > 0 && --pairs[depth] == 0) {
            depth--;
        }
        at_key[depth] = true;
    } while (depth > 0);
    return true;
}

static void write_key(struct span bytes, size_t *at, struct json *json) {
    struct walk_item item;
    struct buf key = BUF_EMPTY;
    enum err err = walk_next(bytes, at, &item);
    CHECK(err == ERR_OK);
    buf_append(&key, item.bytes);
    json_key(json, buf_cstr(&key));
    buf_free(&key);
}

static void write_value(struct span bytes, size_t *at, struct json *json) {
    struct walk_item item;
    enum err err = walk_next(bytes, at, &item);
    CHECK(err == ERR_OK);
    switch (item.type) {
    case WALK_NIL:
        json_nil(json);
        break;
    case WALK_BOOL:
        json_bool(json, item.b);
        break;
    case WALK_INT:
        json_int(json, item.i);
        break;
    case WALK_UINT:
        json_uint(json, item.u);
        break;
    case WALK_FLOAT:
        json_float(json, item.d);
        break;
    case WALK_STR:
    case WALK_BIN:
    case WALK_EXT:
        if (is_text(&item)) {
            json_span(json, item.bytes);
        } else {
            write_hex(item.bytes, json);
        }
        break;
    case WALK_ARRAY:
        json_array_open(json);
        for (uint32_t i = 0; i < item.count; i++) {
            write_value(bytes, at, json);
        }
        json_array_close(json);
        break;
    case WALK_MAP:
        json_object_open(json);
        for (uint32_t i = 0; i < item.count; i++) {
            write_key(bytes, at, json);
            write_value(bytes, at, json);
        }
        json_object_close(json);
        break;
    }
}

void msgpack_json(struct span bytes, struct json *json) {
    size_t end = 0;
    if (walk_value(bytes, &end) != ERR_OK || end != bytes.len || !keys_are_texts(bytes)) {
        write_hex(bytes, json);
        return;
    }
    size_t at = 0;
    write_value(bytes, &at, json);
}

static bool is_exact(const struct walk_item *item) {
    return item->type == WALK_FLOAT ? isfinite(item->d)
           : item->type == WALK_STR ? is_text(item)
                                    : item->type != WALK_BIN && item->type != WALK_EXT;
}

bool msgpack_json_is_exact(struct span bytes) {
    size_t end = 0;
    bool exact = walk_value(bytes, &end) == ERR_OK && end == bytes.len && keys_are_texts(bytes);
    for (size_t at = 0; exact && at < bytes.len;) {
        struct walk_item item;
        exact = walk_next(bytes, &at, &item) == ERR_OK && is_exact(&item);
    }
    return exact;
}

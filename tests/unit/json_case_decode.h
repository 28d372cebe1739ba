/* Purpose: the inverse of json_case_encode, for tests: one MessagePack value as JSON.  bin and ext
 * come out as null. */
#ifndef CASEMILL_TESTS_UNIT_JSON_CASE_DECODE_H
#define CASEMILL_TESTS_UNIT_JSON_CASE_DECODE_H

#include "base/json.h"
#include "cli/json_case.h"
#include "wire/walk.h"

MUST_USE static inline enum err write_value(struct span bytes, size_t *offset, uint32_t depth,
                                            struct json *json);

MUST_USE static inline enum err write_map(struct span bytes, size_t *offset, uint32_t depth,
                                          uint32_t count, struct json *json) {
    struct buf key = BUF_EMPTY;
    enum err err = ERR_OK;
    json_object_open(json);
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        struct walk_item item;
        err = walk_next(bytes, offset, &item);
        if (err == ERR_OK && item.type != WALK_STR) {
            err = ERR_INVALID;
        }
        if (err == ERR_OK) {
            buf_clear(&key);
            buf_append(&key, item.bytes);
            json_key(json, buf_cstr(&key));
            err = write_value(bytes, offset, depth + 1, json);
        }
    }
    json_object_close(json);
    buf_free(&key);
    return err;
}

MUST_USE static inline enum err write_array(struct span bytes, size_t *offset, uint32_t depth,
                                            uint32_t count, struct json *json) {
    enum err err = ERR_OK;
    json_array_open(json);
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        err = write_value(bytes, offset, depth + 1, json);
    }
    json_array_close(json);
    return err;
}

MUST_USE static inline enum err write_value(struct span bytes, size_t *offset, uint32_t depth,
                                            struct json *json) {
    struct walk_item item;
    if (depth >= JSON_CASE_DEPTH_MAX) {
        return ERR_TOO_DEEP;
    }
    enum err err = walk_next(bytes, offset, &item);
    if (err != ERR_OK) {
        return err;
    }
    switch (item.type) {
    case WALK_MAP:
        return write_map(bytes, offset, depth, item.count, json);
    case WALK_ARRAY:
        return write_array(bytes, offset, depth, item.count, json);
    case WALK_BOOL:
        json_bool(json, item.b);
        return ERR_OK;
    case WALK_INT:
        json_int(json, item.i);
        return ERR_OK;
    case WALK_UINT:
        json_uint(json, item.u);
        return ERR_OK;
    case WALK_FLOAT:
        json_float(json, item.d);
        return ERR_OK;
    case WALK_STR:
        json_span(json, item.bytes);
        return ERR_OK;
    case WALK_NIL:
    case WALK_BIN:
    case WALK_EXT:
        json_nil(json);
        return ERR_OK;
    }
    UNREACHABLE();
}

/* Errors: as walk_next; ERR_TOO_DEEP; ERR_INVALID a map's key is no string; json then holds a part.
 */
MUST_USE static inline enum err json_case_decode(struct span bytes, struct json *json) {
    size_t offset = 0;
    return write_value(bytes, &offset, 0, json);
}

#endif

/* A document as a flat tree, and its two spellings. */
#include "cli/item_tree.h"

#include "base/json.h"

#include <string.h>

void item_tree_init(struct item_tree *tree) {
    tree->item_count = 0;
    tree->depth = 0;
    tree->text_bytes = 0;
}

static struct item *item_add(struct item_tree *tree, const char *key, enum item_kind kind) {
    CHECK(tree->item_count < ITEMS_MAX);
    if (tree->depth == 0) {
        CHECK(tree->item_count == 0);
        CHECK(key == NULL);
    } else {
        struct item *parent = &tree->items[tree->open[tree->depth - 1]];
        CHECK((parent->kind == ITEM_MAP) == (key != NULL));
        parent->count++;
    }
    struct item *item = &tree->items[tree->item_count++];
    *item = (struct item){.kind = kind, .key = key};
    return item;
}

void item_nil(struct item_tree *tree, const char *key) { (void)item_add(tree, key, ITEM_NIL); }

void item_bool(struct item_tree *tree, const char *key, bool value) {
    item_add(tree, key, ITEM_BOOL)->number = value ? 1 : 0;
}

void item_int(struct item_tree *tree, const char *key, int64_t value) {
    item_add(tree, key, ITEM_INT)->number = value;
}

void item_text(struct item_tree *tree, const char *key, const char *text) {
    item_add(tree, key, ITEM_TEXT)->text = text;
}

void item_text_copy(struct item_tree *tree, const char *key, const char *text) {
    size_t bytes = strlen(text) + 1;
    CHECK(bytes <= ITEM_TEXT_BYTES_MAX - tree->text_bytes);
    char *copy = tree->text + tree->text_bytes;
    memcpy(copy, text, bytes);
    tree->text_bytes += (uint32_t)bytes;
    item_text(tree, key, copy);
}

static void item_open(struct item_tree *tree, const char *key, enum item_kind kind) {
    CHECK(tree->depth < ITEM_DEPTH_MAX);
    uint32_t at = tree->item_count;
    (void)item_add(tree, key, kind);
    tree->open[tree->depth++] = at;
}

void item_list_open(struct item_tree *tree, const char *key) { item_open(tree, key, ITEM_LIST); }
void item_map_open(struct item_tree *tree, const char *key) { item_open(tree, key, ITEM_MAP); }

void item_close(struct item_tree *tree) {
    CHECK(tree->depth > 0);
    tree->depth--;
}

/* --- JSON --- */

static void json_scalar(struct json *json, const struct item *item) {
    switch (item->kind) {
    case ITEM_NIL:
        json_nil(json);
        return;
    case ITEM_BOOL:
        json_bool(json, item->number != 0);
        return;
    case ITEM_INT:
        json_int(json, item->number);
        return;
    case ITEM_TEXT:
        json_str(json, item->text);
        return;
    case ITEM_LIST:
    case ITEM_MAP:
        break;
    }
    UNREACHABLE();
}

/* Closes every level whose children have all been written. */
static void json_close_full(struct json *json, const struct item *const open[], uint32_t left[],
                            uint32_t *depth) {
    while (*depth > 0 && left[*depth - 1] == 0) {
        (*depth)--;
        if (open[*depth]->kind == ITEM_MAP) {
            json_object_close(json);
        } else {
            json_array_close(json);
        }
    }
}

void item_tree_json(const struct item_tree *tree, struct buf *out) {
    CHECK(tree->depth == 0);
    struct json json;
    json_init(&json, out);
    const struct item *open[ITEM_DEPTH_MAX];
    uint32_t left[ITEM_DEPTH_MAX];
    uint32_t depth = 0;
    for (uint32_t i = 0; i < tree->item_count; i++) {
        const struct item *item = &tree->items[i];
        if (item->key != NULL) {
            json_key(&json, item->key);
        }
        if (depth > 0) {
            left[depth - 1]--;
        }
        if (item->kind == ITEM_MAP || item->kind == ITEM_LIST) {
            if (item->kind == ITEM_MAP) {
                json_object_open(&json);
            } else {
                json_array_open(&json);
            }
            open[depth] = item;
            left[depth++] = item->count;
        } else {
            json_scalar(&json, item);
        }
        json_close_full(&json, open, left, &depth);
    }
    CHECK(depth == 0);
}

/* --- MessagePack --- */

enum { FIX_MAP = 0x80, FIX_ARRAY = 0x90, FIX_STR = 0xa0, FIX_COUNT_MAX = 15, FIX_STR_MAX = 31 };
enum { NIL = 0xc0, FALSE = 0xc2, STR8 = 0xd9, STR16 = 0xda, ARRAY16 = 0xdc, MAP16 = 0xde };
enum { UINT64 = 0xcf, INT64 = 0xd3, FIX_INT_MAX = 127 };

static void pack_text(struct buf *out, const char *text) {
    size_t bytes = strlen(text);
    CHECK(bytes <= UINT16_MAX);
    if (bytes <= FIX_STR_MAX) {
        buf_byte(out, (uint8_t)(FIX_STR | bytes));
    } else if (bytes <= UINT8_MAX) {
        buf_byte(out, STR8);
        buf_byte(out, (uint8_t)bytes);
    } else {
        buf_byte(out, STR16);
        buf_be16(out, (uint16_t)bytes);
    }
    buf_append(out, span_make(text, bytes));
}

static void pack_int(struct buf *out, int64_t number) {
    if (number >= 0 && number <= FIX_INT_MAX) {
        buf_byte(out, (uint8_t)number);
        return;
    }
    buf_byte(out, number < 0 ? INT64 : UINT64);
    buf_be64(out, (uint64_t)number);
}

static void pack_count(struct buf *out, uint8_t fix, uint8_t wide, uint32_t count) {
    if (count <= FIX_COUNT_MAX) {
        buf_byte(out, (uint8_t)(fix | count));
        return;
    }
    buf_byte(out, wide);
    buf_be16(out, (uint16_t)count);
}

void item_tree_msgpack(const struct item_tree *tree, struct buf *out) {
    CHECK(tree->depth == 0);
    for (uint32_t i = 0; i < tree->item_count; i++) {
        const struct item *item = &tree->items[i];
        if (item->key != NULL) {
            pack_text(out, item->key);
        }
        switch (item->kind) {
        case ITEM_NIL:
            buf_byte(out, NIL);
            break;
        case ITEM_BOOL:
            buf_byte(out, (uint8_t)(FALSE + item->number));
            break;
        case ITEM_INT:
            pack_int(out, item->number);
            break;
        case ITEM_TEXT:
            pack_text(out, item->text);
            break;
        case ITEM_LIST:
            pack_count(out, FIX_ARRAY, ARRAY16, item->count);
            break;
        case ITEM_MAP:
            pack_count(out, FIX_MAP, MAP16, item->count);
            break;
        }
    }
}

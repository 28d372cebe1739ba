/* Purpose: one small document (a case) as a flat tree, built once and written as JSON or as
 * MessagePack, which needs a map's size before its content.
 * Ownership: keys and texts are borrowed, except those given to item_text_copy.
 * Limits: ITEMS_MAX items, ITEM_DEPTH_MAX levels, ITEM_TEXT_BYTES_MAX copied bytes: a builder's
 * fault, CHECKed. */
#ifndef CASEMILL_CLI_ITEM_TREE_H
#define CASEMILL_CLI_ITEM_TREE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { ITEMS_MAX = 512, ITEM_DEPTH_MAX = 8, ITEM_TEXT_BYTES_MAX = 512 };

enum item_kind { ITEM_NIL, ITEM_BOOL, ITEM_INT, ITEM_TEXT, ITEM_LIST, ITEM_MAP };

struct item {
    enum item_kind kind;
    uint32_t count;  /* of a list or map: direct children, which follow depth first */
    const char *key; /* inside a map; NULL in a list and at the root */
    int64_t number;  /* of an int; 0 or 1 of a bool */
    const char *text;
};

struct item_tree {
    struct item items[ITEMS_MAX];
    uint32_t item_count;
    uint32_t open[ITEM_DEPTH_MAX]; /* the lists and maps that are still being filled */
    uint32_t depth;
    char text[ITEM_TEXT_BYTES_MAX];
    uint32_t text_bytes;
};

void item_tree_init(struct item_tree *tree);
/* Each adds one item to what is open; key is NULL in a list and for the root. */
void item_nil(struct item_tree *tree, const char *key);
void item_bool(struct item_tree *tree, const char *key, bool value);
void item_int(struct item_tree *tree, const char *key, int64_t value);
void item_text(struct item_tree *tree, const char *key, const char *text);
void item_text_copy(struct item_tree *tree, const char *key, const char *text);
void item_list_open(struct item_tree *tree, const char *key);
void item_map_open(struct item_tree *tree, const char *key);
void item_close(struct item_tree *tree);

/* Both append the whole tree; everything is closed. */
void item_tree_json(const struct item_tree *tree, struct buf *out);
void item_tree_msgpack(const struct item_tree *tree, struct buf *out);

#endif

/* Purpose: the shortcuts of conditions: a test of one fact of its declared kind needs only a few
 * comparisons in place.  The node's run handles all other facts (an error, an unknown part, another
 * kind), so both give the same result. */
#ifndef CASEMILL_CEL_SHORTCUT_RUN_H
#define CASEMILL_CEL_SHORTCUT_RUN_H

#include "cel/cel_priv.h"

enum { WORD_BYTES_MAX = 16 };
#define WORD_FREE UINT32_MAX

static inline struct word word_of(const char *text, uint32_t len) {
    struct word word = {.text = text, .len = len};
    if (len >= 8) {
        memcpy(&word.head, text, 8);
        memcpy(&word.tail, text + len - 8, 8);
    } else if (len >= 4) {
        uint32_t head = 0;
        uint32_t tail = 0;
        memcpy(&head, text, 4);
        memcpy(&tail, text + len - 4, 4);
        word.head = head;
        word.tail = tail;
    } else if (len >= 2) {
        uint16_t head = 0;
        memcpy(&head, text, 2);
        word.head = head;
        word.tail = (uint8_t)text[len - 1];
    } else if (len == 1) {
        word.head = (uint8_t)text[0];
    }
    return word;
}

/* Two words of one length that is at most WORD_BYTES_MAX. */
static inline bool word_same(const struct word *a, const struct word *b) {
    return a->head == b->head && a->tail == b->tail;
}

static inline uint32_t word_hash(const struct word *word) {
    uint64_t mixed = (word->head ^ word->tail << 7 ^ word->len) * 0x9e3779b97f4a7c15U;
    return (uint32_t)(mixed >> 32);
}

static inline bool has_order(const struct value *a, const struct value *b) {
    return a->kind == b->kind && (a->kind == VAL_TIMESTAMP || a->kind == VAL_INT);
}

static inline enum cel_truth shortcut_result(const struct shortcut *shortcut, bool holds) {
    return holds == shortcut->wanted ? CEL_YES : CEL_NO;
}

/* ORDER_LESS, ORDER_SAME and ORDER_GREATER are bits 0, 1 and 2: no branch that depends on facts.
 * Nanoseconds are in len, which ints and dates leave at 0. */
static inline bool order_holds(const struct value *a, const struct value *b, unsigned orders) {
    int order = (a->i > b->i) - (a->i < b->i);
    if ((a->len | b->len) != 0 && order == 0) {
        order = (a->len > b->len) - (a->len < b->len);
    }
    return (orders >> (order + 1) & 1U) != 0;
}

/* Whether a list has the word.  False when not all in it are marked words. */
static inline bool list_holds(const struct value *list, uint32_t mark, bool *holds) {
    for (const struct value *item = list->items, *end = item + list->len; item != end; item++) {
        uint32_t found = value_mark(item);
        if (found == mark) {
            *holds = true;
            return true;
        }
        if (!mark_is_word(found)) {
            return false;
        }
    }
    *holds = false;
    return true;
}

#endif

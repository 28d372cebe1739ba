/* Purpose: the short ways of conditions: a test of one fact that is of the kind it was declared
 * with is a few comparisons where the fact stands.  Whatever else the fact is, an error, a part
 * unknown, a value of another kind, is left to the node's run, so both give the same. */
#ifndef CASEMILL_CEL_RUN_TEST_H
#define CASEMILL_CEL_RUN_TEST_H

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

static inline uint32_t word_place(const struct word *word) {
    uint64_t mixed = (word->head ^ word->tail << 7 ^ word->len) * 0x9e3779b97f4a7c15U;
    return (uint32_t)(mixed >> 32);
}

static inline bool has_order(const struct value *a, const struct value *b) {
    return a->kind == b->kind && (a->kind == VAL_TIMESTAMP || a->kind == VAL_INT);
}

/* Where the fact stands decides between two forms of each test (run_test.c). */
struct test_forms {
    truth_fn slot;
    truth_fn other;
};
extern const struct test_forms test_bool;
extern const struct test_forms test_text;
extern const struct test_forms test_words;
extern const struct test_forms test_holds;
extern const struct test_forms test_order;
enum truth test_order_slots(struct cel_run *run, const struct node *node);

#endif

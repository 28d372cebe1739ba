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

static inline enum truth told(const struct test *test, bool holds) {
    return holds == test->wanted ? TRUTH_YES : TRUTH_NO;
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

/* What the tests below leave over: texts that are no marked words, unknown facts, other kinds. */
enum truth test_rest(struct cel_run *run, const struct node *node, const struct value *fact);

/* The fact, or NULL when finding it takes a search. */
static inline const struct value *test_fact(const struct cel_run *run, const struct test *test) {
    if (test->cell == CELL_SLOT) {
        return &run->slots[test->at];
    }
    const struct value *local = &run->locals[test->at];
    if (test->cell == CELL_LOCAL) {
        return local;
    }
    return value_mark(local) == MARK_OF_RECORD ? &local->items[(size_t)test->field * 2 + 1] : NULL;
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

/* Of a node whose test has an op. */
static inline enum truth test_run(struct cel_run *run, const struct node *node) {
    const struct test *test = &node->test;
    const struct value *fact = test_fact(run, test);
    if (fact == NULL) {
        return truth_of_run(run, node);
    }
    uint32_t mark = value_mark(fact);
    switch ((enum test_op)test->op) {
    case TEST_BOOL:
        if (fact->kind == VAL_BOOL) {
            return told(test, fact->b);
        }
        break;
    case TEST_TEXT:
        if (mark_is_word(mark) && test->mark != 0) {
            return told(test, mark == test->mark);
        }
        break;
    case TEST_WORDS:
        mark = mark_number(mark);
        if (mark < VALUE_WORDS_MAX && test->numbers != NULL) {
            return told(test, (test->numbers[mark / 64] >> mark % 64 & 1) != 0);
        }
        break;
    case TEST_HOLDS: {
        bool holds = false;
        if (fact->kind == VAL_LIST && test->mark != 0 && list_holds(fact, test->mark, &holds) &&
            run_spend(run, fact->len)) {
            return told(test, holds);
        }
        break;
    }
    case TEST_ORDER:
        if (fact->kind == test->limit.kind) {
            return told(test, order_holds(fact, &test->limit, test->orders));
        }
        break;
    case TEST_ORDER_SLOTS:
        if (has_order(fact, &run->slots[test->other])) {
            return told(test, order_holds(fact, &run->slots[test->other], test->orders));
        }
        return truth_of_run(run, node);
    case TEST_NONE:
        break;
    }
    return test_rest(run, node, fact);
}
enum truth truth_of_test(struct cel_run *run, const struct node *node);

#endif

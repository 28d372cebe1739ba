/* Purpose: the short ways of conditions: a test of one fact that is of the kind it was declared
 * with is a few comparisons where the fact stands.  Whatever else the fact is, an error, a part
 * unknown, a value of another kind, is left to the node's run, so both give the same. */
#ifndef CASEMILL_CEL_RUN_TEST_H
#define CASEMILL_CEL_RUN_TEST_H

#include "cel/cel_priv.h"

enum { WORD_BYTES_MAX = 16 };
#define WORD_FREE UINT32_MAX

/* TRUTH_UNKNOWN: the fact is unknown; TRUTH_LONG: node_eval must tell. */
enum truth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN, TRUTH_LONG };

static inline enum truth truth_of(bool truth) { return truth ? TRUTH_YES : TRUTH_NO; }

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
    } else if (len != 0) {
        word.head = (uint64_t)(uint8_t)text[0] | (uint64_t)(uint8_t)text[len / 2] << 8;
        word.tail = (uint8_t)text[len - 1];
    }
    return word;
}

static inline bool word_equal(const struct word *a, const struct word *b) {
    return a->len == b->len && a->head == b->head && a->tail == b->tail &&
           (a->len <= WORD_BYTES_MAX || memcmp(a->text, b->text, a->len) == 0);
}

static inline bool word_is(const struct word *word, const struct value *text) {
    if (text->len != word->len) {
        return false;
    }
    struct word other = word_of(text->text, text->len);
    return word_equal(word, &other);
}

static inline uint32_t word_place(const struct word *word) {
    uint64_t mixed = (word->head ^ word->tail << 7 ^ word->len) * 0x9e3779b97f4a7c15U;
    return (uint32_t)(mixed >> 32);
}

static inline bool word_set_has(const struct word_set *set, const struct value *text) {
    struct word word = word_of(text->text, text->len);
    for (uint32_t at = word_place(&word) & set->mask; set->words[at].len != WORD_FREE;
         at = (at + 1) & set->mask) {
        if (word_equal(&set->words[at], &word)) {
            return true;
        }
    }
    return false;
}

/* Where the fact stands; NULL when that takes a search. */
static inline const struct value *test_fact(const struct cel_run *run, const struct test *test) {
    if (test->cell == CELL_SLOT) {
        return &run->slots[test->at];
    }
    const struct value *local = &run->locals[test->at];
    if (test->cell == CELL_LOCAL) {
        return local;
    }
    if (local->kind != VAL_MAP || test->field >= local->len) {
        return NULL;
    }
    const struct value *pair = &local->items[(size_t)test->field * 2];
    return pair->kind == VAL_STRING && word_is(&test->name, pair) ? pair + 1 : NULL;
}

/* The nanoseconds of an instant are in len, which an int leaves at 0. */
static inline bool order_holds(const struct value *a, const struct value *b, unsigned orders) {
    bool same = a->i == b->i && a->len == b->len;
    bool less = a->i < b->i || (a->i == b->i && a->len < b->len);
    return ((same ? ORDER_SAME : less ? ORDER_LESS : ORDER_GREATER) & orders) != 0;
}

static inline bool has_order(const struct value *a, const struct value *b) {
    return a->kind == b->kind && (a->kind == VAL_TIMESTAMP || a->kind == VAL_INT);
}

static inline enum truth test_list(struct cel_run *run, const struct test *test,
                                   const struct value *list) {
    if (!run_spend(run, list->len)) {
        return TRUTH_LONG;
    }
    for (uint32_t i = 0; i < list->len; i++) {
        if (list->items[i].kind != VAL_STRING) {
            return TRUTH_LONG;
        }
        if (word_is(&test->word, &list->items[i])) {
            return truth_of(test->wanted);
        }
    }
    return truth_of(!test->wanted);
}

/* test_run: *fact is set for TRUTH_UNKNOWN. */
static inline enum truth test_run(struct cel_run *run, const struct node *node,
                                  const struct value **fact) {
    const struct test *test = &node->test;
    if (test->kind == TEST_NONE) {
        return TRUTH_LONG;
    }
    const struct value *value = test_fact(run, test);
    if (value == NULL) {
        return TRUTH_LONG;
    }
    bool holds = false;
    unsigned kind = VAL_STRING;
    switch ((enum test_kind)test->kind) {
    case TEST_BOOL:
        kind = VAL_BOOL;
        holds = value->kind == VAL_BOOL && value->b;
        break;
    case TEST_TEXT:
        holds = value->kind == VAL_STRING && word_is(&test->word, value);
        break;
    case TEST_WORDS:
        holds = value->kind == VAL_STRING && word_set_has(test->set, value);
        break;
    case TEST_HOLDS:
        if (value->kind == VAL_LIST) {
            return test_list(run, test, value);
        }
        kind = VAL_LIST;
        break;
    case TEST_ORDER:
        kind = test->limit.kind;
        holds = order_holds(value, &test->limit, test->orders);
        break;
    case TEST_ORDER_SLOTS: {
        const struct value *other = &run->slots[test->other];
        bool plain = has_order(value, other);
        return plain ? truth_of(order_holds(value, other, test->orders) == test->wanted)
                     : TRUTH_LONG;
    }
    case TEST_NONE:
        UNREACHABLE();
    }
    if (value->kind == kind) {
        return truth_of(holds == test->wanted);
    }
    *fact = value;
    return value->kind == VAL_UNKNOWN ? TRUTH_UNKNOWN : TRUTH_LONG;
}

/* test_or_eval is node_eval by the short way where there is one. */
static inline struct value test_or_eval(struct cel_run *run, const struct node *node) {
    const struct value *fact = NULL;
    enum truth truth = test_run(run, node, &fact);
    return truth <= TRUTH_YES       ? value_bool(truth == TRUTH_YES)
           : truth == TRUTH_UNKNOWN ? *fact
                                    : node_eval(run, node);
}

#endif

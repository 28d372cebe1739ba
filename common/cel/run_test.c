/* The short ways themselves: small functions that call nothing unless the short way ends. */
#include "cel/run_test.h"

static inline struct value told(const struct node *node, bool holds) {
    return value_bool(holds == node->test.wanted);
}

/* The fact is not of the kind that the test is for. */
static inline struct value untold(struct cel_run *run, const struct node *node,
                                  const struct value *fact) {
    return fact->kind == VAL_UNKNOWN ? *fact : node->run(run, node);
}

static inline bool word_is(const struct word *word, const struct value *text) {
    if (text->len != word->len) {
        return false;
    }
    struct word other = word_of(text->text, text->len);
    return word_same(word, &other);
}

/* The fact, or NULL when finding it takes a search. */
static inline const struct value *find(const struct cel_run *run, const struct test *test) {
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

static inline struct value run_bool(struct cel_run *run, const struct node *node,
                                    const struct value *fact) {
    return fact->kind == VAL_BOOL ? told(node, fact->b) : untold(run, node, fact);
}

static inline struct value run_text(struct cel_run *run, const struct node *node,
                                    const struct value *fact) {
    return fact->kind == VAL_STRING ? told(node, word_is(&node->test.word, fact))
                                    : untold(run, node, fact);
}

static inline struct value run_words(struct cel_run *run, const struct node *node,
                                     const struct value *fact) {
    const struct word_set *set = node->test.set;
    if (fact->kind != VAL_STRING) {
        return untold(run, node, fact);
    }
    if (fact->len > WORD_BYTES_MAX) {
        return told(node, false);
    }
    struct word word = word_of(fact->text, fact->len);
    uint32_t at = word_place(&word) & set->mask;
    while (set->words[at].len != WORD_FREE) {
        if (set->words[at].len == word.len && word_same(&set->words[at], &word)) {
            return told(node, true);
        }
        at = (at + 1) & set->mask;
    }
    return told(node, false);
}

static inline struct value run_holds(struct cel_run *run, const struct node *node,
                                     const struct value *fact) {
    if (fact->kind != VAL_LIST || !run_spend(run, fact->len)) {
        return untold(run, node, fact);
    }
    for (uint32_t i = 0; i < fact->len; i++) {
        if (fact->items[i].kind != VAL_STRING) {
            return node->run(run, node);
        }
        if (word_is(&node->test.word, &fact->items[i])) {
            return told(node, true);
        }
    }
    return told(node, false);
}

/* The nanoseconds of an instant are in len, which an int leaves at 0. */
static inline bool order_holds(const struct value *a, const struct value *b, unsigned orders) {
    bool same = a->i == b->i && a->len == b->len;
    bool less = a->i < b->i || (a->i == b->i && a->len < b->len);
    return ((same ? ORDER_SAME : less ? ORDER_LESS : ORDER_GREATER) & orders) != 0;
}

static inline struct value run_order(struct cel_run *run, const struct node *node,
                                     const struct value *fact) {
    const struct test *test = &node->test;
    return fact->kind == test->limit.kind
               ? told(node, order_holds(fact, &test->limit, test->orders))
               : untold(run, node, fact);
}

struct value test_order_slots(struct cel_run *run, const struct node *node) {
    const struct test *test = &node->test;
    const struct value *a = &run->slots[test->at];
    const struct value *b = &run->slots[test->other];
    return has_order(a, b) ? told(node, order_holds(a, b, test->orders)) : node->run(run, node);
}

#define TEST_FORMS(name)                                                                           \
    static struct value name##_slot(struct cel_run *run, const struct node *node) {                \
        return run_##name(run, node, &run->slots[node->test.at]);                                  \
    }                                                                                              \
    static struct value name##_other(struct cel_run *run, const struct node *node) {               \
        const struct value *fact = find(run, &node->test);                                         \
        return fact == NULL ? node->run(run, node) : run_##name(run, node, fact);                  \
    }                                                                                              \
    const struct test_forms test_##name = {name##_slot, name##_other}

TEST_FORMS(bool);
TEST_FORMS(text);
TEST_FORMS(words);
TEST_FORMS(holds);
TEST_FORMS(order);

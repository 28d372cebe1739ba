/* The short ways themselves: small functions that call nothing unless the short way ends. */
#include "cel/run_test.h"

static inline enum truth told(const struct node *node, bool holds) {
    return holds == node->test.wanted ? TRUTH_YES : TRUTH_NO;
}

/* The fact is not of the kind that the test is for. */
static inline enum truth untold(struct cel_run *run, const struct node *node,
                                const struct value *fact) {
    if (fact->kind != VAL_UNKNOWN) {
        return truth_of_run(run, node);
    }
    run->result = *fact;
    return TRUTH_OTHER;
}

/* The fact looks like a word that is longer than what struct word holds.  Out of the way, so that
 * the tests call nothing. */
__attribute__((noinline)) static enum truth confirm(struct cel_run *run, const struct node *node,
                                                    const struct value *fact,
                                                    const struct word *word) {
    bool same = memcmp(word->text, fact->text, word->len) == 0;
    return same ? told(node, true) : truth_of_run(run, node);
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

static inline enum truth run_bool(struct cel_run *run, const struct node *node,
                                  const struct value *fact) {
    return fact->kind == VAL_BOOL ? told(node, fact->b) : untold(run, node, fact);
}

static inline enum truth run_text(struct cel_run *run, const struct node *node,
                                  const struct value *fact) {
    if (fact->kind != VAL_STRING) {
        return untold(run, node, fact);
    }
    bool same = word_is(&node->test.word, fact);
    return same && fact->len > WORD_BYTES_MAX ? confirm(run, node, fact, &node->test.word)
                                              : told(node, same);
}

static inline enum truth run_words(struct cel_run *run, const struct node *node,
                                   const struct value *fact) {
    const struct word_set *set = node->test.set;
    if (fact->kind != VAL_STRING) {
        return untold(run, node, fact);
    }
    struct word word = word_of(fact->text, fact->len);
    const struct word *place = &set->words[word_place(&word) & set->mask];
    while (!(word_same(place, &word) && place->len == word.len)) {
        if (place->len == WORD_FREE) {
            return told(node, false);
        }
        place = place == &set->words[set->mask] ? set->words : place + 1;
    }
    return word.len > WORD_BYTES_MAX ? confirm(run, node, fact, place) : told(node, true);
}

static inline enum truth run_holds(struct cel_run *run, const struct node *node,
                                   const struct value *fact) {
    if (fact->kind != VAL_LIST || !run_spend(run, fact->len)) {
        return untold(run, node, fact);
    }
    for (uint32_t i = 0; i < fact->len; i++) {
        if (fact->items[i].kind != VAL_STRING) {
            return truth_of_run(run, node);
        }
        if (word_is(&node->test.word, &fact->items[i])) {
            return fact->items[i].len > WORD_BYTES_MAX ? truth_of_run(run, node) : told(node, true);
        }
    }
    return told(node, false);
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

static inline enum truth run_order(struct cel_run *run, const struct node *node,
                                   const struct value *fact) {
    const struct test *test = &node->test;
    return fact->kind == test->limit.kind
               ? told(node, order_holds(fact, &test->limit, test->orders))
               : untold(run, node, fact);
}

enum truth test_order_slots(struct cel_run *run, const struct node *node) {
    const struct test *test = &node->test;
    const struct value *a = &run->slots[test->at];
    const struct value *b = &run->slots[test->other];
    return has_order(a, b) ? told(node, order_holds(a, b, test->orders)) : truth_of_run(run, node);
}

#define TEST_FORMS(name)                                                                           \
    static enum truth name##_slot(struct cel_run *run, const struct node *node) {                  \
        return run_##name(run, node, &run->slots[node->test.at]);                                  \
    }                                                                                              \
    static enum truth name##_other(struct cel_run *run, const struct node *node) {                 \
        const struct value *fact = find(run, &node->test);                                         \
        return fact == NULL ? truth_of_run(run, node) : run_##name(run, node, fact);               \
    }                                                                                              \
    const struct test_forms test_##name = {name##_slot, name##_other}

TEST_FORMS(bool);
TEST_FORMS(text);
TEST_FORMS(words);
TEST_FORMS(holds);
TEST_FORMS(order);

/* The slower of the short ways: texts that nobody has marked as words of a vocabulary. */
#include "cel/run_test.h"

/* The fact looks like a word that is longer than what struct word holds. */
static enum truth confirm(struct cel_run *run, const struct node *node, const struct value *fact,
                          const struct word *word) {
    bool same = memcmp(word->text, fact->text, word->len) == 0;
    return same ? told(&node->test, true) : truth_of_run(run, node);
}

static bool word_is(const struct word *word, const struct value *text) {
    if (text->len != word->len) {
        return false;
    }
    struct word other = word_of(text->text, text->len);
    return word_same(word, &other);
}

static enum truth text_rest(struct cel_run *run, const struct node *node,
                            const struct value *fact) {
    bool same = word_is(&node->test.word, fact);
    return same && fact->len > WORD_BYTES_MAX ? confirm(run, node, fact, &node->test.word)
                                              : told(&node->test, same);
}

static enum truth words_rest(struct cel_run *run, const struct node *node,
                             const struct value *fact) {
    const struct word_set *set = node->test.set;
    struct word word = word_of(fact->text, fact->len);
    const struct word *place = &set->words[word_place(&word) & set->mask];
    while (!(word_same(place, &word) && place->len == word.len)) {
        if (place->len == WORD_FREE) {
            return told(&node->test, false);
        }
        place = place == &set->words[set->mask] ? set->words : place + 1;
    }
    return word.len > WORD_BYTES_MAX ? confirm(run, node, fact, place) : told(&node->test, true);
}

static enum truth holds_rest(struct cel_run *run, const struct node *node,
                             const struct value *fact) {
    if (!run_spend(run, fact->len)) {
        return truth_of_run(run, node);
    }
    for (uint32_t i = 0; i < fact->len; i++) {
        if (fact->items[i].kind != VAL_STRING) {
            return truth_of_run(run, node);
        }
        if (word_is(&node->test.word, &fact->items[i])) {
            return fact->items[i].len > WORD_BYTES_MAX ? truth_of_run(run, node)
                                                       : told(&node->test, true);
        }
    }
    return told(&node->test, false);
}

enum truth test_rest(struct cel_run *run, const struct node *node, const struct value *fact) {
    if (fact->kind == VAL_UNKNOWN) {
        run->result = *fact;
        return TRUTH_OTHER;
    }
    if (fact->kind == VAL_STRING && node->test.op == TEST_TEXT) {
        return text_rest(run, node, fact);
    }
    if (fact->kind == VAL_STRING && node->test.op == TEST_WORDS) {
        return words_rest(run, node, fact);
    }
    if (fact->kind == VAL_LIST && node->test.op == TEST_HOLDS) {
        return holds_rest(run, node, fact);
    }
    return truth_of_run(run, node);
}

enum truth truth_of_test(struct cel_run *run, const struct node *node) {
    return test_run(run, node);
}

/* The slower of the shortcuts: texts that nobody has marked as words of a vocabulary. */
#include "cel/shortcut_run.h"

/* The fact looks like a word that is longer than what struct word holds. */
static enum cel_truth confirm(struct cel_run *run, const struct node *node,
                              const struct value *fact, const struct word *word) {
    bool same = memcmp(word->text, fact->text, word->len) == 0;
    return same ? shortcut_result(&node->shortcut, true) : truth_of_run(run, node);
}

static bool word_is(const struct word *word, const struct value *text) {
    if (text->len != word->len) {
        return false;
    }
    struct word other = word_of(text->text, text->len);
    return word_same(word, &other);
}

static enum cel_truth text_slow(struct cel_run *run, const struct node *node,
                                const struct value *fact) {
    bool same = word_is(&node->shortcut.word, fact);
    return same && fact->len > WORD_BYTES_MAX ? confirm(run, node, fact, &node->shortcut.word)
                                              : shortcut_result(&node->shortcut, same);
}

static enum cel_truth words_slow(struct cel_run *run, const struct node *node,
                                 const struct value *fact) {
    const struct word_set *set = node->shortcut.set;
    struct word word = word_of(fact->text, fact->len);
    const struct word *place = &set->words[word_place(&word) & set->mask];
    while (!(word_same(place, &word) && place->len == word.len)) {
        if (place->len == WORD_FREE) {
            return shortcut_result(&node->shortcut, false);
        }
        place = place == &set->words[set->mask] ? set->words : place + 1;
    }
    return word.len > WORD_BYTES_MAX ? confirm(run, node, fact, place)
                                     : shortcut_result(&node->shortcut, true);
}

static enum cel_truth holds_slow(struct cel_run *run, const struct node *node,
                                 const struct value *fact) {
    if (!run_spend(run, fact->len)) {
        return truth_of_run(run, node);
    }
    for (uint32_t i = 0; i < fact->len; i++) {
        if (fact->items[i].kind != VAL_STRING) {
            return truth_of_run(run, node);
        }
        if (word_is(&node->shortcut.word, &fact->items[i])) {
            return fact->items[i].len > WORD_BYTES_MAX ? truth_of_run(run, node)
                                                       : shortcut_result(&node->shortcut, true);
        }
    }
    return shortcut_result(&node->shortcut, false);
}

enum cel_truth shortcut_run_slow(struct cel_run *run, const struct node *node,
                                 const struct value *fact) {
    if (fact->kind == VAL_UNKNOWN) {
        run->result = *fact;
        return CEL_OTHER;
    }
    if (fact->kind == VAL_STRING && node->shortcut.op == SHORTCUT_TEXT) {
        return text_slow(run, node, fact);
    }
    if (fact->kind == VAL_STRING && node->shortcut.op == SHORTCUT_WORDS) {
        return words_slow(run, node, fact);
    }
    if (fact->kind == VAL_LIST && node->shortcut.op == SHORTCUT_HOLDS) {
        return holds_slow(run, node, fact);
    }
    return truth_of_run(run, node);
}

enum cel_truth truth_of_shortcut(struct cel_run *run, const struct node *node) {
    return shortcut_run(run, node);
}

/* The shortcut of a node alone; a chain has its own (run_chain.c). */
#include "cel/shortcut_run.h"

/* The fact has the beginning of a word that is too long for struct word. */
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
    const struct word *slot = &set->words[word_hash(&word) & set->mask];
    while (!(word_same(slot, &word) && slot->len == word.len)) {
        if (slot->len == WORD_FREE) {
            return shortcut_result(&node->shortcut, false);
        }
        slot = slot == &set->words[set->mask] ? set->words : slot + 1;
    }
    return word.len > WORD_BYTES_MAX ? confirm(run, node, fact, slot)
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

/* The cases that truth_of_shortcut does not handle: texts that are no marked words, unknown
 * facts, other kinds. Not in line: the fast ones need no room on the stack. */
__attribute__((noinline)) static enum cel_truth
run_slow(struct cel_run *run, const struct node *node, const struct value *fact) {
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

/* The fact, or NULL if it needs a search. */
static const struct value *fact_of(const struct cel_run *run, const struct shortcut *shortcut) {
    if (shortcut->cell == CELL_SLOT) {
        return &run->slots[shortcut->at];
    }
    const struct value *local = &run->locals[shortcut->at];
    if (shortcut->cell == CELL_LOCAL) {
        return local;
    }
    return value_mark(local) == MARK_OF_RECORD ? &local->items[(size_t)shortcut->field * 2 + 1]
                                               : NULL;
}

/* Of a node whose test has an op. */
enum cel_truth truth_of_shortcut(struct cel_run *run, const struct node *node) {
    const struct shortcut *shortcut = &node->shortcut;
    const struct value *fact = fact_of(run, shortcut);
    if (fact == NULL) {
        return truth_of_run(run, node);
    }
    uint32_t mark = value_mark(fact);
    switch ((enum shortcut_op)shortcut->op) {
    case SHORTCUT_BOOL:
        if (fact->kind == VAL_BOOL) {
            return shortcut_result(shortcut, fact->b);
        }
        break;
    case SHORTCUT_TEXT:
        if (mark_is_word(mark) && shortcut->mark != 0) {
            return shortcut_result(shortcut, mark == shortcut->mark);
        }
        break;
    case SHORTCUT_WORDS:
        mark = mark_number(mark);
        if (mark < VALUE_WORDS_MAX && shortcut->numbers != NULL) {
            return shortcut_result(shortcut, (shortcut->numbers[mark / 64] >> mark % 64 & 1) != 0);
        }
        break;
    case SHORTCUT_HOLDS: {
        bool holds = false;
        if (fact->kind == VAL_LIST && shortcut->mark != 0 &&
            list_holds(fact, shortcut->mark, &holds) && run_spend(run, fact->len)) {
            return shortcut_result(shortcut, holds);
        }
        break;
    }
    case SHORTCUT_ORDER:
        if (fact->kind == shortcut->limit.kind) {
            return shortcut_result(shortcut, order_holds(fact, &shortcut->limit, shortcut->orders));
        }
        break;
    case SHORTCUT_ORDER_SLOTS:
        if (has_order(fact, &run->slots[shortcut->other])) {
            return shortcut_result(
                shortcut, order_holds(fact, &run->slots[shortcut->other], shortcut->orders));
        }
        return truth_of_run(run, node);
    case SHORTCUT_NONE:
        break;
    }
    return run_slow(run, node, fact);
}

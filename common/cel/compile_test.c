/* Which nodes have a short way, chosen by their shape once their operands are compiled. */
#include "cel/run_test.h"

enum { SET_WORDS_MAX = 4096 };

/* Where a node finds the fact it reads, if that takes no evaluation. */
static bool cell_of(const struct node *node, struct test *test) {
    if (node->run == node_slot || node->run == node_local) {
        test->cell = node->run == node_slot ? CELL_SLOT : CELL_LOCAL;
        test->at = node->index;
        return true;
    }
    if (node->run == node_select && node->args[0]->run == node_local &&
        node->name.len <= WORD_BYTES_MAX) {
        test->cell = CELL_FIELD;
        test->at = node->args[0]->index;
        test->field = node->index;
        test->name = word_of((const char *)node->name.ptr, (uint32_t)node->name.len);
        return true;
    }
    return false;
}

static truth_fn form(const struct test *test, const struct test_forms *forms) {
    return test->cell == CELL_SLOT ? forms->slot : forms->other;
}

static bool is_text(const struct node *node) {
    return node->run == node_const && node->value.kind == VAL_STRING;
}

static void choose_equal(const struct node *node, struct test *test) {
    for (uint32_t i = 0; i < 2; i++) {
        const struct node *text = node->args[1 - i];
        if (is_text(text) && cell_of(node->args[i], test)) {
            test->truth = form(test, &test_text);
            test->wanted = node->index == EQUAL_WANTED;
            test->word = word_of(text->value.text, text->value.len);
            return;
        }
    }
}

static unsigned turned(unsigned orders) {
    return (orders & ORDER_SAME) | (orders & ORDER_LESS ? ORDER_GREATER : 0U) |
           (orders & ORDER_GREATER ? ORDER_LESS : 0U);
}

static void choose_order(const struct node *node, struct test *test) {
    test->wanted = true;
    test->orders = (uint8_t)node->index;
    if (node->args[0]->run == node_slot && node->args[1]->run == node_slot) {
        test->truth = test_order_slots;
        test->at = node->args[0]->index;
        test->other = node->args[1]->index;
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const struct node *limit = node->args[1 - i];
        if (limit->run == node_const && has_order(&limit->value, &limit->value) &&
            cell_of(node->args[i], test)) {
            test->truth = form(test, &test_order);
            test->limit = limit->value;
            test->orders = (uint8_t)(i == 0 ? node->index : turned(node->index));
            return;
        }
    }
}

static bool all_text(struct value list) {
    bool text = list.kind == VAL_LIST && list.len != 0 && list.len <= SET_WORDS_MAX;
    for (uint32_t i = 0; text && i < list.len; i++) {
        text = list.items[i].kind == VAL_STRING;
    }
    return text;
}

static const struct word_set *set_new(struct cel_program *program, struct value list) {
    uint32_t size = 4;
    while (size < list.len * 4) {
        size *= 2;
    }
    struct word_set *set =
        arena_alloc(&program->arena, sizeof(*set) + size * sizeof(set->words[0]));
    if (set == NULL) {
        return NULL;
    }
    set->mask = size - 1;
    for (uint32_t i = 0; i < size; i++) {
        set->words[i] = (struct word){.len = WORD_FREE};
    }
    for (uint32_t i = 0; i < list.len; i++) {
        struct word word = word_of(list.items[i].text, list.items[i].len);
        uint32_t at = word_place(&word) & set->mask;
        while (set->words[at].len != WORD_FREE) {
            at = (at + 1) & set->mask;
        }
        set->words[at] = word;
    }
    return set;
}

static bool choose_in(struct cel_program *program, const struct node *node, struct test *test) {
    const struct node *range = node->args[1];
    test->wanted = true;
    if (is_text(node->args[0]) && cell_of(range, test)) {
        test->truth = form(test, &test_holds);
        test->word = word_of(node->args[0]->value.text, node->args[0]->value.len);
    } else if (range->run == node_const && all_text(range->value) && cell_of(node->args[0], test)) {
        test->truth = form(test, &test_words);
        test->set = set_new(program, range->value);
        return test->set != NULL;
    }
    return true;
}

/* Any other node tells its truth by what its run gives. */
static bool is_test(const struct node *node) {
    return node->test.truth != truth_of_run && node->run != node_and && node->run != node_or;
}

bool test_choose(struct cel_program *program, struct node *node) {
    struct test *test = &node->test;
    if (node->run == node_equal) {
        choose_equal(node, test);
    } else if (node->run == node_order) {
        choose_order(node, test);
    } else if (node->run == node_in) {
        return choose_in(program, node, test);
    } else if (node->run == node_not && is_test(node->args[0])) {
        *test = node->args[0]->test;
        test->wanted = !test->wanted;
    } else if (cell_of(node, test)) {
        test->truth = form(test, &test_bool);
        test->wanted = true;
    }
    return true;
}

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
    const struct node *local = node->run == node_select ? node->args[0] : NULL;
    if (local != NULL && local->run == node_local && local->type != NULL &&
        local->type->kind == CEL_RECORD) {
        test->cell = CELL_FIELD;
        test->at = local->index;
        test->field = node->index;
        return true;
    }
    return false;
}

static void set_op(struct test *test, enum test_op op) {
    test->op = (uint8_t)op;
    test->truth = truth_of_test;
}

/* The number of a word in a type's vocabulary, or its count when it is none. */
static uint32_t number_of(const struct cel_type *type, struct value text) {
    uint32_t number = 0;
    while (number < type->count && !span_is(value_span(text), type->words[number])) {
        number++;
    }
    return number;
}

static bool has_words(const struct cel_type *type) {
    return type != NULL && type->kind == CEL_STRING && type->words != NULL &&
           type->count < VALUE_WORDS_MAX;
}

static uint32_t mark_of(const struct cel_type *type, struct value text) {
    uint32_t number = has_words(type) ? number_of(type, text) : 0;
    if (!has_words(type) || number == type->count) {
        return 0;
    }
    return mark_of_word(number);
}

static bool is_text(const struct node *node) {
    return node->run == node_const && node->value.kind == VAL_STRING;
}

static void choose_equal(const struct node *node, struct test *test) {
    for (uint32_t i = 0; i < 2; i++) {
        const struct node *text = node->args[1 - i];
        if (is_text(text) && cell_of(node->args[i], test)) {
            set_op(test, TEST_TEXT);
            test->wanted = node->index == EQUAL_WANTED;
            test->word = word_of(text->value.text, text->value.len);
            test->mark = mark_of(node->args[i]->type, text->value);
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
        set_op(test, TEST_ORDER_SLOTS);
        test->cell = CELL_SLOT;
        test->at = node->args[0]->index;
        test->other = node->args[1]->index;
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const struct node *limit = node->args[1 - i];
        if (limit->run == node_const && has_order(&limit->value, &limit->value) &&
            cell_of(node->args[i], test)) {
            set_op(test, TEST_ORDER);
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

/* Bit n stands for word n. */
static const uint64_t *numbers_new(struct cel_program *program, const struct cel_type *type,
                                   struct value list) {
    uint64_t *numbers = arena_zero(&program->arena, type->count / 64 + 1, sizeof(*numbers));
    for (uint32_t i = 0; numbers != NULL && i < list.len; i++) {
        uint32_t number = number_of(type, list.items[i]);
        if (number < type->count) {
            numbers[number / 64] |= (uint64_t)1 << number % 64;
        }
    }
    return numbers;
}

static bool choose_in(struct cel_program *program, const struct node *node, struct test *test) {
    const struct node *fact = node->args[0];
    const struct node *range = node->args[1];
    test->wanted = true;
    if (is_text(fact) && cell_of(range, test)) {
        set_op(test, TEST_HOLDS);
        test->word = word_of(fact->value.text, fact->value.len);
        test->mark = range->type != NULL && range->type->kind == CEL_LIST
                         ? mark_of(range->type->element, fact->value)
                         : 0;
    } else if (range->run == node_const && all_text(range->value) && cell_of(fact, test)) {
        set_op(test, TEST_WORDS);
        test->set = set_new(program, range->value);
        if (has_words(fact->type)) {
            test->numbers = numbers_new(program, fact->type, range->value);
            test->few = fact->type->count <= 64;
            return test->set != NULL && test->numbers != NULL;
        }
        return test->set != NULL;
    }
    return true;
}

bool test_choose(struct cel_program *program, struct node *node) {
    struct test *test = &node->test;
    if (node->run == node_equal) {
        choose_equal(node, test);
    } else if (node->run == node_order) {
        choose_order(node, test);
    } else if (node->run == node_in) {
        return choose_in(program, node, test);
    } else if (node->run == node_not && node->args[0]->test.op != TEST_NONE) {
        *test = node->args[0]->test;
        test->wanted = !test->wanted;
    } else if (cell_of(node, test)) {
        set_op(test, TEST_BOOL);
        test->wanted = true;
    }
    return true;
}

/* A test runs in the chain itself where its fact stands in the chain's base: the slots, or the
 * record of one local.  Anything else runs by its node. */
static bool is_at_base(const struct node *chain, const struct test *test) {
    bool is_field = test->cell == CELL_FIELD;
    return chain->of_record ? is_field && test->at == chain->index : test->cell == CELL_SLOT;
}

static struct step step_of(const struct node *chain, const struct node *node) {
    const struct test *test = &node->test;
    bool is_and = chain->run == node_and;
    struct step step = {.run = step_node,
                        .node = node,
                        .orders = test->orders,
                        .pass = test->wanted == is_and,
                        .ends = is_and ? TRUTH_NO : TRUTH_YES,
                        .at = chain->of_record ? test->field * 2 + 1 : test->at};
    if (test->op == TEST_NONE || !is_at_base(chain, test)) {
        return step;
    }
    if (test->op == TEST_BOOL) {
        step.run = step_bool;
    } else if (test->op == TEST_ORDER_SLOTS) {
        step.run = step_order_slots;
        step.other = test->other;
    } else if (test->op == TEST_ORDER) {
        step.run = step_order;
        step.limit = &test->limit;
    } else if (test->op == TEST_WORDS && test->few) {
        step.run = step_few;
        step.few = test->numbers[0];
    } else if (test->op == TEST_WORDS && test->numbers != NULL) {
        step.run = step_words;
        step.numbers = test->numbers;
    } else if (test->mark != 0) {
        step.run = test->op == TEST_TEXT ? step_text : step_holds;
        step.mark = test->mark;
    }
    return step;
}

/* A chain about one record, as the body of exists mostly is, has that for its base. */
static void choose_base(struct node *node) {
    for (uint32_t i = 0; i < node->count; i++) {
        const struct test *test = &node->args[i]->test;
        if (test->op != TEST_NONE && test->cell == CELL_SLOT) {
            node->of_record = false;
            return;
        }
        if (test->op != TEST_NONE && test->cell == CELL_FIELD) {
            node->of_record = true;
            node->index = test->at;
        }
    }
}

bool chain_choose(struct cel_program *program, struct node *node) {
    struct step *steps = arena_alloc(&program->arena, (node->count + 1) * sizeof(*steps));
    if (steps == NULL) {
        return false;
    }
    choose_base(node);
    for (uint32_t i = 0; i < node->count; i++) {
        steps[i] = step_of(node, node->args[i]);
    }
    steps[node->count] =
        (struct step){.run = step_last, .ends = node->run == node_and ? TRUTH_YES : TRUTH_NO};
    node->steps = steps;
    return true;
}

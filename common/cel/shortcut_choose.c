/* Which nodes have a shortcut, chosen by their shape once their operands are compiled. */
#include "cel/shortcut_run.h"

enum { SET_WORDS_MAX = 4096 };

/* The slot of the fact that a node reads, if it needs no evaluation. */
static bool cell_of(const struct node *node, struct shortcut *shortcut) {
    if (node->run == node_slot || node->run == node_local) {
        shortcut->cell = node->run == node_slot ? CELL_SLOT : CELL_LOCAL;
        shortcut->at = node->index;
        return true;
    }
    const struct node *local = node->run == node_select ? node->args[0] : NULL;
    if (local != NULL && local->run == node_local && local->type != NULL &&
        local->type->kind == CEL_RECORD) {
        shortcut->cell = CELL_FIELD;
        shortcut->at = local->index;
        shortcut->field = node->index;
        return true;
    }
    return false;
}

static void set_op(struct shortcut *shortcut, enum shortcut_op op) {
    shortcut->op = (uint8_t)op;
    shortcut->truth = truth_of_shortcut;
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

static void choose_equal(const struct node *node, struct shortcut *shortcut) {
    for (uint32_t i = 0; i < 2; i++) {
        const struct node *text = node->args[1 - i];
        if (is_text(text) && cell_of(node->args[i], shortcut)) {
            set_op(shortcut, SHORTCUT_TEXT);
            shortcut->wanted = node->index == EQUAL_WANTED;
            shortcut->word = word_of(text->value.text, text->value.len);
            shortcut->mark = mark_of(node->args[i]->type, text->value);
            return;
        }
    }
}

static unsigned turned(unsigned orders) {
    return (orders & ORDER_SAME) | (orders & ORDER_LESS ? ORDER_GREATER : 0U) |
           (orders & ORDER_GREATER ? ORDER_LESS : 0U);
}

static void choose_order(const struct node *node, struct shortcut *shortcut) {
    shortcut->wanted = true;
    shortcut->orders = (uint8_t)node->index;
    if (node->args[0]->run == node_slot && node->args[1]->run == node_slot) {
        set_op(shortcut, SHORTCUT_ORDER_SLOTS);
        shortcut->cell = CELL_SLOT;
        shortcut->at = node->args[0]->index;
        shortcut->other = node->args[1]->index;
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const struct node *limit = node->args[1 - i];
        if (limit->run == node_const && has_order(&limit->value, &limit->value) &&
            cell_of(node->args[i], shortcut)) {
            set_op(shortcut, SHORTCUT_ORDER);
            shortcut->limit = limit->value;
            shortcut->orders = (uint8_t)(i == 0 ? node->index : turned(node->index));
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
        uint32_t at = word_hash(&word) & set->mask;
        while (set->words[at].len != WORD_FREE) {
            at = (at + 1) & set->mask;
        }
        set->words[at] = word;
    }
    return set;
}

/* Bit n is word n. */
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

static bool choose_in(struct cel_program *program, const struct node *node,
                      struct shortcut *shortcut) {
    const struct node *fact = node->args[0];
    const struct node *range = node->args[1];
    shortcut->wanted = true;
    if (is_text(fact) && cell_of(range, shortcut)) {
        set_op(shortcut, SHORTCUT_HOLDS);
        shortcut->word = word_of(fact->value.text, fact->value.len);
        shortcut->mark = range->type != NULL && range->type->kind == CEL_LIST
                             ? mark_of(range->type->element, fact->value)
                             : 0;
    } else if (range->run == node_const && all_text(range->value) && cell_of(fact, shortcut)) {
        set_op(shortcut, SHORTCUT_WORDS);
        shortcut->set = set_new(program, range->value);
        if (has_words(fact->type)) {
            shortcut->numbers = numbers_new(program, fact->type, range->value);
            shortcut->few = fact->type->count <= 64;
            return shortcut->set != NULL && shortcut->numbers != NULL;
        }
        return shortcut->set != NULL;
    }
    return true;
}

bool shortcut_choose(struct cel_program *program, struct node *node) {
    struct shortcut *shortcut = &node->shortcut;
    if (node->run == node_equal) {
        choose_equal(node, shortcut);
    } else if (node->run == node_order) {
        choose_order(node, shortcut);
    } else if (node->run == node_in) {
        return choose_in(program, node, shortcut);
    } else if (node->run == node_not && node->args[0]->shortcut.op != SHORTCUT_NONE) {
        *shortcut = node->args[0]->shortcut;
        shortcut->wanted = !shortcut->wanted;
    } else if (cell_of(node, shortcut)) {
        set_op(shortcut, SHORTCUT_BOOL);
        shortcut->wanted = true;
    }
    return true;
}

/* A test runs in the chain itself if its fact is in the chain's base: the slots, or the record of
 * one local.  Any other test runs by its node. */
static bool is_at_base(const struct node *chain, const struct shortcut *shortcut) {
    bool is_field = shortcut->cell == CELL_FIELD;
    return chain->of_record ? is_field && shortcut->at == chain->index
                            : shortcut->cell == CELL_SLOT;
}

static struct step step_of(const struct node *chain, const struct node *node) {
    const struct shortcut *shortcut = &node->shortcut;
    bool is_and = chain->run == node_and;
    struct step step = {.run = step_node,
                        .node = node,
                        .orders = shortcut->orders,
                        .pass = shortcut->wanted == is_and,
                        .ends = is_and ? CEL_NO : CEL_YES,
                        .at = chain->of_record ? shortcut->field * 2 + 1 : shortcut->at};
    if (shortcut->op == SHORTCUT_NONE || !is_at_base(chain, shortcut)) {
        return step;
    }
    if (shortcut->op == SHORTCUT_BOOL) {
        step.run = step_bool;
    } else if (shortcut->op == SHORTCUT_ORDER_SLOTS) {
        step.run = step_order_slots;
        step.other = shortcut->other;
    } else if (shortcut->op == SHORTCUT_ORDER) {
        step.run = step_order;
        step.limit = &shortcut->limit;
    } else if (shortcut->op == SHORTCUT_WORDS && shortcut->few) {
        step.run = step_few;
        step.few = shortcut->numbers[0];
    } else if (shortcut->op == SHORTCUT_WORDS && shortcut->numbers != NULL) {
        step.run = step_words;
        step.numbers = shortcut->numbers;
    } else if (shortcut->mark != 0) {
        step.run = shortcut->op == SHORTCUT_TEXT ? step_text : step_holds;
        step.mark = shortcut->mark;
    }
    return step;
}

/* A chain about one record, as in most bodies of exists, has that record as its base. */
static void choose_base(struct node *node) {
    for (uint32_t i = 0; i < node->count; i++) {
        const struct shortcut *shortcut = &node->args[i]->shortcut;
        if (shortcut->op != SHORTCUT_NONE && shortcut->cell == CELL_SLOT) {
            node->of_record = false;
            return;
        }
        if (shortcut->op != SHORTCUT_NONE && shortcut->cell == CELL_FIELD) {
            node->of_record = true;
            node->index = shortcut->at;
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
        (struct step){.run = step_last, .ends = node->run == node_and ? CEL_YES : CEL_NO};
    node->steps = steps;
    return true;
}

/* Compiled conditions -> values over all cases, node by node, with the meaning that run.c gives
 * each.  What has no translation is named and makes the whole condition untranslated. */
#include "prove/prove_priv.h"

#include <stdio.h>

static struct sym translate_node(struct translation *translation, const struct node *node);

/* Names a value that has no translation, unless an operand already did. */
static struct sym named(struct translation *translation, struct sym sym, const char *what) {
    return sym.kind == SYM_UNTRANSLATED ? translate_unknown(translation, what) : sym;
}

static struct sym translate_const(struct translation *translation, const struct node *node) {
    return named(translation, sym_of_value(translation->space, node->value),
                 "a constant of this type");
}

static struct sym translate_slot(struct translation *translation, const struct node *node) {
    struct sym sym = translation->slots[node->index];
    if (sym.kind != SYM_UNTRANSLATED) {
        return sym;
    }
    char what[96];
    (void)snprintf(what, sizeof(what), "the type of %s",
                   translation->space->schema->slots[node->index]->name);
    return translate_unknown(translation, what);
}

static struct sym translate_chain(struct translation *translation, const struct node *node) {
    struct space *space = translation->space;
    struct link *links = space_take(space, node->count, sizeof(*links));
    bool is_translated = true;
    for (uint32_t i = 0; i < node->count; i++) {
        links[i] = (struct link){space->yes, translate_node(translation, node->args[i])};
        is_translated = is_translated && links[i].sym.kind != SYM_UNTRANSLATED;
    }
    if (!is_translated) {
        return (struct sym){.kind = SYM_UNTRANSLATED};
    }
    return named(translation, sym_chain(space, links, node->count, node->run == node_or),
                 "an operand of any type");
}

static struct sym translate_not(struct translation *translation, const struct node *node) {
    struct sym sym = translate_node(translation, node->args[0]);
    if (sym.kind == SYM_BOOL) {
        sym.a = term_not(translation->space, sym.a);
    } else if (sym.kind != SYM_FAULT && sym.kind != SYM_UNTRANSLATED) {
        return translate_unknown(translation, "an operand of any type");
    }
    return sym;
}

static struct sym translate_cond(struct translation *translation, const struct node *node) {
    struct space *space = translation->space;
    struct sym condition = translate_node(translation, node->args[0]);
    struct sym yes = translate_node(translation, node->args[1]);
    struct sym no = translate_node(translation, node->args[2]);
    if (condition.kind == SYM_UNTRANSLATED || yes.kind == SYM_UNTRANSLATED ||
        no.kind == SYM_UNTRANSLATED) {
        return (struct sym){.kind = SYM_UNTRANSLATED};
    }
    if (condition.kind == SYM_FAULT) {
        return condition;
    }
    if (condition.kind != SYM_BOOL) {
        return translate_unknown(translation, "an operand of any type");
    }
    struct sym made = sym_choose(space, condition.a, &yes, &no);
    if (made.kind == SYM_UNTRANSLATED) {
        return translate_unknown(translation, "? : of lists or of two types");
    }
    term known = sym_is_value(space, &condition);
    made.err = term_or(space, condition.err, term_and(space, known, made.err));
    made.unk = term_or(space, condition.unk, term_and(space, known, made.unk));
    made.intake = term_or(space, condition.intake, term_and(space, known, made.intake));
    return made;
}

/* --- comparisons -------------------------------------------------------------------------------
 */

struct operands {
    struct sym a, b;
    bool is_translated;
};

static struct operands two(struct translation *translation, const struct node *node) {
    struct operands operands = {.a = translate_node(translation, node->args[0]),
                                .b = translate_node(translation, node->args[1])};
    operands.is_translated =
        operands.a.kind != SYM_UNTRANSLATED && operands.b.kind != SYM_UNTRANSLATED;
    return operands;
}

static struct sym translate_equal(struct translation *translation, const struct node *node) {
    struct space *space = translation->space;
    struct operands operands = two(translation, node);
    if (!operands.is_translated) {
        return (struct sym){.kind = SYM_UNTRANSLATED};
    }
    term equal = sym_equal(space, &operands.a, &operands.b);
    if (equal == NULL) {
        return translate_unknown(translation, "== of lists, maps or records");
    }
    if (node->index != EQUAL_WANTED) {
        equal = term_not(space, equal);
    }
    return sym_strict(space, sym_bool(space, equal), &operands.a, &operands.b);
}

/* NULL: these have no order here. */
static term less(struct space *space, const struct sym *a, const struct sym *b) {
    if (a->kind == SYM_FAULT || b->kind == SYM_FAULT) {
        return space->no;
    }
    int64_t count = 0;
    if (date_is_near(space, a, b, &count)) {
        return date_days_less(space, a, count);
    }
    if (date_is_near(space, b, a, &count)) {
        return term_not(space, date_days_less(space, b, count + 1));
    }
    if (a->kind == SYM_INT && b->kind == SYM_INT) {
        return term_less(space, a->a, b->a);
    }
    if (a->kind == SYM_DATE && b->kind == SYM_DATE) {
        return date_less(space, a, b);
    }
    return a->kind == SYM_BOOL && b->kind == SYM_BOOL ? term_and(space, term_not(space, a->a), b->a)
                                                      : NULL;
}

static struct sym translate_order(struct translation *translation, const struct node *node) {
    struct space *space = translation->space;
    struct operands operands = two(translation, node);
    if (!operands.is_translated) {
        return (struct sym){.kind = SYM_UNTRANSLATED};
    }
    term is_less = less(space, &operands.a, &operands.b);
    term is_greater = less(space, &operands.b, &operands.a);
    if (is_less == NULL || is_greater == NULL) {
        return translate_unknown(translation, "the order of texts, lists or maps");
    }
    term holds = space->no;
    if ((node->index & ORDER_LESS) != 0) {
        holds = (node->index & ORDER_SAME) != 0 ? term_not(space, is_greater) : is_less;
    } else if ((node->index & ORDER_GREATER) != 0) {
        holds = (node->index & ORDER_SAME) != 0 ? term_not(space, is_less) : is_greater;
    }
    return sym_strict(space, sym_bool(space, holds), &operands.a, &operands.b);
}

/* --- records, maps, optionals ------------------------------------------------------------------
 */

static struct sym some(struct translation *translation, term has, struct sym held) {
    struct space *space = translation->space;
    struct sym *items = space_take(space, 1, sizeof(*items));
    struct sym made = {.kind = SYM_OPTIONAL,
                       .err = term_and(space, has, held.err),
                       .unk = term_and(space, has, held.unk),
                       .intake = term_and(space, has, held.intake),
                       .a = has,
                       .items = items,
                       .count = 1};
    *items = held;
    items->err = items->unk = items->intake = space->no;
    return made;
}

static const struct sym *field_of(const struct sym *record, struct span name) {
    for (uint32_t i = 0; i < record->count; i++) {
        if (span_is(name, record->record->fields[i].leaf)) {
            return &record->items[i];
        }
    }
    return NULL;
}

/* target.name: of a record, or of a map as target["name"]. */
static struct sym entry_of(struct translation *translation, const struct sym *target,
                           struct span name, bool optional) {
    struct space *space = translation->space;
    struct entry *entry = cell_entry(space, target->cell, name);
    if (entry->value.kind == SYM_UNTRANSLATED) {
        return translate_unknown(translation, "the type of a map's values");
    }
    struct sym made = entry->value;
    if (optional) {
        made = some(translation, entry->is_in, made);
    } else {
        made.err = term_not(space, entry->is_in);
    }
    return sym_strict(
        space, made, target,
        &(struct sym){.kind = SYM_BOOL, .err = space->no, .unk = space->no, .intake = space->no});
}

static struct sym translate_select(struct translation *translation, const struct node *node) {
    struct space *space = translation->space;
    struct sym target = translate_node(translation, node->args[0]);
    bool is_map = target.kind == SYM_FACT && target.cell->fact->type == FACT_MAP;
    if (target.kind == SYM_RECORD && node->run == node_select) {
        const struct sym *field = field_of(&target, node->name);
        CHECK(field != NULL);
        return field->kind == SYM_UNTRANSLATED
                   ? translate_unknown(translation, "the type of a record's field")
                   : *field;
    }
    if (target.kind == SYM_UNTRANSLATED || target.kind == SYM_FAULT) {
        return target;
    }
    if (!is_map) {
        return translate_unknown(translation, "a field of this value");
    }
    if (node->run != node_has) {
        return entry_of(translation, &target, node->name, node->run == node_select_optional);
    }
    struct entry *entry = cell_entry(space, target.cell, node->name);
    return sym_strict(space, sym_bool(space, entry->is_in), &target, &target);
}

static struct sym translate_index(struct translation *translation, const struct node *node) {
    struct operands operands = two(translation, node);
    int64_t word = 0;
    if (!operands.is_translated) {
        return (struct sym){.kind = SYM_UNTRANSLATED};
    }
    bool is_map = operands.a.kind == SYM_FACT && operands.a.cell->fact->type == FACT_MAP;
    if (!is_map) {
        return translate_unknown(translation, "an index of a list");
    }
    if (operands.b.kind != SYM_WORD || !term_number(translation->space, operands.b.a, &word)) {
        return translate_unknown(translation, "a map's key that is no constant");
    }
    return entry_of(translation, &operands.a, translation->space->words[word],
                    node->run == node_index_optional);
}

/* or and orValue: the second operand counts where the first is empty. */
static struct sym translate_or_else(struct translation *translation, const struct node *node) {
    struct space *space = translation->space;
    struct operands operands = two(translation, node);
    if (!operands.is_translated) {
        return (struct sym){.kind = SYM_UNTRANSLATED};
    }
    if (operands.a.kind == SYM_FAULT) {
        return operands.a;
    }
    if (operands.a.kind != SYM_OPTIONAL) {
        return translate_unknown(translation, "an operand of any type");
    }
    struct sym held = {.kind = SYM_FAULT, .err = space->no, .unk = space->no, .intake = space->no};
    if (operands.a.count > 0) {
        held = node->call == op_or ? operands.a : operands.a.items[0];
        held.err = held.unk = held.intake = space->no;
    }
    struct sym made = sym_choose(space, operands.a.a, &held, &operands.b);
    if (made.kind == SYM_UNTRANSLATED) {
        return translate_unknown(translation, "orValue of lists or of two types");
    }
    term known = sym_is_value(space, &operands.a);
    made.err = term_or(space, operands.a.err, term_and(space, known, made.err));
    made.unk = term_or(space, operands.a.unk, term_and(space, known, made.unk));
    made.intake = term_or(space, operands.a.intake, term_and(space, known, made.intake));
    return made;
}

/* --- all nodes ---------------------------------------------------------------------------------
 */

static struct sym translate_list(struct translation *translation, const struct node *node) {
    struct space *space = translation->space;
    struct sym made = {.kind = SYM_ITEMS, .err = space->no, .unk = space->no, .intake = space->no};
    struct sym *items = space_take(space, node->count, sizeof(*items));
    if (node->flags != NULL) {
        return translate_unknown(translation, "an optional element of a list");
    }
    for (uint32_t i = 0; i < node->count; i++) {
        items[i] = translate_node(translation, node->args[i]);
        made = sym_strict(space, made, &made, &items[i]);
        if (made.kind == SYM_UNTRANSLATED) {
            return made;
        }
    }
    made.items = items;
    made.count = node->count;
    return made;
}

static struct sym translate_bind(struct translation *translation, const struct node *node) {
    translation->locals[node->index] = translate_node(translation, node->args[0]);
    return translation->locals[node->index].kind == SYM_UNTRANSLATED
               ? translation->locals[node->index]
               : translate_node(translation, node->args[1]);
}

struct node_row {
    node_fn *run;
    struct sym (*translate)(struct translation *translation, const struct node *node);
    const char *name; /* of what is not translated */
};

static struct sym translate_all(struct translation *translation, const struct node *node) {
    return translate_quantifier(translation, node, false);
}

static struct sym translate_exists(struct translation *translation, const struct node *node) {
    return translate_quantifier(translation, node, true);
}

static const struct node_row node_rows[] = {
    {node_const, translate_const, NULL},
    {node_slot, translate_slot, NULL},
    {node_call, translate_call, NULL},
    {node_call2, translate_call, NULL},
    {node_equal, translate_equal, NULL},
    {node_order, translate_order, NULL},
    {node_in, translate_in, NULL},
    {node_or_else, translate_or_else, NULL},
    {node_and, translate_chain, NULL},
    {node_or, translate_chain, NULL},
    {node_not, translate_not, NULL},
    {node_cond, translate_cond, NULL},
    {node_select, translate_select, NULL},
    {node_select_optional, translate_select, NULL},
    {node_has, translate_select, NULL},
    {node_index, translate_index, NULL},
    {node_index_optional, translate_index, NULL},
    {node_list, translate_list, NULL},
    {node_all, translate_all, NULL},
    {node_exists, translate_exists, NULL},
    {node_bind, translate_bind, NULL},
    {node_regex, NULL, "matches()"},
    {node_zoned, NULL, "a time zone"},
    {node_map, NULL, "a map in the condition"},
    {node_exists_one, NULL, "exists_one()"},
    {node_fold_list, NULL, "map(), filter() or transformList()"},
    {node_fold_map, NULL, "transformMap()"},
    {node_opt_map, NULL, "optMap()"},
    {node_opt_flat_map, NULL, "optFlatMap()"},
};

static struct sym translate_node(struct translation *translation, const struct node *node) {
    if (node->run == node_local) {
        return translation->locals[node->index];
    }
    if (node->run == node_named) {
        return translate_program(translation, node->data);
    }
    for (size_t i = 0; i < COUNT_OF(node_rows); i++) {
        if (node_rows[i].run == node->run) {
            return node_rows[i].translate != NULL
                       ? node_rows[i].translate(translation, node)
                       : translate_unknown(translation, node_rows[i].name);
        }
    }
    return translate_unknown(translation, "a new operation");
}

/* A named expression has variables of its own. */
struct sym translate_program(struct translation *translation, const struct cel_program *program) {
    struct sym before[CEL_LOCALS_MAX];
    memcpy(before, translation->locals, sizeof(before));
    translation->node = translate_node;
    struct sym made = translate_node(translation, program->root);
    memcpy(translation->locals, before, sizeof(before));
    return made;
}

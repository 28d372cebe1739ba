/* Conditions over lists: in, all, exists. */
#include "prove/prove_priv.h"

/* --- in ----------------------------------------------------------------------------------------
 */

static bool has_words(const struct fact *element) {
    return element->type == FACT_ENUM || element->type == FACT_ISO;
}

/* The word is one of the list; NULL: not translated.  A word that varies is tried with each of the
 * vocabulary. */
static term in_cell(struct space *space, const struct sym *word, struct cell *cell) {
    const struct fact *element = cell->fact->element;
    int64_t number = 0;
    if (word->kind == SYM_FAULT) {
        return space->no;
    }
    bool is_text = has_words(element) || element->type == FACT_STRING;
    if (word->kind != SYM_WORD || !is_text) {
        return NULL;
    }
    if (term_number(space, word->a, &number)) {
        return cell_member(space, cell, (uint32_t)number);
    }
    term any = space->no;
    for (uint32_t i = 0; i < element->word_count; i++) {
        uint32_t at = space_word(space, span_str(element->words[i]));
        term is_it = term_equal(space, word->a, term_int(space, at));
        any = term_or(space, any, term_and(space, is_it, cell_member(space, cell, at)));
    }
    return has_words(element) ? any : NULL;
}

static term in_map(struct space *space, const struct sym *key, struct cell *cell) {
    int64_t number = 0;
    if (key->kind != SYM_WORD || !term_number(space, key->a, &number)) {
        return NULL;
    }
    return cell_entry(space, cell, space->words[number])->is_in;
}

static term in_items(struct space *space, const struct sym *word, const struct sym *list) {
    term any = space->no;
    uint32_t count = list->kind == SYM_CONST ? list->value.len : list->count;
    for (uint32_t i = 0; i < count; i++) {
        struct sym item =
            list->kind == SYM_CONST ? sym_of_value(space, list->value.items[i]) : list->items[i];
        term equal = item.kind == SYM_UNTRANSLATED ? NULL : sym_equal(space, word, &item);
        if (equal == NULL) {
            return NULL;
        }
        any = term_or(space, any, equal);
    }
    return any;
}

struct sym translate_in(struct translation *translation, const struct node *node) {
    struct space *space = translation->space;
    struct sym word = translation->node(translation, node->args[0]);
    struct sym list = translation->node(translation, node->args[1]);
    if (word.kind == SYM_UNTRANSLATED || list.kind == SYM_UNTRANSLATED) {
        return (struct sym){.kind = SYM_UNTRANSLATED};
    }
    bool is_list =
        list.kind == SYM_ITEMS || (list.kind == SYM_CONST && list.value.kind == VAL_LIST);
    term is_in = list.kind == SYM_FAULT              ? space->no
                 : is_list                           ? in_items(space, &word, &list)
                 : list.kind != SYM_FACT             ? NULL
                 : list.cell->fact->type == FACT_MAP ? in_map(space, &word, list.cell)
                                                     : in_cell(space, &word, list.cell);
    if (is_in == NULL) {
        return translate_unknown(translation, "`in` of this list or map");
    }
    return sym_strict(space, sym_bool(space, is_in), &word, &list);
}

/* --- all, exists -------------------------------------------------------------------------------
 */

static bool is_same(const struct sym *a, const struct sym *b) {
    return a->kind == b->kind && a->err == b->err && a->unk == b->unk && a->intake == b->intake &&
           (a->kind != SYM_BOOL || a->a == b->a);
}

/* Counts the different conditions over the first record: each may need a witness of its own. */
static bool count_instance(struct cell *cell, const struct sym *body) {
    for (uint32_t i = 0; i < cell->instance_count; i++) {
        if (is_same(&cell->instances[i], body)) {
            return true;
        }
    }
    if (cell->instance_count == INSTANCES_MAX) {
        return false;
    }
    cell->instances[cell->instance_count++] = *body;
    return true;
}

/* Elements, and where each counts. */
struct range {
    struct link *links; /* the elements; translate_bodies replaces them by the conditions */
    uint32_t count;
};

static bool range_of(struct translation *translation, const struct sym *list, struct range *range) {
    struct space *space = translation->space;
    struct cell *cell = list->cell;
    bool is_records = list->kind == SYM_FACT && cell->fact->type == FACT_LIST &&
                      cell->fact->element->type == FACT_RECORD;
    bool is_words =
        list->kind == SYM_FACT && cell->fact->type == FACT_LIST && has_words(cell->fact->element);
    bool is_const = list->kind == SYM_CONST && list->value.kind == VAL_LIST;
    if ((!is_records && !is_words && !is_const && list->kind != SYM_ITEMS) ||
        (is_records && translation->depth > 0)) {
        return false;
    }
    range->count = is_records ? cell->record_count
                   : is_words ? cell->fact->element->word_count
                   : is_const ? list->value.len
                              : list->count;
    range->links = space_take(space, range->count, sizeof(*range->links));
    for (uint32_t i = 0; i < range->count; i++) {
        struct link *link = &range->links[i];
        link->counts = space->yes;
        if (is_records) {
            *link = (struct link){cell->records[i].is_in, cell->records[i].sym};
        } else if (is_words) {
            struct span word = span_str(cell->fact->element->words[i]);
            link->counts = cell_member(space, cell, space_word(space, word));
            link->sym = sym_of_value(space, value_string(word));
        } else {
            link->sym = is_const ? sym_of_value(space, list->value.items[i]) : list->items[i];
        }
    }
    return true;
}

static bool translate_bodies(struct translation *translation, const struct node *node,
                             struct range *range) {
    for (uint32_t i = 0; i < range->count; i++) {
        translation->locals[node->index] = range->links[i].sym;
        range->links[i].sym = range->links[i].sym.kind == SYM_UNTRANSLATED
                                  ? translate_unknown(translation, "an element of this type")
                                  : translation->node(translation, node->args[1]);
        if (range->links[i].sym.kind == SYM_UNTRANSLATED) {
            return false;
        }
    }
    return true;
}

struct sym translate_quantifier(struct translation *translation, const struct node *node,
                                bool deciding) {
    struct space *space = translation->space;
    struct sym list = translation->node(translation, node->args[0]);
    struct range range = {0};
    if (list.kind == SYM_UNTRANSLATED || list.kind == SYM_FAULT) {
        return list;
    }
    if (node->value.b || !range_of(translation, &list, &range)) {
        return translate_unknown(translation,
                                 deciding ? "exists() over this value" : "all() over this value");
    }
    bool is_records = list.kind == SYM_FACT && list.cell->record_count > 0;
    translation->depth += is_records ? 1 : 0;
    bool is_translated = translate_bodies(translation, node, &range);
    translation->depth -= is_records ? 1 : 0;
    if (!is_translated) {
        return (struct sym){.kind = SYM_UNTRANSLATED};
    }
    if (is_records && !count_instance(list.cell, &range.links[0].sym)) {
        return translate_unknown(translation, "too many conditions over one list");
    }
    struct sym made = sym_chain(space, range.links, range.count, deciding);
    return made.kind == SYM_UNTRANSLATED ? translate_unknown(translation, "an operand of any type")
                                         : sym_strict(space, made, &list, &list);
}

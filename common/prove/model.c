/* From a model of the solver to a case. */
#include "prove/prove_priv.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static term evaluated(struct space *space, Z3_model model, term wanted) {
    term value = NULL;
    bool is_done = Z3_model_eval(space->z3, model, wanted, true, &value);
    CHECK(is_done && value != NULL);
    return value;
}

static bool model_holds(struct space *space, Z3_model model, term condition) {
    return Z3_get_bool_value(space->z3, evaluated(space, model, condition)) == Z3_L_TRUE;
}

static int64_t model_number(struct space *space, Z3_model model, term number) {
    int64_t value = 0;
    bool is_number = term_number(space, evaluated(space, model, number), &value);
    CHECK(is_number);
    return value;
}

/* The text of a number: one that a condition names, or another. */
static struct value text_of(struct space *space, int64_t number) {
    if (number < space->word_count) {
        return value_string(space->words[number]);
    }
    char text[32];
    (void)snprintf(text, sizeof(text), "x%lld", (long long)number);
    struct span copy = arena_copy(&space->arena, span_str(text));
    CHECK(copy.ptr != NULL);
    return value_string(copy);
}

static struct value scalar_of(struct space *space, Z3_model model, const struct sym *sym,
                              const struct fact *fact) {
    if (sym->kind == SYM_UNTRANSLATED || model_holds(space, model, sym->unk)) {
        return value_unknown(fact->path);
    }
    if (sym->kind == SYM_BOOL) {
        return value_bool(model_holds(space, model, sym->a));
    }
    int64_t first = model_number(space, model, sym->a);
    if (sym->kind == SYM_DATE) {
        int32_t month = (int32_t)model_number(space, model, sym->b);
        int32_t day = (int32_t)model_number(space, model, sym->c);
        return value_date(date_from_civil((int32_t)first, month, day));
    }
    return sym->kind == SYM_INT ? value_int(first) : text_of(space, first);
}

static bool is_member(const struct space *space, const struct cell *cell, struct span word) {
    for (uint32_t i = 0; i < cell->member_count; i++) {
        if (span_eq(space->words[cell->members[i].word], word)) {
            return true;
        }
    }
    return false;
}

/* A word that no condition over the list names. */
static struct value other_word(struct space *space, const struct cell *cell) {
    const struct fact *element = cell->fact->element;
    for (uint32_t i = 0; i < element->word_count; i++) {
        if (!is_member(space, cell, span_str(element->words[i]))) {
            return value_string(span_str(element->words[i]));
        }
    }
    return text_of(space, space->word_count);
}

static struct value record_of(struct space *space, Z3_model model, const struct record *record,
                              const struct fact *element) {
    struct value *pairs = space_take(space, (size_t)element->field_count * 2, sizeof(*pairs));
    for (uint32_t k = 0; k < element->field_count; k++) {
        const struct fact *leaf = &element->fields[k];
        pairs[(size_t)k * 2] = value_string(span_str(leaf->leaf));
        pairs[(size_t)k * 2 + 1] = scalar_of(space, model, &record->sym.items[k], leaf);
    }
    return value_record(pairs, element->field_count);
}

static struct value list_of(struct space *space, Z3_model model, const struct cell *cell) {
    int64_t size = cell->is_sized ? model_number(space, model, cell->size) : 0;
    uint32_t room = cell->member_count + cell->record_count + 1;
    room = size > room ? (uint32_t)size : room;
    struct value *items = space_take(space, room, sizeof(*items));
    uint32_t count = 0;
    for (uint32_t i = 0; i < cell->member_count; i++) {
        if (model_holds(space, model, cell->members[i].is_in)) {
            items[count++] = value_string(space->words[cell->members[i].word]);
        }
    }
    for (uint32_t i = 0; i < cell->record_count; i++) {
        if (model_holds(space, model, cell->records[i].is_in)) {
            items[count++] = record_of(space, model, &cell->records[i], cell->fact->element);
        }
    }
    if (cell->is_sized && model_holds(space, model, cell->other)) {
        items[count++] = other_word(space, cell);
    }
    while (count > 0 && (int64_t)count < size) { /* a list may repeat an element */
        items[count] = items[0];
        count++;
    }
    return value_list(items, count);
}

static int key_order(const void *a, const void *b) {
    const struct value *left = a;
    const struct value *right = b;
    return span_cmp(value_span(*left), value_span(*right));
}

static struct value map_of(struct space *space, Z3_model model, const struct cell *cell) {
    struct value *pairs = space_take(space, (size_t)cell->entry_count * 2, sizeof(*pairs));
    uint32_t count = 0;
    for (uint32_t i = 0; i < cell->entry_count; i++) {
        const struct entry *entry = &cell->entries[i];
        if (model_holds(space, model, entry->is_in)) {
            pairs[(size_t)count * 2] = value_string(entry->key);
            pairs[(size_t)count * 2 + 1] =
                scalar_of(space, model, &entry->value, cell->fact->element);
            count++;
        }
    }
    if (count > 0) {
        qsort(pairs, count, 2 * sizeof(*pairs), key_order);
    }
    return value_map(pairs, count);
}

void model_to_case(struct space *space, Z3_model model, struct value *slots,
                   int32_t *reference_date, int32_t *as_of) {
    for (uint32_t i = 0; i < space->schema->slot_count; i++) {
        const struct cell *cell = &space->cells[i];
        if (cell->sym.kind != SYM_FACT) {
            slots[i] = scalar_of(space, model, &cell->sym, cell->fact);
        } else if (model_holds(space, model, cell->sym.unk)) {
            slots[i] = value_unknown(cell->fact->path);
        } else {
            slots[i] = cell->fact->type == FACT_LIST ? list_of(space, model, cell)
                                                     : map_of(space, model, cell);
        }
    }
    const struct sym *extra = &space->slots[space->schema->slot_count];
    *reference_date =
        (int32_t)(scalar_of(space, model, &extra[EXTRA_REFERENCE_DATE], space->schema->slots[0]).i /
                  DATE_DAY_SECONDS);
    *as_of = (int32_t)(scalar_of(space, model, &extra[EXTRA_AS_OF], space->schema->slots[0]).i /
                       DATE_DAY_SECONDS);
}

/* Purpose: a case as a model of the solver, and what conditions are in it: by substitution, so that
 * no solver runs. */
#ifndef CASEMILL_TESTS_UNIT_PROVE_CASE_H
#define CASEMILL_TESTS_UNIT_PROVE_CASE_H

#include "prove/prove_priv.h"

static void give(struct space *space, Z3_model model, term constant, term value) {
    Z3_func_decl decl = Z3_get_app_decl(space->z3, Z3_to_app(space->z3, constant));
    Z3_add_const_interp(space->z3, model, decl, value);
}

static void give_bool(struct space *space, Z3_model model, term constant, bool value) {
    if (constant != space->yes && constant != space->no) {
        give(space, model, constant, value ? space->yes : space->no);
    }
}

static void give_scalar(struct space *space, Z3_model model, const struct sym *sym,
                        struct value value) {
    give_bool(space, model, sym->unk, value.kind == VAL_UNKNOWN);
    if (value.kind == VAL_UNKNOWN) {
        return;
    }
    struct sym known = sym_of_value(space, value);
    if (sym->kind == SYM_DATE) {
        give(space, model, sym->b, known.b);
        give(space, model, sym->c, known.c);
    }
    give(space, model, sym->a, known.a);
}

static bool list_has(struct value list, struct span word) {
    bool has = false;
    for (uint32_t i = 0; i < list.len; i++) {
        has = has || span_eq(value_span(list.items[i]), word);
    }
    return has;
}

static void give_list(struct space *space, Z3_model model, const struct cell *cell,
                      struct value list) {
    uint32_t named = 0; /* elements that are members */
    for (uint32_t i = 0; i < cell->member_count; i++) {
        struct span word = space->words[cell->members[i].word];
        give_bool(space, model, cell->members[i].is_in, list_has(list, word));
        for (uint32_t k = 0; k < list.len; k++) {
            named += span_eq(value_span(list.items[k]), word) ? 1 : 0;
        }
    }
    bool has_records = cell->fact->element->type == FACT_RECORD;
    CHECK(!has_records || list.len <= cell->record_count);
    for (uint32_t i = 0; i < cell->record_count; i++) {
        const struct record *record = &cell->records[i];
        give_bool(space, model, record->is_in, i < list.len);
        for (uint32_t k = 0; i < list.len && k < record->sym.count; k++) {
            if (record->sym.items[k].kind != SYM_UNTRANSLATED) {
                give_scalar(space, model, &record->sym.items[k],
                            list.items[i].items[(size_t)k * 2 + 1]);
            }
        }
    }
    give_bool(space, model, cell->other, !has_records && named < list.len);
    give(space, model, cell->size, term_int(space, list.len));
}

static void give_map(struct space *space, Z3_model model, const struct cell *cell,
                     struct value map) {
    for (uint32_t i = 0; i < cell->entry_count; i++) {
        const struct entry *entry = &cell->entries[i];
        struct value found = value_null();
        for (uint32_t k = 0; k < map.len; k++) {
            if (span_eq(value_span(map.items[(size_t)k * 2]), entry->key)) {
                found = map.items[(size_t)k * 2 + 1];
            }
        }
        give_bool(space, model, entry->is_in, found.kind != VAL_NULL);
        if (found.kind != VAL_NULL && entry->value.kind != SYM_UNTRANSLATED) {
            give_scalar(space, model, &entry->value, found);
        }
    }
}

/* Every fact of the space gets its value in the case. */
static Z3_model model_of_case(struct space *space, const struct value *slots,
                              int32_t reference_date, int32_t as_of) {
    Z3_model model = Z3_mk_model(space->z3);
    Z3_model_inc_ref(space->z3, model);
    for (uint32_t i = 0; i < space->schema->slot_count; i++) {
        const struct cell *cell = &space->cells[i];
        if (cell->sym.kind == SYM_FACT) {
            bool is_unknown = slots[i].kind == VAL_UNKNOWN;
            give_bool(space, model, cell->sym.unk, is_unknown);
            if (!is_unknown && cell->fact->type == FACT_LIST) {
                give_list(space, model, cell, slots[i]);
            } else if (!is_unknown) {
                give_map(space, model, cell, slots[i]);
            }
        } else if (cell->sym.kind != SYM_UNTRANSLATED) {
            give_scalar(space, model, &cell->sym, slots[i]);
        }
    }
    const struct sym *extra = &space->slots[space->schema->slot_count];
    give_scalar(space, model, &extra[EXTRA_REFERENCE_DATE], value_date(reference_date));
    give_scalar(space, model, &extra[EXTRA_AS_OF], value_date(as_of));
    return model;
}

/* As the arguments of one application, the conditions share the results of their parts. */
static void model_read(struct space *space, Z3_model model, const term *conditions, uint32_t count,
                       bool *holds) {
    Z3_sort *sorts = space_take(space, count, sizeof(*sorts));
    for (uint32_t i = 0; i < count; i++) {
        sorts[i] = space->bools;
    }
    Z3_symbol name = Z3_mk_string_symbol(space->z3, "conditions");
    Z3_func_decl all = Z3_mk_func_decl(space->z3, name, count, sorts, space->bools);
    term value = NULL;
    bool is_done = Z3_model_eval(space->z3, model, Z3_mk_app(space->z3, all, count, conditions),
                                 false, &value);
    CHECK(is_done && Z3_get_app_num_args(space->z3, Z3_to_app(space->z3, value)) == count);
    for (uint32_t i = 0; i < count; i++) {
        term one = Z3_get_app_arg(space->z3, Z3_to_app(space->z3, value), i);
        CHECK(one == space->yes || one == space->no); /* the case decides every condition */
        holds[i] = one == space->yes;
    }
}

#endif

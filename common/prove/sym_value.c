/* Constants as values over all cases; the choice between two values; their equality. */
#include "prove/prove_priv.h"

struct sym sym_of_value(struct space *space, struct value value) {
    struct sym sym = sym_bool(space, NULL);
    sym.kind = SYM_CONST;
    switch ((enum value_kind)value.kind) {
    case VAL_BOOL:
        return sym_bool(space, value.b ? space->yes : space->no);
    case VAL_INT:
        return sym_int(space, term_int(space, value.i));
    case VAL_STRING:
        sym.kind = SYM_WORD;
        sym.a = term_int(space, space_word(space, value_span(value)));
        return sym;
    case VAL_TIMESTAMP:
        if (value.len == 0 && value.i % DATE_DAY_SECONDS == 0) {
            return date_const(space, (int32_t)(value.i / DATE_DAY_SECONDS));
        }
        break;
    case VAL_ERROR:
        return sym_error(space);
    case VAL_LIST:
    case VAL_MAP:
        sym.value = value;
        return sym;
    case VAL_OPTIONAL:
        sym.kind = SYM_OPTIONAL;
        sym.a = value.len == 0 ? space->no : space->yes;
        if (value.len != 0) {
            struct sym *held = space_take(space, 1, sizeof(*held));
            *held = sym_of_value(space, value.items[0]);
            sym.items = held;
            sym.count = 1;
        }
        return sym;
    case VAL_NULL:
    case VAL_UINT:
    case VAL_DOUBLE:
    case VAL_BYTES:
    case VAL_DURATION:
    case VAL_TYPE:
    case VAL_UNKNOWN:
        break;
    }
    sym.kind = SYM_UNTRANSLATED;
    return sym;
}

/* --- joining -----------------------------------------------------------------------------------
 */

static const struct sym *choose_held(struct space *space, term condition, const struct sym *yes,
                                     const struct sym *no, bool *is_joined) {
    if (yes->count == 0 || no->count == 0) {
        return yes->count == 0 ? no->items : yes->items;
    }
    struct sym *held = space_take(space, 1, sizeof(*held));
    *held = sym_choose(space, condition, &yes->items[0], &no->items[0]);
    *is_joined = held->kind != SYM_UNTRANSLATED;
    return held;
}

static bool choose_value(struct space *space, term condition, const struct sym *yes,
                         const struct sym *no, struct sym *made) {
    bool is_joined = true;
    switch (made->kind) {
    case SYM_FAULT:
        return true;
    case SYM_DATE:
        made->b = term_if(space, condition, yes->b, no->b);
        made->c = term_if(space, condition, yes->c, no->c);
        made->a = term_if(space, condition, yes->a, no->a);
        return true;
    case SYM_BOOL:
    case SYM_INT:
    case SYM_WORD:
        made->a = term_if(space, condition, yes->a, no->a);
        made->count = 0;
        return true;
    case SYM_OPTIONAL:
        made->a = term_if(space, condition, yes->a, no->a);
        made->items = choose_held(space, condition, yes, no, &is_joined);
        made->count = yes->count > no->count ? yes->count : no->count;
        return is_joined;
    case SYM_FACT:
        return yes->cell == no->cell;
    case SYM_CONST:
        return yes->value.items == no->value.items && yes->value.len == no->value.len;
    case SYM_UNTRANSLATED:
    case SYM_ITEMS:
    case SYM_RECORD:
        return false;
    }
    UNREACHABLE();
}

struct sym sym_choose(struct space *space, term condition, const struct sym *yes,
                      const struct sym *no) {
    if (condition == space->yes || condition == space->no) {
        return condition == space->yes ? *yes : *no;
    }
    bool is_fault = yes->kind == SYM_FAULT || no->kind == SYM_FAULT;
    struct sym made = yes->kind == SYM_FAULT ? *no : *yes;
    if (yes->kind == SYM_UNTRANSLATED || no->kind == SYM_UNTRANSLATED ||
        (!is_fault && (yes->kind != no->kind || !choose_value(space, condition, yes, no, &made)))) {
        return (struct sym){.kind = SYM_UNTRANSLATED};
    }
    made.err = term_if(space, condition, yes->err, no->err);
    made.unk = term_if(space, condition, yes->unk, no->unk);
    made.intake = term_if(space, condition, yes->intake, no->intake);
    return made;
}

/* --- equality ----------------------------------------------------------------------------------
 */

static bool is_empty_list(const struct sym *sym) {
    return sym->kind == SYM_CONST && sym->value.kind == VAL_LIST && sym->value.len == 0;
}

term sym_equal(struct space *space, const struct sym *a, const struct sym *b) {
    if (a->kind == SYM_FACT && a->cell->fact->type == FACT_LIST && is_empty_list(b)) {
        return term_equal(space, cell_size(space, a->cell), term_int(space, 0));
    }
    if (b->kind == SYM_FACT && is_empty_list(a)) {
        return sym_equal(space, b, a);
    }
    if (a->kind == SYM_FAULT || b->kind == SYM_FAULT) {
        return space->no; /* never read */
    }
    if (a->kind != b->kind) {
        return NULL;
    }
    int64_t count = 0;
    if (date_is_near(space, a, b, &count) || date_is_near(space, b, a, &count)) {
        return date_days_equal(space, a->count == 2 ? a : b, count);
    }
    if (a->kind == SYM_DATE) {
        return date_equal(space, a, b);
    }
    bool is_plain = a->kind == SYM_BOOL || a->kind == SYM_INT || a->kind == SYM_WORD;
    return is_plain ? term_equal(space, a->a, b->a) : NULL;
}

/* Functions with a translation: the calendar, whole numbers, size of a list, optionals. */
#include "prove/prove_priv.h"

#include <stdio.h>

enum { OPERANDS_MAX = 3 };

/* An int with its range as an error. */
static struct sym in_range(struct space *space, term a) {
    struct sym made = sym_int(space, a);
    made.err = term_or(space, term_less(space, a, term_int(space, INT64_MIN)),
                       term_less(space, term_int(space, INT64_MAX), a));
    return made;
}

static struct sym not_translated(void) { return (struct sym){.kind = SYM_UNTRANSLATED}; }

static struct sym times(struct space *space, const struct sym *args) {
    int64_t number = 0;
    if (term_number(space, args[0].a, &number)) {
        return in_range(space, term_times(space, args[1].a, number));
    }
    return term_number(space, args[1].a, &number)
               ? in_range(space, term_times(space, args[0].a, number))
               : not_translated();
}

static term absolute(struct space *space, term a) {
    term zero = term_int(space, 0);
    return term_if(space, term_less(space, a, zero), term_subtract(space, zero, a), a);
}

/* One of the two is a constant.  The language rounds towards zero, and a remainder has the sign of
 * the dividend; the solver divides what is not negative in the same way. */
static struct sym divide(struct space *space, const struct sym *args, bool modulo) {
    int64_t constant = 0;
    if (!term_number(space, args[0].a, &constant) && !term_number(space, args[1].a, &constant)) {
        return not_translated();
    }
    term zero = term_int(space, 0);
    term left = absolute(space, args[0].a);
    term right = absolute(space, args[1].a);
    term minus = term_less(space, args[0].a, zero);
    term made = modulo ? Z3_mk_mod(space->z3, left, right) : Z3_mk_div(space->z3, left, right);
    if (!modulo) {
        minus = term_not(space, term_equal(space, minus, term_less(space, args[1].a, zero)));
    }
    struct sym sym = sym_int(space, term_if(space, minus, term_subtract(space, zero, made), made));
    term lowest = term_equal(space, args[0].a, term_int(space, INT64_MIN));
    term overflows = term_and(space, lowest, term_equal(space, args[1].a, term_int(space, -1)));
    sym.err = term_or(space, term_equal(space, args[1].a, zero), overflows);
    return sym;
}

static struct sym arithmetic(struct space *space, call_fn call, const struct sym *args) {
    if (args[0].kind != SYM_INT || args[1].kind != SYM_INT) {
        return not_translated();
    }
    if (call == op_add || call == op_subtract) {
        return in_range(space, call == op_add ? term_add(space, args[0].a, args[1].a)
                                              : term_subtract(space, args[0].a, args[1].a));
    }
    return call == op_multiply ? times(space, args) : divide(space, args, call == op_modulo);
}

static struct sym calendar(struct space *space, call_fn call, const struct sym *args,
                           uint32_t count) {
    if (args[0].kind != SYM_DATE) {
        return not_translated();
    }
    if (count == 2 && args[1].kind == SYM_DATE) {
        return call == op_years    ? sym_int(space, date_count_years(space, &args[0], &args[1]))
               : call == op_months ? sym_int(space, date_count_months(space, &args[0], &args[1]))
               : call == op_days   ? date_days(space, &args[0], &args[1])
                                   : not_translated();
    }
    int64_t word = 0;
    if (call == op_add_months && count == 3 && args[1].kind == SYM_INT &&
        args[2].kind == SYM_WORD && term_number(space, args[2].a, &word)) {
        bool roll = span_is(space->words[word], "roll");
        return roll || span_is(space->words[word], "clip")
                   ? date_plus(space, &args[0], args[1].a, roll)
                   : sym_error(space);
    }
    if (count != 1) {
        return not_translated();
    }
    return call == op_get_full_year ? sym_int(space, args[0].a)
           : call == op_get_month ? sym_int(space, term_add(space, args[0].b, term_int(space, -1)))
           : call == op_get_date  ? sym_int(space, args[0].c)
           : call == op_get_day_of_month
               ? sym_int(space, term_add(space, args[0].c, term_int(space, -1)))
               : not_translated();
}

static struct sym of_optional(struct space *space, call_fn call, const struct sym *args) {
    if (args[0].kind != SYM_OPTIONAL) {
        return not_translated();
    }
    if (call == op_has_value) {
        return sym_bool(space, args[0].a);
    }
    if (args[0].count == 0) {
        return sym_error(space);
    }
    struct sym made = args[0].items[0];
    made.err = term_not(space, args[0].a);
    return made;
}

static struct sym apply(struct space *space, call_fn call, const struct sym *args, uint32_t count) {
    if (call == op_add || call == op_subtract || call == op_multiply || call == op_divide ||
        call == op_modulo) {
        return arithmetic(space, call, args);
    }
    if (call == op_negate && args[0].kind == SYM_INT) {
        return in_range(space, term_subtract(space, term_int(space, 0), args[0].a));
    }
    if (call == op_size && args[0].kind == SYM_FACT && args[0].cell->fact->type == FACT_LIST) {
        return sym_int(space, cell_size(space, args[0].cell));
    }
    if (call == op_has_value || call == op_value) {
        return of_optional(space, call, args);
    }
    return calendar(space, call, args, count);
}

static const char *function_name(call_fn call) {
    uint32_t count = 0;
    const struct function *table = function_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (table[i].call == call) {
            return table[i].name;
        }
    }
    return "?";
}

struct sym translate_call(struct translation *translation, const struct node *node) {
    struct space *space = translation->space;
    struct sym args[OPERANDS_MAX];
    struct sym faults = sym_bool(space, space->no);
    bool is_fault = false;
    char what[96];
    (void)snprintf(what, sizeof(what), "%s", function_name(node->call));
    if (node->count == 0 || node->count > OPERANDS_MAX) {
        return translate_unknown(translation, what);
    }
    for (uint32_t i = 0; i < node->count; i++) {
        args[i] = translation->node(translation, node->args[i]);
        faults = sym_strict(space, faults, &faults, &args[i]);
        if (faults.kind == SYM_UNTRANSLATED) {
            return faults;
        }
        is_fault = is_fault || args[i].kind == SYM_FAULT;
    }
    if (is_fault) {
        faults.kind = SYM_FAULT;
        return faults;
    }
    struct sym made = apply(space, node->call, args, node->count);
    return made.kind == SYM_UNTRANSLATED ? translate_unknown(translation, what)
                                         : sym_strict(space, made, &faults, &faults);
}

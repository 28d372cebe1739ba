/* Terms of the solver.  What is constant is folded here: conditions of one agreement over given
 * events and parameters are full of it, and small terms are fast. */
#include "prove/prove_priv.h"

term term_and(struct space *space, term a, term b) {
    if (a == space->no || b == space->yes || a == b) {
        return a;
    }
    if (b == space->no || a == space->yes) {
        return b;
    }
    term both[2] = {a, b};
    return Z3_mk_and(space->z3, 2, both);
}

term term_or(struct space *space, term a, term b) {
    if (a == space->yes || b == space->no || a == b) {
        return a;
    }
    if (b == space->yes || a == space->no) {
        return b;
    }
    term both[2] = {a, b};
    return Z3_mk_or(space->z3, 2, both);
}

term term_not(struct space *space, term a) {
    if (a == space->yes || a == space->no) {
        return a == space->yes ? space->no : space->yes;
    }
    return Z3_mk_not(space->z3, a);
}

term term_if(struct space *space, term condition, term yes, term no) {
    if (condition == space->yes || yes == no) {
        return yes;
    }
    if (condition == space->no) {
        return no;
    }
    if (no == space->no) {
        return term_and(space, condition, yes);
    }
    return no == space->yes ? term_or(space, term_not(space, condition), yes)
                            : Z3_mk_ite(space->z3, condition, yes, no);
}

bool term_number(struct space *space, term a, int64_t *value) {
    return Z3_get_ast_kind(space->z3, a) == Z3_NUMERAL_AST &&
           Z3_get_numeral_int64(space->z3, a, value);
}

/* Both are constants. */
static bool two_numbers(struct space *space, term a, term b, int64_t *left, int64_t *right) {
    return term_number(space, a, left) && term_number(space, b, right);
}

term term_equal(struct space *space, term a, term b) {
    int64_t left = 0;
    int64_t right = 0;
    if (a == b || two_numbers(space, a, b, &left, &right)) {
        return a == b ? space->yes : space->no;
    }
    if (a == space->yes || b == space->yes) {
        return a == space->yes ? b : a;
    }
    if (a == space->no || b == space->no) {
        return term_not(space, a == space->no ? b : a);
    }
    return Z3_mk_eq(space->z3, a, b);
}

term term_less(struct space *space, term a, term b) {
    int64_t left = 0;
    int64_t right = 0;
    if (a == b) {
        return space->no;
    }
    if (two_numbers(space, a, b, &left, &right)) {
        return left < right ? space->yes : space->no;
    }
    return Z3_mk_lt(space->z3, a, b);
}

term term_less_equal(struct space *space, term a, term b) {
    int64_t left = 0;
    int64_t right = 0;
    if (a == b) {
        return space->yes;
    }
    if (two_numbers(space, a, b, &left, &right)) {
        return left <= right ? space->yes : space->no;
    }
    return Z3_mk_le(space->z3, a, b);
}

term term_int(struct space *space, int64_t value) {
    return Z3_mk_int64(space->z3, value, space->ints);
}

/* The solver folds sums of constants itself, when it simplifies; their range may exceed int64. */
term term_add(struct space *space, term a, term b) {
    term both[2] = {a, b};
    return Z3_simplify(space->z3, Z3_mk_add(space->z3, 2, both));
}

term term_subtract(struct space *space, term a, term b) {
    term both[2] = {a, b};
    return Z3_simplify(space->z3, Z3_mk_sub(space->z3, 2, both));
}

term term_times(struct space *space, term a, int64_t b) {
    term both[2] = {term_int(space, b), a};
    return Z3_simplify(space->z3, Z3_mk_mul(space->z3, 2, both));
}

term term_fresh(struct space *space, const char *name, Z3_sort sort) {
    return Z3_mk_fresh_const(space->z3, name, sort);
}

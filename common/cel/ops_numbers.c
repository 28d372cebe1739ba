/* The math functions: extremes, rounding, bits. */
#include "cel/functions.h"

#include <math.h>

static bool is_number(struct value value) {
    return value.kind == VAL_INT || value.kind == VAL_UINT || value.kind == VAL_DOUBLE;
}

/* The first of the greatest (or least) of the arguments, or of the one list. */
static struct value extreme(struct cel_run *run, const struct value *args, uint32_t count,
                            int wanted) {
    const struct value *items = args;
    uint32_t many = count;
    if (count == 1 && args[0].kind == VAL_LIST) {
        items = args[0].items;
        many = args[0].len;
    }
    if (many == 0 || !run_spend(run, many)) {
        return value_error(many == 0 ? CEL_ERROR_ARGUMENT : CEL_ERROR_STEPS);
    }
    struct value best = items[0];
    for (uint32_t i = 0; i < many; i++) {
        int order = 0;
        bool unordered = false;
        if (value_is_fault(items[i])) {
            return items[i];
        }
        if (!is_number(items[i]) || !values_order(items[i], best, &order, &unordered)) {
            return no_overload();
        }
        best = order == wanted ? items[i] : best;
    }
    return best;
}

CEL_FUNCTION(op_greatest) { return extreme(run, args, count, 1); }

CEL_FUNCTION(op_least) { return extreme(run, args, count, -1); }

static bool one_real(const struct value *args, uint32_t count) {
    return count == 1 && args[0].kind == VAL_DOUBLE;
}

static struct value with_real(const struct value *args, uint32_t count, double (*change)(double)) {
    return one_real(args, count) ? value_double(change(args[0].d)) : no_overload();
}

CEL_FUNCTION(op_ceil) { return with_real(args, count, ceil); }

CEL_FUNCTION(op_floor) { return with_real(args, count, floor); }

CEL_FUNCTION(op_round) { return with_real(args, count, round); }

CEL_FUNCTION(op_trunc) { return with_real(args, count, trunc); }

CEL_FUNCTION(op_is_nan) {
    return one_real(args, count) ? value_bool(isnan(args[0].d)) : no_overload();
}

CEL_FUNCTION(op_is_inf) {
    return one_real(args, count) ? value_bool(isinf(args[0].d)) : no_overload();
}

CEL_FUNCTION(op_is_finite) {
    return one_real(args, count) ? value_bool(isfinite(args[0].d)) : no_overload();
}

CEL_FUNCTION(op_abs) {
    if (count != 1 || !is_number(args[0])) {
        return no_overload();
    }
    if (args[0].kind == VAL_DOUBLE) {
        return value_double(fabs(args[0].d));
    }
    if (args[0].kind == VAL_UINT || args[0].i >= 0) {
        return args[0];
    }
    return args[0].i == INT64_MIN ? value_error(CEL_ERROR_OVERFLOW) : value_int(-args[0].i);
}

CEL_FUNCTION(op_sign) {
    if (count != 1 || !is_number(args[0])) {
        return no_overload();
    }
    if (args[0].kind == VAL_INT) {
        return value_int((args[0].i > 0) - (args[0].i < 0));
    }
    if (args[0].kind == VAL_UINT) {
        return value_uint(args[0].u != 0);
    }
    double sign = isnan(args[0].d) ? args[0].d : (double)((args[0].d > 0) - (args[0].d < 0));
    return value_double(sign);
}

/* Bits keep the type of the first argument. */
static struct value bits_like(struct value like, uint64_t bits) {
    like.u = bits;
    return like;
}

static bool is_whole(struct value value) { return value.kind == VAL_INT || value.kind == VAL_UINT; }

static bool two_whole(const struct value *args, uint32_t count) {
    return count == 2 && is_whole(args[0]) && args[0].kind == args[1].kind;
}

CEL_FUNCTION(op_bit_and) {
    return two_whole(args, count) ? bits_like(args[0], args[0].u & args[1].u) : no_overload();
}

CEL_FUNCTION(op_bit_or) {
    return two_whole(args, count) ? bits_like(args[0], args[0].u | args[1].u) : no_overload();
}

CEL_FUNCTION(op_bit_xor) {
    return two_whole(args, count) ? bits_like(args[0], args[0].u ^ args[1].u) : no_overload();
}

CEL_FUNCTION(op_bit_not) {
    return count == 1 && is_whole(args[0]) ? bits_like(args[0], ~args[0].u) : no_overload();
}

/* Shifts are logical; shifting by 64 or more leaves nothing. */
static struct value shift(const struct value *args, uint32_t count, bool left) {
    if (count != 2 || !is_whole(args[0]) || args[1].kind != VAL_INT) {
        return no_overload();
    }
    if (args[1].i < 0) {
        return value_error(CEL_ERROR_ARGUMENT);
    }
    if (args[1].i > 63) {
        return bits_like(args[0], 0);
    }
    return bits_like(args[0], left ? args[0].u << args[1].i : args[0].u >> args[1].i);
}

CEL_FUNCTION(op_bit_shift_left) { return shift(args, count, true); }

CEL_FUNCTION(op_bit_shift_right) { return shift(args, count, false); }

/* Arithmetic.  Integers never wrap: a result out of range is an error; int, uint and double do not
 * mix. */
#include "cel/functions.h"
#include "cel/time.h"

#include <math.h>

static struct value overflow(void) { return value_error(CEL_ERROR_OVERFLOW); }

enum operation { SUM, DIFFERENCE, PRODUCT };

/* Of two numbers of one kind. */
static struct value combine(enum operation operation, struct value a, struct value b) {
    int64_t whole = 0;
    uint64_t natural = 0;
    if (a.kind == VAL_INT && b.kind == VAL_INT) {
        bool wraps = operation == SUM          ? __builtin_add_overflow(a.i, b.i, &whole)
                     : operation == DIFFERENCE ? __builtin_sub_overflow(a.i, b.i, &whole)
                                               : __builtin_mul_overflow(a.i, b.i, &whole);
        return wraps ? overflow() : value_int(whole);
    }
    if (a.kind == VAL_UINT && b.kind == VAL_UINT) {
        bool wraps = operation == SUM          ? __builtin_add_overflow(a.u, b.u, &natural)
                     : operation == DIFFERENCE ? __builtin_sub_overflow(a.u, b.u, &natural)
                                               : __builtin_mul_overflow(a.u, b.u, &natural);
        return wraps ? overflow() : value_uint(natural);
    }
    if (a.kind != VAL_DOUBLE || b.kind != VAL_DOUBLE) {
        return no_overload();
    }
    return value_double(operation == SUM          ? a.d + b.d
                        : operation == DIFFERENCE ? a.d - b.d
                                                  : a.d * b.d);
}

/* Joins texts or bytes in the run's arena. */
static struct value join_text(struct cel_run *run, struct value a, struct value b) {
    size_t len = (size_t)a.len + b.len;
    uint8_t *joined = len > UINT32_MAX ? NULL : run_alloc(run, len + 1, 1);
    if (joined == NULL) {
        return value_error(CEL_ERROR_MEMORY);
    }
    if (a.len != 0) {
        memcpy(joined, a.bytes, a.len);
    }
    if (b.len != 0) {
        memcpy(joined + a.len, b.bytes, b.len);
    }
    struct value result = value_string(span_make(joined, len));
    result.kind = a.kind;
    return result;
}

static struct value join_lists(struct cel_run *run, struct value a, struct value b) {
    size_t len = (size_t)a.len + b.len;
    struct value *items = len > UINT32_MAX ? NULL : run_alloc(run, len, sizeof(*items));
    if (items == NULL) {
        return value_error(CEL_ERROR_MEMORY);
    }
    if (a.len != 0) {
        memcpy(items, a.items, a.len * sizeof(*items));
    }
    if (b.len != 0) {
        memcpy(items + a.len, b.items, b.len * sizeof(*items));
    }
    return value_list(items, (uint32_t)len);
}

static int64_t nanos_of(struct value value) { return (int32_t)value.len; }

static struct value add_times(struct value a, struct value b) {
    int64_t nanos = nanos_of(a) + nanos_of(b);
    if (a.kind == VAL_DURATION && b.kind == VAL_DURATION) {
        return time_span(a.i + b.i, nanos);
    }
    return a.kind == VAL_TIMESTAMP && b.kind == VAL_TIMESTAMP ? no_overload()
                                                              : time_instant(a.i + b.i, nanos);
}

static bool is_time(struct value value) {
    return value.kind == VAL_TIMESTAMP || value.kind == VAL_DURATION;
}

CEL_FUNCTION(op_add) {
    CHECK(count == 2);
    struct value a = args[0];
    struct value b = args[1];
    if (is_time(a) && is_time(b)) {
        return add_times(a, b);
    }
    if (a.kind == b.kind && (a.kind == VAL_STRING || a.kind == VAL_BYTES)) {
        return join_text(run, a, b);
    }
    return a.kind == VAL_LIST && b.kind == VAL_LIST ? join_lists(run, a, b) : combine(SUM, a, b);
}

static struct value subtract_times(struct value a, struct value b) {
    int64_t nanos = nanos_of(a) - nanos_of(b);
    if (a.kind == b.kind) {
        return time_span(a.i - b.i, nanos);
    }
    return a.kind == VAL_TIMESTAMP ? time_instant(a.i - b.i, nanos) : no_overload();
}

CEL_FUNCTION(op_subtract) {
    CHECK(count == 2);
    return is_time(args[0]) && is_time(args[1]) ? subtract_times(args[0], args[1])
                                                : combine(DIFFERENCE, args[0], args[1]);
}

CEL_FUNCTION(op_multiply) {
    CHECK(count == 2);
    return combine(PRODUCT, args[0], args[1]);
}

/* IEEE division; C does not define a zero divisor, so that case is explicit. */
static double divide_real(double a, double b) {
    if (b != 0) {
        return a / b;
    }
    if (a == 0 || isnan(a)) {
        return NAN;
    }
    return signbit(a) != signbit(b) ? -INFINITY : INFINITY;
}

/* The quotient or the rest of two integers. */
static struct value divide_whole(struct value a, struct value b, bool rest) {
    if (a.kind != b.kind || (a.kind != VAL_INT && a.kind != VAL_UINT)) {
        return no_overload();
    }
    if (b.u == 0) {
        return value_error(CEL_ERROR_DIVISION_BY_ZERO);
    }
    if (a.kind == VAL_UINT) {
        return value_uint(rest ? a.u % b.u : a.u / b.u);
    }
    bool wraps = a.i == INT64_MIN && b.i == -1;
    return wraps ? overflow() : value_int(rest ? a.i % b.i : a.i / b.i);
}

CEL_FUNCTION(op_divide) {
    CHECK(count == 2);
    bool is_real = args[0].kind == VAL_DOUBLE && args[1].kind == VAL_DOUBLE;
    return is_real ? value_double(divide_real(args[0].d, args[1].d))
                   : divide_whole(args[0], args[1], false);
}

CEL_FUNCTION(op_modulo) {
    CHECK(count == 2);
    return divide_whole(args[0], args[1], true);
}

CEL_FUNCTION(op_negate) {
    CHECK(count == 1);
    if (args[0].kind == VAL_DOUBLE) {
        return value_double(-args[0].d);
    }
    if (args[0].kind != VAL_INT) {
        return no_overload();
    }
    return args[0].i == INT64_MIN ? overflow() : value_int(-args[0].i);
}

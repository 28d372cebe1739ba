/* Arithmetic.  Integers never wrap: a result out of range is an error; int, uint and double do not
 * mix. */
#include "cel/functions.h"
#include "cel/time.h"

#include <math.h>

static struct value overflow(void) { return value_error(CEL_ERROR_OVERFLOW); }

/* The result is read only after the operation that fills it. */
static struct value int_result(bool wrapped, const int64_t *result) {
    return wrapped ? overflow() : value_int(*result);
}

static struct value uint_result(bool wrapped, const uint64_t *result) {
    return wrapped ? overflow() : value_uint(*result);
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
    if (a.kind != b.kind) {
        return no_overload();
    }
    int64_t sum = 0;
    uint64_t unsigned_sum = 0;
    switch ((enum value_kind)a.kind) {
    case VAL_INT:
        return int_result(__builtin_add_overflow(a.i, b.i, &sum), &sum);
    case VAL_UINT:
        return uint_result(__builtin_add_overflow(a.u, b.u, &unsigned_sum), &unsigned_sum);
    case VAL_DOUBLE:
        return value_double(a.d + b.d);
    case VAL_STRING:
    case VAL_BYTES:
        return join_text(run, a, b);
    case VAL_LIST:
        return join_lists(run, a, b);
    case VAL_NULL:
    case VAL_BOOL:
    case VAL_MAP:
    case VAL_TIMESTAMP:
    case VAL_DURATION:
    case VAL_TYPE:
    case VAL_OPTIONAL:
    case VAL_UNKNOWN:
    case VAL_ERROR:
        return no_overload();
    }
    UNREACHABLE();
}

static struct value subtract_times(struct value a, struct value b) {
    int64_t nanos = nanos_of(a) - nanos_of(b);
    if (a.kind == b.kind) {
        return time_span(a.i - b.i, nanos);
    }
    return a.kind == VAL_TIMESTAMP ? time_instant(a.i - b.i, nanos) : no_overload();
}

CEL_FUNCTION(op_subtract) {
    (void)run;
    CHECK(count == 2);
    struct value a = args[0];
    struct value b = args[1];
    if (is_time(a) && is_time(b)) {
        return subtract_times(a, b);
    }
    int64_t rest = 0;
    uint64_t unsigned_rest = 0;
    if (a.kind == VAL_INT && b.kind == VAL_INT) {
        return int_result(__builtin_sub_overflow(a.i, b.i, &rest), &rest);
    }
    if (a.kind == VAL_UINT && b.kind == VAL_UINT) {
        return uint_result(__builtin_sub_overflow(a.u, b.u, &unsigned_rest), &unsigned_rest);
    }
    bool real = a.kind == VAL_DOUBLE && b.kind == VAL_DOUBLE;
    return real ? value_double(a.d - b.d) : no_overload();
}

CEL_FUNCTION(op_multiply) {
    (void)run;
    CHECK(count == 2);
    struct value a = args[0];
    struct value b = args[1];
    int64_t product = 0;
    uint64_t unsigned_product = 0;
    if (a.kind == VAL_INT && b.kind == VAL_INT) {
        return int_result(__builtin_mul_overflow(a.i, b.i, &product), &product);
    }
    if (a.kind == VAL_UINT && b.kind == VAL_UINT) {
        return uint_result(__builtin_mul_overflow(a.u, b.u, &unsigned_product), &unsigned_product);
    }
    bool real = a.kind == VAL_DOUBLE && b.kind == VAL_DOUBLE;
    return real ? value_double(a.d * b.d) : no_overload();
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

CEL_FUNCTION(op_divide) {
    (void)run;
    CHECK(count == 2);
    struct value a = args[0];
    struct value b = args[1];
    if (a.kind == VAL_DOUBLE && b.kind == VAL_DOUBLE) {
        return value_double(divide_real(a.d, b.d));
    }
    if (a.kind != b.kind || (a.kind != VAL_INT && a.kind != VAL_UINT)) {
        return no_overload();
    }
    if (b.u == 0) {
        return value_error(CEL_ERROR_DIVISION_BY_ZERO);
    }
    if (a.kind == VAL_UINT) {
        return value_uint(a.u / b.u);
    }
    return a.i == INT64_MIN && b.i == -1 ? overflow() : value_int(a.i / b.i);
}

CEL_FUNCTION(op_modulo) {
    (void)run;
    CHECK(count == 2);
    struct value a = args[0];
    struct value b = args[1];
    if (a.kind != b.kind || (a.kind != VAL_INT && a.kind != VAL_UINT)) {
        return no_overload();
    }
    if (b.u == 0) {
        return value_error(CEL_ERROR_DIVISION_BY_ZERO);
    }
    if (a.kind == VAL_UINT) {
        return value_uint(a.u % b.u);
    }
    return a.i == INT64_MIN && b.i == -1 ? overflow() : value_int(a.i % b.i);
}

CEL_FUNCTION(op_negate) {
    (void)run;
    CHECK(count == 1);
    if (args[0].kind == VAL_DOUBLE) {
        return value_double(-args[0].d);
    }
    if (args[0].kind != VAL_INT) {
        return no_overload();
    }
    return args[0].i == INT64_MIN ? overflow() : value_int(-args[0].i);
}

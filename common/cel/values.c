/* Values: faults, equality and order.  Numbers compare by value across int, uint and double; lists
 * and maps part by part, and an unknown part makes the result unknown unless another part decides
 * it. */
#include "cel/cel_priv.h"

void *run_alloc(struct cel_run *run, size_t count, size_t bytes) {
    CHECK(bytes == 0 || count <= SIZE_MAX / bytes);
    return arena_alloc(run->arena, count * bytes);
}

struct value value_text(struct cel_run *run, struct span text) {
    struct span copy = arena_copy(run->arena, text);
    return copy.ptr == NULL ? value_error(CEL_ERROR_MEMORY) : value_string(copy);
}

struct value value_some(struct cel_run *run, struct value value) {
    struct value *held = run_alloc(run, 1, sizeof(*held));
    if (held == NULL) {
        return value_error(CEL_ERROR_MEMORY);
    }
    *held = value;
    return (struct value){.kind = VAL_OPTIONAL, .len = 1, .items = held};
}

static struct value unknown_join(struct cel_run *run, struct value a, struct value b) {
    bool same = a.len == 0 && b.len == 0 && a.paths == b.paths;
    if (same || value_unknown_join(&a, b)) {
        return a;
    }
    struct path_set *set = run_alloc(run, 1, sizeof(*set));
    if (set == NULL) {
        return value_error(CEL_ERROR_MEMORY);
    }
    *set = (struct path_set){0};
    value_unknown_paths(a, set);
    value_unknown_paths(b, set);
    return (struct value){.kind = VAL_UNKNOWN, .paths = set};
}

struct value values_fault_join(struct cel_run *run, struct value a, struct value b) {
    if (a.kind == VAL_ERROR || !value_is_fault(b)) {
        return a;
    }
    if (b.kind == VAL_ERROR || !value_is_fault(a)) {
        return b;
    }
    return unknown_join(run, a, b);
}

struct value absorb_join(struct cel_run *run, struct value a, struct value b) {
    if (a.kind == VAL_UNKNOWN && b.kind == VAL_UNKNOWN) {
        return unknown_join(run, a, b);
    }
    if (a.kind == VAL_UNKNOWN || !value_is_fault(b)) {
        return a;
    }
    if (b.kind == VAL_UNKNOWN || !value_is_fault(a)) {
        return b;
    }
    return a;
}

static bool is_number(struct value value) {
    return value.kind == VAL_INT || value.kind == VAL_UINT || value.kind == VAL_DOUBLE;
}

static int sign_of(bool less, bool greater) { return greater ? 1 : less ? -1 : 0; }

static int order_int_uint(int64_t a, uint64_t b) {
    return a < 0 ? -1 : sign_of((uint64_t)a<b, (uint64_t)a> b);
}

/* Rounds the integer to a double, as the language's own tests expect: an integer and a double that
 * only differ below the double's precision are equal. */
static int order_int_double(int64_t a, double b) {
    if (b < -9223372036854775808.0) {
        return 1;
    }
    if (b > 9223372036854775808.0) {
        return -1;
    }
    double rounded = (double)a;
    return sign_of(rounded<b, rounded> b);
}

static int order_uint_double(uint64_t a, double b) {
    if (b < 0) {
        return 1;
    }
    if (b > 18446744073709551616.0) {
        return -1;
    }
    double rounded = (double)a;
    return sign_of(rounded<b, rounded> b);
}

/* NaN is not ordered: *unordered. */
static int order_numbers(struct value a, struct value b, bool *unordered) {
    bool nan = (a.kind == VAL_DOUBLE && a.d != a.d) || (b.kind == VAL_DOUBLE && b.d != b.d);
    if (nan) {
        *unordered = true;
        return 0;
    }
    if (a.kind == VAL_INT) {
        return b.kind == VAL_INT    ? sign_of(a.i<b.i, a.i> b.i)
               : b.kind == VAL_UINT ? order_int_uint(a.i, b.u)
                                    : order_int_double(a.i, b.d);
    }
    if (a.kind == VAL_UINT) {
        return b.kind == VAL_INT    ? -order_int_uint(b.i, a.u)
               : b.kind == VAL_UINT ? sign_of(a.u<b.u, a.u> b.u)
                                    : order_uint_double(a.u, b.d);
    }
    return b.kind == VAL_INT    ? -order_int_double(b.i, a.d)
           : b.kind == VAL_UINT ? -order_uint_double(b.u, a.d)
                                : sign_of(a.d<b.d, a.d> b.d);
}

bool values_order(struct value a, struct value b, int *order, bool *unordered) {
    *unordered = false;
    if (is_number(a) && is_number(b)) {
        *order = order_numbers(a, b, unordered);
        return true;
    }
    if (a.kind != b.kind) {
        return false;
    }
    switch ((enum value_kind)a.kind) {
    case VAL_BOOL:
        *order = (int)a.b - (int)b.b;
        return true;
    case VAL_STRING:
    case VAL_BYTES:
        *order = span_cmp(value_span(a), value_span(b));
        return true;
    case VAL_TIMESTAMP:
    case VAL_DURATION: {
        int32_t nanos_a = (int32_t)a.len;
        int32_t nanos_b = (int32_t)b.len;
        *order =
            a.i != b.i ? sign_of(a.i<b.i, a.i> b.i) : sign_of(nanos_a<nanos_b, nanos_a> nanos_b);
        return true;
    }
    case VAL_NULL:
    case VAL_INT:
    case VAL_UINT:
    case VAL_DOUBLE:
    case VAL_LIST:
    case VAL_MAP:
    case VAL_TYPE:
    case VAL_OPTIONAL:
    case VAL_UNKNOWN:
    case VAL_ERROR:
        return false;
    }
    UNREACHABLE();
}

static struct value equal_items(struct cel_run *run, struct value a, struct value b) {
    struct value result = value_bool(true);
    if (a.len != b.len) {
        return value_bool(false);
    }
    for (uint32_t i = 0; i < a.len; i++) {
        struct value one = values_equal(run, a.items[i], b.items[i]);
        if (one.kind != VAL_BOOL) {
            result = absorb_join(run, result, one);
        } else if (!one.b) {
            return one;
        }
    }
    return result;
}

static struct value equal_maps(struct cel_run *run, struct value a, struct value b) {
    struct value result = value_bool(true);
    if (a.len != b.len) {
        return value_bool(false);
    }
    if (run != NULL && !run_spend(run, (uint64_t)a.len * a.len)) {
        return value_error(CEL_ERROR_STEPS);
    }
    for (uint32_t i = 0; i < a.len; i++) {
        struct value other;
        if (!map_find(b, a.items[(size_t)i * 2], &other)) {
            return value_bool(false);
        }
        struct value one = values_equal(run, a.items[(size_t)i * 2 + 1], other);
        if (one.kind != VAL_BOOL) {
            result = absorb_join(run, result, one);
        } else if (!one.b) {
            return one;
        }
    }
    return result;
}

struct value values_equal(struct cel_run *run, struct value a, struct value b) {
    if (a.kind == VAL_STRING && b.kind == VAL_STRING) {
        return value_bool(span_eq(value_span(a), value_span(b)));
    }
    if (value_is_fault(a) || value_is_fault(b)) {
        return values_fault_join(run, a, b);
    }
    if (run != NULL && !run_spend(run, 1)) {
        return value_error(CEL_ERROR_STEPS);
    }
    int order = 0;
    bool unordered = false;
    if (values_order(a, b, &order, &unordered)) {
        return value_bool(order == 0 && !unordered);
    }
    if (a.kind != b.kind) {
        return value_bool(false);
    }
    if (a.kind == VAL_LIST || a.kind == VAL_OPTIONAL) {
        return equal_items(run, a, b);
    }
    if (a.kind == VAL_MAP) {
        return equal_maps(run, a, b);
    }
    return value_bool(a.kind == VAL_NULL || span_eq(value_span(a), value_span(b)));
}

bool cel_value_equal(struct value a, struct value b) {
    struct value equal = values_equal(NULL, a, b);
    return equal.kind == VAL_BOOL && equal.b;
}

bool map_find(struct value map, struct value key, struct value *found) {
    CHECK(map.kind == VAL_MAP);
    for (uint32_t i = 0; i < map.len; i++) {
        const struct value *pair = &map.items[(size_t)i * 2];
        int order = 0;
        bool unordered = false;
        bool same = values_order(*pair, key, &order, &unordered) && order == 0 && !unordered;
        if (same) {
            *found = pair[1];
            return true;
        }
    }
    return false;
}

bool value_is_zero(struct value value) {
    switch ((enum value_kind)value.kind) {
    case VAL_NULL:
        return true;
    case VAL_BOOL:
        return !value.b;
    case VAL_INT:
    case VAL_UINT:
        return value.u == 0;
    case VAL_DOUBLE:
        return value.d == 0;
    case VAL_STRING:
    case VAL_BYTES:
    case VAL_LIST:
    case VAL_MAP:
    case VAL_OPTIONAL:
        return value.len == 0;
    case VAL_TIMESTAMP:
    case VAL_DURATION:
        return value.i == 0 && value.len == 0;
    case VAL_TYPE:
    case VAL_UNKNOWN:
    case VAL_ERROR:
        return false;
    }
    UNREACHABLE();
}

/* Comparison, membership, size and the type functions. */
#include "base/utf8.h"
#include "cel/functions.h"

CEL_FUNCTION(op_not) {
    return count == 1 && args[0].kind == VAL_BOOL ? value_bool(!args[0].b) : no_overload();
}

CEL_FUNCTION(op_equal) {
    CHECK(count == 2);
    return values_equal(run, args[0], args[1]);
}

CEL_FUNCTION(op_not_equal) {
    CHECK(count == 2);
    struct value equal = values_equal(run, args[0], args[1]);
    return equal.kind == VAL_BOOL ? value_bool(!equal.b) : equal;
}

/* less, same, greater: the orders for which the comparison is true. */
static struct value compare(const struct value *args, bool less, bool same, bool greater) {
    int order = 0;
    bool unordered = false;
    if (!values_order(args[0], args[1], &order, &unordered)) {
        return no_overload();
    }
    return value_bool(!unordered && (order < 0 ? less : order == 0 ? same : greater));
}

CEL_FUNCTION(op_less) {
    CHECK(count == 2);
    return compare(args, true, false, false);
}

CEL_FUNCTION(op_less_equal) {
    CHECK(count == 2);
    return compare(args, true, true, false);
}

CEL_FUNCTION(op_greater) {
    CHECK(count == 2);
    return compare(args, false, false, true);
}

CEL_FUNCTION(op_greater_equal) {
    CHECK(count == 2);
    return compare(args, false, true, true);
}

CEL_FUNCTION(op_in) {
    CHECK(count == 2);
    if (args[1].kind == VAL_MAP) {
        struct value found;
        if (!run_spend(run, args[1].len)) {
            return value_error(CEL_ERROR_STEPS);
        }
        return value_bool(map_find(args[1], args[0], &found));
    }
    if (args[1].kind != VAL_LIST) {
        return no_overload();
    }
    struct value result = value_bool(false);
    for (uint32_t i = 0; i < args[1].len; i++) {
        struct value one = values_equal(run, args[0], args[1].items[i]);
        if (one.kind != VAL_BOOL) {
            result = absorb_join(run, result, one);
        } else if (one.b) {
            return one;
        }
    }
    return result;
}

CEL_FUNCTION(op_size) {
    if (count != 1) {
        return no_overload();
    }
    if (args[0].kind == VAL_STRING) {
        return value_int((int64_t)utf8_count(value_span(args[0])));
    }
    bool sized = args[0].kind == VAL_BYTES || args[0].kind == VAL_LIST || args[0].kind == VAL_MAP;
    return sized ? value_int(args[0].len) : no_overload();
}

CEL_FUNCTION(op_dyn) { return count == 1 ? args[0] : no_overload(); }

CEL_FUNCTION(op_type) { return count == 1 ? value_type(args[0]) : no_overload(); }

/* Optional values: a value or none. */
#include "cel/functions.h"

CEL_FUNCTION(op_optional_of) { return count == 1 ? value_some(run, args[0]) : no_overload(); }

CEL_FUNCTION(op_optional_of_non_zero) {
    if (count != 1) {
        return no_overload();
    }
    return value_is_zero(args[0]) ? value_none() : value_some(run, args[0]);
}

CEL_FUNCTION(op_optional_none) {
    (void)args;
    return count == 0 ? value_none() : no_overload();
}

CEL_FUNCTION(op_has_value) {
    bool fits = count == 1 && args[0].kind == VAL_OPTIONAL;
    return fits ? value_bool(args[0].len != 0) : no_overload();
}

CEL_FUNCTION(op_value) {
    if (count != 1 || args[0].kind != VAL_OPTIONAL) {
        return no_overload();
    }
    return args[0].len == 0 ? value_error(CEL_ERROR_NO_VALUE) : args[0].items[0];
}

CEL_FUNCTION(op_or) {
    if (count != 2 || args[0].kind != VAL_OPTIONAL || args[1].kind != VAL_OPTIONAL) {
        return no_overload();
    }
    return args[0].len != 0 ? args[0] : args[1];
}

CEL_FUNCTION(op_or_value) {
    if (count != 2 || args[0].kind != VAL_OPTIONAL) {
        return no_overload();
    }
    return args[0].len != 0 ? args[0].items[0] : args[1];
}

/* or and orValue evaluate the second operand only if the first is empty. */
struct value node_or_else(struct cel_run *run, const struct node *node) {
    struct value args[2] = {node_eval(run, node->args[0]), value_none()};
    if (value_is_fault(args[0])) {
        return args[0];
    }
    if (args[0].kind == VAL_OPTIONAL && args[0].len == 0) {
        args[1] = node_eval(run, node->args[1]);
        if (value_is_fault(args[1])) {
            return args[1];
        }
    }
    return node->call(run, args, 2);
}

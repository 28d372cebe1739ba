/* The common operations of rules, with a shortcut for operands of one plain kind.  The operator's
 * function handles all other operands, so both give the same result. */
#include "cel/cel_priv.h"

/* Facts and constants are most operands: reading them here saves an indirect call each. */
static inline struct value operand(struct cel_run *run, const struct node *node) {
    return node->run == node_slot    ? run->slots[node->index]
           : node->run == node_const ? node->value
                                     : node->run(run, node);
}

/* Equality of two values of one plain kind; false when the slow path is needed. */
static inline bool plain_equal(struct value a, struct value b, bool *equal) {
    if (a.kind != b.kind) {
        return false;
    }
    if (a.kind == VAL_STRING) {
        *equal = a.len == b.len && (a.len == 0 || memcmp(a.text, b.text, a.len) == 0);
        return true;
    }
    if (a.kind == VAL_BOOL) {
        *equal = a.b == b.b;
        return true;
    }
    if (a.kind == VAL_INT || a.kind == VAL_TIMESTAMP) {
        *equal = a.i == b.i && a.len == b.len;
        return true;
    }
    return false;
}

static struct value long_way(struct cel_run *run, const struct node *node, struct value a,
                             struct value b) {
    struct value args[2] = {a, b};
    if (value_is_fault(a) || value_is_fault(b)) {
        return values_fault_join(run, a, b);
    }
    return node->call(run, args, 2);
}

struct value node_equal(struct cel_run *run, const struct node *node) {
    struct value a = operand(run, node->args[0]);
    struct value b = operand(run, node->args[1]);
    bool equal = false;
    if (plain_equal(a, b, &equal)) {
        return value_bool(equal == (node->index == EQUAL_WANTED));
    }
    return long_way(run, node, a, b);
}

/* index: the orders for which the comparison holds, ORDER_LESS and so on joined. */
struct value node_order(struct cel_run *run, const struct node *node) {
    struct value a = operand(run, node->args[0]);
    struct value b = operand(run, node->args[1]);
    bool plain = a.kind == b.kind && (a.kind == VAL_INT || a.kind == VAL_TIMESTAMP);
    if (!plain) {
        return long_way(run, node, a, b);
    }
    /* The nanoseconds of an instant are in len, which an int leaves at 0. */
    bool less = a.i < b.i || (a.i == b.i && a.len < b.len);
    bool same = a.i == b.i && a.len == b.len;
    unsigned order = less ? ORDER_LESS : same ? ORDER_SAME : ORDER_GREATER;
    return value_bool((node->index & order) != 0);
}

/* A text in a list of texts. */
struct value node_in(struct cel_run *run, const struct node *node) {
    struct value a = operand(run, node->args[0]);
    struct value b = operand(run, node->args[1]);
    if (a.kind != VAL_STRING || b.kind != VAL_LIST || !run_spend(run, b.len)) {
        return long_way(run, node, a, b);
    }
    for (uint32_t i = 0; i < b.len; i++) {
        bool equal = false;
        if (!plain_equal(a, b.items[i], &equal)) {
            return long_way(run, node, a, b);
        }
        if (equal) {
            return value_bool(true);
        }
    }
    return value_bool(false);
}

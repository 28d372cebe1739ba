/* Whether two programs are the same: the same nodes over the same slots and constants.  Nodes with
 * other data, a pattern or a zone, never count as the same. */
#include "cel/cel_priv.h"

static bool value_same(const struct value *a, const struct value *b) {
    if (a->kind != b->kind || a->flags != b->flags || a->aux != b->aux || a->len != b->len) {
        return false;
    }
    switch ((enum value_kind)a->kind) {
    case VAL_NULL:
    case VAL_BOOL:
    case VAL_INT:
    case VAL_UINT:
    case VAL_DOUBLE:
    case VAL_TIMESTAMP:
    case VAL_DURATION:
    case VAL_ERROR:
        return a->u == b->u;
    case VAL_STRING:
    case VAL_BYTES:
    case VAL_TYPE:
        return span_eq(value_span(*a), value_span(*b));
    case VAL_LIST:
    case VAL_MAP:
    case VAL_OPTIONAL:
        for (uint32_t i = 0; i < a->len * (a->kind == VAL_MAP ? 2 : 1); i++) {
            if (!value_same(&a->items[i], &b->items[i])) {
                return false;
            }
        }
        return true;
    case VAL_UNKNOWN:
        break;
    }
    return false;
}

/* The shortcuts depend on the nodes' content and on the vocabularies of the facts. */
static bool shortcut_same(const struct shortcut *a, const struct shortcut *b) {
    return a->truth == b->truth && a->op == b->op && a->cell == b->cell && a->orders == b->orders &&
           a->wanted == b->wanted && a->at == b->at && a->field == b->field &&
           a->other == b->other && a->mark == b->mark && a->few == b->few;
}

static bool data_same(const struct node *a, const struct node *b) {
    return a->run == node_named ? cel_program_same(a->data, b->data)
                                : a->data == NULL && b->data == NULL;
}

static bool node_same(const struct node *a, const struct node *b) {
    bool is_named = a->run == node_named; /* whose index is an index in its own run */
    if (a->run != b->run || a->call != b->call || a->count != b->count ||
        (!is_named && a->index != b->index) || a->of_record != b->of_record || a->flags != NULL ||
        b->flags != NULL || !span_eq(a->name, b->name) || !value_same(&a->value, &b->value) ||
        !shortcut_same(&a->shortcut, &b->shortcut) || !data_same(a, b)) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (!node_same(a->args[i], b->args[i])) {
            return false;
        }
    }
    return true;
}

bool cel_program_same(const struct cel_program *a, const struct cel_program *b) {
    return a == b || (a->walks == b->walks && a->cost == b->cost && node_same(a->root, b->root));
}

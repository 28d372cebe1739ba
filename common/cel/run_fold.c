/* Nodes that build or walk lists and maps.  A list or map with an unknown part is unknown; all and
 * exists absorb like && and ||, the others are strict. */
#include "cel/cel_priv.h"

/* One walk over a list or a map: sets the variables of each round. */
struct walk {
    struct cel_run *run;
    const struct node *node;
    struct value range;
    uint32_t at;
    bool spent;
};

/* False when the range cannot be walked; *result is then what the fold gives. */
static bool walk_start(struct walk *walk, struct cel_run *run, const struct node *node,
                       struct value *result) {
    *walk = (struct walk){.run = run, .node = node, .range = node_eval(run, node->args[0])};
    if (walk->range.kind == VAL_LIST || walk->range.kind == VAL_MAP) {
        return true;
    }
    *result = value_is_fault(walk->range) ? walk->range : value_error(CEL_ERROR_NO_SUCH_OVERLOAD);
    return false;
}

static bool walk_next(struct walk *walk) {
    if (walk->at == walk->range.len) {
        return false;
    }
    if (!run_spend(walk->run, 1)) {
        walk->spent = true;
        return false;
    }
    struct value *locals = &walk->run->locals[walk->node->index];
    bool two = walk->node->value.b;
    if (walk->range.kind == VAL_MAP) {
        const struct value *pair = &walk->range.items[(size_t)walk->at * 2];
        locals[0] = pair[0];
        if (two) {
            locals[1] = pair[1];
        }
    } else if (two) {
        locals[0] = value_int(walk->at);
        locals[1] = walk->range.items[walk->at];
    } else {
        locals[0] = walk->range.items[walk->at];
    }
    walk->at++;
    return true;
}

/* A list with one variable; *range is node->args[0], evaluated. */
static inline struct value quantify_list(struct cel_run *run, const struct node *node,
                                         const struct value *range, bool deciding) {
    struct value result = value_bool(!deciding);
    struct value *local = &run->locals[node->index];
    for (uint32_t i = 0; i < range->len; i++) {
        if (!run_spend(run, 1)) {
            return value_error(CEL_ERROR_STEPS);
        }
        *local = range->items[i];
        enum cel_truth truth = truth_eval(run, node->args[1]);
        if (truth == CEL_OTHER) {
            result = absorb_join(run, result, as_logic(run->result));
        } else if ((truth == CEL_YES) == deciding) {
            return value_bool(deciding);
        }
    }
    return result;
}

/* Any other range. */
__attribute__((noinline)) static struct value
quantify_walk(struct cel_run *run, const struct node *node, bool deciding) {
    struct walk walk;
    struct value result = value_bool(!deciding);
    if (!walk_start(&walk, run, node, &result)) {
        return result;
    }
    while (walk_next(&walk)) {
        struct value value = as_logic(node_eval(run, node->args[1]));
        if (value.kind != VAL_BOOL) {
            result = absorb_join(run, result, value);
        } else if (value.b == deciding) {
            return value;
        }
    }
    return walk.spent ? value_error(CEL_ERROR_STEPS) : result;
}

static inline struct value quantify(struct cel_run *run, const struct node *node, bool deciding) {
    bool slot = node->args[0]->run == node_slot && !node->value.b;
    if (slot && run->slots[node->args[0]->index].kind == VAL_LIST) {
        return quantify_list(run, node, &run->slots[node->args[0]->index], deciding);
    }
    return quantify_walk(run, node, deciding);
}

struct value node_all(struct cel_run *run, const struct node *node) {
    return quantify(run, node, false);
}

struct value node_exists(struct cel_run *run, const struct node *node) {
    return quantify(run, node, true);
}

struct value node_exists_one(struct cel_run *run, const struct node *node) {
    struct walk walk;
    struct value fault = value_null();
    if (!walk_start(&walk, run, node, &fault)) {
        return fault;
    }
    uint32_t count = 0;
    while (walk_next(&walk)) {
        struct value value = as_logic(node_eval(run, node->args[1]));
        if (value_is_fault(value)) {
            fault = values_fault_join(run, fault, value);
        } else {
            count += value.b ? 1 : 0;
        }
    }
    if (walk.spent) {
        return value_error(CEL_ERROR_STEPS);
    }
    return value_is_fault(fault) ? fault : value_bool(count == 1);
}

/* One round of a transforming fold: false when the element is left out or faulty. */
static bool transform(const struct walk *walk, struct value *fault, struct value *made) {
    const struct node *node = walk->node;
    if (node->count == 3) {
        struct value keep = as_logic(node_eval(walk->run, node->args[2]));
        if (value_is_fault(keep)) {
            *fault = values_fault_join(walk->run, *fault, keep);
            return false;
        }
        if (!keep.b) {
            return false;
        }
    }
    *made = node_eval(walk->run, node->args[1]);
    if (value_is_fault(*made)) {
        *fault = values_fault_join(walk->run, *fault, *made);
        return false;
    }
    return true;
}

/* The elements that are kept, transformed: as a list, or in a map under their keys. */
static struct value fold(struct cel_run *run, const struct node *node, bool is_map) {
    struct walk walk;
    struct value fault = value_null();
    if (!walk_start(&walk, run, node, &fault)) {
        return fault;
    }
    size_t width = is_map ? 2 : 1;
    struct value *items = run_alloc(run, walk.range.len, width * sizeof(*items));
    if (items == NULL) {
        return value_error(CEL_ERROR_MEMORY);
    }
    uint32_t count = 0;
    while (walk_next(&walk)) {
        struct value key = run->locals[node->index];
        struct value *made = &items[(size_t)count * width];
        if (transform(&walk, &fault, made + width - 1)) {
            *made = is_map ? key : *made;
            count++;
        }
    }
    if (walk.spent) {
        return value_error(CEL_ERROR_STEPS);
    }
    return value_is_fault(fault) ? fault
           : is_map              ? value_map(items, count)
                                 : value_list(items, count);
}

struct value node_fold_list(struct cel_run *run, const struct node *node) {
    return fold(run, node, false);
}

struct value node_fold_map(struct cel_run *run, const struct node *node) {
    return fold(run, node, true);
}

struct value node_bind(struct cel_run *run, const struct node *node) {
    run->locals[node->index] = node_eval(run, node->args[0]);
    return node_eval(run, node->args[1]);
}

static struct value opt_map(struct cel_run *run, const struct node *node, bool flat) {
    struct value target = node_eval(run, node->args[0]);
    if (target.kind != VAL_OPTIONAL) {
        return value_is_fault(target) ? target : value_error(CEL_ERROR_NO_SUCH_OVERLOAD);
    }
    if (target.len == 0) {
        return target;
    }
    run->locals[node->index] = target.items[0];
    struct value made = node_eval(run, node->args[1]);
    if (value_is_fault(made)) {
        return made;
    }
    if (flat) {
        return made.kind == VAL_OPTIONAL ? made : value_error(CEL_ERROR_NO_SUCH_OVERLOAD);
    }
    return value_some(run, made);
}

struct value node_opt_map(struct cel_run *run, const struct node *node) {
    return opt_map(run, node, false);
}

struct value node_opt_flat_map(struct cel_run *run, const struct node *node) {
    return opt_map(run, node, true);
}

/* The content of an optional element; false: nothing, or the fault. */
static bool spread(struct value *value, struct value *fault, struct cel_run *run) {
    if (value->kind != VAL_OPTIONAL) {
        *fault = values_fault_join(run, *fault, value_error(CEL_ERROR_NO_SUCH_OVERLOAD));
        return false;
    }
    if (value->len == 0) {
        return false;
    }
    *value = value->items[0];
    return true;
}

struct value node_list(struct cel_run *run, const struct node *node) {
    struct value fault = value_null();
    struct value *items = run_alloc(run, node->count, sizeof(*items));
    if (items == NULL) {
        return value_error(CEL_ERROR_MEMORY);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        struct value value = node_eval(run, node->args[i]);
        if (value_is_fault(value)) {
            fault = values_fault_join(run, fault, value);
        } else if (node->flags == NULL || !node->flags[i] || spread(&value, &fault, run)) {
            items[count++] = value;
        }
    }
    return value_is_fault(fault) ? fault : value_list(items, count);
}

static bool is_key(struct value key) {
    return key.kind == VAL_BOOL || key.kind == VAL_INT || key.kind == VAL_UINT ||
           key.kind == VAL_STRING || key.kind == VAL_DOUBLE;
}

/* Adds an entry; a duplicate or invalid key becomes the fault. */
static void add_entry(struct cel_run *run, struct value *map, struct value *pairs,
                      const struct value entry[2], struct value *fault) {
    struct value found;
    if (!is_key(entry[0]) || entry[0].kind == VAL_DOUBLE) {
        *fault = values_fault_join(run, *fault, value_error(CEL_ERROR_NO_SUCH_OVERLOAD));
    } else if (map_find(*map, entry[0], &found)) {
        *fault = values_fault_join(run, *fault, value_error(CEL_ERROR_DUPLICATE_KEY));
    } else {
        pairs[(size_t)map->len * 2] = entry[0];
        pairs[(size_t)map->len * 2 + 1] = entry[1];
        map->len++;
    }
}

struct value node_map(struct cel_run *run, const struct node *node) {
    struct value fault = value_null();
    struct value *pairs = run_alloc(run, node->count, sizeof(*pairs));
    if (pairs == NULL) {
        return value_error(CEL_ERROR_MEMORY);
    }
    struct value map = value_map(pairs, 0);
    for (uint32_t i = 0; i < node->count; i += 2) {
        struct value entry[2] = {node_eval(run, node->args[i]), node_eval(run, node->args[i + 1])};
        if (!run_spend(run, map.len + 1U)) {
            return value_error(CEL_ERROR_STEPS);
        }
        if (value_is_fault(entry[0]) || value_is_fault(entry[1])) {
            fault = values_fault_join(run, fault, values_fault_join(run, entry[0], entry[1]));
        } else if (node->flags == NULL || !node->flags[i] || spread(&entry[1], &fault, run)) {
            add_entry(run, &map, pairs, entry, &fault);
        }
    }
    return value_is_fault(fault) ? fault : map;
}

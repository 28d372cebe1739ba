/* Running a program: three-valued logic over facts.  An unknown holds the fact paths that cause it.
 * In strict operations an error wins over an unknown.  In && and || an unknown wins over an error,
 * and a deciding operand wins over both. */
#include "cel/cel_priv.h"

#include "base/mem.h"
#include "cel/regex.h"
#include "cel/zone.h"

enum { MEMO_EMPTY = 0xff, ARGS_MAX = 8 };

void cel_run_init(struct cel_run *run, const struct cel_env *env, struct arena *arena) {
    *run =
        (struct cel_run){.arena = arena, .memo_count = env->memo_count, .steps_max = CEL_STEPS_MAX};
    run->memo = mem_zero(env->memo_count, sizeof(*run->memo));
}

void cel_run_fini(struct cel_run *run) {
    mem_free(run->memo);
    run->memo = NULL;
    zone_cache_free(&run->zones);
}

void cel_run_begin(struct cel_run *run, const struct value *slots) {
    run->slots = slots;
    run->steps = 0;
    for (uint32_t i = 0; i < run->memo_count; i++) {
        run->memo[i].kind = MEMO_EMPTY;
    }
}

/* A function of its own, so that programs without variables do not use its stack space. */
__attribute__((noinline)) static struct value eval_with_locals(struct cel_run *run,
                                                               const struct node *root) {
    struct value locals[CEL_LOCALS_MAX];
    struct value *before = run->locals;
    run->locals = locals;
    struct value value = node_eval(run, root);
    run->locals = before;
    return value;
}

struct value cel_run(struct cel_run *run, const struct cel_program *program) {
    return program->walks ? eval_with_locals(run, program->root)
                          : truth_value(run, truth_eval(run, program->root));
}

enum cel_truth cel_run_truth(struct cel_run *run, const struct cel_program *program,
                             struct value *other) {
    if (program->walks) {
        *other = eval_with_locals(run, program->root);
        return other->kind != VAL_BOOL ? CEL_OTHER : other->b ? CEL_YES : CEL_NO;
    }
    enum cel_truth truth = truth_eval(run, program->root);
    if (truth == CEL_OTHER) {
        *other = run->result;
    }
    return truth;
}

struct value node_const(struct cel_run *run, const struct node *node) {
    (void)run;
    return node->value;
}

struct value node_slot(struct cel_run *run, const struct node *node) {
    return run->slots[node->index];
}

struct value node_local(struct cel_run *run, const struct node *node) {
    return run->locals[node->index];
}

struct value node_named(struct cel_run *run, const struct node *node) {
    CHECK(node->index < run->memo_count);
    if (run->memo[node->index].kind == MEMO_EMPTY) {
        const struct cel_program *program = node->data;
        run->memo[node->index] = cel_run(run, program);
    }
    return run->memo[node->index];
}

struct value node_call2(struct cel_run *run, const struct node *node) {
    struct value args[2] = {node_eval(run, node->args[0]), node_eval(run, node->args[1])};
    if (value_is_fault(args[0]) || value_is_fault(args[1])) {
        return values_fault_join(run, args[0], args[1]);
    }
    return node->call(run, args, 2);
}

struct value node_call(struct cel_run *run, const struct node *node) {
    struct value args[ARGS_MAX];
    struct value fault = value_null();
    if (node->count > ARGS_MAX) {
        return value_error(CEL_ERROR_NO_SUCH_OVERLOAD);
    }
    for (uint32_t i = 0; i < node->count; i++) {
        args[i] = node_eval(run, node->args[i]);
        if (value_is_fault(args[i])) {
            fault = values_fault_join(run, fault, args[i]);
        }
    }
    return value_is_fault(fault) ? fault : node->call(run, args, node->count);
}

struct value node_regex(struct cel_run *run, const struct node *node) {
    struct value text = node_eval(run, node->args[0]);
    if (value_is_fault(text)) {
        return text;
    }
    if (text.kind != VAL_STRING) {
        return value_error(CEL_ERROR_NO_SUCH_OVERLOAD);
    }
    return value_bool(regex_matches(node->data, text.text, text.len));
}

enum cel_truth truth_of_run(struct cel_run *run, const struct node *node) {
    struct value value = node_eval(run, node);
    if (value.kind == VAL_BOOL) {
        return value.b ? CEL_YES : CEL_NO;
    }
    run->result = value;
    return CEL_OTHER;
}

struct value node_not(struct cel_run *run, const struct node *node) {
    struct value value = as_logic(truth_value(run, truth_eval(run, node->args[0])));
    return value.kind == VAL_BOOL ? value_bool(!value.b) : value;
}

struct value node_cond(struct cel_run *run, const struct node *node) {
    struct value value = as_logic(truth_value(run, truth_eval(run, node->args[0])));
    return value.kind == VAL_BOOL ? node_eval(run, node->args[value.b ? 1 : 2]) : value;
}

/* A field of a map; the search starts at its index in the record. */
static bool field_find(const struct node *node, struct value map, struct value *found) {
    if (node->index < map.len) {
        const struct value *hint = &map.items[(size_t)node->index * 2];
        if (hint->kind == VAL_STRING && span_eq(value_span(*hint), node->name)) {
            *found = hint[1];
            return true;
        }
    }
    return map_find(map, value_string(node->name), found);
}

/* Reading through an optional gives an optional; a missing field gives none. */
static struct value select_held(struct cel_run *run, const struct node *node, struct value target) {
    if (target.kind == VAL_OPTIONAL) {
        return target.len == 0 ? target : select_held(run, node, target.items[0]);
    }
    struct value found;
    if (target.kind != VAL_MAP) {
        return value_is_fault(target) ? target : value_error(CEL_ERROR_NO_SUCH_OVERLOAD);
    }
    if (!field_find(node, target, &found)) {
        return value_none();
    }
    return value_is_fault(found) ? found : value_some(run, found);
}

struct value node_select(struct cel_run *run, const struct node *node) {
    struct value target = node_eval(run, node->args[0]);
    if (target.kind == VAL_OPTIONAL) {
        return select_held(run, node, target);
    }
    struct value found;
    if (target.kind != VAL_MAP) {
        return value_is_fault(target) ? target : value_error(CEL_ERROR_NO_SUCH_OVERLOAD);
    }
    return field_find(node, target, &found) ? found : value_error(CEL_ERROR_NO_SUCH_KEY);
}

struct value node_select_optional(struct cel_run *run, const struct node *node) {
    return select_held(run, node, node_eval(run, node->args[0]));
}

struct value node_has(struct cel_run *run, const struct node *node) {
    struct value held = select_held(run, node, node_eval(run, node->args[0]));
    return held.kind == VAL_OPTIONAL ? value_bool(held.len != 0) : held;
}

/* The element at an index, or the error.  A map is searched, which costs steps. */
static struct value element_at(struct cel_run *run, struct value target, struct value index) {
    if (target.kind == VAL_MAP) {
        struct value found;
        if (!run_spend(run, target.len)) {
            return value_error(CEL_ERROR_STEPS);
        }
        return map_find(target, index, &found) ? found : value_error(CEL_ERROR_NO_SUCH_KEY);
    }
    if (target.kind != VAL_LIST) {
        return value_error(CEL_ERROR_NO_SUCH_OVERLOAD);
    }
    uint64_t at = UINT64_MAX;
    if (index.kind == VAL_INT) {
        at = index.i < 0 ? UINT64_MAX : (uint64_t)index.i;
    } else if (index.kind == VAL_UINT) {
        at = index.u;
    } else if (index.kind == VAL_DOUBLE) {
        bool whole = index.d >= 0 && index.d < 4294967296.0 && index.d == (double)(uint64_t)index.d;
        at = whole ? (uint64_t)index.d : UINT64_MAX;
    }
    return at < target.len ? target.items[at] : value_error(CEL_ERROR_INDEX);
}

static struct value index_held(struct cel_run *run, struct value target, struct value index) {
    if (target.kind == VAL_OPTIONAL) {
        return target.len == 0 ? target : index_held(run, target.items[0], index);
    }
    struct value found = element_at(run, target, index);
    if (found.kind == VAL_ERROR) {
        bool absent = found.aux == CEL_ERROR_NO_SUCH_KEY || found.aux == CEL_ERROR_INDEX;
        return absent ? value_none() : found;
    }
    return found.kind == VAL_UNKNOWN ? found : value_some(run, found);
}

static inline struct value index_node(struct cel_run *run, const struct node *node, bool optional) {
    struct value target = node_eval(run, node->args[0]);
    struct value index = node_eval(run, node->args[1]);
    if (value_is_fault(target) || value_is_fault(index)) {
        return values_fault_join(run, target, index);
    }
    return optional || target.kind == VAL_OPTIONAL ? index_held(run, target, index)
                                                   : element_at(run, target, index);
}

struct value node_index(struct cel_run *run, const struct node *node) {
    return index_node(run, node, false);
}

struct value node_index_optional(struct cel_run *run, const struct node *node) {
    return index_node(run, node, true);
}

const char *cel_error_name(enum cel_error error) {
    static const char *const names[] = {
        [CEL_ERROR_NONE] = "none",
        [CEL_ERROR_DIVISION_BY_ZERO] = "division_by_zero",
        [CEL_ERROR_OVERFLOW] = "overflow",
        [CEL_ERROR_NO_SUCH_KEY] = "no_such_key",
        [CEL_ERROR_NO_SUCH_OVERLOAD] = "no_such_overload",
        [CEL_ERROR_INDEX] = "index",
        [CEL_ERROR_RANGE] = "range",
        [CEL_ERROR_CONVERSION] = "conversion",
        [CEL_ERROR_REGEX] = "regex",
        [CEL_ERROR_DUPLICATE_KEY] = "duplicate_key",
        [CEL_ERROR_STEPS] = "steps",
        [CEL_ERROR_MEMORY] = "memory",
        [CEL_ERROR_ARGUMENT] = "argument",
        [CEL_ERROR_NO_VALUE] = "no_value",
    };
    CHECK((size_t)error < COUNT_OF(names));
    return names[error];
}

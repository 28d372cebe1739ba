/* Purpose: a second, slow evaluator of the condition language, written from its semantics as a walk
 * over a tree of its own.  Shares no parser, checker or evaluator with cel/, so that the two do not
 * share a mistake.  Here: what is not strict (logic, choice, macros, bindings, optional chains);
 * the strict functions are rows of the tables in cel_slow_functions.h.  A tree is also printed as
 * source text (cel_print_tree.h), for the other one to read. Ownership: trees and values live in an
 * arena that the caller resets between cases. */
#ifndef CASEMILL_TESTS_UNIT_CEL_SLOW_H
#define CASEMILL_TESTS_UNIT_CEL_SLOW_H

#include "cel_slow_value.h"

enum slow_op {
    SLOW_LITERAL, /* written as tree->text */
    SLOW_FACT,
    SLOW_LOCAL,
    SLOW_CALL, /* of a strict function */
    SLOW_AND,
    SLOW_OR,
    SLOW_COND,
    SLOW_OPT_OR,       /* args[0].or(args[1]): the second only when the first is none */
    SLOW_OPT_OR_VALUE, /* args[0].orValue(args[1]), as above */
    SLOW_BIND,         /* args[0] value, args[1] body */
    SLOW_OPT_MAP,      /* args[0] optional, args[1] body */
    SLOW_OPT_FLAT_MAP,
    SLOW_ALL, /* macros: args[0] range, args[1] predicate or body, args[2] a filter or NULL */
    SLOW_EXISTS,
    SLOW_EXISTS_ONE,
    SLOW_FILTER, /* args[1] is the filter */
    SLOW_TRANSFORM_LIST,
    SLOW_TRANSFORM_MAP
};

struct slow_run;
struct slow_function;
typedef struct slow (*slow_fn)(struct slow_run *run, const struct slow_function *function,
                               const struct slow *v);

enum { SLOW_ARGS_MAX = 4, SLOW_LOCALS_MAX = 24 };

/* A strict function: its kinds, how it is written (@0 @1 are its arguments) and what it does. */
struct slow_function {
    const char *form;
    enum slow_kind result;
    uint32_t count;
    enum slow_kind args[SLOW_ARGS_MAX];
    slow_fn call;
    int number; /* for functions that differ in one type */
};

struct tree {
    enum slow_op op;
    enum slow_kind type;
    struct slow literal;
    const char *text;
    const struct slow_function *function;
    uint32_t number;    /* fact, first local, or place of the function among all */
    uint32_t variables; /* of a macro: 1 or 2 */
    const struct tree *args[SLOW_ARGS_MAX];
    uint32_t count;
};

struct slow_run {
    struct arena *arena;
    const struct slow *facts;
    struct slow locals[SLOW_LOCALS_MAX];
    bool too_large;   /* a text or list grew past what is compared */
    uint64_t *values; /* NULL, or how often each function gave one */
};

static inline struct slow slow_eval(struct slow_run *run, const struct tree *tree);

static inline struct slow *slow_room(struct slow_run *run, size_t count) {
    struct slow *values = arena_zero(run->arena, count + 1, sizeof(*values));
    CHECK(values != NULL);
    return values;
}

static inline struct slow slow_some(struct slow_run *run, enum slow_kind kind, struct slow value) {
    struct slow *held = slow_room(run, 1);
    *held = value;
    return (struct slow){.kind = kind, .items = held, .count = 1};
}

/* Checks the operands of a strict operation before it reads them. An error wins, then the facts
 * of all unknown operands; with any other kind the operation continues. */
static inline struct slow slow_blame(const struct slow *values, uint32_t count) {
    struct slow blame = {.kind = SLOW_BOOL};
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].kind == SLOW_ERROR) {
            return values[i];
        }
        if (values[i].kind == SLOW_UNKNOWN) {
            blame.kind = SLOW_UNKNOWN;
            blame.facts |= values[i].facts;
        }
    }
    return blame;
}

/* && and all (deciding = 0), || and exists (deciding = 1): a decider, then unknowns, then errors.
 */
static inline struct slow slow_logic(const struct slow *values, uint32_t count, int64_t deciding) {
    struct slow unknown = {.kind = SLOW_UNKNOWN};
    bool is_unknown = false;
    bool is_error = false;
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].kind == SLOW_BOOL && values[i].i == deciding) {
            return values[i];
        }
        if (values[i].kind == SLOW_UNKNOWN) {
            is_unknown = true;
            unknown.facts |= values[i].facts;
        }
        is_error = is_error || values[i].kind == SLOW_ERROR;
    }
    return is_unknown ? unknown : is_error ? slow_error() : slow_of(SLOW_BOOL, !deciding);
}

static inline struct slow slow_list(enum slow_kind kind, const struct slow *items, uint32_t count) {
    return (struct slow){.kind = kind, .items = items, .count = count};
}

/* --- macros ------------------------------------------------------------------------------------
 */

/* What one round of a macro is given: elements of a list, or pairs of a map. */
static inline void slow_set_locals(struct slow_run *run, const struct tree *tree, struct slow range,
                                   uint32_t i) {
    struct slow *locals = &run->locals[tree->number];
    bool is_map = range.kind == SLOW_MAP;
    if (tree->variables == 2) {
        locals[0] = is_map ? range.items[2 * i] : slow_of(SLOW_INT, i);
        locals[1] = is_map ? range.items[2 * i + 1] : range.items[i];
    } else {
        locals[0] = is_map ? range.items[2 * i] : range.items[i];
    }
}

/* filter, map, transformList, transformMap: what is kept, transformed; strict in every part that is
 * asked for, and a body is asked for only where its filter holds. */
static inline struct slow slow_transform(struct slow_run *run, const struct tree *tree,
                                         struct slow range) {
    bool is_map = tree->op == SLOW_TRANSFORM_MAP;
    const struct tree *filter = tree->op == SLOW_FILTER ? tree->args[1] : tree->args[2];
    struct slow *asked = slow_room(run, 2 * (size_t)range.count);
    struct slow *kept = slow_room(run, 2 * (size_t)range.count);
    uint32_t asked_count = 0;
    uint32_t kept_count = 0;
    for (uint32_t i = 0; i < range.count; i++) {
        slow_set_locals(run, tree, range, i);
        struct slow key = run->locals[tree->number];
        if (filter != NULL) {
            struct slow keeps = slow_eval(run, filter);
            asked[asked_count++] = keeps;
            if (keeps.kind != SLOW_BOOL || keeps.i == 0) {
                continue;
            }
        }
        struct slow body = tree->op == SLOW_FILTER ? key : slow_eval(run, tree->args[1]);
        asked[asked_count++] = body;
        if (is_map) {
            kept[2 * kept_count] = key;
        }
        kept[is_map ? 2 * kept_count + 1 : kept_count] = body;
        kept_count++;
    }
    struct slow blame = slow_blame(asked, asked_count);
    return slow_is_fault(blame) ? blame : slow_list(tree->type, kept, kept_count);
}

static inline struct slow slow_quantify(struct slow_run *run, const struct tree *tree,
                                        struct slow range) {
    struct slow *bodies = slow_room(run, range.count);
    int64_t held = 0;
    for (uint32_t i = 0; i < range.count; i++) {
        slow_set_locals(run, tree, range, i);
        bodies[i] = slow_eval(run, tree->args[1]);
        held += bodies[i].kind == SLOW_BOOL ? bodies[i].i : 0;
    }
    if (tree->op == SLOW_EXISTS_ONE) {
        struct slow blame = slow_blame(bodies, range.count);
        return slow_is_fault(blame) ? blame : slow_of(SLOW_BOOL, held == 1);
    }
    return slow_logic(bodies, range.count, tree->op == SLOW_EXISTS);
}

/* --- what asks for its second operand only when it needs it ------------------------------------
 */

static inline struct slow slow_opt_map(struct slow_run *run, const struct tree *tree,
                                       struct slow optional) {
    if (optional.count == 0) {
        return (struct slow){.kind = tree->type};
    }
    run->locals[tree->number] = optional.items[0];
    struct slow body = slow_eval(run, tree->args[1]);
    return slow_is_fault(body) || tree->op == SLOW_OPT_FLAT_MAP ? body
                                                                : slow_some(run, tree->type, body);
}

static inline struct slow slow_after_first(struct slow_run *run, const struct tree *tree) {
    struct slow first = slow_eval(run, tree->args[0]);
    if (tree->op == SLOW_BIND) {
        run->locals[tree->number] = first;
        return slow_eval(run, tree->args[1]);
    }
    if (slow_is_fault(first)) {
        return first;
    }
    switch ((int)tree->op) {
    case SLOW_COND:
        return slow_eval(run, tree->args[first.i != 0 ? 1 : 2]);
    case SLOW_OPT_OR:
        return first.count != 0 ? first : slow_eval(run, tree->args[1]);
    case SLOW_OPT_OR_VALUE:
        return first.count != 0 ? first.items[0] : slow_eval(run, tree->args[1]);
    case SLOW_OPT_MAP:
    case SLOW_OPT_FLAT_MAP:
        return slow_opt_map(run, tree, first);
    case SLOW_ALL:
    case SLOW_EXISTS:
    case SLOW_EXISTS_ONE:
        return slow_quantify(run, tree, first);
    default:
        return slow_transform(run, tree, first);
    }
}

static inline struct slow slow_call(struct slow_run *run, const struct tree *tree,
                                    const struct slow *values) {
    struct slow value = tree->function->call(run, tree->function, values);
    if (run->values != NULL && !slow_is_fault(value)) {
        run->values[tree->number]++;
    }
    return value;
}

static inline struct slow slow_eval(struct slow_run *run, const struct tree *tree) {
    if (tree->op >= SLOW_COND) {
        return slow_after_first(run, tree);
    }
    struct slow *values = slow_room(run, SLOW_ARGS_MAX);
    for (uint32_t i = 0; i < tree->count; i++) {
        values[i] = slow_eval(run, tree->args[i]);
    }
    struct slow blame = slow_blame(values, tree->count);
    switch ((int)tree->op) {
    case SLOW_LITERAL:
        return tree->literal;
    case SLOW_FACT:
        return run->facts[tree->number];
    case SLOW_LOCAL:
        return run->locals[tree->number];
    case SLOW_AND:
        return slow_logic(values, tree->count, 0);
    case SLOW_OR:
        return slow_logic(values, tree->count, 1);
    default:
        return slow_is_fault(blame) ? blame : slow_call(run, tree, values);
    }
}

#endif

/* Purpose: a second, slow evaluator of a part of the condition language, written from its semantics
 * as a walk over a tree of its own.  Shares no parser, checker or evaluator with cel/, so that the
 * two do not share a mistake.  A tree is also printed as source text, for the other one to read.
 * Ownership: trees and values live in an arena that the caller resets between cases. */
#ifndef CASEMILL_TESTS_UNIT_CEL_SLOW_H
#define CASEMILL_TESTS_UNIT_CEL_SLOW_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"

#include <math.h>

enum slow_kind {
    SLOW_BOOL,
    SLOW_INT,
    SLOW_DOUBLE,
    SLOW_STRING,
    SLOW_DATE,
    SLOW_INTS,
    SLOW_STRINGS,
    SLOW_PEOPLE,
    SLOW_PERSON,
    SLOW_UNKNOWN,
    SLOW_ERROR
};

struct slow {
    enum slow_kind kind;
    int64_t i; /* bool, int, date in days */
    double d;
    struct span text;
    const struct slow *items; /* of a list; leaves of a person: name, age, adult */
    uint32_t count;
    uint64_t facts; /* of an unknown */
};

enum slow_op {
    SLOW_LITERAL,
    SLOW_FACT,
    SLOW_LOCAL,
    SLOW_LEAF, /* args[0].name, a person's */
    SLOW_AND,
    SLOW_OR,
    SLOW_NOT,
    SLOW_COND,
    SLOW_EQUAL,
    SLOW_NOT_EQUAL,
    SLOW_LESS,
    SLOW_LESS_EQUAL,
    SLOW_GREATER,
    SLOW_GREATER_EQUAL,
    SLOW_ADD,
    SLOW_SUBTRACT,
    SLOW_MULTIPLY,
    SLOW_DIVIDE,
    SLOW_MODULO,
    SLOW_NEGATE,
    SLOW_IN,
    SLOW_SIZE,
    SLOW_STARTS_WITH,
    SLOW_CONTAINS,
    SLOW_DAYS,
    SLOW_INDEX,
    SLOW_LIST,
    SLOW_LOOKUP, /* {"a": args[1], "b": args[2]}[args[0]] */
    SLOW_ALL,    /* macros: args[0] range, args[1] predicate or body */
    SLOW_EXISTS,
    SLOW_EXISTS_ONE,
    SLOW_MAP,
    SLOW_FILTER,
    SLOW_BIND /* args[0] value, args[1] body */
};

enum { SLOW_ARGS_MAX = 4, SLOW_LOCALS_MAX = 12, SLOW_LEAVES = 3 };

struct tree {
    enum slow_op op;
    enum slow_kind type;
    struct slow literal;
    uint32_t number;  /* fact, local or leaf */
    const char *name; /* of a fact or leaf */
    const struct tree *args[SLOW_ARGS_MAX];
    uint32_t count;
};

struct slow_run {
    struct arena *arena;
    const struct slow *facts;
    struct slow locals[SLOW_LOCALS_MAX];
};

static inline struct slow slow_error(void) { return (struct slow){.kind = SLOW_ERROR}; }
static inline struct slow slow_of(enum slow_kind kind, int64_t i) {
    return (struct slow){.kind = kind, .i = i};
}
static inline struct slow slow_text(const char *text) {
    return (struct slow){.kind = SLOW_STRING, .text = span_str(text)};
}
static inline bool slow_is_fault(struct slow value) { return value.kind >= SLOW_UNKNOWN; }

static inline struct slow slow_eval(struct slow_run *run, const struct tree *tree);

/* What a strict operation makes of its operands before it looks at them: an error first, else the
 * facts of all that are unknown; any other kind: go on. */
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

static inline int slow_compare(struct slow a, struct slow b) {
    if (a.kind == SLOW_STRING) {
        size_t len = a.text.len < b.text.len ? a.text.len : b.text.len;
        int order = len == 0 ? 0 : memcmp(a.text.ptr, b.text.ptr, len);
        return order != 0 ? order : (a.text.len > b.text.len) - (a.text.len < b.text.len);
    }
    if (a.kind == SLOW_DOUBLE || b.kind == SLOW_DOUBLE) {
        double left = a.kind == SLOW_DOUBLE ? a.d : (double)a.i;
        double right = b.kind == SLOW_DOUBLE ? b.d : (double)b.i;
        return (left > right) - (left < right);
    }
    return (a.i > b.i) - (a.i < b.i);
}

static inline bool slow_equal(struct slow a, struct slow b) {
    if (a.kind != SLOW_INTS && a.kind != SLOW_STRINGS) {
        return slow_compare(a, b) == 0;
    }
    bool equal = a.count == b.count;
    for (uint32_t i = 0; equal && i < a.count; i++) {
        equal = slow_compare(a.items[i], b.items[i]) == 0;
    }
    return equal;
}

static inline struct slow slow_arithmetic(enum slow_op op, struct slow a, struct slow b) {
    if (a.kind == SLOW_DOUBLE) {
        double results[] = {a.d + b.d, a.d - b.d, a.d * b.d, a.d / b.d};
        return (struct slow){.kind = SLOW_DOUBLE, .d = results[op - SLOW_ADD]};
    }
    if ((op == SLOW_DIVIDE || op == SLOW_MODULO) && b.i == 0) {
        return slow_error();
    }
    __extension__ typedef __int128 wide;
    wide left = a.i;
    wide right = b.i;
    wide result = op == SLOW_ADD        ? left + right
                  : op == SLOW_SUBTRACT ? left - right
                  : op == SLOW_MULTIPLY ? left * right
                  : op == SLOW_DIVIDE   ? left / right
                                        : left % right;
    bool overflows = result > INT64_MAX || result < INT64_MIN ||
                     (op == SLOW_MODULO && a.i == INT64_MIN && b.i == -1);
    return overflows ? slow_error() : slow_of(SLOW_INT, (int64_t)result);
}

static inline struct slow slow_join(struct slow_run *run, struct slow a, struct slow b) {
    if (a.kind == SLOW_STRING) {
        uint8_t *joined = arena_alloc(run->arena, a.text.len + b.text.len + 1);
        CHECK(joined != NULL);
        for (size_t i = 0; i < a.text.len + b.text.len; i++) {
            joined[i] = i < a.text.len ? a.text.ptr[i] : b.text.ptr[i - a.text.len];
        }
        return (struct slow){.kind = SLOW_STRING,
                             .text = span_make(joined, a.text.len + b.text.len)};
    }
    struct slow *items = arena_zero(run->arena, (size_t)a.count + b.count + 1, sizeof(*items));
    CHECK(items != NULL);
    for (uint32_t i = 0; i < a.count + b.count; i++) {
        items[i] = i < a.count ? a.items[i] : b.items[i - a.count];
    }
    return (struct slow){.kind = a.kind, .items = items, .count = a.count + b.count};
}

static inline int64_t slow_size(struct slow value) {
    if (value.kind != SLOW_STRING) {
        return value.count;
    }
    int64_t points = 0;
    for (size_t i = 0; i < value.text.len; i++) {
        points += (value.text.ptr[i] & 0xc0) != 0x80; /* not a byte that continues a character */
    }
    return points;
}

static inline bool slow_contains(struct slow text, struct slow part, bool at_start) {
    for (size_t at = 0; at + part.text.len <= text.text.len && (at == 0 || !at_start); at++) {
        bool equal = true;
        for (size_t i = 0; equal && i < part.text.len; i++) {
            equal = text.text.ptr[at + i] == part.text.ptr[i];
        }
        if (equal) {
            return true;
        }
    }
    return false;
}

static inline bool slow_is_in(struct slow value, struct slow list) {
    bool found = false;
    for (uint32_t i = 0; i < list.count; i++) {
        found = found || slow_compare(value, list.items[i]) == 0;
    }
    return found;
}

static inline bool slow_is_unordered(const struct slow *v) {
    return (v[0].kind == SLOW_DOUBLE && isnan(v[0].d)) ||
           (v[1].kind == SLOW_DOUBLE && isnan(v[1].d));
}

static inline struct slow slow_strict(struct slow_run *run, const struct tree *tree,
                                      const struct slow *v) {
    if (tree->op >= SLOW_EQUAL && tree->op <= SLOW_GREATER_EQUAL && slow_is_unordered(v)) {
        return slow_of(SLOW_BOOL, tree->op == SLOW_NOT_EQUAL);
    }
    switch ((int)tree->op) {
    case SLOW_NOT:
        return slow_of(SLOW_BOOL, !v[0].i);
    case SLOW_EQUAL:
        return slow_of(SLOW_BOOL, slow_equal(v[0], v[1]));
    case SLOW_NOT_EQUAL:
        return slow_of(SLOW_BOOL, !slow_equal(v[0], v[1]));
    case SLOW_LESS:
        return slow_of(SLOW_BOOL, slow_compare(v[0], v[1]) < 0);
    case SLOW_LESS_EQUAL:
        return slow_of(SLOW_BOOL, slow_compare(v[0], v[1]) <= 0);
    case SLOW_GREATER:
        return slow_of(SLOW_BOOL, slow_compare(v[0], v[1]) > 0);
    case SLOW_GREATER_EQUAL:
        return slow_of(SLOW_BOOL, slow_compare(v[0], v[1]) >= 0);
    case SLOW_NEGATE:
        return slow_arithmetic(SLOW_SUBTRACT, slow_of(SLOW_INT, 0), v[0]);
    case SLOW_IN:
        return slow_of(SLOW_BOOL, slow_is_in(v[0], v[1]));
    case SLOW_SIZE:
        return slow_of(SLOW_INT, slow_size(v[0]));
    case SLOW_STARTS_WITH:
    case SLOW_CONTAINS:
        return slow_of(SLOW_BOOL, slow_contains(v[0], v[1], tree->op == SLOW_STARTS_WITH));
    case SLOW_DAYS:
        return slow_of(SLOW_INT, v[1].i - v[0].i);
    case SLOW_INDEX:
        return v[1].i < 0 || v[1].i >= v[0].count ? slow_error() : v[0].items[v[1].i];
    case SLOW_LOOKUP:
        return span_is(v[0].text, "a") ? v[1] : span_is(v[0].text, "b") ? v[2] : slow_error();
    default:
        return v[0].kind == SLOW_STRING || v[0].kind == SLOW_INTS || v[0].kind == SLOW_STRINGS
                   ? slow_join(run, v[0], v[1])
                   : slow_arithmetic(tree->op, v[0], v[1]);
    }
}

static inline struct slow slow_list(enum slow_kind kind, const struct slow *items, uint32_t count) {
    struct slow blame = slow_blame(items, count);
    return slow_is_fault(blame) ? blame
                                : (struct slow){.kind = kind, .items = items, .count = count};
}

static inline struct slow slow_macro(struct slow_run *run, const struct tree *tree) {
    struct slow range = slow_eval(run, tree->args[0]);
    if (slow_is_fault(range)) {
        return range;
    }
    struct slow *bodies = arena_zero(run->arena, (size_t)range.count + 1, sizeof(*bodies));
    struct slow *kept = arena_zero(run->arena, (size_t)range.count + 1, sizeof(*kept));
    CHECK(bodies != NULL && kept != NULL);
    uint32_t kept_count = 0;
    for (uint32_t i = 0; i < range.count; i++) {
        run->locals[tree->number] = range.items[i];
        bodies[i] = slow_eval(run, tree->args[1]);
        if (bodies[i].kind == SLOW_BOOL && bodies[i].i != 0) {
            kept[kept_count++] = range.items[i];
        }
    }
    struct slow blame = slow_blame(bodies, range.count);
    switch ((int)tree->op) {
    case SLOW_ALL:
        return slow_logic(bodies, range.count, 0);
    case SLOW_EXISTS:
        return slow_logic(bodies, range.count, 1);
    case SLOW_EXISTS_ONE:
        return slow_is_fault(blame) ? blame : slow_of(SLOW_BOOL, kept_count == 1);
    case SLOW_MAP:
        return slow_list(tree->type, bodies, range.count);
    default:
        return slow_is_fault(blame) ? blame : slow_list(tree->type, kept, kept_count);
    }
}

static inline struct slow slow_eval(struct slow_run *run, const struct tree *tree) {
    if (tree->op >= SLOW_ALL && tree->op <= SLOW_FILTER) {
        return slow_macro(run, tree);
    }
    struct slow *values = arena_zero(run->arena, SLOW_ARGS_MAX, sizeof(*values));
    CHECK(values != NULL);
    for (uint32_t i = 0; i < tree->count && tree->op != SLOW_COND && tree->op != SLOW_BIND; i++) {
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
    case SLOW_COND:
        values[0] = slow_eval(run, tree->args[0]);
        return slow_is_fault(values[0]) ? values[0]
                                        : slow_eval(run, tree->args[values[0].i != 0 ? 1 : 2]);
    case SLOW_BIND:
        run->locals[tree->number] = slow_eval(run, tree->args[0]);
        return slow_eval(run, tree->args[1]);
    case SLOW_LIST:
        return slow_list(tree->type, values, tree->count);
    case SLOW_LEAF:
        return slow_is_fault(blame) ? blame : values[0].items[tree->number];
    default:
        return slow_is_fault(blame) ? blame : slow_strict(run, tree, values);
    }
}

#endif

/* Purpose: random well-typed expressions of the condition language as trees (cel_slow.h), and their
 * source text.  The same generator state gives the same expression on every machine. */
#ifndef CASEMILL_TESTS_UNIT_CEL_INVENT_H
#define CASEMILL_TESTS_UNIT_CEL_INVENT_H

#include "base/uuid.h"
#include "cel_slow.h"

#include <inttypes.h>

enum { INVENT_FACTS = 13, INVENT_PEOPLE = 12 /* the fact number of people */ };
static const char *const fact_names[INVENT_FACTS] = {"a", "b",   "c",     "n",  "m",  "d",     "s",
                                                     "q", "day", "other", "li", "ls", "people"};
static const enum slow_kind fact_kinds[INVENT_FACTS] = {
    SLOW_BOOL,   SLOW_BOOL, SLOW_BOOL, SLOW_INT,  SLOW_INT,     SLOW_DOUBLE, SLOW_STRING,
    SLOW_STRING, SLOW_DATE, SLOW_DATE, SLOW_INTS, SLOW_STRINGS, SLOW_PEOPLE};
static const char *const leaf_names[SLOW_LEAVES] = {"name", "age", "adult"};

struct invent {
    struct rng rng;
    struct arena *arena;
    enum slow_kind locals[SLOW_LOCALS_MAX];
    uint32_t local_count;
};

static uint64_t below(struct invent *invent, uint64_t limit) {
    return rng_below(&invent->rng, limit);
}

static struct tree *tree_new(struct invent *invent, enum slow_op op, enum slow_kind type) {
    struct tree *tree = arena_zero(invent->arena, 1, sizeof(*tree));
    CHECK(tree != NULL);
    tree->op = op;
    tree->type = type;
    return tree;
}

static const struct tree *invent_tree(struct invent *invent, enum slow_kind type, int depth);

static void add(struct invent *invent, struct tree *tree, enum slow_kind type, int depth) {
    tree->args[tree->count++] = invent_tree(invent, type, depth - 1);
}

static const struct tree *two(struct invent *invent, enum slow_op op, enum slow_kind type,
                              enum slow_kind operand, int depth) {
    struct tree *tree = tree_new(invent, op, type);
    add(invent, tree, operand, depth);
    add(invent, tree, operand, depth);
    return tree;
}

static const struct tree *literal(struct invent *invent, enum slow_kind type) {
    static const int64_t ints[] = {0, 1, 2, -1, 7, 17, INT64_MAX, INT64_MIN};
    static const double doubles[] = {0.5, 1.5, 0, -2.25};
    static const char *const texts[] = {"", "a", "b", "ab", "\xc3\xa9"};
    struct tree *tree = tree_new(invent, SLOW_LITERAL, type);
    tree->literal.kind = type;
    tree->literal.i = type == SLOW_BOOL ? (int64_t)below(invent, 2)
                                        : ints[below(invent, below(invent, 8) == 0 ? 8 : 6)];
    tree->literal.d = doubles[below(invent, COUNT_OF(doubles))];
    tree->literal.text = span_str(texts[below(invent, COUNT_OF(texts))]);
    return tree;
}

/* A fact or a local of the type, wherever the dice point first. */
static const struct tree *named(struct invent *invent, enum slow_kind type) {
    uint32_t all = INVENT_FACTS + invent->local_count;
    uint32_t start = (uint32_t)below(invent, all);
    for (uint32_t i = 0; i < all; i++) {
        uint32_t at = (start + i) % all;
        bool is_fact = at < INVENT_FACTS;
        if ((is_fact ? fact_kinds[at] : invent->locals[at - INVENT_FACTS]) == type) {
            struct tree *tree = tree_new(invent, is_fact ? SLOW_FACT : SLOW_LOCAL, type);
            tree->number = is_fact ? at : at - INVENT_FACTS;
            return tree;
        }
    }
    struct tree *person = tree_new(invent, SLOW_INDEX, type); /* of no other type is there none */
    CHECK(type == SLOW_PERSON);
    person->args[person->count++] = named(invent, SLOW_PEOPLE);
    person->args[person->count++] = literal(invent, SLOW_INT);
    return person;
}

static const struct tree *leaf(struct invent *invent, enum slow_kind type) {
    bool has_literal = type <= SLOW_STRING;
    return has_literal && below(invent, 3) == 0 ? literal(invent, type) : named(invent, type);
}

static const struct tree *cond(struct invent *invent, enum slow_kind type, int depth) {
    struct tree *tree = tree_new(invent, SLOW_COND, type);
    add(invent, tree, SLOW_BOOL, depth);
    add(invent, tree, type, depth);
    add(invent, tree, type, depth);
    return tree;
}

/* A macro or a binding: body sees one more local of the kind. */
static const struct tree *scoped(struct invent *invent, struct tree *tree, enum slow_kind local,
                                 enum slow_kind body, int depth) {
    CHECK(invent->local_count < SLOW_LOCALS_MAX);
    tree->number = invent->local_count;
    invent->locals[invent->local_count++] = local;
    add(invent, tree, body, depth);
    invent->local_count--;
    return tree;
}

static const struct tree *bind(struct invent *invent, enum slow_kind type, int depth) {
    static const enum slow_kind kinds[] = {SLOW_BOOL, SLOW_INT, SLOW_STRING, SLOW_PERSON};
    enum slow_kind kind = kinds[below(invent, COUNT_OF(kinds))];
    struct tree *tree = tree_new(invent, SLOW_BIND, type);
    add(invent, tree, kind, depth);
    return scoped(invent, tree, kind, type, depth);
}

static const struct tree *macro(struct invent *invent, enum slow_op op, enum slow_kind type,
                                enum slow_kind body, int depth) {
    static const enum slow_kind ranges[] = {SLOW_INTS, SLOW_STRINGS, SLOW_PEOPLE};
    static const enum slow_kind elements[] = {SLOW_INT, SLOW_STRING, SLOW_PERSON};
    uint64_t which = op == SLOW_FILTER ? (uint64_t)(type - SLOW_INTS) : below(invent, 3);
    struct tree *tree = tree_new(invent, op, type);
    add(invent, tree, ranges[which], depth);
    return scoped(invent, tree, elements[which], body, depth);
}

static const struct tree *leaf_of_person(struct invent *invent, uint32_t number,
                                         enum slow_kind type, int depth) {
    struct tree *tree = tree_new(invent, SLOW_LEAF, type);
    tree->number = number;
    add(invent, tree, SLOW_PERSON, depth);
    return tree;
}

static const struct tree *comparison(struct invent *invent, int depth) {
    static const enum slow_kind equal[] = {SLOW_BOOL, SLOW_INT,  SLOW_DOUBLE, SLOW_STRING,
                                           SLOW_DATE, SLOW_INTS, SLOW_STRINGS};
    if (below(invent, 2) == 0) {
        enum slow_op op = below(invent, 2) == 0 ? SLOW_EQUAL : SLOW_NOT_EQUAL;
        return two(invent, op, SLOW_BOOL, equal[below(invent, COUNT_OF(equal))], depth);
    }
    enum slow_kind left = equal[below(invent, 5)];
    bool mixes = (left == SLOW_INT || left == SLOW_DOUBLE) && below(invent, 4) == 0;
    struct tree *tree =
        tree_new(invent, (enum slow_op)(SLOW_LESS + (int)below(invent, 4)), SLOW_BOOL);
    add(invent, tree, left, depth);
    add(invent, tree, mixes ? (left == SLOW_INT ? SLOW_DOUBLE : SLOW_INT) : left, depth);
    return tree;
}

static const struct tree *chain(struct invent *invent, int depth) {
    struct tree *tree = tree_new(invent, below(invent, 2) == 0 ? SLOW_AND : SLOW_OR, SLOW_BOOL);
    for (uint64_t i = below(invent, SLOW_ARGS_MAX - 1) + 2; i > 0; i--) {
        add(invent, tree, SLOW_BOOL, depth);
    }
    return tree;
}

static const struct tree *boolean(struct invent *invent, int depth) {
    struct tree *tree = NULL;
    switch (below(invent, 14)) {
    case 0:
    case 1:
    case 2:
    case 3:
        return chain(invent, depth);
    case 4:
        tree = tree_new(invent, SLOW_NOT, SLOW_BOOL);
        add(invent, tree, SLOW_BOOL, depth);
        return tree;
    case 5:
        tree = tree_new(invent, SLOW_IN, SLOW_BOOL);
        tree->type = SLOW_BOOL;
        add(invent, tree, below(invent, 2) == 0 ? SLOW_INT : SLOW_STRING, depth);
        add(invent, tree, tree->args[0]->type == SLOW_INT ? SLOW_INTS : SLOW_STRINGS, depth);
        return tree;
    case 6:
        return two(invent, below(invent, 2) == 0 ? SLOW_STARTS_WITH : SLOW_CONTAINS, SLOW_BOOL,
                   SLOW_STRING, depth);
    case 7:
    case 8:
        return macro(invent, (enum slow_op)(SLOW_ALL + (int)below(invent, 3)), SLOW_BOOL, SLOW_BOOL,
                     depth);
    case 9:
        return leaf_of_person(invent, 2, SLOW_BOOL, depth);
    default:
        return comparison(invent, depth);
    }
}

static const struct tree *integer(struct invent *invent, int depth) {
    static const enum slow_kind sized[] = {SLOW_STRING, SLOW_INTS, SLOW_STRINGS, SLOW_PEOPLE};
    struct tree *tree = NULL;
    switch (below(invent, 8)) {
    case 0:
        tree = tree_new(invent, SLOW_NEGATE, SLOW_INT);
        add(invent, tree, SLOW_INT, depth);
        return tree;
    case 1:
        tree = tree_new(invent, SLOW_SIZE, SLOW_INT);
        add(invent, tree, sized[below(invent, COUNT_OF(sized))], depth);
        return tree;
    case 2:
        return two(invent, SLOW_DAYS, SLOW_INT, SLOW_DATE, depth);
    case 3:
        tree = tree_new(invent, SLOW_INDEX, SLOW_INT);
        add(invent, tree, SLOW_INTS, depth);
        add(invent, tree, SLOW_INT, depth);
        return tree;
    case 4:
        tree = tree_new(invent, SLOW_LOOKUP, SLOW_INT);
        add(invent, tree, SLOW_STRING, depth);
        add(invent, tree, SLOW_INT, depth);
        add(invent, tree, SLOW_INT, depth);
        return tree;
    case 5:
        return leaf_of_person(invent, 1, SLOW_INT, depth);
    default:
        return two(invent, (enum slow_op)(SLOW_ADD + (int)below(invent, 5)), SLOW_INT, SLOW_INT,
                   depth);
    }
}

static const struct tree *text(struct invent *invent, int depth) {
    if (below(invent, 3) == 0) {
        return leaf_of_person(invent, 0, SLOW_STRING, depth);
    }
    if (below(invent, 2) == 0) {
        struct tree *tree = tree_new(invent, SLOW_INDEX, SLOW_STRING);
        add(invent, tree, SLOW_STRINGS, depth);
        add(invent, tree, SLOW_INT, depth);
        return tree;
    }
    return two(invent, SLOW_ADD, SLOW_STRING, SLOW_STRING, depth);
}

static const struct tree *list(struct invent *invent, enum slow_kind type, int depth) {
    enum slow_kind element = type == SLOW_INTS ? SLOW_INT : SLOW_STRING;
    struct tree *tree = NULL;
    switch (type == SLOW_PEOPLE ? 3 : below(invent, 4)) {
    case 0:
        return two(invent, SLOW_ADD, type, type, depth);
    case 1:
        tree = tree_new(invent, SLOW_LIST, type);
        for (uint64_t i = below(invent, 3) + 1; i > 0; i--) {
            add(invent, tree, element, depth);
        }
        return tree;
    case 2:
        return macro(invent, SLOW_MAP, type, element, depth);
    default:
        return macro(invent, SLOW_FILTER, type, SLOW_BOOL, depth);
    }
}

static const struct tree *invent_tree(struct invent *invent, enum slow_kind type, int depth) {
    if (depth <= 0 || below(invent, 5) == 0) {
        return leaf(invent, type);
    }
    uint64_t any = below(invent, 10);
    if (any == 0) {
        return cond(invent, type, depth);
    }
    if (any == 1) {
        return bind(invent, type, depth);
    }
    switch ((int)type) {
    case SLOW_BOOL:
        return boolean(invent, depth);
    case SLOW_INT:
        return integer(invent, depth);
    case SLOW_DOUBLE:
        return two(invent, (enum slow_op)(SLOW_ADD + (int)below(invent, 4)), type, type, depth);
    case SLOW_STRING:
        return text(invent, depth);
    case SLOW_INTS:
    case SLOW_STRINGS:
    case SLOW_PEOPLE:
        return list(invent, type, depth);
    default:
        return leaf(invent, type);
    }
}

static void print_literal(const struct slow *value, struct buf *out) {
    if (value->kind == SLOW_BOOL) {
        buf_str(out, value->i != 0 ? "true" : "false");
    } else if (value->kind == SLOW_INT) {
        buf_printf(out, "(%" PRId64 ")", value->i);
    } else if (value->kind == SLOW_DOUBLE) {
        buf_printf(out, "(%.2f)", value->d);
    } else {
        buf_printf(out, "'%.*s'", (int)value->text.len, (const char *)value->text.ptr);
    }
}

/* How an operation is written: @0 @1 @2 its operands, # its local, ~ its leaf; NULL: operands with
 * the sign of `between`. */
static const char *const forms[] = {
    [SLOW_LEAF] = "@0.~",
    [SLOW_NOT] = "!@0",
    [SLOW_COND] = "(@0 ? @1 : @2)",
    [SLOW_EQUAL] = "(@0 == @1)",
    [SLOW_NOT_EQUAL] = "(@0 != @1)",
    [SLOW_LESS] = "(@0 < @1)",
    [SLOW_LESS_EQUAL] = "(@0 <= @1)",
    [SLOW_GREATER] = "(@0 > @1)",
    [SLOW_GREATER_EQUAL] = "(@0 >= @1)",
    [SLOW_ADD] = "(@0 + @1)",
    [SLOW_SUBTRACT] = "(@0 - @1)",
    [SLOW_MULTIPLY] = "(@0 * @1)",
    [SLOW_DIVIDE] = "(@0 / @1)",
    [SLOW_MODULO] = "(@0 % @1)",
    [SLOW_NEGATE] = "(-@0)",
    [SLOW_IN] = "(@0 in @1)",
    [SLOW_SIZE] = "size(@0)",
    [SLOW_STARTS_WITH] = "@0.startsWith(@1)",
    [SLOW_CONTAINS] = "@0.contains(@1)",
    [SLOW_DAYS] = "days(@0, @1)",
    [SLOW_INDEX] = "@0[@1]",
    [SLOW_LOOKUP] = "{'a': @1, 'b': @2}[@0]",
    [SLOW_ALL] = "@0.all(#, @1)",
    [SLOW_EXISTS] = "@0.exists(#, @1)",
    [SLOW_EXISTS_ONE] = "@0.exists_one(#, @1)",
    [SLOW_MAP] = "@0.map(#, @1)",
    [SLOW_FILTER] = "@0.filter(#, @1)",
    [SLOW_BIND] = "cel.bind(#, @0, @1)",
};

static void print_tree(const struct tree *tree, struct buf *out) {
    if (tree->op == SLOW_LITERAL) {
        print_literal(&tree->literal, out);
    } else if (tree->op == SLOW_FACT) {
        buf_str(out, fact_names[tree->number]);
    } else if (tree->op == SLOW_LOCAL) {
        buf_printf(out, "v%" PRIu32, tree->number);
    } else if (tree->op == SLOW_AND || tree->op == SLOW_OR || tree->op == SLOW_LIST) {
        bool is_list = tree->op == SLOW_LIST;
        for (uint32_t i = 0; i < tree->count; i++) {
            buf_str(out, i == 0 ? (is_list ? "[" : "(")
                                : (is_list                ? ", "
                                   : tree->op == SLOW_AND ? " && "
                                                          : " || "));
            print_tree(tree->args[i], out);
        }
        buf_str(out, is_list ? "]" : ")");
    } else {
        for (const char *at = forms[tree->op]; *at != '\0'; at++) {
            if (*at == '@') {
                print_tree(tree->args[*++at - '0'], out);
            } else if (*at == '#') {
                buf_printf(out, "v%" PRIu32, tree->number);
            } else if (*at == '~') {
                buf_str(out, leaf_names[tree->number]);
            } else {
                buf_byte(out, (uint8_t)*at);
            }
        }
    }
}

#endif

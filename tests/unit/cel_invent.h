/* Purpose: random well-typed expressions of the condition language as trees (cel_slow.h).  The same
 * generator state gives the same expression on every machine. */
#ifndef CASEMILL_TESTS_UNIT_CEL_INVENT_H
#define CASEMILL_TESTS_UNIT_CEL_INVENT_H

#include "base/uuid.h"
#include "cel_slow_functions.h"
#include "cel_slow_literals.h"

enum { INVENT_FACTS = 19, INVENT_LEAVES = 3, INVENT_NODES_MAX = 60 };
static const char *const fact_names[INVENT_FACTS] = {
    "a",    "b",   "c",   "n",     "m",  "u",  "d",  "s",    "q",     "y",
    "when", "len", "day", "other", "li", "ls", "mp", "zone", "people"};
static const enum slow_kind fact_kinds[INVENT_FACTS] = {
    SLOW_BOOL,   SLOW_BOOL,    SLOW_BOOL,  SLOW_INT,     SLOW_INT,      SLOW_UINT, SLOW_DOUBLE,
    SLOW_STRING, SLOW_STRING,  SLOW_BYTES, SLOW_INSTANT, SLOW_DURATION, SLOW_DATE, SLOW_DATE,
    SLOW_INTS,   SLOW_STRINGS, SLOW_MAP,   SLOW_ZONE,    SLOW_PEOPLE};
static const char *const leaf_names[INVENT_LEAVES] = {"name", "age", "adult"};
static const enum slow_kind leaf_kinds[INVENT_LEAVES] = {SLOW_STRING, SLOW_INT, SLOW_BOOL};

struct invent {
    struct rng rng;
    struct arena *arena;
    enum slow_kind locals[SLOW_LOCALS_MAX];
    uint32_t local_count;
    uint32_t nodes; /* of the tree so far */
    uint32_t table; /* which functions are looked through */
};

static uint64_t below(struct invent *invent, uint64_t limit) {
    return rng_below(&invent->rng, limit);
}

static struct tree *tree_new(struct invent *invent, enum slow_op op, enum slow_kind type) {
    struct tree *tree = arena_zero(invent->arena, 1, sizeof(*tree));
    CHECK(tree != NULL);
    invent->nodes++;
    tree->op = op;
    tree->type = type;
    return tree;
}

static const struct tree *invent_tree(struct invent *invent, enum slow_kind type, int depth);

static void add(struct invent *invent, struct tree *tree, enum slow_kind type, int depth) {
    tree->args[tree->count++] = invent_tree(invent, type, depth - 1);
}

/* --- leaves ------------------------------------------------------------------------------------
 */

/* One of the places below `all` that fit, each as likely; `all` when none does. */
typedef bool (*fits_fn)(const struct invent *invent, uint32_t place, enum slow_kind type);
static uint32_t choose(struct invent *invent, uint32_t all, fits_fn fits, enum slow_kind type) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < all; i++) {
        count += fits(invent, i, type) ? 1 : 0;
    }
    uint64_t wanted = count == 0 ? 0 : below(invent, count);
    for (uint32_t i = 0; count != 0 && i < all; i++) {
        if (fits(invent, i, type) && wanted-- == 0) {
            return i;
        }
    }
    return all;
}

static bool literal_fits(const struct invent *invent, uint32_t place, enum slow_kind type) {
    (void)invent;
    return slow_literals[place].type == type;
}

static const struct tree *literal(struct invent *invent, enum slow_kind type) {
    uint32_t place = choose(invent, COUNT_OF(slow_literals), literal_fits, type);
    if (place == COUNT_OF(slow_literals)) {
        return NULL;
    }
    struct tree *tree = tree_new(invent, SLOW_LITERAL, type);
    tree->text = slow_literals[place].text;
    tree->literal = slow_literals[place].value;
    return tree;
}

/* Facts, then the locals that are in scope. */
static bool name_fits(const struct invent *invent, uint32_t place, enum slow_kind type) {
    return type ==
           (place < INVENT_FACTS ? fact_kinds[place] : invent->locals[place - INVENT_FACTS]);
}

static const struct tree *named(struct invent *invent, enum slow_kind type) {
    uint32_t all = INVENT_FACTS + invent->local_count;
    uint32_t place = choose(invent, all, name_fits, type);
    if (place == all) {
        return NULL;
    }
    bool is_fact = place < INVENT_FACTS;
    struct tree *tree = tree_new(invent, is_fact ? SLOW_FACT : SLOW_LOCAL, type);
    tree->number = is_fact ? place : place - INVENT_FACTS;
    tree->text = is_fact ? fact_names[place] : NULL;
    return tree;
}

/* people[0], where no person is at hand. */
static const struct tree *someone(struct invent *invent) {
    struct tree *person = tree_new(invent, SLOW_CALL, SLOW_PERSON);
    while (slow_function_at(person->number)->result != SLOW_PERSON) {
        person->number++;
    }
    person->function = slow_function_at(person->number);
    CHECK(person->function->args[0] == SLOW_PEOPLE);
    person->args[person->count++] = named(invent, SLOW_PEOPLE);
    person->args[person->count++] = literal(invent, SLOW_INT);
    return person;
}

static const struct tree *leaf(struct invent *invent, enum slow_kind type) {
    const struct tree *found = below(invent, 3) == 0 ? literal(invent, type) : named(invent, type);
    found = found == NULL ? named(invent, type) : found;
    found = found == NULL ? literal(invent, type) : found;
    CHECK(found != NULL || type == SLOW_PERSON);
    return found == NULL ? someone(invent) : found;
}

/* --- what has a form of its own ----------------------------------------------------------------
 */

static const struct tree *cond(struct invent *invent, enum slow_kind type, int depth) {
    struct tree *tree = tree_new(invent, SLOW_COND, type);
    add(invent, tree, SLOW_BOOL, depth);
    add(invent, tree, type, depth);
    add(invent, tree, type, depth);
    return tree;
}

/* Declares the variables of a macro or binding, which its next operands see. */
static void declare(struct invent *invent, struct tree *tree, enum slow_kind first,
                    enum slow_kind second, uint32_t variables) {
    CHECK(invent->local_count + 2 <= SLOW_LOCALS_MAX);
    tree->number = invent->local_count;
    tree->variables = variables;
    invent->locals[invent->local_count++] = first;
    invent->locals[invent->local_count] = second;
    invent->local_count += variables - 1;
}

static const struct tree *bind(struct invent *invent, enum slow_kind type, int depth) {
    static const enum slow_kind kinds[] = {SLOW_BOOL,    SLOW_INT,     SLOW_UINT, SLOW_STRING,
                                           SLOW_PERSON,  SLOW_INSTANT, SLOW_DATE, SLOW_DURATION,
                                           SLOW_OPT_INT, SLOW_INTS,    SLOW_MAP};
    enum slow_kind kind = kinds[below(invent, COUNT_OF(kinds))];
    struct tree *tree = tree_new(invent, SLOW_BIND, type);
    add(invent, tree, kind, depth);
    declare(invent, tree, kind, kind, 1);
    add(invent, tree, type, depth);
    invent->local_count--;
    return tree;
}

static enum slow_kind element_of(enum slow_kind range) {
    return range == SLOW_INTS ? SLOW_INT : range == SLOW_PEOPLE ? SLOW_PERSON : SLOW_STRING;
}

/* A macro over a range of the kind, with one variable or two; a filter where it may have one. */
static const struct tree *macro(struct invent *invent, enum slow_op op, enum slow_kind type,
                                enum slow_kind range, int depth) {
    bool two = op == SLOW_TRANSFORM_MAP || (op != SLOW_FILTER && below(invent, 2) == 0);
    bool is_map = range == SLOW_MAP;
    enum slow_kind first = two && !is_map ? SLOW_INT : element_of(range);
    struct tree *tree = tree_new(invent, op, type);
    add(invent, tree, range, depth);
    declare(invent, tree, first, is_map ? SLOW_INT : element_of(range), two ? 2 : 1);
    enum slow_kind body = op <= SLOW_FILTER          ? SLOW_BOOL
                          : op == SLOW_TRANSFORM_MAP ? SLOW_INT
                                                     : element_of(type);
    add(invent, tree, body, depth);
    if (op > SLOW_FILTER && below(invent, 2) == 0) {
        add(invent, tree, SLOW_BOOL, depth);
    }
    invent->local_count -= tree->variables;
    return tree;
}

static const struct tree *quantifier(struct invent *invent, int depth) {
    static const enum slow_kind ranges[] = {SLOW_INTS, SLOW_STRINGS, SLOW_PEOPLE, SLOW_MAP};
    enum slow_op op = (enum slow_op)(SLOW_ALL + (int)below(invent, 3));
    return macro(invent, op, SLOW_BOOL, ranges[below(invent, COUNT_OF(ranges))], depth);
}

static const struct tree *many(struct invent *invent, enum slow_kind type, int depth) {
    static const enum slow_kind ranges[] = {SLOW_INTS, SLOW_STRINGS, SLOW_PEOPLE, SLOW_MAP};
    if (type == SLOW_MAP) {
        return macro(invent, SLOW_TRANSFORM_MAP, type, SLOW_MAP, depth);
    }
    if (type == SLOW_PEOPLE || below(invent, 2) == 0) {
        bool keys = type == SLOW_STRINGS && below(invent, 3) == 0;
        return macro(invent, SLOW_FILTER, type, keys ? SLOW_MAP : type, depth);
    }
    return macro(invent, SLOW_TRANSFORM_LIST, type, ranges[below(invent, COUNT_OF(ranges))], depth);
}

static enum slow_kind held_in(enum slow_kind optional) {
    return optional == SLOW_OPT_INT      ? SLOW_INT
           : optional == SLOW_OPT_STRING ? SLOW_STRING
                                         : SLOW_PERSON;
}

static enum slow_kind optional_kind(struct invent *invent) {
    return (enum slow_kind)(SLOW_OPT_INT + (int)below(invent, 3));
}

static const struct tree *optional(struct invent *invent, enum slow_kind type, int depth) {
    uint64_t which = below(invent, 3);
    enum slow_op op = which == 0 ? SLOW_OPT_OR : which == 1 ? SLOW_OPT_MAP : SLOW_OPT_FLAT_MAP;
    struct tree *tree = tree_new(invent, op, type);
    enum slow_kind from = op == SLOW_OPT_OR ? type : optional_kind(invent);
    add(invent, tree, from, depth);
    if (op == SLOW_OPT_OR) {
        add(invent, tree, type, depth);
        return tree;
    }
    declare(invent, tree, held_in(from), held_in(from), 1);
    add(invent, tree, op == SLOW_OPT_MAP ? held_in(type) : type, depth);
    invent->local_count--;
    return tree;
}

static const struct tree *or_value(struct invent *invent, enum slow_kind type, int depth) {
    struct tree *tree = tree_new(invent, SLOW_OPT_OR_VALUE, type);
    add(invent, tree,
        type == SLOW_INT      ? SLOW_OPT_INT
        : type == SLOW_STRING ? SLOW_OPT_STRING
                              : SLOW_OPT_PERSON,
        depth);
    add(invent, tree, type, depth);
    return tree;
}

static const struct tree *chain(struct invent *invent, int depth) {
    struct tree *tree = tree_new(invent, below(invent, 2) == 0 ? SLOW_AND : SLOW_OR, SLOW_BOOL);
    for (uint64_t i = below(invent, SLOW_ARGS_MAX - 1) + 2; i > 0; i--) {
        add(invent, tree, SLOW_BOOL, depth);
    }
    return tree;
}

/* --- functions ---------------------------------------------------------------------------------
 */

static bool function_fits(const struct invent *invent, uint32_t place, enum slow_kind type) {
    return slow_function_at(place)->result == type && slow_table_of(place) == invent->table;
}

/* The place of a function with the result, of a subject that the dice choose; SLOW_FUNCTIONS when
 * there is none of any. */
static uint32_t function_of(struct invent *invent, enum slow_kind type) {
    uint32_t place = SLOW_FUNCTIONS;
    uint32_t first = (uint32_t)below(invent, COUNT_OF(slow_tables));
    for (uint32_t i = 0; i < COUNT_OF(slow_tables) && place == SLOW_FUNCTIONS; i++) {
        invent->table = (first + i) % COUNT_OF(slow_tables);
        place = choose(invent, SLOW_FUNCTIONS, function_fits, type);
    }
    return place;
}

static const struct tree *call(struct invent *invent, enum slow_kind type, int depth) {
    uint32_t place = function_of(invent, type);
    if (place == SLOW_FUNCTIONS) {
        return leaf(invent, type);
    }
    struct tree *tree = tree_new(invent, SLOW_CALL, type);
    tree->number = place;
    tree->function = slow_function_at(place);
    for (uint32_t i = 0; i < tree->function->count; i++) {
        add(invent, tree, tree->function->args[i], depth);
    }
    return tree;
}

/* What a type has beside functions, conditions and bindings; NULL when it has nothing. */
static const struct tree *special(struct invent *invent, enum slow_kind type, int depth) {
    switch ((int)type) {
    case SLOW_BOOL:
        return below(invent, 3) == 0 ? quantifier(invent, depth) : chain(invent, depth);
    case SLOW_INTS:
    case SLOW_STRINGS:
    case SLOW_PEOPLE:
    case SLOW_MAP:
        return many(invent, type, depth);
    case SLOW_OPT_INT:
    case SLOW_OPT_STRING:
    case SLOW_OPT_PERSON:
        return optional(invent, type, depth);
    case SLOW_INT:
    case SLOW_STRING:
    case SLOW_PERSON:
        return below(invent, 4) == 0 ? or_value(invent, type, depth) : NULL;
    default:
        return NULL;
    }
}

static const struct tree *invent_tree(struct invent *invent, enum slow_kind type, int depth) {
    if (depth <= 0 || invent->nodes > INVENT_NODES_MAX || type == SLOW_ZONE ||
        below(invent, 6) == 0) {
        return leaf(invent, type);
    }
    uint64_t any = below(invent, 20);
    if (any < 2) {
        return any == 0 ? cond(invent, type, depth) : bind(invent, type, depth);
    }
    const struct tree *tree = any < 11 ? special(invent, type, depth) : NULL;
    return tree == NULL ? call(invent, type, depth) : tree;
}

#endif

/* Purpose: a tree of the slow evaluator as source text of the condition language. */
#ifndef CASEMILL_TESTS_UNIT_CEL_PRINT_TREE_H
#define CASEMILL_TESTS_UNIT_CEL_PRINT_TREE_H

#include "cel_slow.h"

#include <inttypes.h>

static inline void print_tree(const struct tree *tree, struct buf *out);

/* A strict function in its given form: @0 is its first argument. */
static inline void print_form(const struct tree *tree, struct buf *out) {
    for (const char *at = tree->function->form; *at != '\0'; at++) {
        if (*at == '@') {
            print_tree(tree->args[*++at - '0'], out);
        } else {
            buf_byte(out, (uint8_t)*at);
        }
    }
}

static inline void print_chain(const struct tree *tree, struct buf *out) {
    for (uint32_t i = 0; i < tree->count; i++) {
        buf_str(out, i == 0 ? "(" : tree->op == SLOW_AND ? " && " : " || ");
        print_tree(tree->args[i], out);
    }
    buf_byte(out, ')');
}

static inline const char *macro_name(const struct tree *tree) {
    bool two = tree->variables == 2;
    switch ((int)tree->op) {
    case SLOW_OPT_MAP:
        return "optMap";
    case SLOW_OPT_FLAT_MAP:
        return "optFlatMap";
    case SLOW_ALL:
        return "all";
    case SLOW_EXISTS:
        return "exists";
    case SLOW_EXISTS_ONE:
        return two ? "existsOne" : "exists_one";
    case SLOW_FILTER:
        return "filter";
    case SLOW_TRANSFORM_LIST:
        return two ? "transformList" : "map";
    default:
        return "transformMap";
    }
}

static inline void print_macro(const struct tree *tree, struct buf *out) {
    print_tree(tree->args[0], out);
    buf_printf(out, ".%s(v%" PRIu32, macro_name(tree), tree->number);
    if (tree->variables == 2) {
        buf_printf(out, ", v%" PRIu32, tree->number + 1);
    }
    if (tree->args[2] != NULL) {
        buf_str(out, ", ");
        print_tree(tree->args[2], out);
    }
    buf_str(out, ", ");
    print_tree(tree->args[1], out);
    buf_byte(out, ')');
}

static inline void print_pair(const char *before, const struct tree *tree, const char *between,
                              struct buf *out) {
    buf_str(out, before);
    print_tree(tree->args[0], out);
    buf_str(out, between);
    print_tree(tree->args[1], out);
}

static inline void print_tree(const struct tree *tree, struct buf *out) {
    switch (tree->op) {
    case SLOW_LITERAL:
    case SLOW_FACT:
        buf_str(out, tree->text);
        break;
    case SLOW_LOCAL:
        buf_printf(out, "v%" PRIu32, tree->number);
        break;
    case SLOW_CALL:
        print_form(tree, out);
        break;
    case SLOW_AND:
    case SLOW_OR:
        print_chain(tree, out);
        break;
    case SLOW_COND:
        print_pair("(", tree, " ? ", out);
        buf_str(out, " : ");
        print_tree(tree->args[2], out);
        buf_byte(out, ')');
        break;
    case SLOW_OPT_OR:
    case SLOW_OPT_OR_VALUE:
        print_pair("", tree, tree->op == SLOW_OPT_OR ? ".or(" : ".orValue(", out);
        buf_byte(out, ')');
        break;
    case SLOW_BIND:
        buf_printf(out, "cel.bind(v%" PRIu32 ", ", tree->number);
        print_pair("", tree, ", ", out);
        buf_byte(out, ')');
        break;
    case SLOW_OPT_MAP:
    case SLOW_OPT_FLAT_MAP:
    case SLOW_ALL:
    case SLOW_EXISTS:
    case SLOW_EXISTS_ONE:
    case SLOW_FILTER:
    case SLOW_TRANSFORM_LIST:
    case SLOW_TRANSFORM_MAP:
        print_macro(tree, out);
        break;
    }
}

#endif

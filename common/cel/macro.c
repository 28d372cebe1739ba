/* Macros are expanded while parsing, only by the form of a call, as the language defines. Another
 * form (other number of arguments) stays a call, which the checker refuses by name; a loop variable
 * that is no simple name fails here. */
#include "cel/ast.h"

struct macro_row {
    const char *name;
    uint32_t arguments; /* without the receiver */
    uint32_t variables;
    enum fold fold;
    bool filter;    /* one more argument, a filter, is before the body */
    bool is_filter; /* the body is the filter and the element the result */
};

static const struct macro_row macros[] = {
    {"all", 2, 1, FOLD_ALL, false, false},
    {"all", 3, 2, FOLD_ALL, false, false},
    {"exists", 2, 1, FOLD_EXISTS, false, false},
    {"exists", 3, 2, FOLD_EXISTS, false, false},
    {"exists_one", 2, 1, FOLD_EXISTS_ONE, false, false},
    {"exists_one", 3, 2, FOLD_EXISTS_ONE, false, false},
    {"existsOne", 2, 1, FOLD_EXISTS_ONE, false, false},
    {"existsOne", 3, 2, FOLD_EXISTS_ONE, false, false},
    {"map", 2, 1, FOLD_LIST, false, false},
    {"map", 3, 1, FOLD_LIST, true, false},
    {"filter", 2, 1, FOLD_LIST, false, true},
    {"transformList", 3, 2, FOLD_LIST, false, false},
    {"transformList", 4, 2, FOLD_LIST, true, false},
    {"transformMap", 3, 2, FOLD_MAP, false, false},
    {"transformMap", 4, 2, FOLD_MAP, true, false},
    {"optMap", 2, 1, FOLD_OPT_MAP, false, false},
    {"optFlatMap", 2, 1, FOLD_OPT_FLAT_MAP, false, false},
};

static bool variable(struct parse *parse, const struct ast *ast, struct span *name) {
    if (ast->kind != AST_NAME || ast->rooted) {
        (void)parse_fail(parse, ERR_INVALID, ast->offset, ast->width,
                         "a simple name is needed for the loop variable");
        return false;
    }
    *name = ast->name;
    return true;
}

static struct ast *fold_new(struct parse *parse, const struct ast *call, enum fold fold,
                            struct ast *target) {
    struct ast *ast = ast_new(parse, AST_FOLD, call->offset, call->width);
    ast->fold = fold;
    ast->name = call->name;
    ast->target = target;
    ast->count = 2;
    ast->args = arena_zero(parse->arena, 2, sizeof(struct ast *));
    CHECK(ast->args != NULL);
    return ast;
}

static struct ast *expand(struct parse *parse, const struct ast *call,
                          const struct macro_row *row) {
    struct ast *ast = fold_new(parse, call, row->fold, call->args[0]);
    if (!variable(parse, call->args[1], &ast->var) ||
        (row->variables == 2 && !variable(parse, call->args[2], &ast->var2))) {
        return NULL;
    }
    if (row->variables == 2 && span_eq(ast->var, ast->var2)) {
        return parse_fail(parse, ERR_INVALID, call->args[2]->offset, call->args[2]->width,
                          "the two variables need two names");
    }
    struct ast *last = call->args[call->count - 1];
    if (row->is_filter) {
        ast->args[0] = last;
        ast->args[1] = ast_new(parse, AST_NAME, call->args[1]->offset, call->args[1]->width);
        ast->args[1]->name = ast->var;
    } else {
        ast->args[0] = row->filter ? call->args[call->count - 2] : NULL;
        ast->args[1] = last;
    }
    ast_measure(parse, ast);
    return parse->err == ERR_OK ? ast : NULL;
}

static struct ast *expand_has(struct parse *parse, const struct ast *call) {
    const struct ast *field = call->args[0];
    if (field->kind != AST_SELECT || field->optional) {
        return parse_fail(parse, ERR_INVALID, field->offset, field->width,
                          "has() takes a field, as in has(a.b)");
    }
    struct ast *ast = ast_new(parse, AST_HAS, call->offset, call->width);
    ast->target = field->target;
    ast->name = field->name;
    ast_measure(parse, ast);
    return parse->err == ERR_OK ? ast : NULL;
}

static struct ast *expand_bind(struct parse *parse, const struct ast *call) {
    struct ast *ast = fold_new(parse, call, FOLD_BIND, call->args[2]);
    if (!variable(parse, call->args[1], &ast->var)) {
        return NULL;
    }
    ast->args[1] = call->args[3];
    ast_measure(parse, ast);
    return parse->err == ERR_OK ? ast : NULL;
}

struct ast *macro_expand(struct parse *parse, struct ast *call) {
    if (!call->member) {
        bool is_has = span_is(call->name, "has") && call->count == 1 && !call->rooted;
        return is_has ? expand_has(parse, call) : call;
    }
    const struct ast *receiver = call->args[0];
    if (span_is(call->name, "bind") && call->count == 4 && receiver->kind == AST_NAME &&
        span_is(receiver->name, "cel")) {
        return expand_bind(parse, call);
    }
    for (size_t i = 0; i < COUNT_OF(macros); i++) {
        if (call->count == macros[i].arguments + 1 && span_is(call->name, macros[i].name)) {
            return expand(parse, call, &macros[i]);
        }
    }
    return call;
}

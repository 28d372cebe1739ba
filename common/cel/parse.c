/* Tokens -> syntax tree, by precedence climbing.  Recursion has two limits: the nesting of
 * brackets, conditionals and prefix operators while parsing, and the height of the tree.  Long
 * chains of one operator also raise the height, and every later stage recurses over it. */
#include "cel/ast.h"
#include "cel/lex.h"

#include <stdio.h>

enum { ITEMS_MAX = 4096 };

struct parser {
    struct parse *parse;
    struct lexer lexer;
    struct token token; /* the current one */
    uint32_t last_end;  /* the end of the previous token */
};

static struct ast *expression(struct parser *parser);

static bool advance(struct parser *parser) {
    parser->last_end = parser->token.offset + parser->token.width;
    return lex_next(&parser->lexer, &parser->token);
}

static bool at_mark(const struct parser *parser, const char *mark) {
    return parser->token.kind == TOKEN_MARK && strcmp(parser->token.mark, mark) == 0;
}

static bool skip_mark(struct parser *parser, const char *mark) {
    return at_mark(parser, mark) && advance(parser);
}

static struct ast *expected(struct parser *parser, const char *what) {
    if (parser->parse->err != ERR_OK) {
        return NULL;
    }
    const struct token *token = &parser->token;
    if (token->kind == TOKEN_END) {
        return parse_fail(parser->parse, ERR_INVALID, token->offset, 1,
                          "expected %s, found the end of the expression", what);
    }
    struct span found = span_make(parser->parse->source.ptr + token->offset, token->width);
    found.len = found.len > 40 ? 40 : found.len;
    return parse_fail(parser->parse, ERR_INVALID, token->offset, token->width,
                      "expected %s, found `%.*s`", what, SPAN_ARG(found));
}

static bool need_mark(struct parser *parser, const char *mark) {
    if (!at_mark(parser, mark)) {
        char what[8];
        (void)snprintf(what, sizeof(what), "`%s`", mark);
        return expected(parser, what) != NULL;
    }
    return advance(parser);
}

static struct ast *finish(struct parser *parser, struct ast *ast, uint32_t start) {
    ast->offset = start;
    ast->width = parser->last_end - start;
    ast_measure(parser->parse, ast);
    return parser->parse->err == ERR_OK ? ast : NULL;
}

static struct ast *call(struct parser *parser, const char *name, uint32_t count) {
    struct ast *ast = ast_new(parser->parse, AST_CALL, 0, 0);
    ast->name = span_str(name);
    ast->count = count;
    ast->args = ast_take(parser->parse, count, sizeof(struct ast *));
    return ast;
}

/* A list of items up to a closing mark; it grows in the arena by doubling. */
struct items {
    struct ast **items;
    bool *flags;
    uint32_t count;
    uint32_t cap;
};

static bool items_add(struct parser *parser, struct items *list, struct ast *item, bool flag) {
    if (item == NULL) {
        return false;
    }
    if (list->count == ITEMS_MAX) {
        return parse_fail(parser->parse, ERR_TOO_LARGE, item->offset, item->width,
                          "more than %d elements", ITEMS_MAX) != NULL;
    }
    if (list->count == list->cap) {
        uint32_t cap = list->cap == 0 ? 4 : list->cap * 2;
        struct ast **grown = ast_take(parser->parse, cap, sizeof(struct ast *));
        bool *flags = ast_take(parser->parse, cap, sizeof(bool));
        if (list->count != 0) {
            memcpy(grown, list->items, list->count * sizeof(struct ast *));
            memcpy(flags, list->flags, list->count * sizeof(bool));
        }
        list->items = grown;
        list->flags = flags;
        list->cap = cap;
    }
    list->flags[list->count] = flag;
    list->items[list->count++] = item;
    return true;
}

static void items_give(struct ast *ast, const struct items *list) {
    ast->args = list->items;
    ast->flags = list->flags;
    ast->count = list->count;
}

/* Arguments after an opening parenthesis. */
static bool arguments(struct parser *parser, struct items *list) {
    while (!at_mark(parser, ")")) {
        if (!items_add(parser, list, expression(parser), false)) {
            return false;
        }
        if (!skip_mark(parser, ",")) {
            break;
        }
        if (at_mark(parser, ")")) {
            return expected(parser, "an argument") != NULL;
        }
    }
    return need_mark(parser, ")");
}

/* A list or a map after its opening mark. */
static struct ast *literal(struct parser *parser, enum ast_kind kind, uint32_t start) {
    struct ast *ast = ast_new(parser->parse, kind, start, 1);
    const char *end = kind == AST_MAP ? "}" : "]";
    struct items list = {0};
    while (!at_mark(parser, end)) {
        bool spread = skip_mark(parser, "?");
        ast->spread |= spread;
        if (!items_add(parser, &list, expression(parser), spread)) {
            return NULL;
        }
        if (kind == AST_MAP &&
            (!need_mark(parser, ":") || !items_add(parser, &list, expression(parser), spread))) {
            return NULL;
        }
        if (!skip_mark(parser, ",")) {
            break;
        }
    }
    if (!need_mark(parser, end)) {
        return NULL;
    }
    items_give(ast, &list);
    return finish(parser, ast, start);
}

bool parse_is_reserved(struct span name) {
    static const char *const words[] = {
        "as",  "break", "const",   "continue",  "else",   "for", "function", "if",    "import",
        "let", "loop",  "package", "namespace", "return", "var", "void",     "while", "in"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_is(name, words[i])) {
            return true;
        }
    }
    return false;
}

static struct ast *name_or_call(struct parser *parser, uint32_t start, bool rooted) {
    struct token name = parser->token;
    if (name.kind != TOKEN_NAME) {
        return expected(parser, "a name");
    }
    if (parse_is_reserved(name.name)) {
        return expected(parser, "a value");
    }
    struct ast *ast = ast_new(parser->parse, AST_NAME, start, name.width);
    ast->name = name.name;
    ast->rooted = rooted;
    static const char *const constants[] = {"false", "true", "null"};
    for (int i = 0; i < 3 && !rooted; i++) {
        if (span_is(name.name, constants[i])) {
            ast->kind = AST_CONST;
            ast->value = i == 2 ? value_null() : value_bool(i == 1);
        }
    }
    if (!advance(parser)) {
        return NULL;
    }
    if (ast->kind == AST_NAME && skip_mark(parser, "(")) {
        struct items list = {0};
        if (!arguments(parser, &list)) {
            return NULL;
        }
        ast->kind = AST_CALL;
        items_give(ast, &list);
        ast = finish(parser, ast, start);
        return ast == NULL ? NULL : macro_expand(parser->parse, ast);
    }
    return parser->parse->err == ERR_OK ? finish(parser, ast, start) : NULL;
}

static struct ast *primary(struct parser *parser) {
    uint32_t start = parser->token.offset;
    if (parser->token.kind == TOKEN_LITERAL) {
        struct ast *ast = ast_new(parser->parse, AST_CONST, start, parser->token.width);
        ast->value = parser->token.value;
        return advance(parser) ? ast : NULL;
    }
    if (parser->token.kind == TOKEN_MAGNITUDE) {
        return parse_fail(parser->parse, ERR_INVALID, start, parser->token.width,
                          "the integer does not fit 64 bits");
    }
    if (parser->token.kind == TOKEN_NAME) {
        return name_or_call(parser, start, false);
    }
    if (skip_mark(parser, "(")) {
        struct ast *ast = expression(parser);
        return ast != NULL && need_mark(parser, ")") ? ast : NULL;
    }
    if (skip_mark(parser, "[")) {
        return literal(parser, AST_LIST, start);
    }
    if (skip_mark(parser, "{")) {
        return literal(parser, AST_MAP, start);
    }
    if (skip_mark(parser, ".")) {
        return name_or_call(parser, start, true);
    }
    return expected(parser, "a value");
}

/* The part after a dot: a field, an optional field, or a call on the receiver. */
static struct ast *member(struct parser *parser, struct ast *target, uint32_t start) {
    bool optional = skip_mark(parser, "?");
    struct token name = parser->token;
    if (parser->parse->err != ERR_OK || (name.kind != TOKEN_NAME && name.kind != TOKEN_QUOTED)) {
        return expected(parser, "a field name");
    }
    if (!advance(parser)) {
        return NULL;
    }
    if (name.kind == TOKEN_NAME && !optional && skip_mark(parser, "(")) {
        struct ast *ast = ast_new(parser->parse, AST_CALL, start, 0);
        struct items list = {0};
        if (!items_add(parser, &list, target, false) || !arguments(parser, &list)) {
            return NULL;
        }
        ast->name = name.name;
        ast->member = true;
        items_give(ast, &list);
        ast = finish(parser, ast, start);
        return ast == NULL ? NULL : macro_expand(parser->parse, ast);
    }
    struct ast *ast = ast_new(parser->parse, AST_SELECT, start, 0);
    ast->target = target;
    ast->name = name.name;
    ast->optional = optional;
    return parser->parse->err == ERR_OK ? finish(parser, ast, start) : NULL;
}

static struct ast *postfix(struct parser *parser) {
    uint32_t start = parser->token.offset;
    struct ast *ast = primary(parser);
    while (ast != NULL && parser->parse->err == ERR_OK) {
        if (skip_mark(parser, ".")) {
            ast = member(parser, ast, start);
        } else if (skip_mark(parser, "[")) {
            struct ast *index = ast_new(parser->parse, AST_INDEX, start, 0);
            struct items list = {0};
            index->optional = skip_mark(parser, "?");
            if (!items_add(parser, &list, expression(parser), false) || !need_mark(parser, "]")) {
                return NULL;
            }
            index->target = ast;
            items_give(index, &list);
            ast = finish(parser, index, start);
        } else {
            break;
        }
    }
    return parser->parse->err == ERR_OK ? ast : NULL;
}

/* A minus in front of a number literal is part of it, so that INT64_MIN can be written. */
static struct ast *negative_literal(struct parser *parser, uint32_t start) {
    struct token *token = &parser->token;
    if (token->kind == TOKEN_MAGNITUDE) {
        if (token->value.u != (uint64_t)INT64_MAX + 1) {
            return parse_fail(parser->parse, ERR_INVALID, start, token->width + 1,
                              "the integer does not fit 64 bits");
        }
        token->value = value_int(INT64_MIN);
    } else if (token->value.kind == VAL_INT) {
        token->value.i = -token->value.i;
    } else {
        token->value.d = -token->value.d;
    }
    token->kind = TOKEN_LITERAL;
    token->width += token->offset - start;
    token->offset = start;
    return postfix(parser);
}

static bool enter(struct parser *parser) {
    if (parser->parse->depth == CEL_NESTING_MAX) {
        return parse_fail(parser->parse, ERR_TOO_DEEP, parser->token.offset, 1,
                          "more than %d levels of nesting", CEL_NESTING_MAX) != NULL;
    }
    parser->parse->depth++;
    return true;
}

static struct ast *unary(struct parser *parser) {
    uint32_t start = parser->token.offset;
    bool minus = at_mark(parser, "-");
    if (!minus && !at_mark(parser, "!")) {
        return postfix(parser);
    }
    if (!enter(parser) || !advance(parser)) {
        return NULL;
    }
    const struct token *token = &parser->token;
    bool literal = token->kind == TOKEN_MAGNITUDE ||
                   (token->kind == TOKEN_LITERAL &&
                    (token->value.kind == VAL_INT || token->value.kind == VAL_DOUBLE));
    if (minus && literal) {
        parser->parse->depth--;
        return negative_literal(parser, start);
    }
    struct ast *operand = unary(parser);
    parser->parse->depth--;
    if (operand == NULL) {
        return NULL;
    }
    struct ast *ast = call(parser, minus ? "-_" : "!_", 1);
    ast->args[0] = operand;
    return finish(parser, ast, start);
}

struct operator_row {
    const char *mark;
    const char *name;
    int level;
};

static const struct operator_row operators[] = {
    {"<", "_<_", 1},   {"<=", "_<=_", 1}, {">", "_>_", 1}, {">=", "_>=_", 1},
    {"==", "_==_", 1}, {"!=", "_!=_", 1}, {"+", "_+_", 2}, {"-", "_-_", 2},
    {"*", "_*_", 3},   {"/", "_/_", 3},   {"%", "_%_", 3},
};
static const struct operator_row operator_in = {"in", "@in", 1};

static const struct operator_row *operator_at(const struct parser *parser) {
    if (parser->token.kind == TOKEN_NAME && span_is(parser->token.name, "in")) {
        return &operator_in;
    }
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (at_mark(parser, operators[i].mark)) {
            return &operators[i];
        }
    }
    return NULL;
}

static struct ast *binary(struct parser *parser, int level) {
    uint32_t start = parser->token.offset;
    struct ast *left = unary(parser);
    for (;;) {
        const struct operator_row *row = left == NULL ? NULL : operator_at(parser);
        if (row == NULL || row->level < level) {
            return left;
        }
        if (!advance(parser)) {
            return NULL;
        }
        struct ast *right = binary(parser, row->level + 1);
        if (right == NULL) {
            return NULL;
        }
        struct ast *ast = call(parser, row->name, 2);
        ast->args[0] = left;
        ast->args[1] = right;
        left = finish(parser, ast, start);
    }
}

/* A chain of && or || is one node with many operands. */
static struct ast *chain(struct parser *parser, bool is_or) {
    uint32_t start = parser->token.offset;
    const char *mark = is_or ? "||" : "&&";
    struct items list = {0};
    do {
        struct ast *item = is_or ? chain(parser, false) : binary(parser, 1);
        if (!items_add(parser, &list, item, false)) {
            return NULL;
        }
    } while (skip_mark(parser, mark));
    if (parser->parse->err != ERR_OK) {
        return NULL;
    }
    if (list.count == 1) {
        return list.items[0];
    }
    struct ast *ast = ast_new(parser->parse, is_or ? AST_OR : AST_AND, start, 0);
    items_give(ast, &list);
    return finish(parser, ast, start);
}

static struct ast *conditional(struct parser *parser) {
    uint32_t start = parser->token.offset;
    struct ast *condition = chain(parser, true);
    if (condition == NULL || !at_mark(parser, "?")) {
        return condition;
    }
    if (!advance(parser)) {
        return NULL;
    }
    struct ast *then = chain(parser, true);
    if (then == NULL || !need_mark(parser, ":")) {
        return NULL;
    }
    struct ast *other = expression(parser);
    if (other == NULL) {
        return NULL;
    }
    struct ast *ast = ast_new(parser->parse, AST_COND, start, 0);
    ast->count = 3;
    ast->args = ast_take(parser->parse, 3, sizeof(struct ast *));
    ast->args[0] = condition;
    ast->args[1] = then;
    ast->args[2] = other;
    return finish(parser, ast, start);
}

static struct ast *expression(struct parser *parser) {
    if (!enter(parser)) {
        return NULL;
    }
    struct ast *ast = conditional(parser);
    parser->parse->depth--;
    return ast;
}

enum err parse_source(struct parse *parse, struct ast **ast) {
    if (parse->source.len > CEL_SOURCE_BYTES_MAX) {
        (void)parse_fail(parse, ERR_TOO_LARGE, 0, 1, "an expression has at most %d bytes",
                         CEL_SOURCE_BYTES_MAX);
        return parse->err;
    }
    struct parser parser = {.parse = parse, .lexer = {.parse = parse}};
    struct ast *whole = NULL;
    if (lex_next(&parser.lexer, &parser.token)) {
        whole = expression(&parser);
    }
    if (whole != NULL && parser.token.kind != TOKEN_END) {
        (void)expected(&parser, "an operator or the end");
    }
    if (parse->err != ERR_OK) {
        return parse->err;
    }
    CHECK(whole != NULL);
    *ast = whole;
    return ERR_OK;
}

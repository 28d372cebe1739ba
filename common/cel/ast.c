/* Nodes of the syntax tree, and the first failure of a compilation, which every stage records
 * here. */
#include "cel/ast.h"

#include <stdio.h>

struct ast *parse_fail(struct parse *parse, enum err err, uint32_t offset, uint32_t width,
                       const char *format, ...) {
    if (parse->err != ERR_OK) {
        return NULL;
    }
    char text[DIAG_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    parse->err = diag_fail(parse->diag, err, "%s", text);
    if (parse->diag != NULL) {
        parse->diag->offset = offset;
        parse->diag->width = width == 0 ? 1 : width;
    }
    return NULL;
}

void *ast_take(struct parse *parse, size_t count, size_t bytes) {
    void *ptr = arena_zero(parse->arena, count, bytes);
    CHECK(ptr != NULL);
    return ptr;
}

struct ast *ast_new(struct parse *parse, enum ast_kind kind, uint32_t offset, uint32_t width) {
    struct ast *ast = ast_take(parse, 1, sizeof(*ast));
    ast->kind = kind;
    ast->offset = offset;
    ast->width = width;
    ast->height = 1;
    ast->local = LOCAL_NONE;
    return ast;
}

/* Sets the height after target and args are in place, and checks its limit. */
void ast_measure(struct parse *parse, struct ast *ast) {
    unsigned height = ast->target == NULL ? 0 : ast->target->height;
    for (uint32_t i = 0; i < ast->count; i++) {
        if (ast->args[i] != NULL && ast->args[i]->height > height) {
            height = ast->args[i]->height;
        }
    }
    ast->height = (uint16_t)(height + 1);
    if (ast->height > CEL_HEIGHT_MAX) {
        (void)parse_fail(parse, ERR_TOO_DEEP, ast->offset, ast->width,
                         "the expression is nested or chained too deeply");
    }
}

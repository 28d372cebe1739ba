/* The parser alone: any bytes become a tree within the source, or are refused with a place. */
#include "cel/ast.h"
#include "fuzz_cel.h"

enum { PARSE_BYTES_MAX = 64 * 1024 * 1024 };

static void tree_check(const struct ast *ast, size_t len, unsigned depth) {
    CHECK(depth <= CEL_HEIGHT_MAX + 2);
    CHECK(ast->offset <= len);
    CHECK(ast->width <= len - ast->offset);
    if (ast->target != NULL) {
        tree_check(ast->target, len, depth + 1);
    }
    for (uint32_t i = 0; i < ast->count; i++) {
        if (ast->args[i] != NULL) {
            tree_check(ast->args[i], len, depth + 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct arena arena;
    arena_init(&arena, PARSE_BYTES_MAX);
    struct diag diag = {0};
    struct parse parse = {.arena = &arena, .source = span_make(bytes, len), .diag = &diag};
    struct ast *ast = NULL;
    if (parse_source(&parse, &ast) == ERR_OK) {
        CHECK(ast != NULL);
        tree_check(ast, len, 0);
    } else {
        fuzz_cel_refused(&diag, parse.source);
    }
    arena_free(&arena);
    return 0;
}

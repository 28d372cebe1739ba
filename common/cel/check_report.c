/* Shared by the stages of the checker: recording a failure at a node, and checking literals against
 * a vocabulary. */
#include "base/suggest.h"
#include "cel/cel_priv.h"

#include <stdio.h>

const struct cel_type *check_dyn(struct checker *checker) { return checker->env->scalars[CEL_DYN]; }

void check_report(struct checker *checker, struct ast *ast, const char *format, ...) {
    ast->type = check_dyn(checker);
    if (checker->env->unchecked) {
        return;
    }
    char text[DIAG_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)parse_fail(checker->parse, ERR_INVALID, ast->offset, ast->width, "%s", text);
}

void check_report_unknown(struct checker *checker, struct ast *ast, const char *what,
                          const struct suggest *suggest) {
    bool none = suggest->best.ptr == NULL;
    check_report(checker, ast, "unknown %s `%.*s`%s%.*s%s", what, SPAN_ARG(suggest->wanted),
                 none ? "" : "; did you mean `", SPAN_ARG(suggest->best), none ? "" : "`?");
}

void check_point_at_name(const struct checker *checker, struct ast *ast) {
    const uint8_t *source = checker->parse->source.ptr;
    CHECK(ast->name.ptr >= source);
    CHECK(ast->name.ptr + ast->name.len <= source + checker->parse->source.len);
    ast->offset = (uint32_t)(ast->name.ptr - source);
    ast->width = (uint32_t)ast->name.len;
}

static void report_word(struct checker *checker, const struct cel_type *type, const struct ast *ast,
                        struct span word) {
    struct suggest suggest;
    suggest_init(&suggest, word);
    for (uint32_t i = 0; i < type->count; i++) {
        suggest_offer(&suggest, span_str(type->words[i]));
    }
    word.len = word.len > 64 ? 64 : word.len;
    bool none = suggest.best.ptr == NULL;
    if (!checker->env->unchecked) {
        (void)parse_fail(checker->parse, ERR_INVALID, ast->offset, ast->width,
                         "\"%.*s\" is not a word of this vocabulary%s%.*s%s", SPAN_ARG(word),
                         none ? "" : "; did you mean \"", SPAN_ARG(suggest.best),
                         none ? "" : "\"?");
    }
}

/* Checks a constant against the vocabulary, element by element if both are lists. */
static void check_value(struct checker *checker, const struct cel_type *type, const struct ast *ast,
                        struct value value) {
    if (type->kind == CEL_LIST && value.kind == VAL_LIST) {
        for (uint32_t i = 0; i < value.len; i++) {
            check_value(checker, type->element, ast, value.items[i]);
        }
    } else if (type->kind == CEL_STRING && type->words != NULL && value.kind == VAL_STRING &&
               !type_has_word(type, value_span(value))) {
        report_word(checker, type, ast, value_span(value));
    }
}

void check_words(struct checker *checker, const struct cel_type *type, const struct ast *ast) {
    if (ast->kind == AST_CONST) {
        check_value(checker, type, ast, ast->value);
    } else if (ast->kind == AST_LIST && type->kind == CEL_LIST) {
        for (uint32_t i = 0; i < ast->count; i++) {
            check_words(checker, type->element, ast->args[i]);
        }
    } else if (ast->kind == AST_COND) {
        check_words(checker, type, ast->args[1]);
        check_words(checker, type, ast->args[2]);
    } else if (ast->kind == AST_NAME && ast->decl != NULL) {
        const struct declaration *decl = ast->decl;
        if (decl->kind == DECLARED_CONST) {
            check_value(checker, type, ast, decl->value);
        } else if (decl->kind == DECLARED_EXPR && decl->program->root->run == node_const) {
            check_value(checker, type, ast, decl->program->root->value);
        }
    }
}

/* Warnings for valid but surprising rules: walks that hide a true exception, and operations that
 * may be errors.  They use the tree before folding, and only parts that depend on facts. */
#include "cel/cel_priv.h"

#include <stdio.h>

struct warner {
    struct cel_program *program;
    uint32_t cap;
    bool full;
};

static void warn(struct warner *warner, const struct ast *ast, const char *text, const char *hint) {
    struct cel_program *program = warner->program;
    struct cel_warning *warnings =
        arena_room(&program->arena, program->warnings, program->warning_count, &warner->cap,
                   sizeof(*warnings));
    if (warnings == NULL) {
        warner->full = true;
        return;
    }
    program->warnings = warnings;
    program->warnings[program->warning_count++] = (struct cel_warning){
        .offset = ast->offset, .width = ast->width, .text = text, .hint = hint};
}

static bool is_whole(const struct cel_type *type) {
    return type->kind == CEL_INT || type->kind == CEL_UINT;
}

static bool is_named(const struct ast *ast, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (span_is(ast->name, names[i])) {
            return true;
        }
    }
    return false;
}

/* A constant divisor other than 0 and -1 cannot fail. */
static bool divides_safely(const struct ast *ast) {
    const struct value divisor = ast->args[1]->value;
    return ast->args[1]->kind == AST_CONST &&
           ((divisor.kind == VAL_INT && divisor.i != 0 && divisor.i != -1) ||
            (divisor.kind == VAL_UINT && divisor.u != 0));
}

static void warn_arithmetic(struct warner *warner, const struct ast *ast) {
    static const char *const sums[] = {"_+_", "_-_", "_*_", "-_"};
    static const char *const divisions[] = {"_/_", "_%_"};
    bool is_time = ast->type->kind == CEL_TIMESTAMP || ast->type->kind == CEL_DURATION;
    if (is_named(ast, sums, COUNT_OF(sums)) && (is_whole(ast->type) || is_time)) {
        warn(warner, ast, "this may end in the error overflow, and then goes to a person",
             "compare without arithmetic, or with days(), months() or years()");
    } else if (is_named(ast, divisions, COUNT_OF(divisions)) && is_whole(ast->type) &&
               !divides_safely(ast)) {
        warn(warner, ast, "this may end in the error division_by_zero, and then goes to a person",
             "multiply the other side instead");
    }
}

static void warn_conversion(struct warner *warner, const struct ast *ast) {
    static const char *const names[] = {"int",       "uint",     "double", "bool",
                                        "timestamp", "duration", "string"};
    if (ast->member || ast->count != 1 || !is_named(ast, names, COUNT_OF(names))) {
        return;
    }
    unsigned from = ast->args[0]->type->kind;
    bool is_text = from == CEL_STRING || from == CEL_BYTES || from == CEL_DYN;
    bool narrows = is_whole(ast->type) && from != CEL_TIMESTAMP && from != ast->type->kind;
    bool makes_text = ast->type->kind == CEL_STRING && from != CEL_BYTES;
    if (makes_text || (!is_text && !narrows)) {
        return;
    }
    warn(warner, ast,
         is_text ? "this may end in the error conversion, and then goes to a person"
                 : "this may end in the error range, and then goes to a person",
         "declare the fact with the type that is needed");
}

static bool is_list_of_records(const struct cel_type *type) {
    return type->kind == CEL_LIST && type->element->kind == CEL_RECORD;
}

static void warn_node(struct warner *warner, const struct ast *ast) {
    if (ast->kind == AST_CALL) {
        warn_arithmetic(warner, ast);
        warn_conversion(warner, ast);
    } else if (ast->kind == AST_INDEX && !ast->optional) {
        warn(warner, ast,
             ast->target->type->kind == CEL_LIST
                 ? "this ends in the error index where the list is shorter"
                 : "this ends in the error no_such_key where the key is not there",
             "write [?...] and orValue(...)");
    } else if (ast->kind == AST_FOLD && (ast->fold == FOLD_LIST || ast->fold == FOLD_MAP) &&
               is_list_of_records(ast->target->type)) {
        warn(warner, ast,
             "one record with an unknown leaf makes all of this unknown, also where another record "
             "would decide",
             "write exists(...)");
    }
}

static void walk(struct warner *warner, const struct ast *ast) {
    if (ast == NULL || warner->full) {
        return;
    }
    if (ast_reads_fact(ast)) {
        warn_node(warner, ast);
    }
    walk(warner, ast->target);
    for (uint32_t i = 0; i < ast->count; i++) {
        walk(warner, ast->args[i]);
    }
}

bool warnings_collect(struct cel_program *program, const struct ast *ast) {
    struct warner warner = {.program = program};
    walk(&warner, ast);
    return !warner.full;
}

bool cel_program_warning(const struct cel_program *program, uint32_t index,
                         struct cel_warning *warning) {
    if (index >= program->warning_count) {
        return false;
    }
    *warning = program->warnings[index];
    return true;
}

bool cel_program_constant(const struct cel_program *program, struct value *value) {
    if (program->root->run != node_const) {
        return false;
    }
    *value = program->root->value;
    return true;
}

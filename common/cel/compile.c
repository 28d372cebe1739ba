/* A checked tree -> a closed program of nodes, each with the function that runs it.  Constant parts
 * are computed here, once; a constant error stays an error value, because && and || may absorb
 * it. */
#include "cel/cel_priv.h"

#include "base/mem.h"
#include "cel/regex.h"
#include "cel/zone.h"

enum {
    PROGRAM_BYTES_MAX = 8 * 1024 * 1024,
    PROGRAM_CHUNK_BYTES = 1024,
    PARSE_BYTES_MAX = 64 * 1024 * 1024,
    FOLD_STEPS_MAX = 100 * 1000
};

static struct node *node_new(struct cel_program *program, node_fn *run, uint32_t count) {
    struct node *node = arena_zero(&program->arena, 1, sizeof(*node));
    const struct node **args =
        count == 0 ? NULL : arena_zero(&program->arena, count, sizeof(struct node *));
    if (node == NULL || (count != 0 && args == NULL)) {
        return NULL;
    }
    node->run = run;
    node->args = args;
    node->count = count;
    return node;
}

/* compile_ast builds the nodes of a checked tree in the program's arena; NULL when it is full. */
static const struct node *compile_ast(struct cel_program *program, const struct ast *ast);

static bool put(struct cel_program *program, struct node *node, uint32_t at,
                const struct ast *ast) {
    /* node_new made the array, and it is not shared yet. */
    const struct node **args = (const struct node **)(uintptr_t)node->args;
    args[at] = compile_ast(program, ast);
    return args[at] != NULL;
}

static bool put_all(struct cel_program *program, struct node *node, const struct ast *ast,
                    uint32_t first) {
    for (uint32_t i = 0; i < ast->count; i++) {
        if (!put(program, node, first + i, ast->args[i])) {
            return false;
        }
    }
    return true;
}

static struct node *constant(struct cel_program *program, struct value value) {
    struct node *node = node_new(program, node_const, 0);
    if (node != NULL) {
        node->value = value;
    }
    return node;
}

static bool all_constant(const struct node *node) {
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->args[i]->run != node_const) {
            return false;
        }
    }
    return true;
}

static bool is_error(const struct node *node) {
    return node->run == node_const && node->value.kind == VAL_ERROR;
}

/* The part of the source that a constant error comes from: the innermost one (see note_errors). */
static const void *error_source(const struct node *node) {
    for (uint32_t i = 0; i < node->count; i++) {
        if (is_error(node->args[i])) {
            return node->args[i]->data;
        }
    }
    return NULL;
}

/* Runs a node whose operands are constants and keeps the result in the program. */
static const struct node *fold(struct cel_program *program, struct node *node) {
    if (node == NULL || !all_constant(node)) {
        return node;
    }
    struct cel_run run = {.arena = &program->arena, .steps_max = FOLD_STEPS_MAX};
    struct value locals[CEL_LOCALS_MAX];
    run.locals = locals;
    struct value value = node->run(&run, node);
    zone_cache_free(&run.zones);
    bool spent =
        value.kind == VAL_ERROR && (value.aux == CEL_ERROR_STEPS || value.aux == CEL_ERROR_MEMORY);
    struct node *folded = spent ? node : constant(program, value);
    if (folded != NULL && is_error(folded)) {
        folded->data = error_source(node);
    }
    return folded;
}

static const struct node *compile_name(struct cel_program *program, const struct ast *ast) {
    if (ast->decl == NULL) {
        CHECK(ast->local >= 0);
        struct node *node = node_new(program, node_local, 0);
        if (node != NULL) {
            node->index = (uint32_t)ast->local;
        }
        return node == NULL || !shortcut_choose(program, node) ? NULL : node;
    }
    const struct declaration *decl = ast->decl;
    if (decl->kind == DECLARED_CONST) {
        return constant(program, decl->value);
    }
    if (decl->kind == DECLARED_EXPR && decl->program->root->run == node_const) {
        return constant(program, decl->program->root->value);
    }
    bool slot = decl->kind == DECLARED_SLOT;
    if (!slot && decl->program->nesting >= program->nesting) {
        program->nesting = decl->program->nesting + 1;
    }
    struct node *node = node_new(program, slot ? node_slot : node_named, 0);
    if (node == NULL) {
        return NULL;
    }
    node->index = slot ? decl->slot : decl->memo;
    node->data = decl->program;
    return shortcut_choose(program, node) ? node : NULL;
}

static void note(struct cel_program *program, const struct ast *ast, const char *lint) {
    if (program->lint == NULL) {
        program->lint = lint;
        program->lint_offset = ast->offset;
        program->lint_width = ast->width;
    }
}

/* A constant pattern is compiled with the program; an invalid one becomes its error value. */
static struct node *keep_regex(struct cel_program *program, const struct ast *ast,
                               struct node *node) {
    const struct node *pattern = node->args[1];
    if (pattern->run != node_const || pattern->value.kind != VAL_STRING) {
        return node;
    }
    struct regex *regex = regex_new(pattern->value.text, pattern->value.len);
    if (regex == NULL) {
        note(program, ast->args[1], "this is no regular expression");
        return constant(program, value_error(CEL_ERROR_REGEX));
    }
    program->regexes =
        mem_grow(program->regexes, program->regex_count + 1, sizeof(*program->regexes));
    program->regexes[program->regex_count++] = regex;
    node->run = node_regex;
    node->data = regex;
    return node;
}

/* A constant zone is read with the program, as a pattern is. */
static struct node *keep_zone(struct cel_program *program, const struct ast *ast,
                              struct node *node) {
    const struct node *name = node->args[1];
    if (name->run != node_const || name->value.kind != VAL_STRING) {
        return node;
    }
    struct zone *zone = NULL;
    if (zone_read(value_span(name->value), &zone) != ERR_OK) {
        note(program, ast->args[1], "this is no time zone");
        return constant(program, value_error(CEL_ERROR_ARGUMENT));
    }
    program->zones = mem_grow(program->zones, program->zone_count + 1, sizeof(*program->zones));
    program->zones[program->zone_count++] = zone;
    node->run = node_zoned;
    node->data = zone;
    return node;
}

/* The only functions with a time zone: parts of an instant. */
static bool takes_zone(const struct ast *ast) {
    return ast->count == 2 && strncmp(ast->overload, "ts:", 3) == 0;
}

/* Operators with a node of their own; every other function goes through its row in the table. */
struct operator_node {
    const char *name;
    uint32_t operands; /* the checker refuses any other number */
    node_fn *run;
    uint32_t index;
};

static const struct operator_node operator_nodes[] = {
    {"!_", 1, node_not, 0},
    {"_==_", 2, node_equal, EQUAL_WANTED},
    {"_!=_", 2, node_equal, EQUAL_REFUSED},
    {"_<_", 2, node_order, ORDER_LESS},
    {"_<=_", 2, node_order, ORDER_LESS | ORDER_SAME},
    {"_>_", 2, node_order, ORDER_GREATER},
    {"_>=_", 2, node_order, ORDER_GREATER | ORDER_SAME},
    {"@in", 2, node_in, 0},
    {"or", 2, node_or_else, 0},
    {"orValue", 2, node_or_else, 0},
};

static struct node *call_node(struct cel_program *program, const struct ast *ast) {
    struct node *node = node_new(program, ast->count == 2 ? node_call2 : node_call, ast->count);
    for (size_t i = 0; node != NULL && i < COUNT_OF(operator_nodes); i++) {
        if (span_is(ast->name, operator_nodes[i].name) &&
            ast->count == operator_nodes[i].operands) {
            node->run = operator_nodes[i].run;
            node->index = operator_nodes[i].index;
        }
    }
    return node;
}

static const struct node *compile_call(struct cel_program *program, const struct ast *ast) {
    struct node *node = call_node(program, ast);
    if (node == NULL || !put_all(program, node, ast, 0)) {
        return NULL;
    }
    node->call = ast->function->call;
    if (span_is(ast->name, "matches") && ast->count == 2) {
        node = keep_regex(program, ast, node);
    } else if (takes_zone(ast)) {
        node = keep_zone(program, ast, node);
    }
    return node == NULL || !shortcut_choose(program, node) ? NULL : fold(program, node);
}

/* The number of the field in its record, if the checker knows it: the search starts there. */
static uint32_t field_hint(const struct ast *ast) {
    const struct cel_type *type = ast->target->type;
    if (type->kind != CEL_RECORD) {
        return 0;
    }
    const struct cel_field *field = type_field(type, ast->name);
    return field == NULL ? 0 : (uint32_t)(field - type->fields);
}

static const struct node *compile_select(struct cel_program *program, const struct ast *ast) {
    node_fn *run = ast->kind == AST_HAS ? node_has
                   : ast->optional      ? node_select_optional
                                        : node_select;
    struct node *node = node_new(program, run, 1);
    if (node == NULL || !put(program, node, 0, ast->target)) {
        return NULL;
    }
    node->name = arena_copy(&program->arena, ast->name);
    node->index = field_hint(ast);
    return node->name.ptr == NULL || !shortcut_choose(program, node) ? NULL : fold(program, node);
}

static const struct node *compile_index(struct cel_program *program, const struct ast *ast) {
    struct node *node = node_new(program, ast->optional ? node_index_optional : node_index, 2);
    if (node == NULL || !put(program, node, 0, ast->target) ||
        !put(program, node, 1, ast->args[0])) {
        return NULL;
    }
    return fold(program, node);
}

static const struct node *compile_many(struct cel_program *program, const struct ast *ast,
                                       node_fn *run) {
    struct node *node = node_new(program, run, ast->count);
    if (node == NULL || !put_all(program, node, ast, 0)) {
        return NULL;
    }
    if (ast->spread) {
        bool *flags = arena_alloc(&program->arena, ast->count * sizeof(*flags));
        if (flags == NULL) {
            return NULL;
        }
        memcpy(flags, ast->flags, ast->count * sizeof(*flags));
        node->flags = flags;
    }
    return fold(program, node);
}

static bool is_bool(const struct node *node, bool wanted) {
    return node->run == node_const && node->value.kind == VAL_BOOL && node->value.b == wanted;
}

/* A constant that decides && or || is its value; a neutral one is removed. */
static const struct node *compile_chain(struct cel_program *program, const struct ast *ast) {
    bool deciding = ast->kind == AST_OR;
    struct node *node = node_new(program, deciding ? node_or : node_and, ast->count);
    if (node == NULL) {
        return NULL;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ast->count; i++) {
        if (!put(program, node, kept, ast->args[i])) {
            return NULL;
        }
        if (is_bool(node->args[kept], deciding)) {
            return node->args[kept];
        }
        kept += is_bool(node->args[kept], !deciding) ? 0 : 1;
    }
    node->count = kept;
    return chain_choose(program, node) ? fold(program, node) : NULL;
}

static const struct node *compile_condition(struct cel_program *program, const struct ast *ast) {
    const struct node *node = compile_many(program, ast, node_cond);
    if (node == NULL || node->run != node_cond || node->args[0]->run != node_const ||
        node->args[0]->value.kind != VAL_BOOL) {
        return node;
    }
    return node->args[node->args[0]->value.b ? 1 : 2];
}

/* args of a fold's node: range, body, filter if there is one. */
static const struct node *compile_fold(struct cel_program *program, const struct ast *ast) {
    static node_fn *const runs[] = {
        [FOLD_ALL] = node_all,
        [FOLD_EXISTS] = node_exists,
        [FOLD_EXISTS_ONE] = node_exists_one,
        [FOLD_LIST] = node_fold_list,
        [FOLD_MAP] = node_fold_map,
        [FOLD_BIND] = node_bind,
        [FOLD_OPT_MAP] = node_opt_map,
        [FOLD_OPT_FLAT_MAP] = node_opt_flat_map,
    };
    struct node *node = node_new(program, runs[ast->fold], ast->args[0] == NULL ? 2 : 3);
    if (node == NULL || !put(program, node, 0, ast->target) ||
        !put(program, node, 1, ast->args[1]) ||
        (ast->args[0] != NULL && !put(program, node, 2, ast->args[0]))) {
        return NULL;
    }
    program->walks = true;
    node->index = (uint32_t)ast->local;
    node->value = value_bool(ast->var2.len != 0);
    return node;
}

static const struct node *compile_kind(struct cel_program *program, const struct ast *ast) {
    switch (ast->kind) {
    case AST_CONST: {
        struct value value = ast->value;
        if (value.kind == VAL_STRING || value.kind == VAL_BYTES) {
            struct span copy = arena_copy(&program->arena, value_span(value));
            value.text = (const char *)copy.ptr;
            return copy.ptr == NULL ? NULL : constant(program, value);
        }
        return constant(program, value);
    }
    case AST_NAME:
        return compile_name(program, ast);
    case AST_SELECT:
    case AST_HAS:
        return compile_select(program, ast);
    case AST_INDEX:
        return compile_index(program, ast);
    case AST_CALL:
        return compile_call(program, ast);
    case AST_LIST:
        return compile_many(program, ast, node_list);
    case AST_MAP:
        return compile_many(program, ast, node_map);
    case AST_AND:
    case AST_OR:
        return compile_chain(program, ast);
    case AST_COND:
        return compile_condition(program, ast);
    case AST_FOLD:
        return compile_fold(program, ast);
    case AST_ERROR:
        return constant(program, value_error(CEL_ERROR_NO_SUCH_OVERLOAD));
    }
    UNREACHABLE();
}

/* Only what folding has left can still be evaluated: an operand that && or || removed cannot. */
static void note_errors(struct cel_program *program, const struct node *node) {
    if (is_error(node) && node->data != NULL) {
        const struct ast *ast = node->data;
        if (program->part_error == CEL_ERROR_NONE) {
            program->part_error = (enum cel_error)node->value.aux;
            program->part_offset = ast->offset;
            program->part_width = ast->width;
            program->part_is_instant = ast->kind == AST_CALL && span_is(ast->name, "timestamp");
        }
        ((struct node *)(uintptr_t)node)->data = NULL; /* the tree ends with the compilation */
    }
    for (uint32_t i = 0; i < node->count; i++) {
        note_errors(program, node->args[i]);
    }
}

static const struct node *compile_ast(struct cel_program *program, const struct ast *ast) {
    /* node_new made it; it does not change after this function. */
    struct node *node = (struct node *)(uintptr_t)compile_kind(program, ast);
    if (node != NULL && node->type == NULL) {
        node->type = ast->type;
    }
    if (node != NULL && is_error(node) && node->data == NULL) {
        node->data = ast; /* until note_errors */
    }
    if (node != NULL && node->shortcut.truth == NULL) {
        node->shortcut.truth = node->steps != NULL ? truth_of_chain : truth_of_run;
    }
    return node;
}

static bool fits(struct cel_env *env, const struct cel_type *type, const struct cel_type *expect) {
    return expect == NULL || type->kind == CEL_DYN || type_join(env, type, expect) == expect ||
           (type->kind == expect->kind && type_join(env, type, expect) != NULL);
}

static enum err check_whole(struct cel_env *env, struct parse *parse, struct ast *ast,
                            const struct cel_type *expect) {
    struct checker checker = {.env = env, .parse = parse};
    check_ast(&checker, ast);
    if (parse->err != ERR_OK) {
        return parse->err;
    }
    const struct cel_type *type = type_settle(env, ast->type);
    if (!fits(env, type, expect)) {
        struct buf text = BUF_EMPTY;
        buf_str(&text, "expected a value of type ");
        cel_type_print(expect, &text);
        buf_str(&text, ", this is of type ");
        cel_type_print(type, &text);
        (void)parse_fail(parse, ERR_INVALID, ast->offset, ast->width, "%s", buf_cstr(&text));
        buf_free(&text);
    }
    return parse->err;
}

enum err cel_compile(struct cel_env *env, struct span source, const struct cel_type *expect,
                     struct cel_program **program, struct diag *diag) {
    struct arena scratch;
    arena_init(&scratch, PARSE_BYTES_MAX);
    struct parse parse = {.arena = &scratch, .source = source, .diag = diag};
    struct cel_program *made = NULL;
    struct ast *ast = NULL;
    enum err err = parse_source(&parse, &ast);
    if (err == ERR_OK) {
        err = check_whole(env, &parse, ast, expect);
    }
    if (err != ERR_OK) {
        goto out;
    }
    made = mem_zero(1, sizeof(*made));
    arena_init(&made->arena, PROGRAM_BYTES_MAX);
    made->arena.chunk_bytes = PROGRAM_CHUNK_BYTES;
    made->env = env;
    made->type = type_settle(env, ast->type);
    bool is_read = uses_collect(made, ast) && warnings_collect(made, ast);
    made->root = is_read ? compile_ast(made, ast) : NULL;
    if (made->root == NULL) {
        err = diag_fail(diag, ERR_TOO_LARGE, "the expression is too large");
        goto out;
    }
    if (made->root->run == node_const && made->root->value.kind == VAL_ERROR) {
        note(made, ast, "this always fails, whatever the facts are");
    }
    note_errors(made, made->root);
    made->cost = cost_of(made->root, env->items_max);
    *program = made;
    made = NULL;
out:
    cel_program_free(&made);
    arena_free(&scratch);
    return err;
}

void cel_program_free(struct cel_program **program) {
    if (*program == NULL) {
        return;
    }
    for (uint32_t i = 0; i < (*program)->regex_count; i++) {
        regex_free((*program)->regexes[i]);
    }
    mem_free((*program)->regexes);
    for (uint32_t i = 0; i < (*program)->zone_count; i++) {
        zone_free(&(*program)->zones[i]);
    }
    mem_free((*program)->zones);
    arena_free(&(*program)->arena);
    mem_free(*program);
    *program = NULL;
}

const struct cel_type *cel_program_type(const struct cel_program *program) { return program->type; }

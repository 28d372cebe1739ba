/* The checker: gives every node a type and every name its declaration.  DYN is only explicit
 * (dyn(), mixed literals); any other mismatch is a failure here, with the nearest known name.  In
 * unchecked mode a mismatch becomes an error of the run. */
#include "base/suggest.h"
#include "cel/cel_priv.h"

enum { DOTTED_BYTES_MAX = 256 };

/* Writes the dotted name a chain of plain selections spells; 0 when it is no such chain. */
static size_t dotted(const struct ast *ast, uint8_t out[DOTTED_BYTES_MAX],
                     const struct ast **root) {
    size_t len = 0;
    if (ast->kind == AST_SELECT && !ast->optional) {
        len = dotted(ast->target, out, root);
        if (len == 0 || len + 1 >= DOTTED_BYTES_MAX) {
            return 0;
        }
        out[len++] = '.';
    } else if (ast->kind == AST_NAME) {
        *root = ast;
    } else {
        return 0;
    }
    if (len + ast->name.len > DOTTED_BYTES_MAX) {
        return 0;
    }
    memcpy(out + len, ast->name.ptr, ast->name.len);
    return len + ast->name.len;
}

static int find_local(const struct checker *checker, struct span name) {
    for (int i = checker->local_count - 1; i >= 0; i--) {
        if (span_eq(checker->scopes[i].name, name)) {
            return i;
        }
    }
    return LOCAL_NONE;
}

static void bind_declaration(struct ast *ast, const struct declaration *declaration) {
    ast->kind = AST_NAME;
    ast->target = NULL;
    ast->decl = declaration;
    ast->type = declaration->type;
}

static void report_unknown(struct checker *checker, struct ast *ast, struct span name) {
    struct suggest suggest;
    suggest_init(&suggest, name);
    for (int i = 0; i < checker->local_count; i++) {
        suggest_offer(&suggest, checker->scopes[i].name);
    }
    for (const struct declaration *at = checker->env->declarations; at != NULL; at = at->next) {
        suggest_offer(&suggest, at->name);
    }
    check_report_unknown(checker, ast, "name", &suggest);
    ast->kind = AST_ERROR;
    ast->count = 0;
}

static void check_name(struct checker *checker, struct ast *ast) {
    int local = ast->rooted ? LOCAL_NONE : find_local(checker, ast->name);
    if (local != LOCAL_NONE) {
        ast->local = local;
        ast->type = checker->scopes[local].type;
        return;
    }
    const struct declaration *found = env_resolve(checker->env, ast->name, ast->rooted);
    if (found != NULL) {
        bind_declaration(ast, found);
    } else if (type_of_name(checker->env, ast->name, &ast->value, &ast->type)) {
        ast->kind = AST_CONST;
    } else {
        report_unknown(checker, ast, ast->name);
    }
}

/* A name is declared below this dotted one: then the whole path is meant. */
static bool is_prefix(const struct cel_env *env, struct span name) {
    for (const struct declaration *at = env->declarations; at != NULL; at = at->next) {
        if (at->name.len > name.len && at->name.ptr[name.len] == '.' &&
            memcmp(at->name.ptr, name.ptr, name.len) == 0) {
            return true;
        }
    }
    return false;
}

/* The longest declared prefix of a dotted name wins, unless its first part is a loop variable. */
static bool check_dotted(struct checker *checker, struct ast *ast) {
    uint8_t bytes[DOTTED_BYTES_MAX];
    const struct ast *root = NULL;
    size_t len = dotted(ast, bytes, &root);
    if (len == 0 || (!root->rooted && find_local(checker, root->name) != LOCAL_NONE)) {
        return false;
    }
    struct span name = span_make(bytes, len);
    const struct declaration *found = env_resolve(checker->env, name, root->rooted);
    if (found != NULL) {
        bind_declaration(ast, found);
        return true;
    }
    if (type_of_name(checker->env, name, &ast->value, &ast->type)) {
        ast->kind = AST_CONST;
        return true;
    }
    if (root == ast->target && env_resolve(checker->env, root->name, root->rooted) == NULL &&
        is_prefix(checker->env, root->name)) {
        report_unknown(checker, ast, name);
        return true;
    }
    return false;
}

/* The type of a field of a value of this type; NULL after a report. */
static const struct cel_type *field_type(struct checker *checker, struct ast *ast,
                                         const struct cel_type *target) {
    if (type_is_open(target)) {
        return target;
    }
    if (target->kind == CEL_OPTIONAL) {
        const struct cel_type *inner = field_type(checker, ast, target->element);
        return inner == NULL ? NULL : type_optional(checker->env, inner);
    }
    if (target->kind == CEL_MAP) {
        if (target->key->kind == CEL_STRING || type_is_open(target->key)) {
            return target->element;
        }
        check_report(checker, ast, "this map has no text keys, so it has no fields");
        return NULL;
    }
    if (target->kind != CEL_RECORD) {
        struct buf text = BUF_EMPTY;
        cel_type_print(target, &text);
        check_report(checker, ast, "a value of type %s has no fields", buf_cstr(&text));
        buf_free(&text);
        return NULL;
    }
    const struct cel_field *field = type_field(target, ast->name);
    if (field != NULL) {
        return field->type;
    }
    check_point_at_name(checker, ast);
    struct suggest suggest;
    suggest_init(&suggest, ast->name);
    for (uint32_t i = 0; i < target->count; i++) {
        suggest_offer(&suggest, span_str(target->fields[i].name));
    }
    check_report_unknown(checker, ast, "field", &suggest);
    return NULL;
}

static void check_select(struct checker *checker, struct ast *ast) {
    if (ast->kind == AST_SELECT && !ast->optional && check_dotted(checker, ast)) {
        return;
    }
    check_ast(checker, ast->target);
    const struct cel_type *target = ast->target->type;
    const struct cel_type *type = field_type(checker, ast, target);
    if (type == NULL) {
        return;
    }
    ast->known = target->kind != CEL_OPTIONAL && !type_is_open(target);
    if (ast->kind == AST_HAS) {
        type = checker->env->scalars[CEL_BOOL];
    } else if (ast->optional && target->kind != CEL_OPTIONAL) {
        type = type_optional(checker->env, type);
    }
    ast->type = type;
}

static const struct cel_type *indexed_type(struct checker *checker, struct ast *ast,
                                           const struct cel_type *target) {
    const struct cel_type *index = ast->args[0]->type;
    if (type_is_open(target)) {
        return target;
    }
    if (target->kind == CEL_OPTIONAL) {
        const struct cel_type *inner = indexed_type(checker, ast, target->element);
        return inner == NULL ? NULL : type_optional(checker->env, inner);
    }
    if (target->kind == CEL_LIST) {
        if (index->kind == CEL_INT || type_is_open(index)) {
            return target->element;
        }
        check_report(checker, ast, "a list is indexed by an int");
        return NULL;
    }
    if (target->kind == CEL_MAP) {
        if (type_join(checker->env, target->key, index) == NULL) {
            check_report(checker, ast, "the index has another type than the keys of the map");
            return NULL;
        }
        check_words(checker, target->key, ast->args[0]);
        return target->element;
    }
    check_report(checker, ast, "only lists and maps are indexed");
    return NULL;
}

static void check_index(struct checker *checker, struct ast *ast) {
    check_ast(checker, ast->target);
    check_ast(checker, ast->args[0]);
    const struct cel_type *target = ast->target->type;
    const struct cel_type *type = indexed_type(checker, ast, target);
    if (type == NULL) {
        return;
    }
    ast->known = target->kind != CEL_OPTIONAL && !type_is_open(target);
    bool wrap = ast->optional && target->kind != CEL_OPTIONAL;
    ast->type = wrap ? type_optional(checker->env, type) : type;
}

/* An optional element or value has the type of its content. */
static const struct cel_type *held(struct checker *checker, struct ast *ast, bool spread) {
    check_ast(checker, ast);
    if (!spread || type_is_open(ast->type)) {
        return ast->type;
    }
    if (ast->type->kind != CEL_OPTIONAL) {
        check_report(checker, ast, "an optional value is needed after `?`");
        return ast->type;
    }
    return ast->type->element;
}

static const struct cel_type *mixed(struct checker *checker, const struct cel_type *a,
                                    const struct cel_type *b) {
    const struct cel_type *joined = type_join(checker->env, a, b);
    return joined == NULL ? check_dyn(checker) : joined;
}

static void check_list(struct checker *checker, struct ast *ast) {
    const struct cel_type *element = checker->env->bottom;
    for (uint32_t i = 0; i < ast->count; i++) {
        element = mixed(checker, element, held(checker, ast->args[i], ast->flags[i]));
    }
    ast->type = cel_type_list(checker->env, element);
}

static void check_map(struct checker *checker, struct ast *ast) {
    const struct cel_type *key = checker->env->bottom;
    const struct cel_type *value = checker->env->bottom;
    for (uint32_t i = 0; i < ast->count; i += 2) {
        check_ast(checker, ast->args[i]);
        key = mixed(checker, key, ast->args[i]->type);
        value = mixed(checker, value, held(checker, ast->args[i + 1], ast->flags[i]));
    }
    ast->type = cel_type_map(checker->env, key, value);
}

static void need_bool(struct checker *checker, struct ast *ast) {
    check_ast(checker, ast);
    if (ast->type->kind != CEL_BOOL && !type_is_open(ast->type)) {
        struct buf text = BUF_EMPTY;
        cel_type_print(ast->type, &text);
        check_report(checker, ast, "a bool is needed here, this is of type %s", buf_cstr(&text));
        buf_free(&text);
    }
}

static void check_condition(struct checker *checker, struct ast *ast) {
    need_bool(checker, ast->args[0]);
    check_ast(checker, ast->args[1]);
    check_ast(checker, ast->args[2]);
    ast->type = type_join(checker->env, ast->args[1]->type, ast->args[2]->type);
    if (ast->type == NULL) {
        check_report(checker, ast, "the two sides of `? :` have different types");
    }
}

static int push(struct checker *checker, struct ast *ast, struct span name,
                const struct cel_type *type) {
    if (checker->local_count == CEL_LOCALS_MAX) {
        (void)parse_fail(checker->parse, ERR_TOO_DEEP, ast->offset, ast->width,
                         "more than %d variables in scope", CEL_LOCALS_MAX);
        return 0;
    }
    checker->scopes[checker->local_count] = (struct scope){name, type};
    return checker->local_count++;
}

/* Pushes the variables of a fold according to its range; false after a report. */
static bool push_variables(struct checker *checker, struct ast *ast) {
    const struct cel_type *target = ast->target->type;
    const struct cel_type *first = check_dyn(checker);
    const struct cel_type *second = first;
    bool fits = type_is_open(target);
    if (ast->fold == FOLD_BIND) {
        first = target;
        fits = true;
    } else if (ast->fold == FOLD_OPT_MAP || ast->fold == FOLD_OPT_FLAT_MAP) {
        first = target->kind == CEL_OPTIONAL ? target->element : first;
        fits |= target->kind == CEL_OPTIONAL;
    } else if (target->kind == CEL_LIST) {
        first = ast->var2.len != 0 ? checker->env->scalars[CEL_INT] : target->element;
        second = target->element;
        fits = true;
    } else if (target->kind == CEL_MAP) {
        first = target->key;
        second = target->element;
        fits = true;
    }
    ast->known = !type_is_open(target);
    ast->local = push(checker, ast, ast->var, first);
    if (ast->var2.len != 0) {
        (void)push(checker, ast, ast->var2, second);
    }
    if (!fits) {
        check_report(checker, ast, "`%.*s` does not work on a value of this type",
                     SPAN_ARG(ast->name));
    }
    return fits;
}

static void check_fold(struct checker *checker, struct ast *ast) {
    check_ast(checker, ast->target);
    int before = checker->local_count;
    bool fits = push_variables(checker, ast);
    struct ast *body = ast->args[1];
    bool is_test = ast->fold <= FOLD_EXISTS_ONE;
    if (ast->args[0] != NULL) {
        need_bool(checker, ast->args[0]);
    }
    if (is_test) {
        need_bool(checker, body);
    } else {
        check_ast(checker, body);
    }
    checker->local_count = before;
    const struct cel_type *type = body->type;
    if (ast->fold == FOLD_LIST) {
        type = cel_type_list(checker->env, type);
    } else if (ast->fold == FOLD_MAP) {
        bool is_map = ast->target->type->kind == CEL_MAP;
        type = cel_type_map(checker->env,
                            is_map ? ast->target->type->key : checker->env->scalars[CEL_INT], type);
    } else if (ast->fold == FOLD_OPT_MAP) {
        type = type_optional(checker->env, type);
    } else if (is_test) {
        type = checker->env->scalars[CEL_BOOL];
    }
    ast->type = fits ? type : check_dyn(checker);
}

static const struct cel_type *const_type(struct checker *checker, struct value value) {
    static const enum cel_kind kinds[] = {
        [VAL_NULL] = CEL_NULL,   [VAL_BOOL] = CEL_BOOL,     [VAL_INT] = CEL_INT,
        [VAL_UINT] = CEL_UINT,   [VAL_DOUBLE] = CEL_DOUBLE, [VAL_STRING] = CEL_STRING,
        [VAL_BYTES] = CEL_BYTES,
    };
    CHECK(value.kind < COUNT_OF(kinds));
    return checker->env->scalars[kinds[value.kind]];
}

void check_ast(struct checker *checker, struct ast *ast) {
    ast->type = check_dyn(checker);
    if (checker->parse->err != ERR_OK) {
        return;
    }
    switch (ast->kind) {
    case AST_CONST:
        ast->type = const_type(checker, ast->value);
        break;
    case AST_NAME:
        check_name(checker, ast);
        break;
    case AST_SELECT:
    case AST_HAS:
        check_select(checker, ast);
        break;
    case AST_INDEX:
        check_index(checker, ast);
        break;
    case AST_CALL:
        check_call(checker, ast);
        break;
    case AST_LIST:
        check_list(checker, ast);
        break;
    case AST_MAP:
        check_map(checker, ast);
        break;
    case AST_AND:
    case AST_OR:
        for (uint32_t i = 0; i < ast->count; i++) {
            need_bool(checker, ast->args[i]);
        }
        ast->type = checker->env->scalars[CEL_BOOL];
        break;
    case AST_COND:
        check_condition(checker, ast);
        break;
    case AST_FOLD:
        check_fold(checker, ast);
        break;
    case AST_ERROR:
        break;
    }
}

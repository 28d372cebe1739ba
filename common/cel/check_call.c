/* Calls: which overload of a function fits the argument types, and whether literals that meet a
 * closed vocabulary are words of it. */
#include "base/suggest.h"
#include "cel/cel_priv.h"

#include <stdio.h>

struct binding {
    const struct cel_type *vars[2]; /* A and B */
    bool loose;                     /* an open type was accepted */
};

static bool match(struct checker *checker, const char **pattern, const struct cel_type *type,
                  struct binding *binding);

static void skip(const char **pattern) {
    char c = *(*pattern)++;
    if (c == 'L' || c == 'O') {
        skip(pattern);
    } else if (c == 'M') {
        skip(pattern);
        skip(pattern);
    }
}

static bool match_scalar(char c, unsigned kind) {
    static const struct {
        char letter;
        unsigned kind;
    } letters[] = {{'b', CEL_BOOL},   {'i', CEL_INT},      {'u', CEL_UINT},      {'d', CEL_DOUBLE},
                   {'s', CEL_STRING}, {'y', CEL_BYTES},    {'t', CEL_TIMESTAMP}, {'t', CEL_DATE},
                   {'D', CEL_DATE},   {'p', CEL_DURATION}, {'n', CEL_NULL},      {'T', CEL_TYPE}};
    for (size_t i = 0; i < COUNT_OF(letters); i++) {
        if (letters[i].letter == c && letters[i].kind == kind) {
            return true;
        }
    }
    bool number = kind == CEL_INT || kind == CEL_UINT || kind == CEL_DOUBLE;
    return c == '*' || (c == 'N' && number);
}

static bool match_variable(struct checker *checker, const struct cel_type *type,
                           const struct cel_type **variable) {
    *variable = *variable == NULL ? type : type_join(checker->env, *variable, type);
    return *variable != NULL;
}

static bool match(struct checker *checker, const char **pattern, const struct cel_type *type,
                  struct binding *binding) {
    if (**pattern == 'A' || **pattern == 'B') {
        return match_variable(checker, type, &binding->vars[*(*pattern)++ - 'A']);
    }
    if (type_is_open(type)) {
        binding->loose |= **pattern != '*';
        skip(pattern);
        return true;
    }
    char c = *(*pattern)++;
    if (c == 'L' || c == 'O') {
        return type->kind == (c == 'L' ? CEL_LIST : CEL_OPTIONAL) &&
               match(checker, pattern, type->element, binding);
    }
    if (c == 'M') {
        return type->kind == CEL_MAP && match(checker, pattern, type->key, binding) &&
               match(checker, pattern, type->element, binding);
    }
    return match_scalar(c, type->kind);
}

static const struct cel_type *build(struct checker *checker, const char **pattern,
                                    const struct binding *binding) {
    static const char letters[] = "*nbiudsytpDT";
    static const enum cel_kind kinds[] = {CEL_DYN,       CEL_NULL,     CEL_BOOL,   CEL_INT,
                                          CEL_UINT,      CEL_DOUBLE,   CEL_STRING, CEL_BYTES,
                                          CEL_TIMESTAMP, CEL_DURATION, CEL_DATE,   CEL_TYPE};
    char c = *(*pattern)++;
    if (c == 'A' || c == 'B') {
        const struct cel_type *bound = binding->vars[c - 'A'];
        return bound == NULL ? checker->env->bottom : bound;
    }
    if (c == 'T' && **pattern == 'A') {
        return type_of_type(checker->env, build(checker, pattern, binding));
    }
    if (c == 'L') {
        return cel_type_list(checker->env, build(checker, pattern, binding));
    }
    if (c == 'O') {
        return type_optional(checker->env, build(checker, pattern, binding));
    }
    const char *found = strchr(letters, c);
    CHECK(found != NULL);
    return checker->env->scalars[kinds[found - letters]];
}

/* Whether one overload fits; *pattern is then at its result. */
static bool overload_fits(struct checker *checker, const struct ast *ast, const char **pattern,
                          struct binding *binding) {
    for (uint32_t i = 0; i < ast->count; i++) {
        if (**pattern == ':' || !match(checker, pattern, ast->args[i]->type, binding)) {
            return false;
        }
    }
    return *(*pattern)++ == ':';
}

static const char *next_overload(const char *overload) {
    const char *space = strchr(overload, ' ');
    return space == NULL ? NULL : space + 1;
}

/* The first overload that fits; an open argument may fit several, and if their results differ so is
 * the result. */
static const struct cel_type *overload(struct checker *checker, struct ast *ast,
                                       const struct function *function) {
    const struct cel_type *result = NULL;
    for (const char *at = function->overloads; at != NULL; at = next_overload(at)) {
        struct binding binding = {{NULL, NULL}, false};
        const char *pattern = at;
        if (!overload_fits(checker, ast, &pattern, &binding)) {
            continue;
        }
        const struct cel_type *one = build(checker, &pattern, &binding);
        if (result != NULL && result != one) {
            return check_dyn(checker);
        }
        ast->overload = at;
        result = one;
        if (!binding.loose) {
            return result;
        }
    }
    return result;
}

static const struct function *find_function(const struct ast *ast) {
    uint32_t count = 0;
    const struct function *rows = function_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].member == ast->member && span_is(ast->name, rows[i].name)) {
            return &rows[i];
        }
    }
    return NULL;
}

/* How an operator is written; other functions are written as they are named. */
static struct span written(struct span name) {
    if (span_is(name, "@in")) {
        return span_str("in");
    }
    while (name.len > 1 && name.ptr[0] == '_') {
        name = span_make(name.ptr + 1, name.len - 1);
    }
    bool mark = name.len > 1 && strchr("!-+*/%<>=", name.ptr[0]) != NULL;
    return mark && name.ptr[name.len - 1] == '_' ? span_make(name.ptr, name.len - 1) : name;
}

static void report_overload(struct checker *checker, struct ast *ast) {
    struct buf text = BUF_EMPTY;
    for (uint32_t i = 0; i < ast->count; i++) {
        buf_str(&text, i == 0 ? "" : ", ");
        cel_type_print(ast->args[i]->type, &text);
    }
    struct span name = written(ast->name);
    check_report(checker, ast, "`%.*s` does not take (%s)", SPAN_ARG(name), buf_cstr(&text));
    buf_free(&text);
}

static void report_function(struct checker *checker, struct ast *ast) {
    check_point_at_name(checker, ast);
    uint32_t count = 0;
    const struct function *rows = function_table(&count);
    struct suggest suggest;
    suggest_init(&suggest, ast->name);
    for (uint32_t i = 0; i < count; i++) {
        bool is_name = (rows[i].name[0] | 0x20) >= 'a' && (rows[i].name[0] | 0x20) <= 'z';
        if (rows[i].member == ast->member && is_name) {
            suggest_offer(&suggest, span_str(rows[i].name));
        }
    }
    check_report_unknown(checker, ast, "function", &suggest);
    ast->kind = AST_ERROR;
    ast->count = 0;
}

/* optional.of, strings.quote and the like: a function whose name has a dot, not a receiver. */
static void flatten_name(struct ast *ast) {
    const struct ast *receiver = ast->args[0];
    if (!ast->member || receiver->kind != AST_NAME) {
        return;
    }
    uint32_t count = 0;
    const struct function *rows = function_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        struct span name = span_str(rows[i].name);
        size_t head = receiver->name.len;
        if (!rows[i].member && name.len == head + 1 + ast->name.len && name.ptr[head] == '.' &&
            memcmp(name.ptr, receiver->name.ptr, head) == 0 &&
            memcmp(name.ptr + head + 1, ast->name.ptr, ast->name.len) == 0) {
            ast->name = name;
            ast->member = false;
            ast->args++;
            ast->count--;
            return;
        }
    }
}

/* x in [literals]: every element; "literal" in xs: against the elements, or the keys of a map. */
static void check_membership(struct checker *checker, const struct ast *ast) {
    const struct cel_type *left = ast->args[0]->type;
    const struct cel_type *right = ast->args[1]->type;
    check_words(checker, cel_type_list(checker->env, left), ast->args[1]);
    if (right->kind == CEL_LIST) {
        check_words(checker, right->element, ast->args[0]);
    } else if (right->kind == CEL_MAP) {
        check_words(checker, right->key, ast->args[0]);
    }
}

static bool is_time_of_day(struct span name) {
    return span_is(name, "getHours") || span_is(name, "getMinutes") ||
           span_is(name, "getSeconds") || span_is(name, "getMilliseconds");
}

static void check_meaning(struct checker *checker, struct ast *ast) {
    if (span_is(ast->name, "_==_") || span_is(ast->name, "_!=_")) {
        check_words(checker, ast->args[0]->type, ast->args[1]);
        check_words(checker, ast->args[1]->type, ast->args[0]);
    } else if (span_is(ast->name, "@in")) {
        check_membership(checker, ast);
    } else if (span_is(ast->name, "orValue") && ast->args[0]->type->kind == CEL_OPTIONAL) {
        const struct cel_type *element = ast->args[0]->type->element;
        check_words(checker, element, ast->args[1]);
        const struct declaration *decl = ast->args[1]->decl;
        bool fixed =
            ast->args[1]->kind == AST_CONST || (decl != NULL && decl->kind == DECLARED_CONST);
        ast->type = fixed && element->words != NULL ? element : ast->type;
    } else if (span_is(ast->name, "format")) {
        check_format(checker, ast);
    } else if (ast->member && ast->args[0]->type->kind == CEL_DATE && is_time_of_day(ast->name)) {
        check_report(checker, ast, "a date has no time of day");
    }
}

void check_call(struct checker *checker, struct ast *ast) {
    if (ast->member) {
        flatten_name(ast);
    }
    for (uint32_t i = 0; i < ast->count; i++) {
        check_ast(checker, ast->args[i]);
    }
    if (checker->parse->err != ERR_OK) {
        return;
    }
    ast->function = find_function(ast);
    if (ast->function == NULL) {
        report_function(checker, ast);
        return;
    }
    ast->overload = ast->function->overloads;
    ast->type = overload(checker, ast, ast->function);
    if (ast->type == NULL) {
        report_overload(checker, ast);
    } else {
        check_meaning(checker, ast);
    }
}

/* A literal format is checked at compile time: each clause against the type of its argument, and
 * the number of arguments. */
#include "cel/cel_priv.h"

static bool takes(uint8_t verb, const struct cel_type *type) {
    bool whole = type->kind == CEL_INT || type->kind == CEL_UINT;
    if (type_is_open(type)) {
        return true;
    }
    switch (verb) {
    case 's':
        return type->kind != CEL_OPTIONAL;
    case 'd':
    case 'e':
    case 'f':
        return whole || type->kind == CEL_DOUBLE;
    case 'b':
        return whole || type->kind == CEL_BOOL;
    case 'o':
        return whole;
    case 'x':
    case 'X':
        return whole || type->kind == CEL_STRING || type->kind == CEL_BYTES;
    default:
        return false;
    }
}

/* The conversion character after the percent sign at *at, which moves past it; 0 at the end. */
static uint8_t clause(struct span text, size_t *at) {
    (*at)++;
    while (*at < text.len &&
           (text.ptr[*at] == '.' || (text.ptr[*at] >= '0' && text.ptr[*at] <= '9'))) {
        (*at)++;
    }
    return *at < text.len ? text.ptr[(*at)++] : 0;
}

void check_format(struct checker *checker, struct ast *ast) {
    const struct ast *format = ast->args[0];
    const struct ast *list = ast->args[1];
    if (format->kind != AST_CONST || format->value.kind != VAL_STRING || list->kind != AST_LIST) {
        return;
    }
    struct span text = value_span(format->value);
    uint32_t next = 0;
    for (size_t at = 0; at < text.len;) {
        if (text.ptr[at] != '%') {
            at++;
            continue;
        }
        uint8_t verb = clause(text, &at);
        if (verb == '%') {
            continue;
        }
        if (verb == 0 || memchr("sdefboxX", verb, 8) == NULL) {
            check_report(checker, ast, "the format has a clause that is not known");
            return;
        }
        if (next == list->count) {
            check_report(checker, ast, "the format has more clauses than arguments");
            return;
        }
        const struct ast *argument = list->args[next++];
        if (!takes(verb, argument->type)) {
            struct buf type = BUF_EMPTY;
            cel_type_print(argument->type, &type);
            check_report(checker, ast, "%%%c does not take a value of type %s", verb,
                         buf_cstr(&type));
            buf_free(&type);
            return;
        }
    }
}

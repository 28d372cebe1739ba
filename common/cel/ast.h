/* Purpose: the syntax tree between parser, checker and compiler.  Nodes live in the arena of one
 * compilation; spans in them point into the source or into that arena. */
#ifndef CASEMILL_CEL_AST_H
#define CASEMILL_CEL_AST_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/value.h"
#include "cel/cel.h"

struct declaration;
struct function;

enum { CEL_SOURCE_BYTES_MAX = 16 * 1024, CEL_NESTING_MAX = 64, CEL_HEIGHT_MAX = 256 };

enum ast_kind {
    AST_CONST,  /* value */
    AST_NAME,   /* name; after the checker: decl or local */
    AST_SELECT, /* target.name, optional: target.?name */
    AST_HAS,    /* has(target.name) */
    AST_INDEX,  /* target[args[0]], optional: target[?args[0]] */
    AST_CALL,   /* name(args...), with member the first argument is the receiver */
    AST_LIST,   /* args; flags[i]: args[i] is an optional element */
    AST_MAP,    /* args: key, value, ...; flags[i]: entry i is optional */
    AST_AND,    /* args, two or more */
    AST_OR,     /* args, two or more */
    AST_COND,   /* args: condition, then, else */
    AST_FOLD,   /* a macro over target; see enum fold */
    AST_ERROR   /* unchecked mode only: fails when it is evaluated */
};

/* args of a fold: predicate or body, and for the transforming ones optionally a filter before it.
 */
enum fold {
    FOLD_ALL,
    FOLD_EXISTS,
    FOLD_EXISTS_ONE,
    FOLD_LIST,        /* map, filter, transformList: args filter (or NULL), body */
    FOLD_MAP,         /* transformMap: args filter (or NULL), body */
    FOLD_BIND,        /* cel.bind(var, target, body) */
    FOLD_OPT_MAP,     /* target.optMap(var, body) */
    FOLD_OPT_FLAT_MAP /* target.optFlatMap(var, body) */
};

enum { LOCAL_NONE = -1 };

struct ast {
    enum ast_kind kind;
    enum fold fold;
    bool optional; /* SELECT, INDEX */
    bool rooted;   /* NAME: written with a leading dot, so that no container or local applies */
    bool member;   /* CALL: args[0] was before the dot */
    bool spread;   /* MAP and LIST: flags is meaningful */
    uint16_t height;
    uint32_t offset; /* in the source, bytes */
    uint32_t width;
    struct span name;
    struct span var;  /* FOLD: element, or index/key when var2 is set */
    struct span var2; /* FOLD: value; empty when the macro has one variable */
    struct value value;
    struct ast *target;
    struct ast **args;
    bool *flags;
    uint32_t count;
    /* filled by the checker */
    const struct cel_type *type;
    const struct declaration *decl;
    const struct function *function;
    const char *overload; /* of the function: the one that fits, else its first */
    int local;            /* NAME: local index; FOLD: index of var, var2 is the next one */
    bool known;           /* FOLD, SELECT: by its type the target is no optional */
};

struct parse {
    struct arena *arena;
    struct span source;
    struct diag *diag;
    enum err err; /* the first failure */
    unsigned depth;
};

/* ast.c.  ast_take returns zeroed memory; it and ast_new never fail, because the arena is sized for
 * the largest source. */
void *ast_take(struct parse *parse, size_t count, size_t bytes);
struct ast *ast_new(struct parse *parse, enum ast_kind kind, uint32_t offset, uint32_t width);
void ast_measure(struct parse *parse, struct ast *ast);

/* parse_fail records the first failure at a location and returns NULL. */
struct ast *parse_fail(struct parse *parse, enum err err, uint32_t offset, uint32_t width,
                       const char *format, ...) PRINTF_LIKE(5, 6);

/* parse_source reads one whole expression.  Errors: ERR_INVALID, ERR_TOO_DEEP, ERR_TOO_LARGE with
 * location in diag. */
MUST_USE enum err parse_source(struct parse *parse, struct ast **ast);

/* parse_is_reserved: words that can never name a value. */
bool parse_is_reserved(struct span name);

/* macro_expand turns a call with the name and shape of a macro into a fold or a has(); it returns
 * any other call unchanged; NULL after a failure. */
struct ast *macro_expand(struct parse *parse, struct ast *call);

#endif

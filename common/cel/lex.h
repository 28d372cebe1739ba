/* Purpose: bytes of an expression -> tokens.  Literals are decoded here, so that every later stage
 * sees values only. */
#ifndef CASEMILL_CEL_LEX_H
#define CASEMILL_CEL_LEX_H

#include "cel/ast.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_QUOTED, /* `name with any characters`, only after a dot */
    TOKEN_LITERAL,
    TOKEN_MAGNITUDE, /* an integer over INT64_MAX: legal only after a minus, value.u */
    TOKEN_MARK       /* operator or bracket: mark */
};

struct token {
    enum token_kind kind;
    uint32_t offset;
    uint32_t width;
    struct span name;
    struct value value;
    char mark[3]; /* "&&", "(", ... */
};

struct lexer {
    struct parse *parse;
    uint32_t at;
};

/* lex_next reads the next token; false after a failure, which is then in parse. */
MUST_USE bool lex_next(struct lexer *lexer, struct token *token);

/* lex_string decodes a quoted literal that begins at lexer->at (after its prefix). */
MUST_USE bool lex_string(struct lexer *lexer, bool raw, bool bytes, struct token *token);

/* lex_peek returns the byte `ahead` of the lexer's position, or -1 behind the end. */
static inline int lex_peek(const struct lexer *lexer, uint32_t ahead) {
    size_t at = (size_t)lexer->at + ahead;
    return at < lexer->parse->source.len ? lexer->parse->source.ptr[at] : -1;
}
/* lex_fail records a failure from `offset` to the lexer's position, and returns false. */
static inline bool lex_fail(struct lexer *lexer, uint32_t offset, const char *text) {
    uint32_t width = lexer->at > offset ? lexer->at - offset : 1;
    (void)parse_fail(lexer->parse, ERR_INVALID, offset, width, "%s", text);
    return false;
}

#endif

/* Tokens of the language: names, numbers and marks.  Quoted literals are in lex_string.c. */
#include "cel/lex.h"

#include <errno.h>
#include <stdlib.h>

enum { NUMBER_BYTES_MAX = 512 };

static bool is_letter(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool is_digit(int c) { return c >= '0' && c <= '9'; }

static bool is_hex(int c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static void skip_blank(struct lexer *lexer) {
    for (;;) {
        int c = lex_peek(lexer, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            lexer->at++;
        } else if (c == '/' && lex_peek(lexer, 1) == '/') {
            while (lex_peek(lexer, 0) != -1 && lex_peek(lexer, 0) != '\n') {
                lexer->at++;
            }
        } else {
            return;
        }
    }
}

static bool number_is_unsigned(struct lexer *lexer) {
    if (lex_peek(lexer, 0) == 'u' || lex_peek(lexer, 0) == 'U') {
        lexer->at++;
        return true;
    }
    return false;
}

static bool integer(struct lexer *lexer, struct token *token, int base) {
    const uint8_t *digits = lexer->parse->source.ptr + token->offset + (base == 16 ? 2 : 0);
    const uint8_t *end = lexer->parse->source.ptr + lexer->at;
    uint64_t sum = 0;
    for (const uint8_t *at = digits; at < end; at++) {
        unsigned digit = is_digit(*at) ? *at - (unsigned)'0' : (*at | 0x20U) - (unsigned)'a' + 10U;
        if (__builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)digit, &sum)) {
            return lex_fail(lexer, token->offset, "the integer does not fit 64 bits");
        }
    }
    token->kind = TOKEN_LITERAL;
    if (number_is_unsigned(lexer)) {
        token->value = value_uint(sum);
    } else if (sum <= INT64_MAX) {
        token->value = value_int((int64_t)sum);
    } else {
        token->kind = TOKEN_MAGNITUDE;
        token->value = value_uint(sum);
    }
    return true;
}

static bool real(struct lexer *lexer, struct token *token) {
    char text[NUMBER_BYTES_MAX];
    size_t len = lexer->at - token->offset;
    if (len >= sizeof(text)) {
        return lex_fail(lexer, token->offset, "the number is too long");
    }
    memcpy(text, lexer->parse->source.ptr + token->offset, len);
    text[len] = '\0';
    token->kind = TOKEN_LITERAL;
    token->value = value_double(strtod(text, NULL));
    return true;
}

static void digits(struct lexer *lexer) {
    while (is_digit(lex_peek(lexer, 0))) {
        lexer->at++;
    }
}

static bool number(struct lexer *lexer, struct token *token) {
    if (lex_peek(lexer, 0) == '0' && (lex_peek(lexer, 1) | 0x20) == 'x' &&
        is_hex(lex_peek(lexer, 2))) {
        lexer->at += 2;
        while (is_hex(lex_peek(lexer, 0))) {
            lexer->at++;
        }
        return integer(lexer, token, 16);
    }
    bool is_real = false;
    digits(lexer);
    if (lex_peek(lexer, 0) == '.' && is_digit(lex_peek(lexer, 1))) {
        is_real = true;
        lexer->at++;
        digits(lexer);
    }
    int exponent = lex_peek(lexer, 0);
    uint32_t sign = lex_peek(lexer, 1) == '+' || lex_peek(lexer, 1) == '-' ? 2 : 1;
    if ((exponent == 'e' || exponent == 'E') && is_digit(lex_peek(lexer, sign))) {
        is_real = true;
        lexer->at += sign;
        digits(lexer);
    }
    return is_real ? real(lexer, token) : integer(lexer, token, 10);
}

/* r, b, br and rb, in either case, may precede a quote. */
static bool string_prefix(const struct lexer *lexer, uint32_t *width, bool *raw, bool *bytes) {
    *raw = false;
    *bytes = false;
    uint32_t at = 0;
    for (; at < 2; at++) {
        int c = lex_peek(lexer, at) | 0x20;
        if (c == 'r' && !*raw) {
            *raw = true;
        } else if (c == 'b' && !*bytes) {
            *bytes = true;
        } else {
            break;
        }
    }
    *width = at;
    return lex_peek(lexer, at) == '"' || lex_peek(lexer, at) == '\'';
}

static bool quoted_name(struct lexer *lexer, struct token *token) {
    lexer->at++;
    uint32_t start = lexer->at;
    while (lex_peek(lexer, 0) != '`') {
        int c = lex_peek(lexer, 0);
        if (!is_letter(c) && !is_digit(c) && c != '.' && c != '-' && c != '/' && c != ' ') {
            return lex_fail(lexer, token->offset,
                            "a quoted name holds letters, digits and . - / only");
        }
        lexer->at++;
    }
    token->kind = TOKEN_QUOTED;
    token->name = span_make(lexer->parse->source.ptr + start, lexer->at - start);
    lexer->at++;
    return token->name.len != 0 || lex_fail(lexer, token->offset, "a name is missing");
}

static bool mark(struct lexer *lexer, struct token *token) {
    static const char *const doubles[] = {"&&", "||", "==", "!=", "<=", ">="};
    int c = lex_peek(lexer, 0);
    for (size_t i = 0; i < COUNT_OF(doubles); i++) {
        if (c == doubles[i][0] && lex_peek(lexer, 1) == doubles[i][1]) {
            token->mark[0] = doubles[i][0];
            token->mark[1] = doubles[i][1];
            lexer->at += 2;
            return true;
        }
    }
    lexer->at++;
    if (memchr("()[]{}.,:?+-*/%!<>", c, 18) == NULL) {
        return lex_fail(lexer, token->offset,
                        c == '=' ? "use == to compare" : "this character has no meaning here");
    }
    token->mark[0] = (char)c;
    return true;
}

bool lex_next(struct lexer *lexer, struct token *token) {
    skip_blank(lexer);
    *token = (struct token){.kind = TOKEN_MARK, .offset = lexer->at};
    int c = lex_peek(lexer, 0);
    bool good = true;
    bool raw = false;
    bool bytes = false;
    uint32_t prefix = 0;
    if (c == -1) {
        token->kind = TOKEN_END;
    } else if (string_prefix(lexer, &prefix, &raw, &bytes)) {
        lexer->at += prefix;
        good = lex_string(lexer, raw, bytes, token);
    } else if (is_letter(c)) {
        while (is_letter(lex_peek(lexer, 0)) || is_digit(lex_peek(lexer, 0))) {
            lexer->at++;
        }
        token->kind = TOKEN_NAME;
        token->name =
            span_make(lexer->parse->source.ptr + token->offset, lexer->at - token->offset);
    } else if (is_digit(c) || (c == '.' && is_digit(lex_peek(lexer, 1)))) {
        good = number(lexer, token);
    } else if (c == '`') {
        good = quoted_name(lexer, token);
    } else {
        good = mark(lexer, token);
    }
    token->width = lexer->at - token->offset;
    return good;
}

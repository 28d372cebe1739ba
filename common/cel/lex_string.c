/* Quoted literals: four quotings, raw or with escapes, text or bytes.  The decoded form is never
 * longer than the source, so one allocation of the source's length holds it. */
#include "base/utf8.h"
#include "cel/lex.h"

struct decode {
    struct lexer *lexer;
    uint8_t *out;
    size_t len;
    bool bytes;
    uint32_t start;
};

static int digit_of(int c, unsigned base) {
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : 99;
    return digit < (int)base ? digit : -1;
}

/* Reads count digits; a code point in text, one byte in bytes. */
static bool numeric_escape(struct decode *decode, uint32_t escape, uint32_t count, unsigned base) {
    struct lexer *lexer = decode->lexer;
    uint32_t code = 0;
    for (uint32_t i = 0; i < count; i++) {
        int digit = digit_of(lex_peek(lexer, 0), base);
        if (digit < 0) {
            return lex_fail(lexer, escape, "the escape needs more digits");
        }
        code = code * base + (uint32_t)digit;
        lexer->at++;
    }
    if (decode->bytes && count <= 3) {
        if (code > 0xff) {
            return lex_fail(lexer, escape, "an octal escape ends at \\377");
        }
        decode->out[decode->len++] = (uint8_t)code;
        return true;
    }
    if (decode->bytes) {
        return lex_fail(lexer, escape, "bytes have no \\u escapes");
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return lex_fail(lexer, escape, "the escape is no Unicode character");
    }
    decode->len += utf8_put(code, decode->out + decode->len);
    return true;
}

static bool escape_one(struct decode *decode) {
    static const char plain[] = "abfnrtv\\?\"'`";
    static const char means[] = "\a\b\f\n\r\t\v\\?\"'`";
    struct lexer *lexer = decode->lexer;
    uint32_t escape = lexer->at;
    int c = lex_peek(lexer, 1);
    const char *found = c > 0 ? strchr(plain, c) : NULL;
    if (found != NULL) {
        decode->out[decode->len++] = (uint8_t)means[found - plain];
        lexer->at += 2;
        return true;
    }
    if (c >= '0' && c <= '3') {
        lexer->at += 1;
        return numeric_escape(decode, escape, 3, 8);
    }
    lexer->at += 2;
    switch (c) {
    case 'x':
    case 'X':
        return numeric_escape(decode, escape, 2, 16);
    case 'u':
        return numeric_escape(decode, escape, 4, 16);
    case 'U':
        return numeric_escape(decode, escape, 8, 16);
    default:
        return lex_fail(lexer, escape, "this escape is not known");
    }
}

static bool body(struct decode *decode, int quote, bool triple, bool raw) {
    struct lexer *lexer = decode->lexer;
    for (;;) {
        int c = lex_peek(lexer, 0);
        if (c == -1 || (!triple && (c == '\n' || c == '\r'))) {
            return lex_fail(lexer, decode->start, "the text has no closing quote");
        }
        if (c == quote &&
            (!triple || (lex_peek(lexer, 1) == quote && lex_peek(lexer, 2) == quote))) {
            lexer->at += triple ? 3 : 1;
            return true;
        }
        if (c == '\\' && !raw) {
            if (!escape_one(decode)) {
                return false;
            }
            continue;
        }
        decode->out[decode->len++] = (uint8_t)c;
        lexer->at++;
    }
}

bool lex_string(struct lexer *lexer, bool raw, bool bytes, struct token *token) {
    int quote = lex_peek(lexer, 0);
    bool triple = lex_peek(lexer, 1) == quote && lex_peek(lexer, 2) == quote;
    lexer->at += triple ? 3 : 1;
    struct decode decode = {.lexer = lexer, .bytes = bytes, .start = token->offset};
    struct arena_mark before = arena_mark(lexer->parse->arena);
    decode.out = arena_alloc(lexer->parse->arena, lexer->parse->source.len - token->offset + 1);
    if (decode.out == NULL) {
        return lex_fail(lexer, token->offset, "the expression holds too much text");
    }
    if (!body(&decode, quote, triple, raw)) {
        return false;
    }
    /* Returns the unused memory: the bytes move at most to the front of the same arena. */
    arena_rewind(lexer->parse->arena, before);
    uint8_t *exact = arena_alloc(lexer->parse->arena, decode.len + 1);
    CHECK(exact != NULL);
    memmove(exact, decode.out, decode.len);
    struct span text = span_make(exact, decode.len);
    if (!bytes && !span_is_utf8(text)) {
        return lex_fail(lexer, token->offset, "the text is not UTF-8");
    }
    token->kind = TOKEN_LITERAL;
    token->value = value_string(text);
    if (bytes) {
        token->value.kind = VAL_BYTES;
    }
    return true;
}

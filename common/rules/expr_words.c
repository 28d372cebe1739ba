/* The words of a condition, for checks of its text. */
#include "rules/rules_priv.h"

static size_t string_end(struct span text, size_t at) {
    uint8_t quote = text.ptr[at];
    bool is_raw = at > 0 && (text.ptr[at - 1] == 'r' || text.ptr[at - 1] == 'R');
    bool is_triple = at + 2 < text.len && text.ptr[at + 1] == quote && text.ptr[at + 2] == quote;
    size_t i = at + (is_triple ? 3 : 1);
    while (i < text.len) {
        if (text.ptr[i] == '\\' && !is_raw) {
            i += 2;
        } else if (text.ptr[i] == quote && !is_triple) {
            return i + 1;
        } else if (text.ptr[i] == quote && i + 2 < text.len && text.ptr[i + 1] == quote &&
                   text.ptr[i + 2] == quote) {
            return i + 3;
        } else {
            i++;
        }
    }
    return text.len;
}

static bool is_word_byte(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           (byte >= '0' && byte <= '9');
}

bool expr_words_next(struct expr_words *words) {
    struct span text = words->text;
    while (words->at < text.len) {
        uint8_t byte = text.ptr[words->at];
        if (byte == '"' || byte == '\'') {
            words->at = string_end(text, words->at);
        } else if (byte == '/' && words->at + 1 < text.len && text.ptr[words->at + 1] == '/') {
            const uint8_t *end = memchr(text.ptr + words->at, '\n', text.len - words->at);
            words->at = end == NULL ? text.len : (size_t)(end - text.ptr);
        } else if (is_word_byte(byte)) {
            words->start = words->at;
            while (words->at < text.len &&
                   (is_word_byte(text.ptr[words->at]) || text.ptr[words->at] == '.')) {
                words->at++;
            }
            words->word = span_make(text.ptr + words->start, words->at - words->start);
            return true;
        } else {
            words->at++;
        }
    }
    return false;
}

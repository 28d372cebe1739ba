/* A reader that follows the schema, not the text: the schema bounds the depth, so input causes no
 * recursion.  It does not rely on PostgreSQL's check that the text is JSON. */

#include "base/buf.h"
#include "base/date.h"
#include "base/utf8.h"
#include "casedoc/casedoc_priv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { NUMBER_BYTES_MAX = 512 };

struct reader {
    struct span text;
    size_t at;
    struct arena *arena;
    enum err err; /* ERR_OK until the first fault */
};

/* --- tokens ------------------------------------------------------------------------------------
 */

static bool fail(struct reader *r, enum err err) {
    r->err = r->err == ERR_OK ? err : r->err;
    return false;
}

static uint8_t peek(struct reader *r) {
    while (r->at < r->text.len && (r->text.ptr[r->at] == ' ' || r->text.ptr[r->at] == '\n' ||
                                   r->text.ptr[r->at] == '\t' || r->text.ptr[r->at] == '\r')) {
        r->at++;
    }
    return r->at < r->text.len ? r->text.ptr[r->at] : 0;
}

/* Reads the byte if it is the next one. */
static bool take(struct reader *r, uint8_t byte) {
    if (peek(r) != byte) {
        return false;
    }
    r->at++;
    return true;
}

static bool take_word(struct reader *r, struct span word) {
    (void)peek(r);
    if (r->text.len - r->at < word.len || memcmp(r->text.ptr + r->at, word.ptr, word.len) != 0) {
        return false;
    }
    r->at += word.len;
    return true;
}

static void *alloc(struct reader *r, size_t bytes) {
    void *memory = arena_alloc(r->arena, bytes);
    if (memory == NULL) {
        (void)fail(r, ERR_TOO_LARGE);
    }
    return memory;
}

static bool hex4(struct span text, size_t at, uint32_t *code) {
    if (text.len - at < 4) {
        return false;
    }
    *code = 0;
    for (size_t i = at; i < at + 4; i++) {
        uint8_t byte = text.ptr[i];
        uint32_t digit = byte >= '0' && byte <= '9'   ? (uint32_t)(byte - '0')
                         : byte >= 'a' && byte <= 'f' ? (uint32_t)(byte - 'a' + 10)
                         : byte >= 'A' && byte <= 'F' ? (uint32_t)(byte - 'A' + 10)
                                                      : 16U;
        if (digit == 16) {
            return false;
        }
        *code = *code << 4 | digit;
    }
    return true;
}

/* \uXXXX, or a pair of them for one character; *at is after the u. */
static bool unicode_escape(struct span raw, size_t *at, uint32_t *code) {
    if (!hex4(raw, *at, code)) {
        return false;
    }
    *at += 4;
    if (*code < 0xd800 || *code > 0xdfff) {
        return *code != 0;
    }
    uint32_t low = 0;
    if (*code > 0xdbff || raw.len - *at < 6 || raw.ptr[*at] != '\\' || raw.ptr[*at + 1] != 'u' ||
        !hex4(raw, *at + 2, &low) || low < 0xdc00 || low > 0xdfff) {
        return false;
    }
    *at += 6;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

/* The text never grows: an escape is longer than its character. */
static bool unescape(struct reader *r, struct span raw, struct span *text) {
    static const char names[] = "\"\\/bfnrt";
    static const char bytes[] = "\"\\/\b\f\n\r\t";
    uint8_t *out = alloc(r, raw.len);
    size_t len = 0;
    for (size_t at = 0; out != NULL && at < raw.len;) {
        if (raw.ptr[at] != '\\') {
            out[len++] = raw.ptr[at++];
            continue;
        }
        uint8_t name = raw.ptr[at + 1]; /* string_read has checked that one follows */
        at += 2;
        const char *known = memchr(names, name, sizeof(names) - 1);
        uint32_t code = 0;
        if (known != NULL) {
            out[len++] = (uint8_t)bytes[known - names];
        } else if (name == 'u' && unicode_escape(raw, &at, &code)) {
            len += utf8_put(code, out + len);
        } else {
            return fail(r, ERR_INVALID);
        }
    }
    *text = span_make(out, len);
    return out != NULL;
}

static bool string_read(struct reader *r, struct span *text) {
    if (!take(r, '"')) {
        return fail(r, ERR_INVALID);
    }
    size_t start = r->at;
    bool has_escape = false;
    for (; r->at < r->text.len && r->text.ptr[r->at] != '"'; r->at++) {
        if (r->text.ptr[r->at] == '\\') {
            has_escape = true;
            r->at++;
        }
    }
    if (r->at >= r->text.len) {
        return fail(r, ERR_INVALID);
    }
    struct span raw = span_make(r->text.ptr + start, r->at - start);
    r->at++;
    *text = raw;
    return !has_escape || unescape(r, raw, text);
}

/* --- scalars -----------------------------------------------------------------------------------
 */

/* As in a decoded case: UTF-8 without NUL. */
static bool is_text(struct span text, uint32_t bytes_max) {
    return text.len <= bytes_max && span_is_utf8(text) &&
           (text.len == 0 || memchr(text.ptr, 0, text.len) == NULL);
}

enum err fact_text_value(const struct fact *fact, struct span text, struct value *value) {
    if (fact->type == FACT_STRING && is_text(text, fact->bytes_max)) {
        *value = value_string(text);
        return ERR_OK;
    }
    if (fact->type == FACT_STRING) {
        return ERR_INVALID;
    }
    uint32_t number = words_find(fact->word_index, text);
    if (number == WORD_NONE) {
        return ERR_INVALID;
    }
    *value = value_word(text, number);
    return ERR_OK;
}

static bool text_value(struct reader *r, const struct fact *fact, struct value *value) {
    struct span text = {0};
    int32_t days = 0;
    if (!string_read(r, &text)) {
        return false;
    }
    enum err err = ERR_OK;
    if (fact->type == FACT_DATE) {
        err = date_parse(text, &days);
        *value = value_date(days);
    } else if (fact->type == FACT_TIMESTAMP) {
        err = timestamp_parse(text, value);
    } else {
        err = fact_text_value(fact, text, value);
    }
    return err == ERR_OK || fail(r, ERR_INVALID);
}

static bool number_value(struct reader *r, const struct fact *fact, struct value *value) {
    char text[NUMBER_BYTES_MAX];
    size_t len = 0;
    (void)peek(r);
    while (r->at < r->text.len && len < sizeof(text) - 1 &&
           memchr("+-.0123456789eE", r->text.ptr[r->at], 15) != NULL) {
        text[len++] = (char)r->text.ptr[r->at++];
    }
    text[len] = '\0';
    char *end = text;
    errno = 0;
    bool fits = false;
    if (fact->type == FACT_INT) {
        *value = value_int(strtoll(text, &end, 10));
        fits = errno == 0 && value->i >= fact->int_min && value->i <= fact->int_max;
    } else {
        *value = value_double(strtod(text, &end)); /* a denormal sets errno and is valid */
        fits = isfinite(value->d);
    }
    return (fits && len > 0 && end == text + len) || fail(r, ERR_INVALID);
}

static bool scalar_read(struct reader *r, const struct fact *fact, struct value *value) {
    switch (fact->type) {
    case FACT_BOOL: {
        bool is_true = take_word(r, SPAN_LIT("true"));
        *value = value_bool(is_true);
        return is_true || take_word(r, SPAN_LIT("false")) || fail(r, ERR_INVALID);
    }
    case FACT_INT:
    case FACT_DOUBLE:
        return number_value(r, fact, value);
    case FACT_STRING:
    case FACT_ENUM:
    case FACT_ISO:
    case FACT_DATE:
    case FACT_TIMESTAMP:
        return text_value(r, fact, value);
    case FACT_LIST:
    case FACT_MAP:
    case FACT_RECORD:
        break;
    }
    return fail(r, ERR_INVALID);
}

/* --- records, lists, maps ------------------------------------------------------------------------
 */

static const struct fact *field_find(const struct fact *record, struct span leaf) {
    for (uint32_t i = 0; i < record->field_count; i++) {
        const struct fact *field = &record->fields[i];
        if (field->leaf_len == leaf.len && memcmp(field->leaf, leaf.ptr, leaf.len) == 0) {
            return field;
        }
    }
    return NULL;
}

/* All fields in schema order, unknown until read; a field that is not in the schema any more is a
 * fault. */
static bool record_read(struct reader *r, const struct fact *record, struct value *value) {
    struct value *pairs = alloc(r, (size_t)record->field_count * 2 * sizeof(*pairs));
    if (pairs == NULL || !take(r, '{')) {
        return fail(r, ERR_INVALID);
    }
    for (uint32_t i = 0; i < record->field_count; i++) {
        pairs[2 * i] = value_word(span_make(record->fields[i].leaf, record->fields[i].leaf_len), i);
        pairs[2 * i + 1] = value_unknown(record->fields[i].path);
    }
    *value = value_record(pairs, record->field_count);
    bool is_first = true;
    while (!take(r, '}')) {
        struct span leaf = {0};
        if ((!is_first && !take(r, ',')) || !string_read(r, &leaf) || !take(r, ':')) {
            return fail(r, ERR_INVALID);
        }
        const struct fact *field = field_find(record, leaf);
        if (field == NULL || !scalar_read(r, field, &pairs[2 * (field - record->fields) + 1])) {
            return fail(r, ERR_INVALID);
        }
        is_first = false;
    }
    return true;
}

/* An element needs a byte and a comma, a map entry five bytes and a comma: the text's length bounds
 * their number, as the fact's limit does. */
static uint32_t room_for(const struct reader *r, const struct fact *fact) {
    size_t left = (r->text.len - r->at) / 2 + 1;
    return left < fact->count_max ? (uint32_t)left : fact->count_max;
}

static bool element_read(struct reader *r, const struct fact *fact, struct value *value) {
    return fact->type == FACT_RECORD ? record_read(r, fact, value) : scalar_read(r, fact, value);
}

static bool map_key_read(struct reader *r, const struct fact *fact, struct value *key) {
    struct span text = {0};
    if (!string_read(r, &text) || !take(r, ':')) {
        return fail(r, ERR_INVALID);
    }
    bool is_known = fact->map_keys_iso ? fact_has_word(fact, text) : is_text(text, fact->bytes_max);
    *key = value_string(text);
    return is_known || fail(r, ERR_INVALID);
}

/* The whole text: the elements of a list, or the entries of a map. */
static bool many_read(struct reader *r, const struct fact *fact, struct value *value) {
    bool is_map = fact->type == FACT_MAP;
    size_t width = is_map ? 2 : 1;
    if (!take(r, is_map ? '{' : '[')) {
        return fail(r, ERR_INVALID);
    }
    uint32_t room = room_for(r, fact);
    uint32_t count = 0;
    struct value *items = alloc(r, room * width * sizeof(*items));
    if (items == NULL) {
        return fail(r, ERR_INVALID);
    }
    while (!take(r, is_map ? '}' : ']')) {
        struct value *item = &items[count * width];
        if ((count > 0 && !take(r, ',')) || count == room ||
            (is_map && !map_key_read(r, fact, item++)) || !element_read(r, fact->element, item)) {
            return fail(r, ERR_INVALID);
        }
        count++;
    }
    if (peek(r) != 0 || (is_map && !pairs_sort(items, count))) {
        return fail(r, ERR_INVALID);
    }
    *value = is_map ? value_map(items, count) : value_list(items, count);
    return true;
}

enum err json_read(const struct fact *fact, struct span text, struct arena *arena,
                   struct value *value) {
    struct reader r = {.text = text, .arena = arena};
    return many_read(&r, fact, value) ? ERR_OK : r.err;
}

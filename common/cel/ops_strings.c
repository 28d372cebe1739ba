/* Text functions that count in code points, not bytes. */
#include "base/utf8.h"
#include "cel/functions.h"

static struct value bad_argument(void) { return value_error(CEL_ERROR_ARGUMENT); }

static bool is_text(const struct value *args, uint32_t count, uint32_t at) {
    return at < count && args[at].kind == VAL_STRING;
}

static bool is_int(const struct value *args, uint32_t count, uint32_t at) {
    return at < count && args[at].kind == VAL_INT;
}

/* Makes a text from a buffer and frees the buffer. */
static struct value text_from(struct cel_run *run, struct buf *text) {
    struct value value = value_text(run, buf_span(text));
    buf_free(text);
    return value;
}

/* Every function here is linear in its texts, so their bytes are its cost. */
static bool afford(struct cel_run *run, uint64_t bytes) { return run_spend(run, 1 + bytes / 64); }

CEL_FUNCTION(op_char_at) {
    if (count != 2 || !is_text(args, count, 0) || !is_int(args, count, 1)) {
        return no_overload();
    }
    struct span text = value_span(args[0]);
    int64_t points = (int64_t)utf8_count(text);
    if (!afford(run, text.len)) {
        return value_error(CEL_ERROR_STEPS);
    }
    if (args[1].i < 0 || args[1].i > points) {
        return value_error(CEL_ERROR_INDEX);
    }
    size_t at = utf8_offset(text, (size_t)args[1].i);
    size_t width = at == text.len ? 0 : utf8_width(text.ptr[at]);
    return value_string(span_make(text.ptr + at, width));
}

static bool begins(struct span text, size_t at, struct span part) {
    return text.len - at >= part.len &&
           (part.len == 0 || memcmp(text.ptr + at, part.ptr, part.len) == 0);
}

/* The code point at which part begins, not before `from` (or, backwards, not after it); -1:
 * none. */
static int64_t find(struct span text, struct span part, int64_t from, bool backwards) {
    int64_t found = -1;
    size_t at = backwards ? 0 : utf8_offset(text, (size_t)from);
    int64_t point = backwards ? 0 : from;
    for (;; point++) {
        bool too_far = backwards && point > from;
        if (too_far || at > text.len) {
            return found;
        }
        if (begins(text, at, part)) {
            found = point;
            if (!backwards) {
                return found;
            }
        }
        at += at == text.len ? 1 : utf8_width(text.ptr[at]);
    }
}

static struct value index_of(struct cel_run *run, const struct value *args, uint32_t count,
                             bool backwards) {
    bool fits = is_text(args, count, 0) && is_text(args, count, 1) &&
                (count == 2 || (count == 3 && is_int(args, count, 2)));
    if (!fits) {
        return no_overload();
    }
    if (!afford(run, (uint64_t)args[0].len * (1 + args[1].len / 16U))) {
        return value_error(CEL_ERROR_STEPS);
    }
    int64_t points = (int64_t)utf8_count(value_span(args[0]));
    int64_t from = count == 3 ? args[2].i : backwards ? points : 0;
    if (from < 0 || from > points) {
        return value_error(CEL_ERROR_INDEX);
    }
    return value_int(find(value_span(args[0]), value_span(args[1]), from, backwards));
}

CEL_FUNCTION(op_index_of) { return index_of(run, args, count, false); }

CEL_FUNCTION(op_last_index_of) { return index_of(run, args, count, true); }

static struct value change_case(struct cel_run *run, const struct value *args, uint32_t count,
                                uint8_t from) {
    if (count != 1 || !is_text(args, count, 0)) {
        return no_overload();
    }
    struct span copy = arena_copy(run->arena, value_span(args[0]));
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.ptr; /* this function's copy, not shared yet */
    if (bytes == NULL) {
        return value_error(CEL_ERROR_MEMORY);
    }
    for (size_t i = 0; i < copy.len; i++) {
        bytes[i] = bytes[i] >= from && bytes[i] < from + 26 ? bytes[i] ^ 0x20U : bytes[i];
    }
    return value_string(copy);
}

CEL_FUNCTION(op_lower_ascii) { return change_case(run, args, count, 'A'); }

CEL_FUNCTION(op_upper_ascii) { return change_case(run, args, count, 'a'); }

CEL_FUNCTION(op_replace) {
    bool fits = is_text(args, count, 0) && is_text(args, count, 1) && is_text(args, count, 2) &&
                (count == 3 || (count == 4 && is_int(args, count, 3)));
    if (!fits) {
        return no_overload();
    }
    struct span text = value_span(args[0]);
    struct span part = value_span(args[1]);
    int64_t left = count == 4 && args[3].i >= 0 ? args[3].i : INT64_MAX;
    if (!afford(run, (text.len + 1) * (1 + args[2].len + part.len / 16U))) {
        return value_error(CEL_ERROR_STEPS);
    }
    struct buf out = BUF_EMPTY;
    size_t at = 0;
    while (at <= text.len) {
        bool hit = left > 0 && begins(text, at, part);
        if (hit) {
            buf_append(&out, value_span(args[2]));
            left--;
        }
        if (hit && part.len != 0) {
            at += part.len;
            continue;
        }
        size_t width = at == text.len ? 0 : utf8_width(text.ptr[at]);
        buf_append(&out, span_make(text.ptr + at, width));
        at += width == 0 ? 1 : width;
    }
    return text_from(run, &out);
}

CEL_FUNCTION(op_split) {
    bool fits = is_text(args, count, 0) && is_text(args, count, 1) &&
                (count == 2 || (count == 3 && is_int(args, count, 2)));
    if (!fits) {
        return no_overload();
    }
    struct span text = value_span(args[0]);
    struct span part = value_span(args[1]);
    int64_t left = count == 3 && args[2].i >= 0 ? args[2].i : INT64_MAX;
    struct value *items = run_alloc(run, text.len + 1, sizeof(*items));
    if (items == NULL || !afford(run, text.len * (1 + part.len / 16U))) {
        return value_error(items == NULL ? CEL_ERROR_MEMORY : CEL_ERROR_STEPS);
    }
    uint32_t made = 0;
    size_t start = 0;
    for (size_t at = 0; at < text.len && left > 1;) {
        size_t width = utf8_width(text.ptr[at]);
        bool hit = part.len == 0 ? at + width < text.len : begins(text, at, part);
        size_t end = part.len == 0 ? at + width : at;
        at += hit && part.len != 0 ? part.len : width;
        if (hit) {
            items[made++] = value_string(span_make(text.ptr + start, end - start));
            start = at;
            left--;
        }
    }
    if (left > 0 && (part.len != 0 || text.len != 0)) {
        items[made++] = value_string(span_make(text.ptr + start, text.len - start));
    }
    return value_list(items, made);
}

CEL_FUNCTION(op_substring) {
    bool fits = is_text(args, count, 0) && is_int(args, count, 1) &&
                (count == 2 || (count == 3 && is_int(args, count, 2)));
    if (!fits) {
        return no_overload();
    }
    struct span text = value_span(args[0]);
    int64_t points = (int64_t)utf8_count(text);
    int64_t from = args[1].i;
    int64_t to = count == 3 ? args[2].i : points;
    if (!afford(run, text.len)) {
        return value_error(CEL_ERROR_STEPS);
    }
    if (from < 0 || from > points || to < 0 || to > points) {
        return value_error(CEL_ERROR_INDEX);
    }
    if (from > to) {
        return bad_argument();
    }
    size_t start = utf8_offset(text, (size_t)from);
    size_t end = utf8_offset(text, (size_t)to);
    return value_string(span_make(text.ptr + start, end - start));
}

static bool is_space(uint32_t code) {
    return (code >= 9 && code <= 13) || code == 0x20 || code == 0x85 || code == 0xa0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

CEL_FUNCTION(op_trim) {
    if (count != 1 || !is_text(args, count, 0)) {
        return no_overload();
    }
    struct span text = value_span(args[0]);
    if (!afford(run, text.len)) {
        return value_error(CEL_ERROR_STEPS);
    }
    size_t start = 0;
    while (start < text.len && is_space(utf8_get(text.ptr + start))) {
        start += utf8_width(text.ptr[start]);
    }
    size_t end = start; /* after the last that is no space */
    for (size_t at = start; at < text.len; at += utf8_width(text.ptr[at])) {
        if (!is_space(utf8_get(text.ptr + at))) {
            end = at + utf8_width(text.ptr[at]);
        }
    }
    return value_string(span_make(text.ptr + start, end - start));
}

CEL_FUNCTION(op_join) {
    bool fits = (count == 1 || (count == 2 && is_text(args, count, 1))) && args[0].kind == VAL_LIST;
    if (!fits) {
        return no_overload();
    }
    struct value fault = value_null();
    struct buf out = BUF_EMPTY;
    for (uint32_t i = 0; i < args[0].len && !value_is_fault(fault); i++) {
        struct value item = args[0].items[i];
        if (item.kind != VAL_STRING) {
            fault = value_is_fault(item) ? item : no_overload();
        } else if (!afford(run, item.len + (count == 2 ? args[1].len : 0U)) ||
                   out.len > run->arena->bytes_max) {
            fault = value_error(CEL_ERROR_STEPS);
        } else {
            buf_append(&out, i == 0 || count == 1 ? span_str("") : value_span(args[1]));
            buf_append(&out, value_span(item));
        }
    }
    if (value_is_fault(fault)) {
        buf_free(&out);
        return fault;
    }
    return text_from(run, &out);
}

CEL_FUNCTION(op_reverse) {
    if (count != 1 || !is_text(args, count, 0)) {
        return no_overload();
    }
    struct span text = value_span(args[0]);
    uint8_t *out = run_alloc(run, text.len + 1, 1);
    if (out == NULL || !afford(run, text.len)) {
        return value_error(out == NULL ? CEL_ERROR_MEMORY : CEL_ERROR_STEPS);
    }
    size_t width = 0;
    for (size_t at = 0; at < text.len; at += width) {
        width = utf8_width(text.ptr[at]);
        memcpy(out + (text.len - at - width), text.ptr + at, width);
    }
    return value_string(span_make(out, text.len));
}

/* strings.quote: a literal of the text. */
CEL_FUNCTION(op_quote) {
    static const char special[] = "\a\b\f\n\r\t\v\\\"";
    static const char letters[] = "abfnrtv\\\"";
    if (count != 1 || !is_text(args, count, 0)) {
        return no_overload();
    }
    struct span text = value_span(args[0]);
    if (!afford(run, text.len)) {
        return value_error(CEL_ERROR_STEPS);
    }
    struct buf out = BUF_EMPTY;
    buf_byte(&out, '"');
    for (size_t i = 0; i < text.len; i++) {
        const char *found = text.ptr[i] == 0 ? NULL : strchr(special, text.ptr[i]);
        if (found != NULL) {
            buf_byte(&out, '\\');
            buf_byte(&out, (uint8_t)letters[found - special]);
        } else {
            buf_byte(&out, text.ptr[i]);
        }
    }
    buf_byte(&out, '"');
    return text_from(run, &out);
}

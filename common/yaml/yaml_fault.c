/* Faults that point at the byte in the file.  A scalar's value and its source differ (quotes,
 * escapes, indentation); yaml_fail_in walks both in parallel to the required byte of the value. */
#include "yaml/yaml_priv.h"

#include <stdio.h>

struct span yaml_source(const struct yaml_doc *doc) {
    return doc->source;
}
const char *yaml_name(const struct yaml_doc *doc) { return doc->name; }

/* The location of a fault: bytes of the source at or after the start of a node. */
struct location {
    const struct yaml_node *node;
    size_t start, end;
};

/* Fills position and width; the end is cut at the end of the start's line.  Lines are counted from
 * the node's line; a node made only to point at a byte has line 0. */
static enum err fail_span(const struct yaml_doc *doc, struct location location, enum err err,
                          struct diag *diag, const char *text) {
    struct span source = yaml_source(doc);
    size_t start = location.start;
    size_t end = location.end;
    CHECK(start >= location.node->start && start <= source.len);
    bool is_known = location.node->line != 0;
    uint32_t line = is_known ? location.node->line : 1;
    size_t line_start = is_known ? location.node->start - (location.node->column - 1) : 0;
    for (size_t i = is_known ? location.node->start : 0; i < start; i++) {
        if (source.ptr[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    size_t stop = start;
    while (stop < end && stop < source.len && source.ptr[stop] != '\n' &&
           source.ptr[stop] != '\r') {
        stop++;
    }
    enum err failed = diag_fail_at(diag, err, yaml_name(doc), line,
                                   (uint32_t)(start - line_start) + 1, "%s", text);
    if (diag != NULL) {
        diag->offset = start;
        diag->width = stop > start ? (uint32_t)(stop - start) : 1;
    }
    return failed;
}

enum err yaml_fail(const struct yaml_doc *doc, const struct yaml_node *node, enum err err,
                   struct diag *diag, const char *format, ...) {
    char text[DIAG_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    size_t end = node->kind == YAML_SCALAR ? node->end : node->start + 1;
    return fail_span(doc, (struct location){node, node->start, end}, err, diag, text);
}

static size_t utf8_bytes(uint32_t code) {
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

static uint32_t hex_code(const uint8_t *ptr, size_t digits) {
    uint32_t code = 0;
    for (size_t i = 0; i < digits; i++) {
        uint8_t c = ptr[i];
        uint32_t digit = c <= '9' ? (uint32_t)c - '0' : (uint32_t)(c | 0x20) - 'a' + 10;
        code = code << 4 | digit;
    }
    return code;
}

/* One step in a double-quoted source: how many source bytes give how many bytes of the value. */
static void double_step(const uint8_t *ptr, size_t left, size_t *source_bytes,
                        size_t *value_bytes) {
    *source_bytes = 1;
    *value_bytes = 1;
    if (ptr[0] != '\\' || left < 2) {
        return;
    }
    size_t digits = ptr[1] == 'x' ? 2 : ptr[1] == 'u' ? 4 : ptr[1] == 'U' ? 8 : 0;
    *source_bytes = 2 + (digits < left - 2 ? digits : left - 2);
    if (digits != 0) {
        *value_bytes = utf8_bytes(hex_code(ptr + 2, *source_bytes - 2));
    } else if (ptr[1] == 'N' || ptr[1] == '_') { /* next line, no-break space */
        *value_bytes = 2;
    } else if (ptr[1] == 'L' || ptr[1] == 'P') { /* line and paragraph separators */
        *value_bytes = 3;
    }
}

static size_t quoted_offset(struct span source, const struct yaml_node *node, size_t offset) {
    size_t at = node->start + 1;
    size_t value = 0;
    while (value < offset && at + 1 < node->end) {
        size_t source_bytes = 1;
        size_t value_bytes = 1;
        if (node->style == YAML_DOUBLE) {
            double_step(source.ptr + at, node->end - 1 - at, &source_bytes, &value_bytes);
        } else if (source.ptr[at] == '\'') {
            source_bytes = 2;
        }
        if (value + value_bytes > offset) {
            break; /* inside one character's escape */
        }
        at += source_bytes;
        value += value_bytes;
    }
    return at;
}

static size_t line_end(struct span source, size_t at) {
    while (at < source.len && source.ptr[at] != '\n') {
        at++;
    }
    return at;
}

/* A line of the value is the tail of its source line, so the indentation is not needed. */
static size_t literal_offset(struct span source, const struct yaml_node *node, size_t offset) {
    size_t end = line_end(source, node->start);
    size_t value_start = 0;
    for (;;) {
        size_t line_start = end < source.len ? end + 1 : end;
        end = line_end(source, line_start);
        size_t value_end = line_end(node->text, value_start);
        if (offset <= value_end || end == source.len) {
            size_t text_end = end > line_start && source.ptr[end - 1] == '\r' ? end - 1 : end;
            size_t line_bytes = value_end - value_start;
            size_t indent =
                text_end - line_start > line_bytes ? text_end - line_start - line_bytes : 0;
            size_t at = line_start + indent + (offset - value_start);
            return at < end ? at : end;
        }
        value_start = value_end + 1;
    }
}

/* Folding joins lines, so a value's byte has no single location in the source. */
static bool is_folded(struct span source, const struct yaml_node *node) {
    return node->style == YAML_FOLDED ||
           (node->style != YAML_LITERAL &&
            memchr(source.ptr + node->start, '\n', node->end - node->start) != NULL);
}

static size_t source_offset(struct span source, const struct yaml_node *node, size_t offset) {
    switch (node->style) {
    case YAML_SINGLE:
    case YAML_DOUBLE:
        return quoted_offset(source, node, offset);
    case YAML_LITERAL:
        return literal_offset(source, node, offset);
    case YAML_PLAIN:
    case YAML_FOLDED:
        return node->start + offset;
    }
    UNREACHABLE();
}

enum err yaml_fail_in(const struct yaml_doc *doc, const struct yaml_node *scalar, size_t offset,
                      size_t width, struct diag *diag, const char *text) {
    CHECK(scalar->kind == YAML_SCALAR);
    struct span source = yaml_source(doc);
    if (is_folded(source, scalar)) {
        return yaml_fail(doc, scalar, ERR_INVALID, diag, "%s", text);
    }
    size_t last = scalar->text.len;
    size_t from = offset < last ? offset : last;
    size_t to = width < last - from ? from + width : last;
    struct location location = {scalar, source_offset(source, scalar, from),
                                source_offset(source, scalar, to)};
    return fail_span(doc, location, ERR_INVALID, diag, text);
}

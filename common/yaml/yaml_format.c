/* See yaml_format.h.  libyaml drops comments, so the text is read token by token.  The tree gives
 * the locations of the scalars; the rest is punctuation, white space and comments. */
#include "yaml/yaml_format.h"

#include "base/mem.h"

#include <stdlib.h>

enum { INDENT = 2 };
#define UNPLACED UINT32_MAX

/* A scalar, or the dash of a list's item. */
struct mark {
    size_t start, end;
    uint32_t indent; /* of a line that begins here; UNPLACED inside a flow */
};

struct format {
    const struct yaml_doc *doc;
    struct span source;
    struct mark *marks; /* by start */
    uint32_t mark_count, mark_cap;
    struct buf *out;
    size_t at;
    uint32_t mark;        /* the next one */
    uint32_t flow_depth;  /* of { and [ */
    uint32_t line_indent; /* of the last line outside of a flow */
    uint32_t blank_lines; /* waiting */
};

/* --- locations of the scalars ----------------------------------------------------------------- */

static void mark_add(struct format *format, size_t start, size_t end, uint32_t indent) {
    MEM_ROOM(format->marks, format->mark_count, format->mark_cap, 256);
    format->marks[format->mark_count++] = (struct mark){start, end, indent};
}

static bool is_flow(const struct format *format, const struct yaml_node *node) {
    uint8_t first = node->start < format->source.len ? format->source.ptr[node->start] : 0;
    return node->kind == YAML_MAP ? first == '{' : node->kind == YAML_SEQ && first == '[';
}

static void mark_scalar(struct format *format, const struct yaml_node *node, uint32_t indent) {
    size_t end = node->end;
    while (end > node->start &&
           (format->source.ptr[end - 1] == '\n' || format->source.ptr[end - 1] == '\r')) {
        end--; /* a block scalar's span holds its last line end */
    }
    if (end > node->start) {
        mark_add(format, node->start, end, indent);
    }
}

/* The dash before an item: the last byte before it that is not white space. */
static size_t dash_before(const struct format *format, size_t at) {
    while (at > 0 && format->source.ptr[at - 1] != '-') {
        at--;
    }
    return at == 0 ? 0 : at - 1;
}

/* Depth is bounded by the reader.  indent: of the node's own lines, or UNPLACED inside a flow. */
static void mark_node(struct format *format, const struct yaml_node *node, uint32_t indent) {
    if (node->kind == YAML_SCALAR) {
        mark_scalar(format, node, indent);
        return;
    }
    bool in_flow = indent == UNPLACED || is_flow(format, node);
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        if (child->key != NULL) {
            mark_scalar(format, child->key, in_flow ? UNPLACED : indent);
        } else if (!in_flow) {
            size_t dash = dash_before(format, child->start);
            mark_add(format, dash, dash + 1, indent);
        }
        mark_node(format, child, in_flow ? UNPLACED : indent + INDENT);
    }
}

static int mark_order(const void *a, const void *b) {
    const struct mark *x = a;
    const struct mark *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* --- lines --- */

static bool is_blank(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

static bool at_mark(const struct format *format) {
    return format->mark < format->mark_count && format->marks[format->mark].start == format->at;
}

static uint8_t here(const struct format *format) {
    return format->at < format->source.len ? format->source.ptr[format->at] : '\n';
}

static void skip_blanks(struct format *format) {
    while (format->at < format->source.len && is_blank(here(format)) && !at_mark(format)) {
        format->at++;
    }
}

/* A comment is indented like the line that it describes. */
static uint32_t indent_of_next(const struct format *format) {
    size_t at = format->at;
    uint32_t mark = format->mark;
    if (format->flow_depth > 0) {
        return format->line_indent + INDENT;
    }
    return mark < format->mark_count && format->marks[mark].start >= at &&
                   format->marks[mark].indent != UNPLACED
               ? format->marks[mark].indent
               : 0;
}

static uint32_t line_indent(struct format *format) {
    bool closes = here(format) == '}' || here(format) == ']';
    if (format->flow_depth > 0) {
        return format->line_indent + (closes ? 0 : INDENT);
    }
    if (at_mark(format) && format->marks[format->mark].indent != UNPLACED) {
        format->line_indent = format->marks[format->mark].indent;
        return format->line_indent;
    }
    return here(format) == '#' ? indent_of_next(format) : format->line_indent + INDENT;
}

static void write_comment(struct format *format) {
    size_t end = format->at;
    while (end < format->source.len && format->source.ptr[end] != '\n') {
        end++;
    }
    size_t stop = end;
    while (stop > format->at && is_blank(format->source.ptr[stop - 1])) {
        stop--;
    }
    size_t text = format->at + 1;
    bool is_tight = text < stop && format->source.ptr[text] != ' ' &&
                    format->source.ptr[text] != '#' && format->source.ptr[text] != '!';
    buf_str(format->out, is_tight ? "# " : "#");
    buf_append(format->out, span_make(format->source.ptr + text, stop - text));
    format->at = end;
}

/* Spaces between two tokens of a line; last is the byte before, 0 at the start of the line. */
static bool wants_blank(uint8_t last, uint8_t next) {
    bool opens = last == '{' || last == '[';
    bool ends = next == '}' || next == ']' || next == ',' || next == ':';
    return last != 0 && !opens && !ends;
}

/* One token; false when the style has no such token. */
static bool write_token(struct format *format, uint8_t *last) {
    bool is_scalar = at_mark(format);
    uint8_t byte = here(format);
    size_t end = format->at + 1;
    if (!is_scalar && strchr("{}[],:", byte) == NULL && byte != '#') {
        return false;
    }
    if (wants_blank(*last, is_scalar ? 'a' : byte)) {
        buf_byte(format->out, ' ');
    }
    if (is_scalar) {
        end = format->marks[format->mark++].end;
    } else if (byte == '#') {
        write_comment(format);
        return true;
    }
    format->flow_depth += !is_scalar && (byte == '{' || byte == '[') ? 1 : 0;
    format->flow_depth -= !is_scalar && (byte == '}' || byte == ']') ? 1 : 0;
    buf_append(format->out, span_make(format->source.ptr + format->at, end - format->at));
    format->at = end;
    *last = is_scalar ? 'a' : byte;
    return true;
}

static enum err format_line(struct format *format, struct diag *diag) {
    skip_blanks(format);
    if (here(format) == '\n' && !at_mark(format)) {
        format->blank_lines++;
        format->at++;
        return ERR_OK;
    }
    if (format->blank_lines > 0 && format->out->len > 0) {
        buf_byte(format->out, '\n');
    }
    format->blank_lines = 0;
    uint32_t indent = line_indent(format);
    for (uint32_t i = 0; i < indent; i++) {
        buf_byte(format->out, ' ');
    }
    uint8_t last = 0;
    while (at_mark(format) || here(format) != '\n') {
        if (!write_token(format, &last)) {
            struct yaml_node location = {
                .kind = YAML_SCALAR, .start = format->at, .end = format->at + 1};
            return yaml_fail(
                format->doc, &location, ERR_INVALID, diag,
                "the style does not allow this: remove it, or leave this file unformatted");
        }
        skip_blanks(format);
    }
    buf_byte(format->out, '\n');
    format->at++;
    return ERR_OK;
}

/* --- the check -------------------------------------------------------------------------------- */

/* The first node that differs; NULL when all are the same. */
static const struct yaml_node *differing(const struct yaml_node *a, const struct yaml_node *b) {
    if (a->kind != b->kind || a->style != b->style || a->count != b->count ||
        (a->kind == YAML_SCALAR && !span_eq(a->text, b->text)) ||
        (a->key != NULL && !span_eq(a->key->text, b->key->text))) {
        return a;
    }
    const struct yaml_node *other = b->first;
    for (const struct yaml_node *child = a->first; child != NULL; child = child->next) {
        const struct yaml_node *found = differing(child, other);
        if (found != NULL) {
            return found;
        }
        other = other->next;
    }
    return NULL;
}

static enum err prove(const struct yaml_doc *doc, struct span text, struct diag *diag) {
    struct yaml_doc *again = NULL;
    struct diag fault = {0};
    const struct yaml_node *node = yaml_root(doc);
    if (yaml_parse(text, yaml_name(doc), &again, &fault) == ERR_OK) {
        node = differing(yaml_root(doc), yaml_root(again));
    }
    yaml_doc_free(&again);
    return node == NULL ? ERR_OK
                        : yaml_fail(doc, node, ERR_INVALID, diag,
                                    "formatting would change the meaning of this: write it on one "
                                    "line, or indent it by two spaces per level");
}

enum err yaml_format(const struct yaml_doc *doc, struct buf *out, struct diag *diag) {
    struct buf text = BUF_EMPTY;
    struct format format = {.doc = doc, .source = yaml_source(doc), .out = &text};
    mark_node(&format, yaml_root(doc), 0);
    if (format.mark_count > 0) {
        qsort(format.marks, format.mark_count, sizeof(*format.marks), mark_order);
    }
    enum err err = ERR_OK;
    while (err == ERR_OK && format.at < format.source.len) {
        err = format_line(&format, diag);
    }
    if (err == ERR_OK) {
        err = prove(doc, buf_span(&text), diag);
    }
    if (err == ERR_OK) {
        buf_append(out, buf_span(&text));
    }
    mem_free(format.marks);
    buf_free(&text);
    return err;
}

/* Builds the tree from libyaml's events.  libyaml counts characters and more line breaks than
 * editors do.  So this file counts positions again, in bytes and by '\n', from the character index
 * alone. Invariant: a node's start and end lie within the source, start <= end. */
#include "yaml/yaml_priv.h"

#include "base/io.h"
#include "base/mem.h"

#include <stdlib.h>
#include <yaml.h>

enum {
    SOURCE_BYTES_MAX = 1 << 20,
    DEPTH_MAX = 32,
    NODE_BYTES_MAX = 512 << 20 /* a second limit: the source bounds the nodes */
};

/* libyaml's position in the source: marks are in order, so the walk is linear. */
struct cursor {
    struct span source;
    size_t chars;
    size_t bytes;
    size_t line_start;
    uint32_t line;
};

struct frame {
    struct yaml_node *node;
    struct yaml_node *last; /* its last child */
    struct yaml_node *key;  /* in a map: a key whose value is not read yet */
    bool flow;
};

struct builder {
    struct yaml_doc *doc;
    struct cursor cursor;
    struct frame frames[DEPTH_MAX];
    uint32_t depth;
    bool seen_document;
    bool done;
};

static void cursor_move(struct cursor *cursor, size_t chars) {
    if (chars < cursor->chars) {
        *cursor = (struct cursor){.source = cursor->source, .line = 1};
    }
    while (cursor->chars < chars && cursor->bytes < cursor->source.len) {
        if (cursor->source.ptr[cursor->bytes] == '\n') {
            cursor->line++;
            cursor->line_start = cursor->bytes + 1;
        }
        do {
            cursor->bytes++;
        } while (cursor->bytes < cursor->source.len &&
                 (cursor->source.ptr[cursor->bytes] & 0xc0) == 0x80);
        cursor->chars++;
    }
}

static enum err fail_at_mark(struct builder *b, const yaml_mark_t *mark, struct diag *diag,
                             enum err err, const char *text) {
    cursor_move(&b->cursor, mark->index);
    enum err failed =
        diag_fail_at(diag, err, b->doc->name, b->cursor.line,
                     (uint32_t)(b->cursor.bytes - b->cursor.line_start) + 1, "%s", text);
    if (diag != NULL) {
        diag->offset = b->cursor.bytes;
    }
    return failed;
}

static void *take(struct builder *b, size_t bytes) {
    void *ptr = arena_zero(&b->doc->arena, 1, bytes);
    CHECK(ptr != NULL);
    return ptr;
}

static struct yaml_node *node_new(struct builder *b, enum yaml_kind kind, const yaml_mark_t *start,
                                  const yaml_mark_t *end) {
    struct yaml_node *node = take(b, sizeof(*node));
    node->kind = kind;
    cursor_move(&b->cursor, start->index);
    node->start = b->cursor.bytes;
    node->line = b->cursor.line;
    node->column = (uint32_t)(b->cursor.bytes - b->cursor.line_start) + 1;
    if (end->index > start->index) {
        cursor_move(&b->cursor, end->index);
    }
    node->end = b->cursor.bytes;
    return node;
}

static int key_order(const void *left, const void *right) {
    const struct yaml_node *a = *(const struct yaml_node *const *)left;
    const struct yaml_node *b = *(const struct yaml_node *const *)right;
    int order = span_cmp(a->text, b->text);
    return order != 0 ? order : (a->start > b->start) - (a->start < b->start);
}

static enum err map_check(struct builder *b, const struct yaml_node *map, struct diag *diag) {
    if (map->count < 2) {
        return ERR_OK;
    }
    const struct yaml_node **keys = mem_zero(map->count, sizeof(struct yaml_node *));
    uint32_t count = 0;
    for (const struct yaml_node *value = map->first; value != NULL; value = value->next) {
        keys[count++] = value->key;
    }
    CHECK(count == map->count);
    qsort(keys, count, sizeof(*keys), key_order);
    const struct yaml_node *second = NULL;
    for (uint32_t i = 1; i < count; i++) {
        if (span_eq(keys[i - 1]->text, keys[i]->text) &&
            (second == NULL || keys[i]->start < second->start)) {
            second = keys[i];
        }
    }
    mem_free(keys);
    return second == NULL ? ERR_OK
                          : yaml_fail(b->doc, second, ERR_INVALID, diag, "duplicate key \"%.*s\"",
                                      SPAN_ARG(second->text));
}

/* Appends a finished or just opened node to the current one. */
static enum err attach(struct builder *b, struct yaml_node *node, struct diag *diag) {
    if (b->depth == 0) {
        b->doc->root = node;
        return ERR_OK;
    }
    struct frame *frame = &b->frames[b->depth - 1];
    if (frame->node->kind == YAML_MAP && frame->key == NULL) {
        if (node->kind != YAML_SCALAR) {
            return yaml_fail(b->doc, node, ERR_INVALID, diag,
                             "a key must be a plain or quoted word");
        }
        if (node->style == YAML_PLAIN && span_is(node->text, "<<")) {
            return yaml_fail(b->doc, node, ERR_INVALID, diag,
                             "merge keys are not part of this format");
        }
        frame->key = node;
        return ERR_OK;
    }
    node->key = frame->key;
    frame->key = NULL;
    if (frame->last == NULL) {
        frame->node->first = node;
    } else {
        frame->last->next = node;
    }
    frame->last = node;
    frame->node->count++;
    return ERR_OK;
}

static enum err open_node(struct builder *b, const yaml_event_t *event, enum yaml_kind kind,
                          bool flow, struct diag *diag) {
    if (b->depth == DEPTH_MAX) {
        return fail_at_mark(b, &event->start_mark, diag, ERR_TOO_DEEP, "nested too deeply");
    }
    struct yaml_node *node = node_new(b, kind, &event->start_mark, &event->end_mark);
    enum err err = attach(b, node, diag);
    if (err == ERR_OK) {
        b->frames[b->depth++] = (struct frame){.node = node, .flow = flow};
    }
    return err;
}

/* A block ends where its last child ends: libyaml's mark is already at the next token. */
static enum err close_node(struct builder *b, const yaml_event_t *event, struct diag *diag) {
    CHECK(b->depth > 0);
    const struct frame *frame = &b->frames[--b->depth];
    struct yaml_node *node = frame->node;
    if (frame->flow) {
        cursor_move(&b->cursor, event->end_mark.index);
        node->end = b->cursor.bytes;
    } else if (frame->last != NULL) {
        const struct yaml_node *key = frame->last->key;
        node->end = key != NULL && key->end > frame->last->end ? key->end : frame->last->end;
    }
    return node->kind == YAML_MAP ? map_check(b, node, diag) : ERR_OK;
}

static enum err add_scalar(struct builder *b, const yaml_event_t *event, struct diag *diag) {
    static const enum yaml_style styles[] = {
        [YAML_ANY_SCALAR_STYLE] = YAML_PLAIN,
        [YAML_PLAIN_SCALAR_STYLE] = YAML_PLAIN,
        [YAML_SINGLE_QUOTED_SCALAR_STYLE] = YAML_SINGLE,
        [YAML_DOUBLE_QUOTED_SCALAR_STYLE] = YAML_DOUBLE,
        [YAML_LITERAL_SCALAR_STYLE] = YAML_LITERAL,
        [YAML_FOLDED_SCALAR_STYLE] = YAML_FOLDED,
    };
    struct yaml_node *node = node_new(b, YAML_SCALAR, &event->start_mark, &event->end_mark);
    node->style = styles[event->data.scalar.style];
    node->text =
        arena_copy(&b->doc->arena, span_make(event->data.scalar.value, event->data.scalar.length));
    CHECK(node->text.ptr != NULL);
    return attach(b, node, diag);
}

static enum err refuse_extras(struct builder *b, const yaml_event_t *event, const void *anchor,
                              const void *tag, struct diag *diag) {
    if (anchor != NULL) {
        return fail_at_mark(
            b, &event->start_mark, diag, ERR_INVALID,
            "anchors are not part of this format: write the value out where it is needed");
    }
    if (tag != NULL) {
        return fail_at_mark(
            b, &event->start_mark, diag, ERR_INVALID,
            "tags are not part of this format: leave it out, the field's own type is read");
    }
    return ERR_OK;
}

static enum err document_start(struct builder *b, const yaml_event_t *event, struct diag *diag) {
    if (b->seen_document) {
        return fail_at_mark(b, &event->start_mark, diag, ERR_INVALID,
                            "a second document begins here");
    }
    b->seen_document = true;
    if (event->data.document_start.version_directive != NULL ||
        event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end) {
        return fail_at_mark(b, &event->start_mark, diag, ERR_INVALID,
                            "directives are not part of this format");
    }
    return ERR_OK;
}

static enum err take_event(struct builder *b, const yaml_event_t *event, struct diag *diag) {
    enum err err = ERR_OK;
    switch (event->type) {
    case YAML_STREAM_END_EVENT:
        b->done = true;
        return ERR_OK;
    case YAML_DOCUMENT_START_EVENT:
        return document_start(b, event, diag);
    case YAML_SCALAR_EVENT:
        err = refuse_extras(b, event, event->data.scalar.anchor, event->data.scalar.tag, diag);
        return err != ERR_OK ? err : add_scalar(b, event, diag);
    case YAML_SEQUENCE_START_EVENT:
        err = refuse_extras(b, event, event->data.sequence_start.anchor,
                            event->data.sequence_start.tag, diag);
        return err != ERR_OK
                   ? err
                   : open_node(b, event, YAML_SEQ,
                               event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE, diag);
    case YAML_MAPPING_START_EVENT:
        err = refuse_extras(b, event, event->data.mapping_start.anchor,
                            event->data.mapping_start.tag, diag);
        return err != ERR_OK
                   ? err
                   : open_node(b, event, YAML_MAP,
                               event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE, diag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_node(b, event, diag);
    case YAML_ALIAS_EVENT:
        return fail_at_mark(
            b, &event->start_mark, diag, ERR_INVALID,
            "aliases are not part of this format: write the value out where it is needed");
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return ERR_OK;
    }
    UNREACHABLE();
}

/* libyaml reports what it was reading (context) and what it found (problem). */
static enum err syntax_fault(struct builder *b, const yaml_parser_t *parser, struct diag *diag) {
    char text[DIAG_TEXT_MAX];
    (void)snprintf(text, sizeof(text), "%s%s%s",
                   parser->problem == NULL ? "cannot be read as YAML" : parser->problem,
                   parser->context == NULL ? "" : ", ",
                   parser->context == NULL ? "" : parser->context);
    yaml_mark_t mark = parser->problem_mark;
    if (parser->error == YAML_READER_ERROR) {
        mark.index = 0; /* the reader counts in bytes */
        for (size_t i = 0; i < parser->problem_offset && i < b->doc->source.len; i++) {
            mark.index += (b->doc->source.ptr[i] & 0xc0) != 0x80 ? 1 : 0;
        }
    }
    return fail_at_mark(b, &mark, diag, ERR_INVALID, text);
}

static enum err build(struct builder *b, struct diag *diag) {
    yaml_parser_t parser;
    CHECK(yaml_parser_initialize(&parser) == 1);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, b->doc->source.ptr, b->doc->source.len);
    enum err err = ERR_OK;
    while (err == ERR_OK && !b->done) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) != 1) {
            err = syntax_fault(b, &parser, diag);
            break;
        }
        err = take_event(b, &event, diag);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (err == ERR_OK && b->doc->root == NULL) {
        struct yaml_node *empty = take(b, sizeof(*empty));
        empty->line = 1;
        empty->column = 1;
        empty->text = span_str("");
        b->doc->root = empty;
    }
    return err;
}

static enum err check_utf8(struct span text, const char *name, struct diag *diag) {
    size_t start = 0;
    for (uint32_t line = 1; start < text.len; line++) {
        const uint8_t *newline = memchr(text.ptr + start, '\n', text.len - start);
        size_t end = newline == NULL ? text.len : (size_t)(newline - text.ptr) + 1;
        if (!span_is_utf8(span_make(text.ptr + start, end - start))) {
            return diag_fail_at(diag, ERR_INVALID, name, line, 0, "not UTF-8");
        }
        start = end;
    }
    return ERR_OK;
}

enum err yaml_parse(struct span text, const char *name, struct yaml_doc **doc, struct diag *diag) {
    if (text.len > SOURCE_BYTES_MAX) {
        return diag_fail_at(diag, ERR_TOO_LARGE, name, 0, 0, "larger than %d bytes",
                            SOURCE_BYTES_MAX);
    }
    enum err err = check_utf8(text, name, diag);
    if (err != ERR_OK) {
        return err;
    }
    struct yaml_doc *made = mem_zero(1, sizeof(*made));
    arena_init(&made->arena, NODE_BYTES_MAX);
    made->name = (const char *)arena_copy(&made->arena, span_str(name)).ptr;
    made->source = arena_copy(&made->arena, text);
    struct builder *b = mem_zero(1, sizeof(*b));
    b->doc = made;
    b->cursor = (struct cursor){.source = made->source, .line = 1};
    err = build(b, diag);
    mem_free(b);
    if (err != ERR_OK) {
        yaml_doc_free(&made);
        return err;
    }
    *doc = made;
    return ERR_OK;
}

enum err yaml_parse_file(const char *path, struct yaml_doc **doc, struct diag *diag) {
    struct buf text = BUF_EMPTY;
    enum err err = io_read_file(path, SOURCE_BYTES_MAX, &text, diag);
    if (err == ERR_OK) {
        err = yaml_parse(buf_span(&text), path, doc, diag);
    }
    buf_free(&text);
    return err;
}

void yaml_doc_free(struct yaml_doc **doc) {
    if (*doc != NULL) {
        arena_free(&(*doc)->arena);
        mem_free(*doc);
        *doc = NULL;
    }
}

const struct yaml_node *yaml_root(const struct yaml_doc *doc) { return doc->root; }

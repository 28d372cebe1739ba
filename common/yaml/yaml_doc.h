/* Purpose: a YAML document as a tree; every node has its position.  The only user of libyaml.
 * Refused, with position: anchors, aliases, tags, several documents, duplicate keys, nesting over
 * 32, over 1 MiB.  Scalars stay text; the reader of a field decides its type (`style` distinguishes
 * quoted from bare). Ownership: the doc owns its nodes and a copy of the source text. */
#ifndef CASEMILL_YAML_YAML_DOC_H
#define CASEMILL_YAML_YAML_DOC_H

#include "base/diag.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum yaml_kind { YAML_SCALAR, YAML_SEQ, YAML_MAP };
enum yaml_style { YAML_PLAIN, YAML_SINGLE, YAML_DOUBLE, YAML_LITERAL, YAML_FOLDED };

struct yaml_node {
    enum yaml_kind kind;
    enum yaml_style style;   /* of a scalar */
    struct span text;        /* of a scalar, NUL behind it */
    struct yaml_node *key;   /* in a map: this value's key scalar; NULL elsewhere */
    struct yaml_node *first; /* first child of a seq or map (of a map: first value) */
    struct yaml_node *next;  /* next sibling */
    uint32_t count;          /* children */
    uint32_t line;           /* from 1 */
    uint32_t column;         /* from 1, in bytes */
    size_t start, end;       /* byte offsets in the source, quotes included */
};

struct yaml_doc;

/* yaml_parse copies the text and builds the tree; name is for messages (copied).
 * Errors: ERR_INVALID with line and column, ERR_TOO_LARGE, ERR_TOO_DEEP; *doc unchanged. */
MUST_USE enum err yaml_parse(struct span text, const char *name, struct yaml_doc **doc,
                             struct diag *diag);
MUST_USE enum err yaml_parse_file(const char *path, struct yaml_doc **doc, struct diag *diag);
/* Not yaml_free: libyaml exports that name and would call ours. */
void yaml_doc_free(struct yaml_doc **doc);

/* The root; a null scalar for a document with only comments. */
const struct yaml_node *yaml_root(const struct yaml_doc *doc);
struct span yaml_source(const struct yaml_doc *doc);
const char *yaml_name(const struct yaml_doc *doc);

/* yaml_get finds a map's value, NULL when absent or node is not a map. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
bool yaml_is_null(const struct yaml_node *node); /* plain null, ~ or empty */

/* Typed readers of a scalar.  Errors: ERR_INVALID; diag has the location and what was expected. */
MUST_USE enum err yaml_bool(const struct yaml_doc *doc, const struct yaml_node *node, bool *value,
                            struct diag *diag);
MUST_USE enum err yaml_int(const struct yaml_doc *doc, const struct yaml_node *node, int64_t min,
                           int64_t max, int64_t *value, struct diag *diag);
MUST_USE enum err yaml_date(const struct yaml_doc *doc, const struct yaml_node *node, int32_t *days,
                            struct diag *diag);

/* yaml_fail points a diag at a node; yaml_fail_in at byte `offset` of a scalar's value (mapped back
 * through quotes, escapes and literal indentation), `width` bytes wide.  In a folded or multi-line
 * scalar a byte has no single location: the diag points at the whole scalar. */
MUST_USE enum err yaml_fail(const struct yaml_doc *doc, const struct yaml_node *node, enum err err,
                            struct diag *diag, const char *format, ...) PRINTF_LIKE(5, 6);
MUST_USE enum err yaml_fail_in(const struct yaml_doc *doc, const struct yaml_node *scalar,
                               size_t offset, size_t width, struct diag *diag, const char *text);

/* yaml_only_keys refuses a map with a key that is not in names (NULL-terminated), naming the
 * nearest. */
MUST_USE enum err yaml_only_keys(const struct yaml_doc *doc, const struct yaml_node *map,
                                 const char *const names[], struct diag *diag);

#endif

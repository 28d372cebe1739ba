/* Purpose: one style for documents that people write: blanks and indentation, nothing else.
 * Scalars, comments, line breaks and order stay as their author wrote them.  The style is in
 * config/README.md. */
#ifndef CASEMILL_YAML_YAML_FORMAT_H
#define CASEMILL_YAML_YAML_FORMAT_H

#include "base/buf.h"
#include "yaml/yaml_doc.h"

/* yaml_format appends the document in style.  The result is read again and held against the
 * document: what would mean anything else is never given out.
 * Errors: ERR_INVALID with the place: a form that has no place in the style; out unchanged. */
MUST_USE enum err yaml_format(const struct yaml_doc *doc, struct buf *out, struct diag *diag);

#endif

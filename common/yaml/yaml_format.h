/* Purpose: one style for documents that people write: spaces and indentation only. Scalars,
 * comments, line breaks and order do not change.  The style is in config/README.md. */
#ifndef CASEMILL_YAML_YAML_FORMAT_H
#define CASEMILL_YAML_YAML_FORMAT_H

#include "base/buf.h"
#include "yaml/yaml_doc.h"

/* yaml_format appends the document in style.  It parses the result and compares it with the
 * document: it never returns a text with another meaning.
 * Errors: ERR_INVALID with the location: the style has no such form; out unchanged. */
MUST_USE enum err yaml_format(const struct yaml_doc *doc, struct buf *out, struct diag *diag);

#endif

/* Purpose: the JSON text of a fact from a jsonb column -> its value.  The fact is a list of scalars
 * or records, or a map of scalars.  Pure. */
#ifndef CASEMILL_CASEDOC_JSON_READ_H
#define CASEMILL_CASEDOC_JSON_READ_H

#include "base/arena.h"
#include "casedoc/schema.h"

/* json_read reads a list's or map's text.  Ownership: values point into the text, the schema and
 * the arena.  Errors: ERR_INVALID the text is not a value of the fact; ERR_TOO_LARGE the arena is
 * spent. */
MUST_USE enum err json_read(const struct fact *fact, struct span text, struct arena *arena,
                            struct value *value);

/* fact_text_value is the value of a fact that is stored as text.  Errors: ERR_INVALID not a word of
 * its vocabulary, too long, or not UTF-8 without NUL. */
MUST_USE enum err fact_text_value(const struct fact *fact, struct span text, struct value *value);

#endif

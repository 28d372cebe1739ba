/* Purpose: the case schema of a rules folder, for verbs that need no rules. */
#ifndef CASEMILL_CLI_CASE_SCHEMA_H
#define CASEMILL_CLI_CASE_SCHEMA_H

#include "base/buf.h"
#include "casedoc/schema.h"

/* case_schema_load reads DIR/case.yaml.  After a fault in it, source has its text, for the caret.
 * Ownership: *schema is the caller's, freed with schema_free.  Errors: as schema_load, or
 * ERR_NOT_FOUND. */
MUST_USE enum err case_schema_load(const char *dir, struct schema **schema, struct buf *source,
                                   struct diag *diag);

#endif

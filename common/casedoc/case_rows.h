/* Purpose: one case as a row of ROWS (wire/rows.h) -> typed facts; and the row as a map of its own.
 * The facts are those that case_decode gives for the same case as a map.
 * Ownership: columns are immutable and counted; they copy the names and borrow the schema.
 * Threads: one thread has all references. */
#ifndef CASEMILL_CASEDOC_CASE_ROWS_H
#define CASEMILL_CASEDOC_CASE_ROWS_H

#include "base/buf.h"
#include "casedoc/case_doc.h"

/* Which fact each name is: found once for an array of names, not for each case. */
struct case_columns;

/* case_columns_new reads an array of names.  Ownership: one reference, which case_columns_unref
 * gives back; it accepts NULL inside.  Errors: ERR_INVALID it is no array of names. */
MUST_USE enum err case_columns_new(const struct schema *schema, struct span names,
                                   struct case_columns **columns);
struct case_columns *case_columns_ref(struct case_columns *columns);
void case_columns_unref(struct case_columns **columns);
/* case_columns_are: the columns of these bytes under that schema. */
bool case_columns_are(const struct case_columns *columns, const struct schema *schema,
                      struct span names);

/* case_row_next decodes the row at *offset and moves past it, also after faults and ERR_TOO_LARGE.
 * Faults have the paths that the case has as a map.
 * Errors: as case_decode_next; ERR_INVALID it is no row of these columns. */
MUST_USE enum err case_row_next(const struct case_columns *columns, struct span bytes,
                                size_t *offset, struct arena *arena, struct case_doc *doc);

/* case_row_to_map appends the case at the start of `row` as a map: without its unknown facts, and
 * a record's fields in a map of their own.  The map has the row's outcome, digest and faults. Facts
 * are in byte order of their names, so that a case has one map whatever was in its batch.
 * Never: uses the schema, which may be gone.
 * Errors: ERR_INVALID it is no row of these columns; out is unchanged. */
MUST_USE enum err case_row_to_map(const struct case_columns *columns, struct span row,
                                  struct buf *out);

#endif

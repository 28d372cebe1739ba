/* Purpose: the column of table `cases` that holds a slot: its name and its SQL type, for the
 * migration that adds columns and for the lanes that fill them. */
#ifndef CASEMILL_CASEDOC_COLUMN_H
#define CASEMILL_CASEDOC_COLUMN_H

#include "base/buf.h"
#include "casedoc/schema.h"

/* fact_column_name appends the name: a record's leaf `minor_ctx.accompanied` is
 * `minor_ctx_accompanied`.  Not quoted. */
void fact_column_name(const struct fact *fact, struct buf *out);

/* fact_column_type is the type as format_type() of PostgreSQL prints it. */
const char *fact_column_type(const struct fact *fact);

/* fact_is_text is true for types that PostgreSQL stores as text: string, enum, ISO word. */
bool fact_is_text(const struct fact *fact);

#endif

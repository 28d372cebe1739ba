/* Purpose: the column of table `cases` that holds a slot: its name and its SQL type, for the
 * migration that adds columns and for the lanes that fill them.  A list or map has two columns: one
 * of its text, and one that only older workers fill.  It also reads a column in
 * PostgreSQL's binary format back into the slot.  Pure.  The slot is the same as from case_decode,
 * so the digest is the same.
 * Ownership: values point into the bytes, the schema and the arena. */
#ifndef CASEMILL_CASEDOC_COLUMN_H
#define CASEMILL_CASEDOC_COLUMN_H

#include "base/arena.h"
#include "base/buf.h"
#include "casedoc/schema.h"

/* fact_column_name appends the name: a record's leaf `minor_ctx.accompanied` is
 * `minor_ctx_accompanied`.  Not quoted. */
void fact_column_name(const struct fact *fact, struct buf *out);

/* column_is_reserved is true for a name that no fact's column can have: the other columns of
 * `cases` and of the view report.cases, and PostgreSQL's own columns. */
enum { COLUMN_NAME_BYTES_MAX = 63 };
bool column_is_reserved(struct span name);

/* fact_column_type is the type as format_type() of PostgreSQL prints it, and as reporters see it.
 */
const char *fact_column_type(const struct fact *fact);

/* The column that lanes fill.  fact_has_text: a list or map, which is stored as the text that
 * PostgreSQL prints of it; fact_stored_name then appends "$" to the name, which no fact has. */
bool fact_has_text(const struct fact *fact);
void fact_stored_name(const struct fact *fact, struct buf *out);
const char *fact_stored_type(const struct fact *fact);
/* fact_column_select appends the SQL expression of a value as column_read expects it; the alias of
 * table `cases` is c. */
void fact_column_select(const struct fact *fact, struct buf *out);

/* fact_is_text is true for types that PostgreSQL stores as text: string, enum, ISO word. */
bool fact_is_text(const struct fact *fact);

/* column_read reads one value: of a list or map its text, else the binary format; a NULL ptr is SQL
 * NULL and unknown.  fact is a slot's. Errors: ERR_INVALID the bytes are not a value of the fact,
 * for example a word of another schema; ERR_TOO_LARGE the arena is full. */
MUST_USE enum err column_read(const struct fact *fact, struct span bytes, struct arena *arena,
                              struct value *slot);

/* Fixed columns: a date as days since 1970, a timestamp as microseconds since 1970, the elements of
 * a smallint array without NULL.  Errors: ERR_INVALID another size or shape, or a day outside the
 * years 1 to 9999, which no case has. */
MUST_USE enum err column_read_date(struct span bytes, int32_t *days);
MUST_USE enum err column_read_time(struct span bytes, int64_t *us);
/* column_read_int2s gives a view of the *count elements; column_int2_at reads one. */
MUST_USE enum err column_read_int2s(struct span bytes, struct span *elements, uint32_t *count);
int16_t column_int2_at(struct span elements, uint32_t index);

#endif

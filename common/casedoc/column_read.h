/* Purpose: a column of table `cases` in PostgreSQL's binary format -> the slot it was written from.
 * Pure.  What comes back is what case_decode made of the case, so that the digest is the same,
 * except that PostgreSQL keeps microseconds of a timestamp. Ownership: values point into the bytes,
 * the schema and the arena. */
#ifndef CASEMILL_CASEDOC_COLUMN_READ_H
#define CASEMILL_CASEDOC_COLUMN_READ_H

#include "base/arena.h"
#include "casedoc/schema.h"

/* column_read reads one value; a NULL ptr is SQL NULL and unknown.  fact is a slot's.
 * Errors: ERR_INVALID the bytes hold no value of the fact, such as a word that another schema had;
 * ERR_TOO_LARGE the arena is spent. */
MUST_USE enum err column_read(const struct fact *fact, struct span bytes, struct arena *arena,
                              struct value *slot);

/* Fixed columns: a date as days since 1970, a timestamp as microseconds since 1970, elements of an
 * array of smallint that has no NULL.  Errors: ERR_INVALID another size or shape, or a day outside
 * the years 1 to 9999, which no case has. */
MUST_USE enum err column_read_date(struct span bytes, int32_t *days);
MUST_USE enum err column_read_time(struct span bytes, int64_t *us);
/* column_read_int2s views the elements: *count of them, each found with column_int2_at. */
MUST_USE enum err column_read_int2s(struct span bytes, struct span *elements, uint32_t *count);
int16_t column_int2_at(struct span elements, uint32_t index);

#endif

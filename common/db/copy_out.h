/* Purpose: many rows out of PostgreSQL, one at a time: COPY (SELECT ...) TO STDOUT (FORMAT binary)
 * over a blocking connection.
 * Limits: a row is in memory once.  Order: nothing else runs on the connection until the copy is
 * closed; one that is closed before its end leaves a connection that can only be closed, too. */
#ifndef CASEMILL_DB_COPY_OUT_H
#define CASEMILL_DB_COPY_OUT_H

#include "db/db.h"

struct db_copy;

/* db_copy_open runs the statement, which gives rows of field_count columns.  Ownership: db is
 * borrowed until db_copy_close.  Errors: as db_exec. */
MUST_USE enum err db_copy_open(struct db *db, const char *sql, uint32_t field_count,
                               struct db_copy **copy, struct diag *diag);
/* db_copy_next points fields[field_count] at the next row's values in PostgreSQL's binary formats,
 * valid until the next call; a NULL ptr is SQL NULL.  *is_row is false after the last row.
 * Errors: as db_exec; ERR_CORRUPT the row does not have the requested columns. */
MUST_USE enum err db_copy_next(struct db_copy *copy, struct span *fields, bool *is_row,
                               struct diag *diag);
void db_copy_close(struct db_copy **copy);

#endif

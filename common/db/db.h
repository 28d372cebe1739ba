/* Purpose: PostgreSQL for tools: one blocking connection, parameters and results as text.  The only
 * folder that includes libpq-fe.h; lanes use db/lane.h.
 * Errors: every failure is one clear line in diag: server message, SQLSTATE, what to do. */
#ifndef CASEMILL_DB_DB_H
#define CASEMILL_DB_DB_H

#include "base/diag.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct db;
struct db_result;

MUST_USE enum err db_open(const char *conninfo, const char *application, struct db **db, struct diag *diag);
void db_close(struct db **db);
/* db_exec runs one statement (params) or, with param_count 0, several in one go; no rows wanted. */
MUST_USE enum err db_exec(struct db *db, const char *sql, uint32_t param_count, const char *const *params,
                          struct diag *diag);
/* db_query returns all rows; the caller frees the result.  A NULL param is SQL NULL. */
MUST_USE enum err db_query(struct db *db, const char *sql, uint32_t param_count, const char *const *params,
                           struct db_result **result, struct diag *diag);
void db_result_free(struct db_result **result);
uint32_t db_rows(const struct db_result *result);
uint32_t db_columns(const struct db_result *result);
const char *db_column_name(const struct db_result *result, uint32_t column);
const char *db_cell(const struct db_result *result, uint32_t row, uint32_t column); /* NULL is NULL */
struct span db_cell_span(const struct db_result *result, uint32_t row, uint32_t column);

#endif

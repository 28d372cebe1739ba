/* Purpose: --where KEY=VALUE of `casemill replay` as conditions on stored cases.  Typed words, not
 * SQL: every value is checked, or looked up in the database, before it is quoted into a query. */
#ifndef CASEMILL_CLI_REPLAY_FILTER_H
#define CASEMILL_CLI_REPLAY_FILTER_H

#include "base/buf.h"
#include "base/diag.h"
#include "db/db.h"

/* The columns of the outcome to compare with: of cases, or of the newest row of reapplied (aliases
 * c and n). */
struct replay_columns {
    bool newest;
};
/* Appends the expression of an outcome's column. */
void replay_column(const struct replay_columns *columns, const char *name, struct buf *sql);
/* The same for a column that may be null in the newest row. */
void replay_own_column(const struct replay_columns *columns, const char *name, struct buf *sql);

/* replay_filter_add appends " AND (condition)" for one "KEY=VALUE"; a name that is not in the
 * database is refused.  Errors: ERR_INVALID an unknown key or a wrong value, ERR_NOT_FOUND no such
 * name; else as db_query. */
MUST_USE enum err replay_filter_add(struct db *db, const struct replay_columns *columns,
                                    const char *text, struct buf *sql, struct diag *diag);

#endif

/* Purpose: the columns of table `cases` for the facts of a case schema, for verbs that read stored
 * cases. */
#ifndef CASEMILL_CLI_CASE_COLUMNS_H
#define CASEMILL_CLI_CASE_COLUMNS_H

#include "casedoc/schema.h"
#include "db/db.h"

struct case_columns {
    uint16_t slots[PATHS_MAX]; /* in the order of the columns in select */
    uint32_t count;
};

/* case_columns_choose appends ", c.NAME" to select for each slot in `wanted` (NULL: all) that has a
 * column; a fact without one is unknown in every case.  c is the alias of table cases.
 * Errors: ERR_INVALID a column has another type than the fact; those of db_query. */
MUST_USE enum err case_columns_choose(struct db *db, const struct schema *schema,
                                      const struct path_set *wanted, struct case_columns *columns,
                                      struct buf *select, struct diag *diag);

#endif

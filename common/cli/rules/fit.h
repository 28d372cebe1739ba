/* Purpose: whether a rule set fits the database: a column for each of its facts, and every fact of
 * the active rule set.  A worker would refuse a set without columns and decide by the old one. */
#ifndef CASEMILL_CLI_RULES_FIT_H
#define CASEMILL_CLI_RULES_FIT_H

#include "db/db.h"
#include "rules/ruleset.h"

/* rules_fit_columns finds facts without a column, or with one of another type.
 * Errors: ERR_CONFLICT with their names and the command to run; those of db_query. */
MUST_USE enum err rules_fit_columns(struct db *db, const struct ruleset *ruleset,
                                    struct diag *diag);
/* rules_fit_dropped appends the facts of the active rule set that this one lacks, separated by ",
 * ". Errors: those of stored_ruleset_load. */
MUST_USE enum err rules_fit_dropped(struct db *db, const struct ruleset *ruleset,
                                    struct buf *dropped, struct diag *diag);

#endif

/* Purpose: the numbers of table `codes` for what a rule set can write into a case row: one for each
 * agreement, each finding (agreement, disposition, reason) and each fact.  A number is never
 * reused, and a smallint holds few of them. */
#ifndef CASEMILL_CLI_RULES_CODES_H
#define CASEMILL_CLI_RULES_CODES_H

#include "db/db.h"
#include "rules/ruleset.h"

/* codes_write makes the missing codes, inside a transaction of the caller.
 * Errors: ERR_TOO_LARGE not enough numbers are left, none is used up; those of db_query. */
MUST_USE enum err codes_write(struct db *db, const struct ruleset *ruleset, struct diag *diag);

#endif

/* Purpose: a published rule set, found by its id or the first digits of it. */
#ifndef CASEMILL_CLI_RULES_STORED_RULESET_H
#define CASEMILL_CLI_RULES_STORED_RULESET_H

#include "db/db.h"
#include "rules/ruleset.h"

enum { RULESET_ID_DIGITS = 64, RULESET_ID_DIGITS_MIN = 6 };

struct stored_ruleset {
    char number[8]; /* rulesets.ruleset */
    char id[RULESET_ID_DIGITS + 1];
};

/* Hex digits, enough of them. */
bool stored_ruleset_is_id(const char *text);

/* stored_ruleset_find finds the one rule set whose id starts with the text.
 * Errors: ERR_NOT_FOUND; ERR_CONFLICT several; those of db_query. */
MUST_USE enum err stored_ruleset_find(struct db *db, const char *id, struct stored_ruleset *found,
                                      struct diag *diag);
/* stored_ruleset_load loads its text.  Errors: as stored_ruleset_find and ruleset_load_text. */
MUST_USE enum err stored_ruleset_load(struct db *db, const char *id, struct ruleset **ruleset,
                                      struct diag *diag);

#endif

/* Purpose: one stored case from PostgreSQL: its facts under the schema of the rule set that decided
 * it, and that outcome. */
#ifndef CASEMILL_CLI_EXPLAIN_STORED_H
#define CASEMILL_CLI_EXPLAIN_STORED_H

#include "cli/explain/case.h"
#include "db/db.h"

/* The choice of an outcome; NULL: any source, the newest revision, the intake outcome. */
struct explain_wanted {
    const char *case_id;
    const char *source;
    const char *revision;
    const char *ruleset;
};

struct explain_stored {
    struct ruleset *ruleset;
    struct arena arena; /* of the facts */
    struct case_doc doc;
    int32_t reference_date, as_of;
    struct db_result *row;      /* the outcome */
    struct db_result *findings; /* one row per agreement */
};

/* explain_stored_load.  Errors: ERR_NOT_FOUND no such outcome; ERR_CONFLICT several sources have
 * the case; ERR_INVALID the facts do not fit the schema; those of db_query and ruleset_load_text.
 * Ownership: stored is freed with explain_stored_fini, also after a failure. */
MUST_USE enum err explain_stored_load(struct db *db, const struct explain_wanted *wanted,
                                      struct explain_stored *stored, struct diag *diag);
void explain_stored_fini(struct explain_stored *stored);
const char *explain_stored_source(const struct explain_stored *stored);
const char *explain_stored_decided_at(const struct explain_stored *stored);
/* explain_stored_differences writes a line for each finding that differs in outcome. */
void explain_stored_differences(const struct explain_stored *stored, const struct outcome *outcome,
                                struct buf *lines);

#endif

/* Purpose: what PostgreSQL has of a case or a batch.  Reads only, never a fact or a dead letter's
 * bytes.  Read next: timeline.h. */
#ifndef CASEMILL_CLI_TRACE_STORED_H
#define CASEMILL_CLI_TRACE_STORED_H

#include "cli/trace/timeline.h"
#include "db/db.h"

struct trace_case {
    const char *case_id;
    const char *source, *revision; /* NULL: any */
};
/* Both add events and what cannot be known.  Errors: as db_query; ERR_CORRUPT. */
MUST_USE enum err trace_stored_case(struct db *db, const struct trace_case *wanted,
                                    struct timeline *timeline, struct diag *diag);
MUST_USE enum err trace_stored_batch(struct db *db, const char *batch, struct timeline *timeline,
                                     struct diag *diag);
/* trace_stored_commits adds the transactions that may hold cases accepted at that time. */
MUST_USE enum err trace_stored_commits(struct db *db, const char *accepted_at,
                                       struct timeline *timeline, struct diag *diag);

#endif

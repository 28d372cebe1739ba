/* Purpose: `casemill replay --apply`: the selected cases are sent through the broker, to be decided
 * under the candidate; the outcomes go to table reapplied.  It keeps no state: cases in reapplied
 * are not sent again, so the same command continues after an interruption. */
#ifndef CASEMILL_CLI_REPLAY_APPLY_H
#define CASEMILL_CLI_REPLAY_APPLY_H

#include "cli/control_ask.h"
#include "cli/replay/run.h"

struct replay_applied {
    uint64_t wanted; /* cases without an outcome under the candidate */
    uint64_t done;   /* of them, now in reapplied */
    uint64_t dead;   /* got no outcome */
    char reason[32]; /* of the first of those */
};

/* replay_apply sends all of them, part by part, and waits until they are done.  The candidate is
 * published.  db is the connection that stored was loaded with.
 * Errors: as db_exec and control_do; *applied is the progress. */
MUST_USE enum err replay_apply(struct db *db, const struct control_peer *control,
                               const struct replay_stored *stored,
                               const struct replay_options *options, struct replay_applied *applied,
                               struct diag *diag);

#endif

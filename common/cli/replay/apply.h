/* Purpose: `casemill replay --apply`: the cases that were looked at are sent through the broker, to
 * be decided again under the candidate in table reapplied.  It keeps no state: what stands in
 * reapplied already is not sent, so that the same command goes on where it was interrupted. */
#ifndef CASEMILL_CLI_REPLAY_APPLY_H
#define CASEMILL_CLI_REPLAY_APPLY_H

#include "cli/control_ask.h"
#include "cli/replay/run.h"

struct replay_applied {
    uint64_t wanted; /* cases without an outcome under the candidate */
    uint64_t done;   /* of them, now in reapplied */
    uint64_t dead;   /* got none */
    char reason[32]; /* of the first of those */
};

/* replay_apply sends all of them and waits until they are done, a part at a time.  The candidate is
 * published.  db is the connection that stored was loaded with.
 * Errors: as db_exec and control_reapply; *applied says how far it came. */
MUST_USE enum err replay_apply(struct db *db, const struct control_peer *control,
                               const struct replay_stored *stored,
                               const struct replay_options *options, struct replay_applied *applied,
                               struct diag *diag);

#endif

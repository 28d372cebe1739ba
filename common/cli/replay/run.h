/* Purpose: stored cases evaluated again, by several threads, into one matrix.
 * Threads: each has its own connection, evaluation state and matrix.  They share the rule set and
 * the list of pieces, and all use the snapshot of the caller's transaction.
 * Never: writes, or prints a case's content. */
#ifndef CASEMILL_CLI_REPLAY_RUN_H
#define CASEMILL_CLI_REPLAY_RUN_H

#include "cli/replay/matrix.h"
#include "cli/replay/stored.h"

enum { REPLAY_THREADS_MAX = 64 };

struct replay_options {
    const char *conninfo;
    uint32_t threads;
    uint32_t sample_max;
    bool has_reference_date, has_as_of; /* else each outcome's own */
    int32_t reference_date, as_of;      /* days since 1970 */
};

struct replay_result {
    struct replay_matrix matrix; /* one table for each of stored->tables */
    uint64_t cases;
    uint64_t unreadable; /* hold a fact that the candidate's schema refuses: not evaluated */
    int64_t took_ms;
};

/* replay_run reads and evaluates every case of the query.  db is in a repeatable read transaction,
 * whose snapshot the threads use.
 * Ownership: result->matrix is the caller's, also after a failure.  Errors: as db_exec; ERR_CORRUPT
 * a row holds unknown numbers; ERR_SYSTEM no thread could be started. */
MUST_USE enum err replay_run(struct db *db, struct ruleset *candidate,
                             const struct replay_stored *stored,
                             const struct replay_options *options, struct replay_result *result,
                             struct diag *diag);

#endif

/* Purpose: the SQL texts of a lane transaction, between writer.c and writer_sql.c. */
#ifndef CASEMILL_WORKER_WRITER_PRIV_H
#define CASEMILL_WORKER_WRITER_PRIV_H

#include "worker/writer.h"

/* The commits row's counts of cases [from, end) and of the dead letters not yet written. */
struct writer_commit {
    int64_t number;
    int64_t written_at; /* microseconds since 1970 */
    uint32_t cases;
    uint32_t duplicates;
    uint32_t dead;
    int64_t received_from, received_until; /* microseconds since 1970; only with jobs */
};

int64_t writer_commit_number(struct writer *writer);
/* writer_commit_count fills all fields except the number. */
void writer_commit_count(const struct txn *txn, uint32_t from, uint32_t end,
                         struct writer_commit *commit);

/* writer_sql_begin makes writer->sql the beginning of a transaction, with the settings for its
 * guarantees. */
void writer_sql_begin(struct writer *writer);
/* All append to writer->sql: one INSERT without a semicolon; an INSERT with one per dead letter. */
void writer_sql_commit(struct writer *writer, const struct txn *txn,
                       const struct writer_commit *commit);
/* The row of `tallies`, even if nothing was counted. */
void writer_sql_tally(struct writer *writer, const struct txn *txn,
                      const struct writer_commit *commit);
void writer_sql_dead(struct writer *writer, const struct txn *txn,
                     const struct writer_commit *commit);
/* writer_sql_guard appends a call of rules_guard between the two texts; nothing if the work names
 * its own rule set.  Order: as late in the transaction as a statement is allowed. */
void writer_sql_guard(struct writer *writer, const char *before, const char *behind);
/* writer_sql_resolve appends one UPDATE, of the dead letters whose case has its outcome now. */
void writer_sql_resolve(struct writer *writer, const struct txn *txn, uint32_t from, uint32_t end,
                        int64_t commit);

#endif

/* Purpose: a lane transaction into PostgreSQL: every case ends as an outcome, a duplicate or a dead
 * letter, and is committed, or nothing is said about it.
 * Order: writer_setup once a connection, then writer_write per transaction.  Threads: the lane's.
 */
#ifndef CASEMILL_WORKER_WRITER_H
#define CASEMILL_WORKER_WRITER_H

#include "db/lane.h"
#include "db/sqlstate.h"
#include "worker/tally.h"
#include "worker/txn.h"

enum { WRITER_JOURNALS_MAX = 32, WRITER_FROZEN_S = 10, WRITER_TABLES_MS_MAX = 3600000 };
/* Of the commits row.  Reapply: rows go to `reapplied` and have the fixed columns alone. */
enum writer_mode { WRITER_INTAKE, WRITER_REAPPLY, WRITER_CANARY };

struct writer {
    struct db_lane *db;   /* borrowed */
    const char *settings; /* a SELECT that goes with each transaction: see writer_setup.c */
    int backend;          /* the server process that was set up */
    struct uuid lane;
    enum writer_mode mode;
    const struct active_rules *rules; /* borrowed; whose columns the rows have */
    int64_t stale_s;   /* the transaction fails when they were superseded for longer; 0: never */
    bool resolves;     /* the cases stand in dead letters, which an outcome resolves */
    bool has_incoming; /* the temporary table stands on this connection, for these columns */
    bool has_purged;   /* there are tombstones: the fresh road would only fail */
    bool has_incoming_reapplied; /* the one of mode reapply */
    int64_t tables_since_ms;     /* monotonic: when the older of them was made; 0: neither is */
    int64_t tables_ms_max;
    uint32_t journal_count; /* where the work came from */
    struct uuid journals[WRITER_JOURNALS_MAX];
    uint64_t low_water[WRITER_JOURNALS_MAX];
    int64_t low_water_at[WRITER_JOURNALS_MAX]; /* microseconds since 1970; 0: not said */
    char sqlstate[SQLSTATE_BYTES];             /* of the last attempt, "" when it did not fail */
    /* Called between two attempts when a row stayed locked for lock_timeout; NULL: nobody.
     * Errors: those of db/sqlstate.h; they end the transaction. */
    enum err (*blocked)(void *context);
    void *context;
    struct rng rng;     /* numbers of transactions */
    struct tally tally; /* of the attempt under way */
    struct buf sql;
    struct buf data;
    struct buf waiting; /* the backends that waited for their client at the last look, text[] */
    struct span *fields;
    uint32_t field_cap;
};

void writer_init(struct writer *writer, const struct uuid *lane);
void writer_free(struct writer *writer);

/* writer_setup makes a new connection fit: durable commits, timeouts, encoding, migration.
 * sync_standbys: refuse a server that does not wait for so many.  Errors: ERR_DENIED, ERR_VERSION
 * with one clear line; those of db/sqlstate.h. */
MUST_USE enum err writer_setup(struct writer *writer, struct db_lane *db, int64_t sync_standbys,
                               struct diag *diag);

/* writer_tidy drops temporary tables that are older than tables_ms_max; they are made anew when
 * they are wanted.  No vacuum but their own session's freezes them, so that an old one holds back
 * the whole database, until it refuses writes for want of transaction numbers.  Order: between
 * transactions.  Errors: those of db/sqlstate.h. */
MUST_USE enum err writer_tidy(struct writer *writer);

/* writer_end_lanes ends the backends of lanes whose work is written by someone else now. */
MUST_USE enum err writer_end_lanes(struct writer *writer, const struct uuid *lanes, uint32_t count);

/* writer_end_frozen ends the backends of this role's lanes that hold rows, wait inside a
 * transaction for their client, began their last statement still_s ago or earlier, and did all that
 * at this writer's last look, too, with not a byte or statement between the two: a slow client
 * moves.  It needs no broker: one that was restarted does not know who holds what of its earlier
 * runs. *ended counts them.  Order: some seconds between two looks; a lane has lock_timeout. */
MUST_USE enum err writer_end_frozen(struct writer *writer, uint32_t still_s, uint32_t *ended);

/* writer_source finds or makes the number of a source, outside any transaction. */
MUST_USE enum err writer_source(struct writer *writer, struct span name, int16_t *source);

/* What stands in the table under a key. */
struct writer_found {
    int disposition; /* -1: nothing does */
    struct hash128 digest;
};
/* writer_find looks for a case that stands already, or did before it was purged. */
MUST_USE enum err writer_find(struct writer *writer, int16_t source, struct span case_id,
                              int32_t revision, struct writer_found *found);

/* writer_write writes all of a sorted txn; afterwards every case has a verdict.
 * Errors: those of db/sqlstate.h but ERR_CONFLICT and ERR_INVALID, which are settled here; then the
 * transaction is to be given back: a part of it may be committed and will come back as duplicates.
 */
MUST_USE enum err writer_write(struct writer *writer, struct txn *txn);
/* writer_write_dead writes the dead letters alone; cases have their verdict already.  Errors: as
 * above. */
MUST_USE enum err writer_write_dead(struct writer *writer, struct txn *txn);

#endif

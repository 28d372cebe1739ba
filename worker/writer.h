/* Purpose: writes a lane transaction into PostgreSQL: every case ends as an outcome, a duplicate or
 * a dead letter and is committed, or it is not reported.
 * Order: writer_setup once per connection, writer_write per transaction.  Threads: the lane's. */
#ifndef CASEMILL_WORKER_WRITER_H
#define CASEMILL_WORKER_WRITER_H

#include "db/lane.h"
#include "db/sqlstate.h"
#include "worker/tally.h"
#include "worker/txn.h"

enum { WRITER_JOURNALS_MAX = 32, WRITER_FROZEN_S = 10, WRITER_TABLES_MS_MAX = 3600000 };
/* Of the commits row.  Reapply: rows go to `reapplied` and have only the fixed columns. */
/* Whether this role may read the outcomes of stored cases, for clients that request results. */
enum writer_details { WRITER_DETAILS_NOT_ASKED, WRITER_DETAILS_READ, WRITER_DETAILS_DENIED };
enum writer_mode { WRITER_INTAKE, WRITER_REAPPLY, WRITER_CANARY };

struct writer {
    struct db_lane *db;   /* borrowed */
    const char *settings; /* a SELECT that each transaction begins with: see writer_setup.c */
    int backend;          /* the server process that was prepared */
    struct uuid lane;
    enum writer_mode mode;
    enum writer_details details;      /* of this connection */
    const struct active_rules *rules; /* borrowed; the rows have its columns */
    int64_t stale_s;   /* the transaction fails if the rules were superseded for longer; 0: never */
    bool resolves;     /* the cases come from dead letters, which an outcome resolves */
    bool has_incoming; /* the temporary table exists on this connection, with these columns */
    bool has_purged;   /* there are tombstones: a fresh write would fail */
    bool has_incoming_reapplied; /* the one of mode reapply */
    int64_t tables_since_ms;     /* monotonic: when the older of them was made; 0: neither exists */
    int64_t tables_ms_max;
    uint32_t journal_count; /* where the work came from */
    struct uuid journals[WRITER_JOURNALS_MAX];
    uint64_t low_water[WRITER_JOURNALS_MAX];
    int64_t low_water_at[WRITER_JOURNALS_MAX]; /* microseconds since 1970; 0: not reported */
    char sqlstate[SQLSTATE_BYTES];             /* of the last attempt, "" if it did not fail */
    /* Called between two attempts when a row stayed locked for lock_timeout; may be NULL. Errors:
     * those of db/sqlstate.h; they end the transaction. */
    enum err (*blocked)(void *context);
    void *context;
    struct rng rng;     /* numbers of transactions */
    struct tally tally; /* of the present attempt */
    struct buf sql;
    struct buf data;
    struct buf waiting; /* the backends that waited for their client at the last look, text[] */
    struct span *fields;
    uint32_t field_cap;
};

void writer_init(struct writer *writer, const struct uuid *lane);
void writer_free(struct writer *writer);

/* writer_setup prepares a new connection: durable commits, timeouts, encoding, migration.
 * sync_standbys: refuse a server that waits for fewer.  Errors: ERR_DENIED, ERR_VERSION with one
 * clear line; those of db/sqlstate.h. */
MUST_USE enum err writer_setup(struct writer *writer, struct db_lane *db, int64_t sync_standbys,
                               struct diag *diag);

/* writer_tidy drops temporary tables that are older than tables_ms_max; they are made again when
 * needed.  Only a vacuum in their own session freezes them.  An old one therefore holds back the
 * whole database, until it refuses writes because transaction numbers run out.  Order: between
 * transactions.  Errors: those of db/sqlstate.h. */
MUST_USE enum err writer_tidy(struct writer *writer);

/* writer_end_lanes ends the backends of lost lanes whose work other lanes write now. */
MUST_USE enum err writer_end_lanes(struct writer *writer, const struct uuid *lanes, uint32_t count);

/* writer_end_frozen ends frozen backends of this role's lanes.  Such a backend holds rows, waits
 * inside a transaction for its client, and began its last statement still_s ago or earlier.  All
 * this was true at this writer's last look too, without a byte or statement since: a slow client
 * moves.  It needs no broker: after a restart a broker does not know the lanes of its earlier runs.
 * *ended counts them.  Order: some seconds between two looks; a lane has lock_timeout. */
MUST_USE enum err writer_end_frozen(struct writer *writer, uint32_t still_s, uint32_t *ended);

/* writer_source finds or makes the number of a source, outside any transaction. */
MUST_USE enum err writer_source(struct writer *writer, struct span name, int16_t *source);

/* The stored row of a key. */
struct writer_found {
    int disposition; /* -1: there is no row */
    struct hash128 digest;
};
/* writer_find looks for a stored case, or one that was purged. */
MUST_USE enum err writer_find(struct writer *writer, int16_t source, struct span case_id,
                              int32_t revision, struct writer_found *found);

/* writer_write writes all of a sorted txn; afterwards every case has a verdict.
 * Errors: those of db/sqlstate.h except ERR_CONFLICT and ERR_INVALID, which are settled here.  Then
 * the transaction must be returned: a committed part of it will come back as duplicates. */
MUST_USE enum err writer_write(struct writer *writer, struct txn *txn);
/* writer_write_dead writes only the dead letters; cases have their verdict already.  Errors: as
 * above. */
MUST_USE enum err writer_write_dead(struct writer *writer, struct txn *txn);

#endif

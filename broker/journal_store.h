/* Purpose: the journal's transactions on LMDB: open, commit a group, read back.
 * Insiders: journal.c, journal_check.c, journal_salvage.c.
 * Threads: store_commit on one thread; store_read on another is fine.
 * Read next: journal_format.h, the bytes; journal_check.h, what is looked at before they are
 * believed. */
#ifndef CASEMILL_BROKER_JOURNAL_STORE_H
#define CASEMILL_BROKER_JOURNAL_STORE_H

#include "broker/journal_format.h"

#include <lmdb.h>
#include <pthread.h>

#define JOURNAL_ADVICE "see `casemill verify`; `casemill verify --salvage` saves what can be read"

struct store {
    MDB_env *env;
    MDB_env *after_failure; /* a second, read-only view, once the first may be in panic */
    MDB_dbi data, meta, state;
    const uint8_t *map;   /* the file in memory */
    pthread_mutex_t lock; /* guards failed, which the reading thread looks at */
    bool failed;
    int64_t bytes_max;
    uint64_t used_bytes;          /* of the budget */
    struct journal_totals totals; /* as committed */
    char *path;
};
struct store_put {
    uint64_t seq;
    struct buf meta; /* encoded record */
    struct blob *blob;
    enum journal_outcome outcome; /* out */
};

/* store_open opens (or makes) the environment in an existing directory, reserves its space and
 * reads the totals.  Errors: as journal_open. */
MUST_USE enum err store_open(const char *path, int64_t bytes_max, struct store **store,
                             struct diag *diag);
/* store_view opens it for reading only, without a lock: for whoever keeps all others out. */
MUST_USE enum err store_view(const char *path, struct store **store, struct diag *diag);
void store_close(struct store **store);
/* store_begin_run moves next_seq past everything a crash may have left unrecorded; committed. */
MUST_USE enum err store_begin_run(struct store *store, struct diag *diag);

/* store_commit: deletes, then puts, one sync.  outcome of each put is JOURNAL_DURABLE or
 * JOURNAL_NO_ROOM; *deleted is false when the deletes found no room either and are to be given
 * again.  Errors: ERR_IO: nothing of it may be believed; never call it again. */
MUST_USE enum err store_commit(struct store *store, struct store_put *puts, uint32_t put_count,
                               const uint64_t *deletes, uint32_t delete_count, bool *deleted);
MUST_USE enum err store_read(struct store *store, uint64_t seq, uint32_t offset, uint32_t length,
                             uint8_t *bytes);
/* store_next gives the first record from seq on, with damage WHOLE or HEADER and no source.
 * Errors: ERR_NOT_FOUND, ERR_IO. */
MUST_USE enum err store_next(struct store *store, uint64_t from, struct journal_record *record);
/* store_fail fills diag for an LMDB result that is not a success. */
MUST_USE enum err store_fail(struct diag *diag, const char *path, const char *what, int result);

#endif

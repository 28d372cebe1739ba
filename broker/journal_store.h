/* Purpose: the journal's transactions on LMDB: open, commit a group, read back.
 * Insiders: journal.c, journal_commit.c, journal_check.c, journal_verify.c.
 * Threads: store_commit on one thread; store_read on another is fine.
 * Read next: journal_format.h, the bytes; journal_check.h, the check before they are used. */
#ifndef CASEMILL_BROKER_JOURNAL_STORE_H
#define CASEMILL_BROKER_JOURNAL_STORE_H

#include "broker/journal_pack.h"

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
    int64_t received_us; /* as journal_put got it */
    struct blob *blob;
    size_t header_at; /* in the group's headers */
    uint32_t header_bytes;
    bool is_small;                /* its header is an entry of a pack, else a record */
    enum journal_outcome outcome; /* out */
};
/* What one transaction does. */
struct store_group {
    struct store_put *puts; /* seq ascending */
    uint32_t put_count, put_cap;
    struct buf headers;
    uint64_t *deletes; /* in any order; a commit sorts them */
    uint32_t delete_count, delete_cap;
    bool deleted; /* out: false: the deletes found no room either and are to be given again */
};

/* store_open opens (or makes) the environment in an existing directory, reserves its space and
 * reads the totals.  Errors: as journal_open. */
MUST_USE enum err store_open(const char *path, int64_t bytes_max, struct store **store,
                             struct diag *diag);
/* store_view opens it for reading only, without a lock: the caller keeps all others out. */
MUST_USE enum err store_view(const char *path, struct store **store, struct diag *diag);
void store_close(struct store **store);
/* store_begin_run moves next_seq past everything a crash may have left unrecorded; committed. */
MUST_USE enum err store_begin_run(struct store *store, struct diag *diag);

/* store_group_put adds a batch, its header encoded.  Ownership: one reference to blob, which
 * store_group_clear gives back.  store_group_delete adds a delete. */
void store_group_put(struct store_group *group, const struct journal_record *record,
                     struct blob *blob);
void store_group_delete(struct store_group *group, uint64_t seq);
/* store_group_join moves what is in `more` behind what is in `to`; `more` is empty then. */
void store_group_join(struct store_group *to, struct store_group *more);
void store_group_clear_puts(struct store_group *group);
void store_group_free(struct store_group *group);

/* store_commit: deletes, then puts, one sync.  outcome of each put is JOURNAL_DURABLE or
 * JOURNAL_NO_ROOM.  Errors: ERR_IO: nothing of it may be believed; never call it again. */
MUST_USE enum err store_commit(struct store *store, struct store_group *group);
MUST_USE enum err store_read(struct store *store, uint64_t seq, uint32_t offset, uint32_t length,
                             uint8_t *bytes);
/* store_next gives the first record from seq on, with damage WHOLE or HEADER and no source.
 * Errors: ERR_NOT_FOUND, ERR_IO. */
MUST_USE enum err store_next(struct store *store, uint64_t from, struct journal_record *record);

/* Where a record is: in a value of its own, or in a pack. */
struct store_found {
    MDB_val key, value;
    bool is_pack;
    struct pack pack;
    uint32_t index; /* in the pack */
};
/* store_find: result of LMDB; MDB_NOTFOUND also for one that is no longer live in its pack. */
int store_find(MDB_cursor *cursor, uint64_t seq, struct store_found *found);
/* store_found_record: Errors: as format_record_decode. */
MUST_USE enum err store_found_record(const struct store_found *found,
                                     struct journal_record *record);
int store_write_state(struct store *store, MDB_txn *txn, struct journal_totals *totals);

static inline MDB_val store_val(const void *ptr, size_t len) {
    union {
        const void *in;
        void *out; /* LMDB does not write through it */
    } pointer = {.in = ptr};
    return (MDB_val){len, pointer.out};
}
static inline struct span store_span(const MDB_val *value) {
    return span_make(value->mv_data, value->mv_size);
}
/* store_fail fills diag for an LMDB result that is not a success. */
MUST_USE enum err store_fail(struct diag *diag, const char *path, const char *what, int result);

#endif

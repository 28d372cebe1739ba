/* Purpose: the journal's transactions on LMDB: open, check, commit a group, read back.
 * The only user of lmdb.h is journal_store.c.  Insiders: journal.c.
 * Threads: store_commit on one thread; store_read on another is fine. */
#ifndef CASEMILL_BROKER_JOURNAL_STORE_H
#define CASEMILL_BROKER_JOURNAL_STORE_H

#include "broker/journal.h"

struct store;
struct store_put {
    uint64_t seq;
    struct buf meta; /* encoded record */
    struct blob *blob;
    enum journal_outcome outcome; /* out */
};
struct store_totals {
    struct uuid uuid;
    uint64_t next_seq, live_count, live_bytes, live_xor;
};

/* store_open opens (or makes) the environment in an existing directory and reserves its space.
 * Errors: as journal_open. */
MUST_USE enum err store_open(const char *path, int64_t bytes_max, struct store **store,
                             struct diag *diag);
void store_close(struct store **store);
/* store_scan visits every record and holds the sums against the totals. */
MUST_USE enum err store_scan(struct store *store,
                             void (*restore)(const struct journal_record *record, void *context),
                             void *context, struct diag *diag);
/* store_scan_in_child does the same in a child process, which a damaged page may kill. */
MUST_USE enum err store_scan_in_child(const char *path, struct diag *diag);
/* store_begin_run moves next_seq past everything a crash may have left unrecorded; committed. */
MUST_USE enum err store_begin_run(struct store *store, struct diag *diag);

/* store_commit: deletes, then puts, one sync.  outcome of each put is JOURNAL_DURABLE or
 * JOURNAL_NO_ROOM.  Errors: ERR_IO: nothing of it may be believed; never call it again. */
MUST_USE enum err store_commit(struct store *store, struct store_put *puts, uint32_t put_count,
                               const uint64_t *deletes, uint32_t delete_count);
MUST_USE enum err store_read(struct store *store, uint64_t seq, uint32_t offset, uint32_t length,
                             uint8_t *bytes);
void store_totals(const struct store *store, struct store_totals *totals, uint64_t *used_bytes);
void store_encode(const struct journal_record *record, struct buf *out);

#endif

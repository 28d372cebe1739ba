/* Purpose: the broker's durable memory: batches that are accepted and not yet done.
 * Owns: an LMDB environment in a directory of its own, a lock on that directory, a writer thread.
 * Never: reports durable before the commit that holds the batch returned (P1); commits anything
 * after a commit has failed (P6); syncs less than LMDB's default.
 * Threads: all calls come from one thread; the writer thread calls `notify` and nothing else.
 * Read next: journal_format.c, the format by byte offset. */
#ifndef CASEMILL_BROKER_JOURNAL_H
#define CASEMILL_BROKER_JOURNAL_H

#include "base/diag.h"
#include "base/hash.h"
#include "base/histogram.h"
#include "base/uuid.h"
#include "broker/body.h"
#include "wire/wire.h"

struct journal;

enum { JOURNAL_CUTS_MAX = 16, JOURNAL_EXTRA_MAX = 256 };
enum { JOURNAL_STALLED_MS = 5000 }; /* a commit that takes longer is not slow but stuck */
enum journal_damage { JOURNAL_WHOLE, JOURNAL_DAMAGE_HEADER, JOURNAL_DAMAGE_BODY };
struct journal_record {
    uint64_t seq;
    enum journal_damage damage; /* restored: HEADER: the rest is as far as it can be read */
    struct uuid batch;
    struct hash128 hash;
    uint32_t count; /* cases */
    uint32_t bytes; /* of the body */
    enum wire_ack ack;
    enum wire_priority priority;
    int64_t accepted_at; /* microseconds since 1970 */
    int64_t received_us; /* monotonic, of a put: returned with its result; not stored */
    struct span source;
    enum work_mode mode;
    struct span extra;    /* of its deliveries: raw MessagePack, "" for nil */
    uint32_t names_bytes; /* of rows: their names, before the first part; 0: the cases are maps */
    uint64_t names_sum;   /* XXH3-64 of the names */
    uint32_t cut_count;
    uint32_t cuts[JOURNAL_CUTS_MAX]; /* offset of each part */
    uint64_t sums[JOURNAL_CUTS_MAX]; /* XXH3-64 of each part's bytes */
};

struct journal_options {
    const char *path; /* the directory; made if absent */
    int64_t bytes_max;
    void (*notify)(void *context); /* results wait in journal_collect; any thread */
    void *context;
};

/* journal_open locks, checks (in a child process, against the totals) and opens the journal. It
 * calls `restore` for every record, seq ascending, the damaged ones too; a header that cannot be
 * read at all has no source. Spans live until it returns.
 * Order: before the program has any thread.
 * Errors: ERR_BUSY another broker has the directory; ERR_DENIED not writable; ERR_FULL no room for
 * bytes_max; ERR_CORRUPT pages are damaged or records do not add up; ERR_VERSION; ERR_IO. */
MUST_USE enum err journal_open(const struct journal_options *options,
                               void (*restore)(const struct journal_record *record, void *context),
                               void *context, struct journal **journal, struct diag *diag);
/* journal_close finishes what was handed over, then stops the writer; accepts NULL inside. */
void journal_close(struct journal **journal);

/* journal_lock makes the directory if absent and keeps others out until lock_fd is closed.
 * Errors: ERR_BUSY another program has it, ERR_DENIED, ERR_IO. */
MUST_USE enum err journal_lock(const char *path, int *lock_fd, struct diag *diag);

struct uuid journal_uuid(const struct journal *journal);
uint64_t journal_next_seq(const struct journal *journal); /* first free one at open */

/* journal_put adds a batch to the next hand-over, seq ascending.  Ownership: one reference to blob.
 * journal_hand_over gives the writer what was put and deleted since the last one; journal_collect
 * and journal_close do so first. */
void journal_put(struct journal *journal, const struct journal_record *record, struct blob *blob);
void journal_delete(struct journal *journal, uint64_t seq);
void journal_hand_over(struct journal *journal);

enum journal_outcome { JOURNAL_DURABLE, JOURNAL_NO_ROOM, JOURNAL_STOPPED };
struct journal_result {
    uint64_t seq;
    enum journal_outcome outcome;
    int64_t received_us; /* as it was put */
};
/* journal_collect takes up to max results of puts, in order of seq; *failed: the P6 latch. */
uint32_t journal_collect(struct journal *journal, struct journal_result *results, uint32_t max,
                         bool *failed);

/* journal_read copies bytes of a durable body.  Errors: ERR_NOT_FOUND, ERR_CORRUPT (not as long as
 * it should be), ERR_IO. */
MUST_USE enum err journal_read(struct journal *journal, uint64_t seq, uint32_t offset,
                               uint32_t length, uint8_t *bytes);

/* journal_check_next reads the first durable record from seq `from` on, body and all, and compares
 * it with its sums: record->damage is the result; its source is not given.
 * Errors: ERR_NOT_FOUND there is none any more, ERR_IO. */
MUST_USE enum err journal_check_next(struct journal *journal, uint64_t from,
                                     struct journal_record *record);

struct journal_stats {
    uint64_t live_count, live_bytes; /* durable now; bytes of bodies */
    uint64_t used_bytes, bytes_max;  /* of the budget */
    uint64_t pending_bytes;          /* put, not yet durable */
    uint64_t pending_count;          /* puts and deletes */
    uint64_t commits, commit_us_last;
    int64_t commit_runs_ms; /* how long the commit under way takes so far; 0: there is none */
    uint64_t damaged;       /* records, found at open */
    bool failed, full;      /* full: the latest put found no room, and nothing was deleted since */
};
void journal_stats(struct journal *journal, struct journal_stats *stats);
/* journal_pending: pending_bytes and pending_count alone, without a lock. */
void journal_pending(const struct journal *journal, uint64_t *bytes, uint64_t *count);
/* journal_commit_times: of all commits that succeeded. */
const struct histogram *journal_commit_times(const struct journal *journal);

#endif

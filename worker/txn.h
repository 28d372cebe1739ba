/* Purpose: one lane transaction: jobs, decoded cases with their encoded rows, dead letters, and the
 * result of each.  Pure: no socket, no database.
 * Ownership: spans point into the jobs' messages; reset forgets all, the jobs are the caller's.
 * A dead letter has a copy of a row as a map, so that a retry needs no names. */
#ifndef CASEMILL_WORKER_TXN_H
#define CASEMILL_WORKER_TXN_H

#include "worker/inbox.h"
#include "worker/row.h"

enum txn_verdict {
    TXN_PENDING,
    TXN_WRITTEN,
    TXN_DUPLICATE, /* already stored with the same content, as `stored` */
    TXN_DEAD
};

struct txn_case {
    struct span case_id;
    struct span body; /* as sent */
    struct hash128 digest;
    int64_t received_at;          /* microseconds since 1970 */
    size_t row_offset, row_bytes; /* in rows */
    int32_t revision;
    uint32_t job;      /* number of its job */
    uint32_t position; /* number among the transaction's cases, in order of arrival */
    uint32_t index;    /* in its batch */
    int16_t source;
    int16_t agreement;      /* code */
    uint32_t detail;        /* of its own outcome; details.h */
    uint32_t stored_detail; /* of the stored one, for a duplicate */
    uint8_t disposition;
    uint8_t stored; /* disposition of the stored case, for a duplicate */
    enum txn_verdict verdict;
};

struct txn_dead {
    const char *reason; /* static */
    char path[96];
    char expected[96];
    char found[40];
    struct span body;
    struct span case_id; /* empty: not read */
    struct hash128 raw_hash;
    struct hash128 digest; /* valid with has_digest: its content was read */
    bool has_digest;
    int64_t received_at; /* microseconds since 1970 */
    int32_t revision;    /* CASE_REVISION_UNREAD: the key names no stored case */
    uint32_t job;
    uint32_t index;
    uint32_t attempts;      /* of a poisoned case, else 0 */
    uint32_t silences;      /* of them: attempts without a message of the lane */
    struct span last_words; /* the last message of a lane about it; into the job */
    int16_t source;
};

struct txn {
    struct job **jobs;
    int16_t *job_sources; /* parallel to jobs */
    uint32_t job_count, job_cap;
    struct txn_case *cases; /* in key order after txn_sort */
    uint32_t case_count, case_cap;
    struct txn_dead *dead;
    uint32_t dead_count, dead_cap;
    uint32_t dead_written; /* the first so many are committed */
    int64_t *letters;      /* of a retry: by position, the dead letter that has the case */
    uint32_t letter_cap;
    struct buf rows;
    struct buf details; /* of cases whose client asked for results */
    struct buf *maps;   /* of dead letters that were rows: each as a map */
    uint32_t map_count, map_cap;
    int64_t started_us; /* wall clock: decided_at */
    int64_t started_mono_ns;
};

void txn_reset(struct txn *txn);
void txn_swap(struct txn *a, struct txn *b);

/* The contents at one time; txn_rewind forgets later additions, also jobs. */
struct txn_mark {
    uint32_t jobs, cases, dead, maps;
    size_t rows, details;
};
struct txn_mark txn_mark(const struct txn *txn);
void txn_rewind(struct txn *txn, const struct txn_mark *mark);
void txn_free(struct txn *txn);

uint32_t txn_add_job(struct txn *txn, struct job *job, int16_t source);
/* All return room that is valid until the next call, zeroed except for the arguments; a dead letter
 * was received with its job, or with its case. */
struct txn_case *txn_add_case(struct txn *txn);
struct txn_dead *txn_add_dead_case(struct txn *txn, const struct txn_case *dead,
                                   const char *reason);
struct txn_dead *txn_add_dead(struct txn *txn, uint32_t job, uint32_t index, const char *reason,
                              struct span body);

/* txn_note_letter records that the last case comes from that dead letter. */
void txn_note_letter(struct txn *txn, int64_t letter);

/* txn_sort puts cases into (source, case_id, revision, position) order. */
void txn_sort(struct txn *txn);
int txn_key_cmp(const struct txn_case *a, const struct txn_case *b);
/* txn_group_end is the end of the run of equal keys that begins at `at`. */
uint32_t txn_group_end(const struct txn *txn, uint32_t at);

/* The case that has the key of a group: stored, or the first of this transaction. */
struct txn_stored {
    struct hash128 digest;
    uint8_t disposition;
    uint32_t detail;
};
/* txn_settle_group compares cases [from, end) of one key with the stored one.  A conflict becomes a
 * dead letter. */
void txn_settle_group(struct txn *txn, uint32_t from, uint32_t end,
                      const struct txn_stored *stored);
/* txn_settle_behind does so with the case before `from`, which has the key now. */
void txn_settle_behind(struct txn *txn, uint32_t from, uint32_t end);
/* txn_wants_results: a client asked for the results of one of these cases. */
bool txn_wants_results(const struct txn *txn, uint32_t from, uint32_t end);

/* txn_counts fills the counts of each job; dead lists live in the arena.
 * Errors: ERR_TOO_LARGE the arena is full. */
MUST_USE enum err txn_counts(const struct txn *txn, struct arena *arena,
                             struct wire_counts *counts);

#endif

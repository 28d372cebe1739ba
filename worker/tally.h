/* Purpose: what the intake outcomes of a lane transaction add to the counts in reports: by month of
 * reference date, source, agreement, finding and missing fact.  They are also counted by day of
 * acceptance and by latency.  It writes the counts as columns of `tallies`.  Pure: it reads encoded
 * rows.
 * Ownership: tally_reset keeps the memory for the next transaction. */
#ifndef CASEMILL_WORKER_TALLY_H
#define CASEMILL_WORKER_TALLY_H

#include "base/buf.h"

#include <stdint.h>

struct active_rules;
struct tally_count {
    uint64_t key; /* what is counted; see tally.c */
    uint32_t count;
    uint32_t firsts; /* of a missing fact: in how many cases it is the next question */
};

struct tally {
    struct tally_count *counts;
    uint32_t count, cap;
    uint32_t *slots; /* number of a count + 1, by the key's hash; 0: free */
    uint32_t slot_count;
    int32_t last_day, last_month; /* most rows of a batch are of few days */
    int64_t written_at;           /* microseconds since 1970 */
    uint64_t last_received, last_source;
    uint32_t last_batch; /* number of their count + 1, as in slots */
};

/* Latencies are counted in buckets, 8 for each doubling; bucket b holds those from
 * (8 + b % 8) * 2^(b / 8 - 3) microseconds on.  report.latency_percentiles reads them. */
enum { BUCKETS_OCTAVE = 8 };
static inline uint32_t tally_bucket(int64_t latency_us) {
    uint64_t value = latency_us < BUCKETS_OCTAVE ? BUCKETS_OCTAVE : (uint64_t)latency_us;
    uint32_t octave = 63U - (uint32_t)__builtin_clzll(value);
    return octave * BUCKETS_OCTAVE + (uint32_t)(value >> (octave - 3) & (BUCKETS_OCTAVE - 1));
}

/* tally_reset: written_at is the end of each latency. */
void tally_reset(struct tally *tally, int64_t written_at);
void tally_free(struct tally *tally);
/* tally_add counts one row of row_encode. */
void tally_add(struct tally *tally, struct span row);
/* Both append a list without parentheses, the same columns in the same order: names; values.  rules
 * are those of the rows; NULL where none was counted. */
void tally_sql_names(struct buf *sql);
void tally_sql_values(const struct tally *tally, const struct active_rules *rules, struct buf *sql);

#endif

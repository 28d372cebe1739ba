/* What a lane counts.  Only its own thread writes; the status page reads at any time. */
#include "worker/lane_priv.h"

#define DEAD_REASON_WORD(word) word,
static const char *const DEAD_WORDS[] = {DEAD_REASONS(DEAD_REASON_WORD)};
#undef DEAD_REASON_WORD
_Static_assert(COUNT_OF(DEAD_WORDS) == DEAD_REASON_COUNT, "every reason has its count");

const char *lane_dead_reason(uint32_t number) { return DEAD_WORDS[number]; }

static void add(_Atomic uint64_t *count, uint64_t more) {
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static void count_dead(struct lane_stats *stats, const char *reason) {
    uint32_t i = 0;
    while (i < DEAD_REASON_COUNT - 1 && strcmp(DEAD_WORDS[i], reason) != 0) {
        i++;
    }
    add(&stats->dead[i], 1);
}

void lane_count_committed(struct lane *lane, const struct wire_counts *counts, int64_t took_ns) {
    const struct txn *txn = &lane->writing;
    struct lane_stats *stats = &lane->stats;
    uint64_t cases = 0;
    for (uint32_t i = 0; i < txn->job_count; i++) {
        cases += txn->jobs[i]->delivery->count;
        add(&stats->duplicates, counts[i].duplicates);
        for (int word = 0; word < WIRE_DISPOSITIONS; word++) {
            add(&stats->outcomes[word], counts[i].outcomes[word]);
        }
    }
    for (uint32_t i = 0; i < txn->dead_count; i++) {
        count_dead(stats, txn->dead[i].reason);
    }
    add(&stats->cases_done, cases);
    add(&stats->transactions, 1);
    if (cases > 0) { /* a canary has none */
        histogram_note(&stats->transaction_cases, &histogram_cases, (int64_t)cases);
        histogram_note(&stats->transaction, &histogram_seconds, took_ns / 1000);
    }
}

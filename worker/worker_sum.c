/* Sums over the lanes of a worker. */
#include "base/clock.h"
#include "worker/worker_priv.h"

/* A lane's loop turns at least once per second, during any wait. */
enum { LANE_STALLED_MS = 10000 };

uint64_t worker_sum(const struct worker *worker, size_t offset) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < atomic_load(&worker->lane_count); i++) {
        const char *stats = (const char *)lane_stats(worker->lanes[i]);
        total += atomic_load((const _Atomic uint64_t *)(const void *)(stats + offset));
    }
    return total;
}

uint32_t worker_with_flag(const struct worker *worker, size_t offset) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < atomic_load(&worker->lane_count); i++) {
        const char *stats = (const char *)lane_stats(worker->lanes[i]);
        count += atomic_load((const atomic_bool *)(const void *)(stats + offset)) ? 1 : 0;
    }
    return count;
}

int64_t worker_longest_turn_ms(const struct worker *worker) {
    int64_t now = clock_mono_ms();
    int64_t longest = 0;
    for (uint32_t i = 0; i < atomic_load(&worker->lane_count); i++) {
        const struct lane_stats *stats = lane_stats(worker->lanes[i]);
        int64_t turn = now - atomic_load(&stats->turned_at);
        if (!atomic_load(&stats->ended) && turn > longest) {
            longest = turn;
        }
    }
    return longest;
}

bool worker_is_stalled(const struct worker *worker) {
    return worker_longest_turn_ms(worker) > LANE_STALLED_MS;
}

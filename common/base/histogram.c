#include "base/histogram.h"

const struct histogram_scale histogram_seconds = {
    .unit = 1e-6,
    .count = 21,
    .bounds = {100,     250,      500,      1000,     2500,      5000,      10000,
               25000,   50000,    100000,   250000,   500000,    1000000,   2500000,
               5000000, 10000000, 25000000, 50000000, 100000000, 250000000, 600000000}};
const struct histogram_scale histogram_cases = {
    .unit = 1,
    .count = 17,
    .bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536}};

void histogram_note(struct histogram *histogram, const struct histogram_scale *scale,
                    int64_t value) {
    uint64_t noted = value > 0 ? (uint64_t)value : 0;
    uint32_t bucket = 0;
    while (bucket < scale->count && noted > scale->bounds[bucket]) {
        bucket++;
    }
    /* One writer: no locked instruction is necessary. */
    _Atomic uint64_t *count = &histogram->counts[bucket];
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    uint64_t sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed);
    atomic_store_explicit(&histogram->sum, sum + noted, memory_order_relaxed);
}

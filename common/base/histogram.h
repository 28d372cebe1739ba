/* Purpose: how often values of each size occurred, in buckets.  Counting allocates nothing and
 * takes no lock. Threads: a histogram has one writer; any thread reads it (metrics_histogram). */
#ifndef CASEMILL_BASE_HISTOGRAM_H
#define CASEMILL_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

/* The upper bounds of buckets, log-spaced and fixed, so that all histograms of a scale can be added
 * up.  Values are integers; value x unit is what Prometheus gets. */
enum { HISTOGRAM_BOUNDS_MAX = 22 };
struct histogram_scale {
    double unit;
    uint32_t count;
    uint64_t bounds[HISTOGRAM_BOUNDS_MAX];
};
extern const struct histogram_scale histogram_seconds; /* values are microseconds */
extern const struct histogram_scale histogram_cases;

struct histogram {
    _Atomic uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* the last: above all bounds */
    _Atomic uint64_t sum;
};
/* histogram_note counts a value; below 0 it counts as 0, because a wall clock can be set back. */
void histogram_note(struct histogram *histogram, const struct histogram_scale *scale,
                    int64_t value);
#endif

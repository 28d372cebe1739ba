/* How fast batches leave, and so when there will be room for one that is told BUSY.  What was told
 * to come back is counted until as much has left: the next one is told a later time, and not all
 * come at once to find room for one. */
#include "broker/core_priv.h"

enum {
    WINDOW_MS = 2000, /* the rate is of the last one to two windows */
    RETRY_MS_MIN = 10,
    RETRY_MS_MAX = 30000,
    RETRY_UNKNOWN_MS = 5000 /* nothing leaves: nobody knows */
};

/* Takes up the next window; after a gap nothing is known of the time before. */
static void roll(struct core_drain *drain, int64_t now) {
    int64_t age = now - drain->since;
    if (age < WINDOW_MS) {
        return;
    }
    bool is_gap = age >= 2 * WINDOW_MS;
    drain->before_ms = is_gap ? 0 : age;
    drain->before = is_gap ? (struct core_room){0} : drain->present;
    drain->present = (struct core_room){0};
    drain->since = now;
}

static void take_off(uint64_t *told, uint64_t left) { *told -= left < *told ? left : *told; }

void core_drain_note(struct core *core, uint32_t bytes) {
    struct core_drain *drain = &core->drain;
    roll(drain, core->ticked);
    drain->present.batches++;
    drain->present.bytes += bytes;
    take_off(&drain->told.batches, 1);
    take_off(&drain->told.bytes, bytes);
}

/* told: what waits already; more: what is told now; left: what left in span_ms. */
static int64_t time_for(uint64_t *told, uint64_t more, uint64_t left, int64_t span_ms) {
    if (left == 0) {
        *told = 0;
        return RETRY_UNKNOWN_MS;
    }
    uint64_t span = span_ms > 0 ? (uint64_t)span_ms : 1;
    uint64_t most = (uint64_t)RETRY_MS_MAX * left / span;
    *told = *told + more < most ? *told + more : most;
    int64_t ms = (int64_t)((*told * span + left - 1) / left);
    return ms > RETRY_MS_MIN ? ms : RETRY_MS_MIN;
}

int64_t core_drain_retry_ms(struct core *core, enum wire_busy reason, uint32_t bytes) {
    struct core_drain *drain = &core->drain;
    roll(drain, core->ticked);
    int64_t span_ms = drain->before_ms + core->ticked - drain->since;
    return reason == WIRE_BUSY_JOURNAL_FULL
               ? time_for(&drain->told.bytes, bytes, drain->before.bytes + drain->present.bytes,
                          span_ms)
               : time_for(&drain->told.batches, 1, drain->before.batches + drain->present.batches,
                          span_ms);
}

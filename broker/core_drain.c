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

void core_drain_note_place(struct core *core) {
    struct core_drain *drain = &core->drain;
    roll(drain, core->ticked);
    drain->present.places++;
    take_off(&drain->told.places, 1);
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

static int64_t window_ms(struct core *core) {
    roll(&core->drain, core->ticked);
    return core->drain.before_ms + core->ticked - core->drain.since;
}

int64_t core_drain_batch_ms(struct core *core) {
    struct core_drain *drain = &core->drain;
    int64_t span_ms = window_ms(core);
    uint64_t left = drain->before.batches + drain->present.batches;
    return time_for(&drain->told.batches, 1, left, span_ms);
}

int64_t core_drain_bytes_ms(struct core *core, uint32_t bytes) {
    struct core_drain *drain = &core->drain;
    int64_t span_ms = window_ms(core);
    uint64_t left = drain->before.bytes + drain->present.bytes;
    return time_for(&drain->told.bytes, bytes, left, span_ms);
}

/* Sources come to their ends in bursts: a slow time tells little of the next. */
int64_t core_drain_place_ms(struct core *core) {
    struct core_drain *drain = &core->drain;
    int64_t span_ms = window_ms(core);
    uint64_t left = drain->before.places + drain->present.places;
    int64_t ms = time_for(&drain->told.places, 1, left, span_ms);
    return ms < RETRY_UNKNOWN_MS ? ms : RETRY_UNKNOWN_MS;
}

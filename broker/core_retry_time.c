/* The rate at which batches leave, and so when a client whose batch was refused as BUSY is to send
 * it again.  Each such batch is counted until as much has left: the next one gets a later time, so
 * that not all come at once and find room for one. */
#include "broker/core_priv.h"

enum {
    WINDOW_MS = 2000, /* the rate is of the last one to two windows */
    RETRY_MS_MIN = 10,
    RETRY_MS_MAX = 30000,
    RETRY_UNKNOWN_MS = 5000 /* nothing leaves: the rate is unknown */
};

/* Takes up the next window; after a gap nothing is known of the time before. */
static void roll(struct core_retry_time *rate, int64_t now) {
    int64_t age = now - rate->since;
    if (age < WINDOW_MS) {
        return;
    }
    bool is_gap = age >= 2 * WINDOW_MS;
    rate->before_ms = is_gap ? 0 : age;
    rate->before = is_gap ? (struct core_room){0} : rate->present;
    rate->present = (struct core_room){0};
    rate->since = now;
}

static void take_off(uint64_t *waiting, uint64_t left) {
    *waiting -= left < *waiting ? left : *waiting;
}

void core_retry_note_batch(struct core *core, uint32_t bytes) {
    struct core_retry_time *rate = &core->retry_time;
    roll(rate, core->ticked);
    rate->present.batches++;
    rate->present.bytes += bytes;
    take_off(&rate->waiting.batches, 1);
    take_off(&rate->waiting.bytes, bytes);
}

void core_retry_note_slot(struct core *core) {
    struct core_retry_time *rate = &core->retry_time;
    roll(rate, core->ticked);
    rate->present.slots++;
    take_off(&rate->waiting.slots, 1);
}

/* waiting: what has a retry time already; more: what gets one now; left: what left in span_ms. */
static int64_t time_for(uint64_t *waiting, uint64_t more, uint64_t left, int64_t span_ms) {
    if (left == 0) {
        *waiting = 0;
        return RETRY_UNKNOWN_MS;
    }
    uint64_t span = span_ms > 0 ? (uint64_t)span_ms : 1;
    uint64_t most = (uint64_t)RETRY_MS_MAX * left / span;
    *waiting = *waiting + more < most ? *waiting + more : most;
    int64_t ms = (int64_t)((*waiting * span + left - 1) / left);
    return ms > RETRY_MS_MIN ? ms : RETRY_MS_MIN;
}

static int64_t window_ms(struct core_retry_time *rate, int64_t now) {
    roll(rate, now);
    return rate->before_ms + now - rate->since;
}

static int64_t batch_ms(struct core_retry_time *rate, int64_t now) {
    int64_t span_ms = window_ms(rate, now);
    uint64_t left = rate->before.batches + rate->present.batches;
    return time_for(&rate->waiting.batches, 1, left, span_ms);
}

int64_t core_retry_batch_ms(struct core *core) { return batch_ms(&core->retry_time, core->ticked); }

int64_t core_retry_next_ms(const struct core *core) {
    struct core_retry_time copy = core->retry_time; /* this call does not count as a BUSY */
    bool has_room = core->by_seq.count + core->packed.count < core->options.batches_max;
    return has_room ? 0 : batch_ms(&copy, core->ticked);
}

int64_t core_retry_bytes_ms(struct core *core, uint32_t bytes) {
    struct core_retry_time *rate = &core->retry_time;
    int64_t span_ms = window_ms(rate, core->ticked);
    uint64_t left = rate->before.bytes + rate->present.bytes;
    return time_for(&rate->waiting.bytes, bytes, left, span_ms);
}

/* The last batches of sources leave in bursts: a slow time predicts little. */
int64_t core_retry_slot_ms(struct core *core) {
    struct core_retry_time *rate = &core->retry_time;
    int64_t span_ms = window_ms(rate, core->ticked);
    uint64_t left = rate->before.slots + rate->present.slots;
    int64_t ms = time_for(&rate->waiting.slots, 1, left, span_ms);
    return ms < RETRY_UNKNOWN_MS ? ms : RETRY_UNKNOWN_MS;
}

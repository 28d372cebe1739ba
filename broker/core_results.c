/* What lanes report about parts. DONE is a committed fact and is accepted from every lane. FAILED
 * and RETURN count only from the lane that holds the part. */
#include "broker/core_priv.h"

#include "base/mem.h"

enum { BACKOFF_FIRST_MS = 250, BACKOFF_MAX_MS = 30000 };

static void part_done(struct core *core, struct core_part *part) {
    part->batch->done_cases += part->count;
    core->counters.cases_done += part->count;
    core_source_of(core, part)->cases_done += part->count;
    part_finish(core, part);
}

static void add_counts(struct core *core, struct core_batch *batch, struct core_counts *counts) {
    core_counts_add(core, &batch->counts, counts);
    core->counters.cases_duplicate += counts->duplicates;
    core->counters.cases_dead += counts->dead_count;
}

/* A run inside one part: kept beside the part until all of it is committed. A run inside a known
 * run is a repetition. A run around known ones replaces them. A run that crosses a known one cannot
 * be counted: its cases return when the part is dispatched again. */
static bool take_inside(struct core *core, struct core_part *part, const struct wire_range *range,
                        struct core_counts *counts) {
    uint32_t end = range->first + range->count;
    for (const struct core_progress *known = part->progress; known != NULL; known = known->next) {
        uint32_t known_end = known->first + known->count;
        bool apart = end <= known->first || range->first >= known_end;
        bool around =
            range->first <= known->first && end >= known_end && range->count > known->count;
        if (!apart && !around) {
            return false;
        }
    }
    for (struct core_progress **at = &part->progress; *at != NULL;) {
        struct core_progress *known = *at;
        if (known->first >= range->first && known->first < end) {
            *at = known->next;
            part->progress_cases -= known->count;
            core_counts_free(core, &known->counts);
            mem_free(known);
        } else {
            at = &known->next;
        }
    }
    struct core_progress *progress = mem_zero(1, sizeof(*progress));
    progress->first = range->first;
    progress->count = range->count;
    progress->counts = *counts;
    *counts = (struct core_counts){.dead = BUF_EMPTY};
    progress->next = part->progress;
    part->progress = progress;
    part->progress_cases += range->count;
    if (part->progress_cases == part->count) {
        for (progress = part->progress; progress != NULL; progress = progress->next) {
            add_counts(core, part->batch, &progress->counts);
        }
        part_done(core, part);
    }
    return true;
}

static bool take_range(struct core *core, struct core_batch *batch, const struct wire_range *range,
                       struct core_counts *counts) {
    uint32_t end = range->first + range->count;
    struct core_part *first = core_leaf(batch, range->first);
    struct core_part *last = core_leaf(batch, end - 1);
    bool whole = range->first == first->first && end == last->first + last->count;
    for (struct core_part *part = first; part != NULL && part->first < end;
         part = core_leaf_after(part)) {
        if (part->state == PART_DONE) {
            return false;
        }
        CHECK(part->state != PART_PARKED);
    }
    if (!whole) {
        return first == last && take_inside(core, first, range, counts);
    }
    add_counts(core, batch, counts);
    for (uint32_t at = range->first; at < end;) {
        struct core_part *part = core_leaf(batch, at);
        at += part->count;
        part_done(core, part);
    }
    return true;
}

static bool counts_add_up(const struct wire_counts *counts, uint32_t count) {
    uint64_t sum = counts->dead_count;
    for (int i = 0; i < WIRE_DISPOSITIONS; i++) {
        sum += counts->outcomes[i];
    }
    return sum == count && counts->duplicates <= count && counts->dead_listed <= counts->dead_count;
}

/* The next bytes of the body frame; fewer if it has not so many. */
static struct span take_bytes(struct span *body, size_t bytes) {
    struct span taken = span_make(body->ptr, bytes < body->len ? bytes : body->len);
    *body = span_make(body->ptr + taken.len, body->len - taken.len);
    return taken;
}

void core_done(struct core *core, const struct net_route *route, const struct wire_lane_done *done,
               int64_t now) {
    struct core_lane *lane = core_lane_sender(core, route, now);
    uint32_t new_ranges = 0;
    struct span body = done->body;
    for (uint32_t i = 0; i < done->range_count; i++) {
        const struct wire_range *range = &done->ranges[i];
        struct span results = take_bytes(&body, done->verdicts[i].results_bytes);
        struct core_batch *batch = core_range_batch(core, range);
        if (batch == NULL || !counts_add_up(&done->verdicts[i], range->count)) {
            core->counters.ranges_ignored++;
            continue;
        }
        struct core_counts counts;
        core_counts_from_wire(core, &counts, &done->verdicts[i], results, range);
        bool taken = take_range(core, batch, range, &counts);
        core_counts_free(core, &counts);
        core->counters.ranges_ignored += taken ? 0 : 1;
        if (taken) {
            new_ranges++;
            if (lane != NULL) {
                lane->done += range->count;
                lane->worked = true;
            }
            core_batch_settle(core, batch);
        }
    }
    core_canary_done(core, lane, new_ranges, done->range_count, now);
}

struct core_end { /* of an attempt */
    int64_t now;
    struct span reason;
};

/* Visits, last first, the parts of a range that this lane holds. */
static void each_held(struct core *core, struct core_lane *lane, const struct wire_range *range,
                      void (*visit)(struct core *core, struct core_part *part,
                                    const struct core_end *end),
                      const struct core_end *end) {
    struct core_batch *batch = core_range_batch(core, range);
    if (batch == NULL) {
        return;
    }
    for (uint32_t at = range->first + range->count; at > range->first;) {
        struct core_part *part = core_leaf(batch, at - 1);
        at = part->first;
        if (part->state == PART_OUT && part->lane == lane) {
            visit(core, part, end);
        }
    }
}

static void part_failed(struct core *core, struct core_part *part, const struct core_end *end) {
    uint32_t doublings = part->failures < 7 ? part->failures : 7;
    int64_t wait = (int64_t)BACKOFF_FIRST_MS << doublings;
    core->counters.parts_failed++;
    if (!core_part_count_failure(core, part, &end->reason)) {
        part_delay(core, part, end->now + (wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS));
    }
}

static void part_returned(struct core *core, struct core_part *part, const struct core_end *end) {
    (void)end;
    core->counters.parts_returned++;
    part_queue_front(core, part);
}

void core_failed(struct core *core, const struct net_route *route, const struct wire_failed *failed,
                 int64_t now) {
    struct core_lane *lane = core_lane_known(core, route, now);
    if (lane == NULL) {
        return;
    }
    struct core_end end = {now, failed->reason};
    for (uint32_t i = failed->range_count; i-- > 0;) {
        each_held(core, lane, &failed->ranges[i], part_failed, &end);
    }
}

void core_returned(struct core *core, const struct net_route *route,
                   const struct wire_return *returned, int64_t now) {
    struct core_lane *lane = core_lane_known(core, route, now);
    if (lane == NULL) {
        return;
    }
    for (uint32_t i = returned->range_count; i-- > 0;) {
        each_held(core, lane, &returned->ranges[i], part_returned, NULL);
    }
}

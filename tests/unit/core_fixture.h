/* Purpose: a core with a small queue, and functions for the messages of intake, journal and
 * lanes. Names are one byte: of a batch, of a lane (its route and its uuid), of a peer. */
#ifndef CASEMILL_TESTS_UNIT_CORE_FIXTURE_H
#define CASEMILL_TESTS_UNIT_CORE_FIXTURE_H

#include "broker/core.h"

#include <check.h>
#include <stdlib.h>

static const struct uuid JOURNAL = {{7}};
static struct core *core;

static inline void setup(void) {
    struct core_options options = {.journal = JOURNAL,
                                   .next_seq = 1,
                                   .batches_max = 8,
                                   .attempts_max = 5,
                                   .recent_max = 4,
                                   .beat_ms = 1000,
                                   .silent_ms = 10000};
    core = core_new(&options);
}

static inline void teardown(void) {
    core_check(core);
    core_free(&core);
}

static inline struct net_route route(uint8_t name, bool delimited) {
    return (struct net_route){.len = 1, .delimited = delimited, .near = {name}};
}

static inline struct uuid id(uint8_t name) { return (struct uuid){{name}}; }

/* The sequence number of a batch that is new, else 0. */
static inline uint64_t submit_as(const char *source, uint8_t name, uint32_t count,
                                 enum wire_priority priority, struct net_route from,
                                 enum wire_ack ack, uint8_t hash) {
    uint32_t cuts[CORE_PARTS_MAX];
    for (uint32_t i = 0; i < CORE_PARTS_MAX; i++) {
        cuts[i] = i * CORE_PART_CASES * 2;
    }
    struct core_batch_meta meta = {.source = span_str(source),
                                   .batch = id(name),
                                   .hash = {{hash}},
                                   .count = count,
                                   .bytes = count * 2,
                                   .ack = ack,
                                   .priority = priority,
                                   .accepted_at = 5,
                                   .cuts = cuts};
    uint64_t seq = core_submit(core, &from, &meta, 0);
    core_check(core);
    return seq;
}

static inline uint64_t submit(uint8_t name, uint32_t count, struct net_route from) {
    return submit_as("local", name, count, WIRE_NORMAL, from, WIRE_ACK_JOURNAL, name);
}

static inline uint32_t count_of(enum core_action_kind kind) {
    size_t count = 0;
    uint32_t found = 0;
    const struct core_action *actions = core_actions(core, &count);
    for (size_t i = 0; i < count; i++) {
        found += actions[i].kind == kind ? 1 : 0;
    }
    return found;
}

static inline const struct core_action *find(enum core_action_kind kind, uint32_t nth) {
    size_t count = 0;
    const struct core_action *actions = core_actions(core, &count);
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == kind && nth-- == 0) {
            return &actions[i];
        }
    }
    ck_abort_msg("no such action");
    return NULL;
}

static inline void ready(uint8_t name, uint32_t cases) {
    struct wire_ready said = {
        .uuid = id(name), .name = SPAN_LIT("w"), .credit_cases = cases, .credit_bytes = 1 << 20};
    struct net_route from = route(name, false);
    core_ready(core, &from, &said, 0);
}

static inline void done(uint8_t lane, uint64_t seq, uint32_t first, uint32_t count, uint32_t dead) {
    struct wire_range range = {JOURNAL, seq, first, count};
    struct wire_dead entry = {.index = first,
                              .reason = SPAN_LIT("decode"),
                              .path = SPAN_LIT("a.b"),
                              .expected = SPAN_LIT("int"),
                              .found = SPAN_LIT("str")};
    struct wire_counts counts = {.outcomes = {count - dead},
                                 .dead_count = dead,
                                 .dead_listed = dead > 0 ? 1 : 0,
                                 .dead = &entry};
    struct wire_lane_done said = {1, &range, &counts, SPAN_LIT("")};
    struct net_route from = route(lane, false);
    core_done(core, &from, &said, 0);
    core_check(core);
}

static inline void beat(uint8_t lane, const struct wire_range *holds, uint32_t count, int64_t now) {
    struct wire_lane_beat said = {.holds = holds, .hold_count = count, .phase = SPAN_LIT("idle")};
    struct net_route from = route(lane, false);
    core_beat(core, &from, &said, now);
    core_check(core);
}

#endif

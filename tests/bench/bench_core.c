/* The broker's core alone, for callgrind: each batch is submitted, durable, dispatched and done,
 * its receipts are sent, with one lane that always has credit.
 *   bench_core CASES BATCHES [SOURCES]      batches of CASES cases, of each source in turn
 * callgrind counts inside loop_core; the program prints how many cases. Cores are made and freed
 * outside, and all sources are known before. */
#include "base/mem.h"
#include "broker/core.h"

#include <stdio.h>
#include <stdlib.h>

enum { WINDOW = 16, CASE_BYTES = 400, SOURCES_MAX = 1000, NAME_BYTES = 16, KNOWN = 1008 };

struct bench {
    struct core *core;
    struct net_route client, lane;
    struct uuid journal;
    uint32_t cases, sources;
    uint32_t number; /* of the next batch */
    char names[SOURCES_MAX][NAME_BYTES];
};

static struct uuid name_of(uint32_t number) {
    struct uuid id = {{7}};
    memcpy(id.bytes + 4, &number, sizeof(number));
    return id;
}

static void open_core(struct bench *bench) {
    struct core_options options = {.journal = bench->journal,
                                   .next_seq = 1,
                                   .batches_max = 1000000,
                                   .attempts_max = 5,
                                   .beat_ms = 1000,
                                   .silent_ms = 10000};
    bench->core = core_new(&options);
    struct wire_ready ready = {.uuid = {{9}},
                               .name = SPAN_LIT("lane"),
                               .credit_cases = 65536,
                               .credit_bytes = UINT64_C(1) << 30};
    core_ready(bench->core, &bench->lane, &ready, 1);
    core_actions_clear(bench->core);
}

static void submit_one(struct bench *bench, uint32_t number) {
    uint32_t cuts[CORE_PARTS_MAX] = {0};
    struct core_batch_meta meta = {.source = span_str(bench->names[number % bench->sources]),
                                   .batch = name_of(number),
                                   .count = bench->cases,
                                   .bytes = bench->cases * CASE_BYTES,
                                   .priority = WIRE_NORMAL,
                                   .accepted_at = 1,
                                   .cuts = cuts};
    CHECK(core_submit(bench->core, &bench->client, &meta, 1));
}

static void finish_dealt(struct bench *bench) {
    struct wire_range ranges[WINDOW];
    struct wire_counts verdicts[WINDOW];
    struct wire_lane_done done = {.ranges = ranges, .verdicts = verdicts};
    size_t count = 0;
    const struct core_action *actions = core_actions(bench->core, &count);
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == CORE_WORK) {
            uint32_t n = done.range_count++;
            const struct core_work *work = &actions[i].work;
            ranges[n] =
                (struct wire_range){bench->journal, actions[i].seq, work->first, work->count};
            verdicts[n] = (struct wire_counts){.outcomes = {work->count}};
        }
    }
    CHECK(done.range_count == WINDOW);
    core_actions_clear(bench->core);
    core_done(bench->core, &bench->lane, &done, 1);
    core_actions_clear(bench->core);
}

__attribute__((always_inline)) static inline void turns(struct bench *bench, uint32_t batches) {
    uint32_t end = bench->number + batches;
    for (uint32_t number = bench->number; number < end; number += WINDOW) {
        for (uint32_t i = 0; i < WINDOW; i++) {
            submit_one(bench, number + i);
        }
        for (uint32_t i = 1; i <= WINDOW; i++) {
            core_journaled(bench->core, number + i);
        }
        core_actions_clear(bench->core);
        core_tick(bench->core, 1);
        core_deal(bench->core, 1);
        finish_dealt(bench);
    }
    bench->number = end;
}

__attribute__((noinline)) static void loop_core(struct bench *bench, uint32_t batches) {
    turns(bench, batches);
}

int main(int argc, char **argv) {
    uint32_t cases = argc >= 3 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
    uint32_t batches = argc >= 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    uint32_t sources = argc >= 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1;
    if (cases == 0 || cases > CORE_PART_CASES || batches == 0 || batches % WINDOW != 0 ||
        sources == 0 || sources > SOURCES_MAX) {
        (void)fprintf(stderr,
                      "usage: bench_core CASES BATCHES [SOURCES], BATCHES a multiple of 16, "
                      "SOURCES up to 1000\n");
        return 2;
    }
    struct bench bench = {.cases = cases,
                          .sources = sources,
                          .journal = {{42}},
                          .client = {.len = 1, .near = "c"},
                          .lane = {.len = 1, .near = "l"}};
    for (uint32_t i = 0; i < sources; i++) {
        (void)snprintf(bench.names[i], NAME_BYTES, "source%u", i);
    }
    open_core(&bench);
    uint32_t known = sources == 1 ? 0 : KNOWN;
    turns(&bench, known);
    loop_core(&bench, batches);
    struct core_stats stats;
    core_stats(bench.core, 1, &stats);
    CHECK(stats.cases_done == (uint64_t)cases * (known + batches));
    (void)printf("%llu\n", (unsigned long long)cases * batches);
    core_free(&bench.core);
    return 0;
}

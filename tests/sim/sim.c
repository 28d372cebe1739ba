/* A world around the core that only a seed decides.  Each seed runs in a child process, so that a
 * failed CHECK in the core is one failed seed and the next one still runs. */
#include "base/mem.h"
#include "base/uuid.h"
#include "broker/core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STEPS = 1500,
    BATCHES_MAX = 400, /* names the world uses */
    LANES = 4,
    HOLDS_MAX = 256,
    SETTLE_STEPS = 4000,
    STEP_MS_MAX = 400,
    SILENT_MS = 3000,
    BEAT_MS = 500
};

/* One batch of the world: a name, and what the outside knows of it. */
struct batch {
    uint32_t count;
    bool accepted;    /* its source was told so, and not DONE since */
    uint32_t runs;    /* DONE receipts */
    uint8_t *commits; /* per case: stands in the database */
};
/* What the simulated disk holds or is about to hold. */
struct record {
    uint64_t seq;
    uint32_t batch;
    bool durable, live;
};
struct hold {
    uint64_t seq;
    uint32_t batch, first, count;
};
struct lane {
    struct uuid uuid;
    uint8_t route;
    bool known, mute;
    struct hold holds[HOLDS_MAX];
    uint32_t hold_count;
};
struct world {
    struct rng rng;
    struct core *core;
    int64_t now;
    uint64_t next_seq;
    bool calm; /* faults are over */
    bool stopped;
    struct batch batches[BATCHES_MAX];
    struct record *records;
    uint32_t record_count, record_cap;
    struct lane lanes[LANES];
    uint32_t lane_names;
};

static const struct uuid JOURNAL = {{42}};

static bool chance(struct world *world, uint32_t of_thousand) {
    return rng_below(&world->rng, 1000) < of_thousand;
}
static uint32_t below(struct world *world, uint32_t limit) {
    return (uint32_t)rng_below(&world->rng, limit);
}

static struct uuid batch_id(uint32_t batch) {
    struct uuid id = {{1}};
    memcpy(id.bytes + 4, &batch, sizeof(batch));
    return id;
}
static uint32_t batch_of(const struct uuid *id) {
    uint32_t batch = 0;
    memcpy(&batch, id->bytes + 4, sizeof(batch));
    CHECK(batch < BATCHES_MAX);
    return batch;
}
static struct record *record_of(struct world *world, uint64_t seq) {
    for (uint32_t i = world->record_count; i-- > 0;) {
        if (world->records[i].seq == seq) {
            return &world->records[i];
        }
    }
    CHECK(false);
    return NULL;
}

static void new_core(struct world *world) {
    struct core_options options = {.journal = JOURNAL,
                                   .next_seq = world->next_seq,
                                   .batches_max = BATCHES_MAX / 2,
                                   .attempts_max = 5,
                                   .recent_max = 16,
                                   .beat_ms = BEAT_MS,
                                   .silent_ms = SILENT_MS};
    world->core = core_new(&options);
    core_source_weight(world->core, SPAN_LIT("s1"), 3);
}

static void fill_meta(struct world *world, uint32_t batch, uint32_t *cuts, char *source,
                      struct core_batch_meta *meta) {
    for (uint32_t i = 0; i < CORE_PARTS_MAX; i++) {
        cuts[i] = i * CORE_PART_CASES * 3;
    }
    (void)snprintf(source, 8, "s%u", batch % 3);
    uint32_t count = world->batches[batch].count;
    *meta = (struct core_batch_meta){.source = span_str(source),
                                     .batch = batch_id(batch),
                                     .hash = {{(uint8_t)batch}},
                                     .count = count,
                                     .bytes = count * 3,
                                     .ack = batch % 5 == 0 ? WIRE_ACK_OUTCOME : WIRE_ACK_JOURNAL,
                                     .priority = (enum wire_priority)(batch % WIRE_PRIORITY_COUNT),
                                     .accepted_at = 1,
                                     .cuts = cuts};
}

static void submit(struct world *world, uint32_t batch) {
    uint32_t cuts[CORE_PARTS_MAX];
    char source[8];
    struct core_batch_meta meta;
    fill_meta(world, batch, cuts, source, &meta);
    struct net_route route = {.len = 1, .delimited = false, .bytes = {(uint8_t)(100 + batch % 3)}};
    bool taken = core_submit(world->core, &route, &meta, world->now);
    CHECK(!taken || !world->stopped);
    (void)taken;
}

/* P2: every case is committed, and the tally says as many as there are. */
static void on_done(struct world *world, const struct core_action *action) {
    uint32_t name = batch_of(&action->batch);
    struct batch *batch = &world->batches[name];
    uint64_t sum = action->done.tally.dead_count;
    for (int i = 0; i < WIRE_DISPOSITIONS; i++) {
        sum += action->done.tally.outcomes[i];
    }
    CHECK(action->done.count == batch->count);
    CHECK(sum == batch->count);
    for (uint32_t i = 0; i < batch->count; i++) {
        CHECK(batch->commits[i] > 0);
    }
    batch->accepted = false;
    batch->runs++;
}

static void on_work(struct world *world, const struct core_action *action) {
    const struct core_work *work = &action->work;
    CHECK(work->length == work->count * 3 && work->offset == work->first * 3);
    for (int i = 0; i < LANES; i++) {
        struct lane *lane = &world->lanes[i];
        if (!uuid_eq(&lane->uuid, &work->lane)) {
            continue;
        }
        if (lane->hold_count == HOLDS_MAX || (!world->calm && chance(world, 20))) {
            return; /* lost on the way */
        }
        lane->holds[lane->hold_count++] =
            (struct hold){action->seq, batch_of(&action->batch), work->first, work->count};
    }
}

static void on_action(struct world *world, const struct core_action *action) {
    switch (action->kind) {
    case CORE_PUT:
        if (world->record_count == world->record_cap) {
            world->record_cap = world->record_cap == 0 ? 64 : world->record_cap * 2;
            world->records = mem_grow(world->records, world->record_cap, sizeof(*world->records));
        }
        world->records[world->record_count++] =
            (struct record){action->seq, batch_of(&action->batch), false, true};
        world->next_seq = action->seq + 1;
        break;
    case CORE_DELETE: { /* P5 */
        struct record *record = record_of(world, action->seq);
        CHECK(record->durable && record->live);
        record->live = false;
        const struct batch *batch = &world->batches[record->batch];
        for (uint32_t i = 0; i < batch->count; i++) {
            CHECK(batch->commits[i] > 0);
        }
        world->batches[record->batch].accepted = false;
        break;
    }
    case CORE_ACCEPTED: { /* P1 */
        const struct record *record = record_of(world, action->seq);
        CHECK(record->durable && record->live);
        CHECK(record->batch == batch_of(&action->batch));
        world->batches[record->batch].accepted = true;
        break;
    }
    case CORE_DONE:
        on_done(world, action);
        break;
    case CORE_WORK:
        on_work(world, action);
        break;
    case CORE_READY_ASK:
        for (int i = 0; i < LANES; i++) {
            if (world->lanes[i].route == action->route.bytes[0]) {
                world->lanes[i].known = false;
            }
        }
        break;
    case CORE_RELEASE:
    case CORE_REFUSED:
    case CORE_BUSY:
    case CORE_STATUS:
    case CORE_WELCOME:
    case CORE_BEAT:
        break;
    }
}

static void perform(struct world *world) {
    size_t count = 0;
    const struct core_action *actions = core_actions(world->core, &count);
    for (size_t i = 0; i < count; i++) {
        on_action(world, &actions[i]);
    }
    core_actions_clear(world->core);
    core_check(world->core);
}

/* The disk finishes some puts, in order: durable, no room, or it fails for good (P6). */
static void step_disk(struct world *world) {
    for (uint32_t i = 0; i < world->record_count; i++) {
        struct record *record = &world->records[i];
        if (!record->live || record->durable) {
            continue;
        }
        if (chance(world, 300)) {
            return;
        }
        if (world->stopped || (!world->calm && chance(world, 30))) {
            record->live = false;
            core_put_failed(world->core, record->seq,
                            world->stopped ? WIRE_BUSY_STOPPED : WIRE_BUSY_JOURNAL_FULL);
        } else {
            record->durable = true;
            core_journaled(world->core, record->seq);
        }
    }
    if (!world->calm && chance(world, 1)) {
        world->stopped = true;
        core_stop(world->core);
    }
}

static struct net_route lane_route(const struct lane *lane) {
    return (struct net_route){.len = 1, .bytes = {lane->route}};
}

static void lane_ready(struct world *world, struct lane *lane) {
    struct wire_range holds[HOLDS_MAX];
    for (uint32_t i = 0; i < lane->hold_count; i++) {
        holds[i] = (struct wire_range){JOURNAL, lane->holds[i].seq, lane->holds[i].first,
                                       lane->holds[i].count};
    }
    struct wire_ready ready = {.uuid = lane->uuid,
                               .name = SPAN_LIT("lane"),
                               .credit_cases = 1 + below(world, 20000),
                               .credit_bytes = 1 + below(world, 60000),
                               .hold_count = lane->hold_count,
                               .holds = holds};
    struct net_route route = lane_route(lane);
    core_ready(world->core, &route, &ready, world->now);
    lane->known = true;
}

/* A lane process dies and another starts in its place: a new uuid, empty hands. */
static void lane_restart(struct world *world, struct lane *lane) {
    world->lane_names++;
    lane->uuid = (struct uuid){{(uint8_t)world->lane_names, (uint8_t)(world->lane_names >> 8), 9}};
    lane->route = (uint8_t)(world->lane_names % 90);
    lane->known = false;
    lane->mute = false;
    lane->hold_count = 0;
}

/* Commits the first `count` cases of a hold, and tells it as one or several ranges. */
static void lane_commit(struct world *world, struct lane *lane, const struct hold *hold,
                        uint32_t count, bool tell) {
    memset(world->batches[hold->batch].commits + hold->first, 1, count);
    uint32_t at = 0;
    while (tell && at < count) {
        uint32_t piece = chance(world, 700) ? count - at : 1 + below(world, count - at);
        struct wire_range range = {JOURNAL, hold->seq, hold->first + at, piece};
        struct wire_tally tally = {.outcomes = {0, piece - piece / 3, 0, 0, 0},
                                   .duplicates = piece / 5,
                                   .dead_count = piece / 3};
        struct wire_lane_done done = {1, &range, &tally};
        struct net_route route = lane_route(lane);
        core_done(world->core, &route, &done, world->now);
        at += piece;
    }
}

static void lane_give_up(struct world *world, struct lane *lane, const struct hold *hold,
                         bool failed) {
    struct wire_range range = {JOURNAL, hold->seq, hold->first, hold->count};
    struct wire_failed said = {1, &range, SPAN_LIT("test")};
    struct wire_return back = {1, &range};
    struct net_route route = lane_route(lane);
    if (failed) {
        core_failed(world->core, &route, &said, world->now);
    } else {
        core_returned(world->core, &route, &back, world->now);
    }
}

static void lane_beat(struct world *world, struct lane *lane) {
    struct wire_range holds[HOLDS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < lane->hold_count; i++) {
        holds[count++] = (struct wire_range){JOURNAL, lane->holds[i].seq, lane->holds[i].first,
                                             lane->holds[i].count};
    }
    struct wire_lane_beat beat = {.holds = holds, .hold_count = count, .phase = SPAN_LIT("write")};
    struct net_route route = lane_route(lane);
    core_beat(world->core, &route, &beat, world->now);
}

static void lane_work(struct world *world, struct lane *lane) {
    if (lane->hold_count == 0) {
        return;
    }
    uint32_t index = below(world, lane->hold_count);
    struct hold hold = lane->holds[index];
    lane->holds[index] = lane->holds[--lane->hold_count];
    if (!world->calm && chance(world, 60)) {
        lane_give_up(world, lane, &hold, chance(world, 500));
    } else if (!world->calm && chance(world, 40)) {
        /* Part of it is committed, then the rest is given back. */
        lane_commit(world, lane, &hold, 1 + below(world, hold.count), chance(world, 500));
        lane_give_up(world, lane, &hold, false);
    } else {
        lane_commit(world, lane, &hold, hold.count, world->calm || !chance(world, 30));
    }
}

static void step_lane(struct world *world, struct lane *lane) {
    if (!world->calm && chance(world, 4)) {
        lane_restart(world, lane);
    }
    if (!world->calm && chance(world, 6)) {
        lane->mute = !lane->mute;
    }
    if (lane->mute && !world->calm) {
        return;
    }
    if (!lane->known) {
        lane_ready(world, lane);
    } else if (chance(world, 500)) {
        lane_beat(world, lane);
    }
    if (chance(world, 700)) {
        lane_work(world, lane);
    }
    if (!world->calm && chance(world, 3)) {
        struct net_route route = lane_route(lane);
        core_bye(world->core, &route);
        lane_restart(world, lane);
    }
}

/* kill -9 of the broker: what was not durable is gone, and so is the latch. */
static void crash(struct world *world) {
    core_free(&world->core);
    world->stopped = false;
    world->next_seq += 1000;
    new_core(world);
    for (uint32_t i = 0; i < world->record_count; i++) {
        struct record *record = &world->records[i];
        record->live = record->live && record->durable;
        if (record->live) {
            uint32_t cuts[CORE_PARTS_MAX];
            char source[8];
            struct core_batch_meta meta;
            fill_meta(world, record->batch, cuts, source, &meta);
            core_restore(world->core, record->seq, &meta, world->now);
        }
    }
    for (int i = 0; i < LANES; i++) {
        world->lanes[i].known = chance(world, 500); /* some find out by READY? */
    }
}

static void step(struct world *world) {
    world->now += 1 + below(world, STEP_MS_MAX);
    if (!world->calm && chance(world, 400)) {
        submit(world, below(world, BATCHES_MAX));
        perform(world);
    }
    if (chance(world, 100)) {
        uint32_t batch = below(world, BATCHES_MAX);
        char source[8];
        (void)snprintf(source, sizeof(source), "s%u", batch % 3);
        struct uuid id = batch_id(batch);
        struct net_route route = {.len = 1, .bytes = {(uint8_t)(100 + batch % 3)}};
        core_query(world->core, &route, span_str(source), &id);
        perform(world);
    }
    step_disk(world);
    perform(world);
    for (int i = 0; i < LANES; i++) {
        step_lane(world, &world->lanes[i]);
        perform(world);
    }
    core_tick(world->core, world->now);
    perform(world);
    core_deal(world->core, world->now);
    perform(world);
    if (!world->calm && chance(world, world->stopped ? 50 : 3)) {
        crash(world);
        core_check(world->core);
    }
}

static bool all_done(const struct world *world) {
    for (uint32_t i = 0; i < world->record_count; i++) {
        if (world->records[i].live) {
            return false;
        }
    }
    return true;
}

static void run_seed(uint64_t seed) {
    struct world *world = mem_zero(1, sizeof(*world));
    world->rng.state = seed;
    world->next_seq = 1;
    static const uint32_t SIZES[] = {1, 5, 100, 4096, 4097, 20000, 65536};
    for (uint32_t i = 0; i < BATCHES_MAX; i++) {
        uint32_t size = SIZES[below(world, chance(world, 800) ? 3 : COUNT_OF(SIZES))];
        world->batches[i].count = size;
        world->batches[i].commits = mem_zero(size, 1);
    }
    for (int i = 0; i < LANES; i++) {
        lane_restart(world, &world->lanes[i]);
    }
    new_core(world);
    for (int i = 0; i < STEPS; i++) {
        step(world);
    }
    if (world->stopped) {
        crash(world);
    }
    world->calm = true;
    for (int i = 0; i < SETTLE_STEPS && !all_done(world); i++) {
        step(world);
    }
    CHECK(all_done(world));
    for (uint32_t i = 0; i < BATCHES_MAX; i++) {
        CHECK(!world->batches[i].accepted);
        mem_free(world->batches[i].commits);
    }
    core_free(&world->core);
    mem_free(world->records);
    mem_free(world);
}

static bool seed_holds(uint64_t seed) {
    pid_t child = fork();
    if (child == 0) {
        run_seed(seed);
        exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        CHECK(errno == EINTR);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv) {
    uint64_t from = 1;
    uint64_t seeds = 100;
    for (int i = 1; i < argc; i++) {
        uint64_t *value = strcmp(argv[i], "--from") == 0    ? &from
                          : strcmp(argv[i], "--seeds") == 0 ? &seeds
                                                            : NULL;
        if (value == NULL || i + 1 == argc) {
            (void)fprintf(stderr, "usage: sim [--from SEED] [--seeds N]\n");
            return 2;
        }
        *value = strtoull(argv[++i], NULL, 10);
    }
    uint64_t failed = 0;
    for (uint64_t seed = from; seed < from + seeds; seed++) {
        if (!seed_holds(seed)) {
            failed++;
            (void)printf("failed: --from %llu --seeds 1\n", (unsigned long long)seed);
        }
    }
    (void)printf("%llu seeds, %llu failed\n", (unsigned long long)seeds,
                 (unsigned long long)failed);
    return failed == 0 ? 0 : 1;
}

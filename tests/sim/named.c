/* Histories with a name of their own, that do not depend on a seed. The only fault is the one of
 * the history; promises.c and books.c check as usual. */
#include "base/mem.h"
#include "sim/world.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CASES = 40, ALL = CORE_PART_CASES };

static uint32_t send(struct world *world, struct sim_batch batch, uint32_t broker) {
    uint32_t number = client_batch(world, batch);
    client_send(world, number, broker);
    return number;
}

static void deal(struct world *world, uint32_t broker) {
    core_deal(world->brokers[broker].core, world->now);
    perform(world, &world->brokers[broker]);
}

static void pass(struct world *world, int64_t ms) {
    world->now += ms;
    for (uint32_t b = 0; b < BROKERS; b++) {
        core_tick(world->brokers[b].core, world->now);
        book_tick(world, &world->brokers[b]);
        perform(world, &world->brokers[b]);
    }
}

/* One transaction of at most so many cases of what the lane holds first. */
static void commit(struct world *world, uint32_t lane, uint32_t cases) {
    lane_begin(world, lane, 1, cases);
    CHECK(txn_write(world, lane, cases));
    txn_commit(world, lane);
}

static void work_through(struct world *world, uint32_t lane) {
    commit(world, lane, ALL);
    lane_tell(world, lane);
}

static const struct sim_record *last_record(const struct world *world, uint32_t broker) {
    const struct sim_broker *from = &world->brokers[broker];
    CHECK(from->record_count > 0);
    return &from->records[from->record_count - 1];
}

static void id_reused(struct world *world) {
    uint32_t first = send(world, (struct sim_batch){.count = CASES}, 0);
    disk_sync(world, &world->brokers[0]);
    struct sim_batch other = {.first = CASES, .count = CASES, .name = world->batches[first].name};
    uint32_t refused = send(world, other, 0);
    CHECK(world->batches[refused].forgotten); /* client_send saw batch_id_reused */
    lane_ready(world, 0, 0);
    deal(world, 0);
    work_through(world, 0);
    CHECK(world->batches[first].done);
    uint32_t later = send(world, other, 0); /* the name is free again */
    CHECK(!world->batches[later].forgotten);
}

static void seq_after_empty_journal(struct world *world) {
    struct sim_broker *broker = &world->brokers[0];
    send(world, (struct sim_batch){.count = CASES}, 0);
    disk_sync(world, broker);
    lane_ready(world, 0, 0);
    deal(world, 0);
    work_through(world, 0);
    uint64_t seq = last_record(world, 0)->seq;
    send(world, (struct sim_batch){.first = CASES, .count = CASES}, 0);
    deal(world, 0); /* dispatched, and its number never reached the disk */
    uint64_t lost = last_record(world, 0)->seq;
    commit(world, 0, ALL);
    broker_crash(world, broker, false);
    uint32_t later = send(world, (struct sim_batch){.first = 2 * CASES, .count = CASES}, 0);
    CHECK(last_record(world, 0)->seq > lost && lost > seq);
    lane_tell(world, 0); /* reports the number that no longer exists */
    disk_sync(world, broker);
    CHECK(!world->batches[later].done);
}

static void duplicate_before_durable(struct world *world) {
    struct sim_batch batch = {.count = CASES};
    uint32_t first = send(world, batch, 0);
    batch.name = world->batches[first].name;
    batch.delimited = true;
    batch.outcome_ack = true; /* a REQ: DONE is its one reply */
    uint32_t second = send(world, batch, 0);
    CHECK(world->brokers[0].record_count == 1 && !last_record(world, 0)->accepted);
    disk_sync(world, &world->brokers[0]);
    CHECK(last_record(world, 0)->accepted && !world->batches[second].done);
    lane_ready(world, 0, 0);
    deal(world, 0);
    work_through(world, 0);
    CHECK(world->batches[first].done && world->batches[second].done);
}

static void verdict_before_durable(struct world *world) {
    uint32_t batch = send(world, (struct sim_batch){.count = CASES}, 0);
    lane_ready(world, 0, 0);
    deal(world, 0);
    work_through(world, 0);
    CHECK(!world->batches[batch].done && !last_record(world, 0)->deleted);
    disk_sync(world, &world->brokers[0]);
    CHECK(world->batches[batch].done && last_record(world, 0)->deleted);
}

static void two_brokers_one_batch(struct world *world) {
    uint32_t batch = send(world, (struct sim_batch){.count = CASES}, 0);
    client_send(world, batch, 1);
    lane_ready(world, 0, 0);
    lane_ready(world, 1, 1);
    deal(world, 0);
    deal(world, 1);
    lane_begin(world, 0, 1, CASES / 2);
    CHECK(txn_write(world, 0, CASES));
    lane_begin(world, 1, 1, CASES);
    CHECK(!txn_write(world, 1, CASES)); /* waits for the rows of the first */
    txn_commit(world, 0);
    CHECK(txn_write(world, 1, CASES));
    CHECK(world->seen.duplicates > 0);
}

/* The first transaction to commit decides the day of a case without a date. */
static void resend_after_midnight(struct world *world) {
    uint32_t batch = send(world, (struct sim_batch){.count = CASES}, 0);
    world->day++;
    client_send(world, batch, 1);
    lane_ready(world, 0, 0);
    lane_ready(world, 1, 1);
    deal(world, 0);
    deal(world, 1);
    work_through(world, 1);
    work_through(world, 0);
    disk_sync(world, &world->brokers[0]);
    const struct sim_batch *sent = &world->batches[batch];
    CHECK(disposition_of(world, sent, 0, 1) != disposition_of(world, sent, 0, 2));
    CHECK(row_of(world, sent, 0)->disposition == disposition_of(world, sent, 0, 2));
    CHECK(sent->done);
}

static void rules_change_between_attempts(struct world *world) {
    uint32_t batch = send(world, (struct sim_batch){.count = CASES}, 0);
    disk_sync(world, &world->brokers[0]);
    lane_ready(world, 0, 0);
    deal(world, 0);
    commit(world, 0, CASES / 2);
    lane_leave(world, 0); /* and never reports it */
    world->rules++;
    lane_ready(world, 1, 0);
    deal(world, 0);
    work_through(world, 1);
    CHECK(world->batches[batch].done && world->seen.duplicates > 0);
}

static void part_already_committed(struct world *world) {
    uint32_t batch = send(world, (struct sim_batch){.count = CASES}, 0);
    disk_sync(world, &world->brokers[0]);
    lane_ready(world, 0, 0);
    deal(world, 0);
    commit(world, 0, CASES / 2);
    lane_tell(world, 0);
    lane_give_up(world, 0, 0, false);
    deal(world, 0);
    commit(world, 0, CASES / 2 - 3); /* cut another way */
    lane_tell(world, 0);
    work_through(world, 0);
    CHECK(world->batches[batch].done);
}

/* A lane freezes with its rows locked. The lane that takes over ends it first, and the frozen
 * one reports nothing new. */
static void frozen_lane_is_fenced(struct world *world) {
    uint32_t batch = send(world, (struct sim_batch){.count = CASES}, 0);
    disk_sync(world, &world->brokers[0]);
    lane_ready(world, 0, 0);
    deal(world, 0);
    lane_begin(world, 0, 1, ALL);
    CHECK(txn_write(world, 0, ALL));
    lane_ready(world, 1, 0);
    pass(world, 1);
    for (int64_t ms = 0; ms <= SILENT_MS; ms += BEAT_MS) {
        lane_beat(world, 1, 0);
        pass(world, BEAT_MS);
    }
    deal(world, 0);
    CHECK(world->seen.fenced == 1);
    work_through(world, 1);
    CHECK(world->batches[batch].done);
}

/* The new run does not know which lane holds the rows: the lanes that wait for them find out. */
static void frozen_while_its_broker_restarts(struct world *world) {
    uint32_t batch = send(world, (struct sim_batch){.count = CASES}, 0);
    disk_sync(world, &world->brokers[0]);
    lane_ready(world, 1, 0);
    deal(world, 0);
    lane_begin(world, 1, 1, ALL);
    CHECK(txn_write(world, 1, ALL));
    world->lanes[1].frozen = true;
    world->stuck = true;
    broker_crash(world, &world->brokers[0], true);
    world_settle(world);
    CHECK(world->batches[batch].done);
    CHECK(world->lanes[1].frozen && world->seen.fenced == 1);
}

/* The only other lane waits for the rows of the frozen one: it receives the fence before it can
 * take anything. */
static void fence_does_not_wait(struct world *world) {
    uint32_t first = send(world, (struct sim_batch){.count = CASES}, 0);
    lane_ready(world, 0, 0);
    deal(world, 0);
    lane_begin(world, 0, 1, ALL);
    CHECK(txn_write(world, 0, ALL));
    uint32_t second = send(world, (struct sim_batch){.count = CASES}, 0);
    lane_ready(world, 1, 0);
    deal(world, 0);
    disk_sync(world, &world->brokers[0]);
    lane_begin(world, 1, 1, ALL);
    CHECK(!txn_write(world, 1, ALL));
    pass(world, 1);
    for (int64_t ms = 0; ms <= SILENT_MS; ms += BEAT_MS) {
        lane_beat(world, 1, 0);
        pass(world, BEAT_MS);
    }
    deal(world, 0);
    CHECK(world->lanes[1].hold_count == 1 && world->seen.fenced == 1);
    CHECK(txn_write(world, 1, ALL));
    txn_commit(world, 1);
    lane_tell(world, 1);
    CHECK(world->batches[second].done && !world->batches[first].done);
    deal(world, 0);
    work_through(world, 1);
    CHECK(world->batches[first].done);
}

/* It was committed, but no report arrived: a burial looks for the case first. */
static void burial_races_a_late_commit(struct world *world) {
    uint32_t batch = send(world, (struct sim_batch){.count = 1}, 0);
    disk_sync(world, &world->brokers[0]);
    lane_ready(world, 0, 0);
    deal(world, 0);
    commit(world, 0, 1);
    pass(world, 1);
    pass(world, SILENT_MS / 2);
    pass(world, SILENT_MS / 2);
    lane_ready(world, 1, 0);
    for (uint32_t i = 0; i < ATTEMPTS_MAX; i++) {
        pass(world, SILENT_MS / 3);
        lane_ready(world, 1, 0);
        pass(world, SILENT_MS / 3);
        deal(world, 0);
        CHECK(world->lanes[1].hold_count == 1 && !world->lanes[1].holds[0].bury);
        lane_give_up(world, 1, 0, true);
    }
    while (world->lanes[1].hold_count == 0) {
        pass(world, SILENT_MS / 3);
        lane_ready(world, 1, 0);
        deal(world, 0);
    }
    CHECK(world->lanes[1].holds[0].bury);
    work_through(world, 1);
    lane_tell(world, 0); /* late: an old report */
    CHECK(world->batches[batch].done && world->seen.buried == 0);
}

/* Every lane that decodes it ends; it alone is buried. */
static void poison_among_innocents(struct world *world) {
    world->rates[FAULT_POISON] = 1;
    uint32_t batch = send(world, (struct sim_batch){.count = 3 * CASES}, 0);
    world_settle(world);
    /* Its client may stop waiting and send to the other broker, which buries it, too. */
    CHECK(world->batches[batch].done && world->seen.buried >= 1);
    for (uint32_t i = 0; i < 3 * CASES; i++) {
        const struct sim_batch *sent = &world->batches[batch];
        bool poison = case_is_poison(world, sent, i);
        CHECK((row_of(world, sent, i)->buried != 0) == poison);
        CHECK(case_is_bad(sent, i) || poison == (row_of(world, sent, i)->version == 0));
    }
}

/* It finishes its deliveries, which is no attempt, and later work goes to another lane. */
static void a_lane_is_retired(struct world *world) {
    struct sim_broker *broker = &world->brokers[0];
    uint32_t batch = send(world, (struct sim_batch){.count = CASES}, 0);
    disk_sync(world, broker);
    lane_ready(world, 0, 0);
    deal(world, 0);
    CHECK(world->lanes[0].hold_count == 1);
    CHECK(core_retire(broker->core, &world->lanes[0].uuid));
    perform(world, broker);
    CHECK(world->lanes[0].retiring);
    uint32_t later = send(world, (struct sim_batch){.first = CASES, .count = CASES}, 0);
    disk_sync(world, broker);
    deal(world, 0);
    CHECK(world->lanes[0].hold_count == 1); /* it waits for another lane */
    work_through(world, 0);
    CHECK(world->batches[batch].done && !world->batches[later].done);
    lane_leave(world, 0);
    lane_ready(world, 1, 0);
    deal(world, 0);
    CHECK(world->lanes[1].hold_count == 1 && world->lanes[1].holds[0].attempt == 1);
    work_through(world, 1);
    CHECK(world->batches[later].done);
}

/* More sources than places: a new source waits for a place, and receives nothing of the one
 * before. */
static void a_place_is_taken_over(struct world *world) {
    struct sim_broker *broker = &world->brokers[0];
    world->places = PLACES_MIN;
    broker_crash(world, broker, false);
    uint32_t first = send(world, (struct sim_batch){.count = CASES}, 0);
    uint32_t second = send(world, (struct sim_batch){.source = 2, .count = CASES}, 0);
    uint32_t third = send(world, (struct sim_batch){.source = 3, .count = CASES}, 0);
    uint32_t kept = send(world, (struct sim_batch){.source = 1, .count = CASES}, 0);
    CHECK(broker->record_count == 3 &&
          broker->records[2].batch == kept); /* the third received BUSY */
    disk_sync(world, broker);
    lane_ready(world, 0, 0);
    deal(world, 0);
    work_through(world, 0);
    CHECK(world->batches[first].done && !world->batches[second].done);
    client_send(world, third, 0);
    CHECK(broker->record_count == 4 && last_record(world, 0)->batch == third);
    struct sim_batch other = {.source = 3, .first = CASES, .count = CASES};
    other.name = world->batches[first].name;
    client_query(world, client_batch(world, other),
                 0); /* unknown: the batch of the first source is done */
    struct core_stats stats;
    core_stats(broker->core, world->now, &stats);
    CHECK(stats.sources == PLACES_MIN + 1 && stats.sources_replaced == 1);
}

/* The cost of a batch in the core does not grow with its cases. */
static void no_state_per_case(struct world *world) {
    struct core *core = world->brokers[0].core;
    struct net_route route = {.len = 1, .near = "c"};
    size_t used[2];
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t cuts[CORE_PARTS_MAX];
        for (uint32_t part = 0; part < CORE_PARTS_MAX; part++) {
            cuts[part] = part * CORE_PART_CASES;
        }
        uint32_t cases = i == 0 ? 1 : WIRE_CASES_MAX;
        struct core_batch_meta meta = {.source = SPAN_LIT("s0"),
                                       .batch = batch_id(1 + i),
                                       .count = cases,
                                       .bytes = cases,
                                       .cuts = cuts};
        size_t before = mallinfo2().uordblks;
        CHECK(core_submit(core, &route, &meta, world->now));
        core_actions_clear(core);
        used[i] = mallinfo2().uordblks - before;
    }
    CHECK(used[1] <
          CORE_PARTS_MAX * 256); /* the first batch includes the memory that is made once */
    broker_crash(world, &world->brokers[0], false);
}

/* An idle broker detects that its end-to-end path works, and that it does not while no lane
 * answers. */
static void canary_goes_end_to_end(struct world *world) {
    struct core_stats stats;
    world->calm = true;
    lane_ready(world, 0, 0);
    lane_ready(world, 1, 0);
    core_stats(world->brokers[0].core, world->now, &stats);
    CHECK(stats.success_ms == -1 && !stats.success_proved);
    for (int i = 0; i < 200; i++) {
        world_step(world);
    }
    core_stats(world->brokers[0].core, world->now, &stats);
    CHECK(stats.success_proved && stats.canaries_sent > 5 && stats.cases_done == 0);
    uint64_t sent = stats.canaries_sent;
    for (int64_t ms = 0; ms <= 2 * CORE_CANARIES_MISSED_MAX * CANARY_MS; ms += BEAT_MS) {
        pass(world, BEAT_MS); /* the lanes beat, and commit nothing */
        lane_beat(world, 0, 0);
        lane_beat(world, 1, 0);
    }
    core_stats(world->brokers[0].core, world->now, &stats);
    CHECK(!stats.success_proved && stats.lanes >= 2 && stats.lanes_open >= 2);
    CHECK(stats.canaries_sent > sent + 2 && stats.canaries_lost > 0);
}

static const struct {
    const char *name;
    void (*run)(struct world *world);
} HISTORIES[] = {
    {"id_reused", id_reused},
    {"seq_after_empty_journal", seq_after_empty_journal},
    {"duplicate_before_durable", duplicate_before_durable},
    {"verdict_before_durable", verdict_before_durable},
    {"two_brokers_one_batch", two_brokers_one_batch},
    {"resend_after_midnight", resend_after_midnight},
    {"rules_change_between_attempts", rules_change_between_attempts},
    {"part_already_committed", part_already_committed},
    {"frozen_lane_is_fenced", frozen_lane_is_fenced},
    {"frozen_while_its_broker_restarts", frozen_while_its_broker_restarts},
    {"fence_does_not_wait", fence_does_not_wait},
    {"burial_races_a_late_commit", burial_races_a_late_commit},
    {"poison_among_innocents", poison_among_innocents},
    {"a_lane_is_retired", a_lane_is_retired},
    {"canary_goes_end_to_end", canary_goes_end_to_end},
    {"a_place_is_taken_over", a_place_is_taken_over},
    {"no_state_per_case", no_state_per_case},
};

static bool history_holds(void (*run)(struct world *world)) {
    (void)fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct world *world = mem_zero(1, sizeof(*world));

        world_init(world, 1);
        run(world);
        world_settle(world);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int named_run(const char *name) {
    uint32_t ran = 0;
    uint32_t failed = 0;
    for (size_t i = 0; i < COUNT_OF(HISTORIES); i++) {
        if (name == NULL || strcmp(name, HISTORIES[i].name) == 0) {
            bool holds = history_holds(HISTORIES[i].run);
            (void)printf("%s %s\n", holds ? "ok    " : "FAILED", HISTORIES[i].name);
            ran++;
            failed += holds ? 0 : 1;
        }
    }
    (void)printf("%u histories, %u failed\n", ran, failed);
    return ran > 0 && failed == 0 ? 0 : 1;
}

/* Scenarios of the core's lanes: cut off, replaced, heartbeats too late, too many deliveries. */
#include "core_fixture.h"

static void ready_at(uint8_t name, uint8_t from, uint32_t cases, const struct wire_range *holds,
                     uint32_t count, int64_t now) {
    struct wire_ready said = {.uuid = id(name),
                              .name = SPAN_LIT("w"),
                              .credit_cases = cases,
                              .credit_bytes = 1 << 20,
                              .hold_count = count,
                              .holds = holds};
    struct net_route peer = route(from, false);
    core_ready(core, &peer, &said, now);
    core_check(core);
}

static struct core_stats stats_at(int64_t now) {
    struct core_stats stats;
    core_stats(core, now, &stats);
    return stats;
}

static void tick_until(int64_t from, int64_t until) {
    for (int64_t now = from; now <= until; now += 100) {
        core_tick(core, now);
        core_actions_clear(core);
    }
}

/* A blip of the network is no death: what the lane holds is not given to another meanwhile. */
START_TEST(a_lane_cut_off_keeps_its_work) {
    ck_assert(submit(1, 10, route('a', false)));
    ck_assert(submit(2, 10, route('a', false)));
    ready('w', 20);
    core_deal(core, 0);
    struct uuid lane = id('w');
    core_unsent(core, &lane, 2, 0);
    core_check(core);
    ck_assert_uint_eq(stats_at(0).out_cases, 10);
    core_actions_clear(core);
    core_deal(core, 1);
    ck_assert_uint_eq(count_of(CORE_WORK), 0); /* nothing more until it speaks */
    struct wire_range held = {JOURNAL, 1, 0, 10};
    ready_at('w', 'v', 20, &held, 1, 2); /* the same lane by another route */
    core_deal(core, 2);
    ck_assert_uint_eq(find(CORE_WORK, 0)->seq, 2);
    ck_assert_uint_eq(find(CORE_WORK, 0)->route.near[0], 'v');
    ck_assert_uint_eq(stats_at(2).lanes, 1);
}
END_TEST

START_TEST(a_lane_cut_off_for_good_is_fenced) {
    ck_assert(submit(1, 10, route('a', false)));
    ready('w', 20);
    core_deal(core, 0);
    struct uuid lane = id('w');
    core_unsent(core, &lane, 99, 0);
    core_actions_clear(core);
    tick_until(100, 10000);
    ready_at('x', 'x', 20, NULL, 0, 10001);
    core_deal(core, 10001);
    ck_assert(find(CORE_WORK, 0)->work.fenced);
    ck_assert_uint_eq(find(CORE_WORK, 0)->work.attempt, 2);
}
END_TEST

START_TEST(a_lane_in_anothers_place_ends_it) {
    ck_assert(submit(1, 10, route('a', false)));
    ready('w', 20);
    core_deal(core, 0);
    core_actions_clear(core);
    ready_at('x', 'w', 20, NULL, 0, 1);
    core_deal(core, 1);
    ck_assert(find(CORE_WORK, 0)->work.fenced);
    const struct uuid *fence = NULL;
    struct uuid gone = id('w');
    ck_assert_uint_eq(core_fence(core, &fence), 1);
    ck_assert(uuid_eq(&fence[0], &gone));
}
END_TEST

/* A new rule set makes a lane send READY again while WORK is on its way to it. */
START_TEST(ready_does_not_count_what_it_omits) {
    ck_assert(submit(1, 10, route('a', false)));
    ready('w', 20);
    core_deal(core, 0);
    core_actions_clear(core);
    for (int i = 0; i < 3; i++) {
        ready('w', 20);
    }
    beat('w', NULL, 0, 10);
    core_deal(core, 10);
    ck_assert_uint_eq(count_of(CORE_WORK), 0);
    ck_assert_uint_eq(stats_at(10).parts_omitted, 0);
}
END_TEST

START_TEST(the_brokers_own_stall_is_nobodys_silence) {
    ck_assert(submit(1, 10, route('a', false)));
    ready('w', 20);
    core_deal(core, 0);
    tick_until(100, 1000);
    tick_until(60000, 68900); /* a minute of sleep, then nothing until just before silence */
    ck_assert_uint_eq(stats_at(68900).lanes_silent, 0);
    ck_assert_uint_eq(stats_at(68900).out_cases, 10);
    tick_until(69000, 69100);
    ck_assert_uint_eq(stats_at(69100).lanes_silent, 1);
}
END_TEST

/* What a lane holds has to fit into one BEAT. */
START_TEST(a_lane_never_holds_more_parts_than_a_beat_can_list) {
    core_free(&core);
    struct core_options options = {.journal = JOURNAL,
                                   .next_seq = 1,
                                   .batches_max = 20000,
                                   .attempts_max = 5,
                                   .recent_max = 4,
                                   .beat_ms = 1000,
                                   .silent_ms = 10000};
    core = core_new(&options);
    uint32_t cuts[CORE_PARTS_MAX] = {0};
    struct net_route from = route('a', false);
    for (uint32_t i = 0; i < 17000; i++) {
        struct core_batch_meta meta = {.source = SPAN_LIT("local"),
                                       .batch = {{1, (uint8_t)i, (uint8_t)(i >> 8)}},
                                       .count = 1,
                                       .bytes = 2,
                                       .priority = WIRE_NORMAL,
                                       .cuts = cuts};
        ck_assert(core_submit(core, &from, &meta, 0));
    }
    core_actions_clear(core);
    ready('w', 131072);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), CORE_LANE_PARTS_MAX);
    done('w', 1, 0, 1, 0);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), CORE_LANE_PARTS_MAX + 1);

    struct wire_range *holds = calloc(CORE_LANE_PARTS_MAX, sizeof(*holds));
    ck_assert_ptr_nonnull(holds);
    for (uint32_t i = 0; i < CORE_LANE_PARTS_MAX; i++) {
        holds[i] = (struct wire_range){JOURNAL, INT64_MAX - 1, WIRE_CASES_MAX - 1, 1};
    }
    struct wire_message message = {
        .command = WIRE_LANE_BEAT,
        .lane_beat = {.holds = holds, .hold_count = CORE_LANE_PARTS_MAX, .phase = SPAN_LIT("x")}};
    struct buf head = BUF_EMPTY;
    wire_encode(&message, &head);
    ck_assert_uint_le(head.len, WIRE_HEAD_BYTES_MAX);
    buf_free(&head);
    free(holds);
}
END_TEST

/* An operator retires a lane: it receives the order and no more work, and the work that it
 * returns does not count as a failure. */
START_TEST(a_retired_lane_gets_no_more) {
    struct uuid lane = id('w');
    struct uuid nobody = id('n');
    ck_assert(submit(1, 10, route('a', false)));
    ready('w', 20);
    core_deal(core, 0);
    core_actions_clear(core);
    ck_assert(!core_retire(core, &nobody));
    ck_assert(core_retire(core, &lane));
    ck_assert_uint_eq(count_of(CORE_BEAT), 1);
    ck_assert(find(CORE_BEAT, 0)->retire);
    ck_assert(submit(2, 10, route('a', false)));
    core_actions_clear(core);
    ready('w', 20); /* its credit does not help it */
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 0);
    core_actions_clear(core);
    core_tick(core, 1000);
    ck_assert(find(CORE_BEAT, 0)->retire); /* again, in case the order was lost */
    struct wire_range held = {JOURNAL, 1, 0, 10};
    struct wire_return returned = {1, &held};
    struct net_route peer = route('w', false);
    core_returned(core, &peer, &returned, 0);
    core_bye(core, &peer);
    core_actions_clear(core);
    ready('v', 20);
    core_deal(core, 0);
    core_check(core);
    ck_assert_uint_eq(count_of(CORE_WORK), 2);
    ck_assert_uint_eq(find(CORE_WORK, 0)->work.attempt, 1);
    ck_assert(!find(CORE_WORK, 0)->work.fenced);
    ck_assert_uint_eq(stats_at(0).parts_failed, 0);
    ck_assert_uint_eq(stats_at(0).lanes_silent, 0);
}
END_TEST

/* Two lanes with credit for more, and four batches of 20 bytes. */
static void queue_four(void) {
    for (uint8_t name = 1; name <= 4; name++) {
        ck_assert(submit(name, 10, route('a', false)));
    }
    ready('w', 100);
    ready('v', 100);
    core_actions_clear(core);
}

START_TEST(what_is_on_its_way_leaves_room_for_so_much_more) {
    queue_four();
    core_set_room(core, 50);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK),
                      2); /* the third had 20 beside it, of 10 that were left */
    core_actions_clear(core);
    core_set_room(core, 39);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 0);
    core_set_room(core, 40);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 1);
}
END_TEST

START_TEST(without_room_a_lane_gets_one_part) {
    queue_four();
    core_set_room(core, 0);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 2);
    uint8_t first = find(CORE_WORK, 0)->route.near[0];
    ck_assert_uint_ne(find(CORE_WORK, 1)->route.near[0], first);
    done(first, 1, 0, 10, 0);
    core_actions_clear(core);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 1);
}
END_TEST

START_TEST(a_refused_client_returns_after_its_retry_time) {
    struct net_route peer = route('a', false);
    struct uuid batch = id(1);
    core_turn_away(core, &peer, &batch, 70);
    ck_assert_uint_eq(find(CORE_BUSY, 0)->busy.reason, WIRE_BUSY_RATE);
    ck_assert_int_eq(find(CORE_BUSY, 0)->busy.retry_ms, 70);
    core_actions_clear(core);
    ck_assert(submit(1, 10, peer));
}
END_TEST

static struct net_route numbered(uint32_t number) {
    struct net_route route = {.len = sizeof(number)};
    memcpy(route.near, &number, sizeof(number));
    return route;
}

static bool join(uint32_t number, uint32_t credit) {
    struct net_route from = numbered(number);
    struct wire_ready said = {
        .name = SPAN_LIT("w"), .credit_cases = credit, .credit_bytes = 1 << 20};
    memcpy(said.uuid.bytes, &number, sizeof(number));
    bool has_place = core_ready(core, &from, &said, 0);
    core_check(core);
    return has_place;
}

static bool is_known(uint32_t number) {
    struct net_route from = numbered(number);
    return core_is_lane(core, &from, NULL);
}

/* Lanes that never work take all the places there are; one that works gets a place and keeps it. */
START_TEST(a_lane_that_never_worked_gives_its_place_up) {
    enum { FAKES = 1100, REAL = 2000, LATER = 3000 };
    struct core_stats stats;
    for (uint32_t i = 0; i < FAKES; i++) {
        ck_assert(join(i, 0));
    }
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.lanes, CORE_LANES_MAX);
    ck_assert_uint_eq(stats.lanes_replaced, FAKES - CORE_LANES_MAX);
    ck_assert(!is_known(0)); /* the first to come goes first */
    ck_assert(is_known(FAKES - 1));
    ck_assert(submit(1, 10, route('a', false)));
    core_journaled(core, 1);
    ck_assert(join(REAL, 100));
    ck_assert(is_known(REAL));
    for (uint32_t i = 0; i < FAKES; i++) {
        ck_assert(join(LATER + i % 1000, 0)); /* without credit they take one another's */
        ck_assert(is_known(REAL));
    }
    core_actions_clear(core);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 1);
    for (uint32_t i = 0; i < FAKES; i++) {
        ck_assert(join(i, 100)); /* who holds work keeps its place */
        ck_assert(is_known(REAL));
    }
    struct net_route from = numbered(REAL);
    struct wire_range range = {JOURNAL, 1, 0, 10};
    struct wire_counts counts = {.outcomes = {10}};
    struct wire_lane_done said = {1, &range, &counts, SPAN_LIT("")};
    core_done(core, &from, &said, 0);
    for (uint32_t i = 0; i < FAKES; i++) {
        ck_assert(join(i, 100)); /* so does who has done some */
        ck_assert(is_known(REAL));
    }
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.lanes, CORE_LANES_MAX);
    ck_assert_uint_eq(stats.lanes_turned_away, 0);
    ck_assert(!join(LATER, 0)); /* all have credit or have worked */
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.lanes_turned_away, 1);
}
END_TEST

/* Without a proof of lanes, a lane can claim only deliveries that were dispatched to it. */
START_TEST(a_lane_without_proof_holds_only_its_deliveries) {
    const struct core_options options = {.journal = JOURNAL,
                                         .next_seq = 1,
                                         .batches_max = 8,
                                         .attempts_max = 5,
                                         .beat_ms = 1000,
                                         .silent_ms = 10000,
                                         .lanes_unproved = true};
    core_free(&core);
    core = core_new(&options);
    const struct wire_range held[] = {{JOURNAL, 1, 0, 10}, {JOURNAL, 2, 0, 10}};
    ck_assert(submit(1, 10, route('a', false)));
    ck_assert(submit(2, 10, route('a', false)));
    core_journaled(core, 1);
    core_journaled(core, 2);
    ready_at('w', 'w', 10, NULL, 0, 0);
    core_deal(core, 0); /* the first is w's */
    ready_at('x', 'x', 0, held, 2, 0);
    beat('x', held, 2, 0);
    struct core_stats stats;
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.out_cases, 10);
    ck_assert_uint_eq(stats.queued_cases, 10);
    struct net_route w = route('w', false);
    core_bye(core, &w);
    ready_at('x', 'x', 0, held, 2, 0);
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.queued_cases, 20);
    ready_at('w', 'v', 0, held, 2, 0); /* it is back by another route */
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.out_cases, 10);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker lanes");
    TCase *tests = tcase_create("lanes");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_lane_cut_off_keeps_its_work);
    tcase_add_test(tests, a_lane_cut_off_for_good_is_fenced);
    tcase_add_test(tests, a_lane_in_anothers_place_ends_it);
    tcase_add_test(tests, ready_does_not_count_what_it_omits);
    tcase_add_test(tests, the_brokers_own_stall_is_nobodys_silence);
    tcase_add_test(tests, a_lane_never_holds_more_parts_than_a_beat_can_list);
    tcase_add_test(tests, a_retired_lane_gets_no_more);
    tcase_add_test(tests, what_is_on_its_way_leaves_room_for_so_much_more);
    tcase_add_test(tests, without_room_a_lane_gets_one_part);
    tcase_add_test(tests, a_refused_client_returns_after_its_retry_time);
    tcase_add_test(tests, a_lane_that_never_worked_gives_its_place_up);
    tcase_add_test(tests, a_lane_without_proof_holds_only_its_deliveries);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

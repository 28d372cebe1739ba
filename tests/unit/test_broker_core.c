/* Scenarios of the core: which client gets which receipt when, which messages of lanes are
 * valid, fairness. */
#include "core_fixture.h"

START_TEST(accepted_only_when_durable) {
    ck_assert_uint_eq(submit(1, 10, route('a', false)), 1);
    ck_assert_uint_eq(count_of(CORE_ACCEPTED), 0);
    core_journaled(core, 1);
    ck_assert_uint_eq(count_of(CORE_ACCEPTED), 1);
    ck_assert(!find(CORE_ACCEPTED, 0)->duplicate);
}
END_TEST

START_TEST(dealer_gets_both_receipts) {
    ck_assert(submit(1, 5000, route('a', false)));
    core_journaled(core, 1);
    ready('w', 8192);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 2);
    ck_assert_uint_eq(find(CORE_WORK, 1)->work.first, 4096);
    ck_assert_uint_eq(find(CORE_WORK, 1)->work.count, 904);
    ck_assert_uint_eq(find(CORE_WORK, 1)->work.offset, 8192);
    ck_assert_uint_eq(find(CORE_WORK, 1)->work.length, 904 * 2);
    done('w', 1, 0, 4096, 1);
    ck_assert_uint_eq(count_of(CORE_DONE), 0);
    ck_assert_uint_eq(count_of(CORE_DELETE), 0);
    done('w', 1, 4096, 904, 0);
    const struct core_action *receipt = find(CORE_DONE, 0);
    ck_assert_uint_eq(receipt->done.counts.outcomes[0], 4999);
    ck_assert_uint_eq(receipt->done.counts.dead_count, 1);
    struct arena arena;
    arena_init(&arena, 1 << 16);
    const struct wire_dead *dead = core_dead_view(&receipt->done.counts, &arena);
    ck_assert_ptr_nonnull(dead);
    ck_assert(span_is(dead[0].path, "a.b"));
    ck_assert(span_is(dead[0].found, "str"));
    arena_free(&arena);
    ck_assert_uint_eq(count_of(CORE_DELETE), 1);
    ck_assert_uint_eq(count_of(CORE_RELEASE), 1);
}
END_TEST

START_TEST(req_gets_exactly_one_reply) {
    ck_assert(submit_as("local", 1, 1, WIRE_NORMAL, route('r', true), WIRE_ACK_OUTCOME, 1));
    ck_assert(submit_as("local", 2, 1, WIRE_NORMAL, route('s', true), WIRE_ACK_JOURNAL, 2));
    core_journaled(core, 1);
    core_journaled(core, 2);
    ck_assert_uint_eq(count_of(CORE_ACCEPTED), 1);
    ck_assert_uint_eq(find(CORE_ACCEPTED, 0)->route.near[0], 's');
    ready('w', 100);
    core_deal(core, 0);
    done('w', 1, 0, 1, 0);
    done('w', 2, 0, 1, 0);
    ck_assert_uint_eq(count_of(CORE_DONE), 1);
    ck_assert_uint_eq(find(CORE_DONE, 0)->route.near[0], 'r');
}
END_TEST

START_TEST(an_operator_gets_exactly_one_reply) {
    struct net_route operator_route = route('o', false);
    operator_route.channel = CORE_CHANNEL_OPERATOR;
    ck_assert(submit_as("local", 1, 1, WIRE_BULK, operator_route, WIRE_ACK_JOURNAL, 1));
    ck_assert(submit_as("local", 2, 1, WIRE_BULK, operator_route, WIRE_ACK_OUTCOME, 2));
    /* A peer of intake may have the same id: its route is another. */
    ck_assert(!submit_as("local", 2, 1, WIRE_BULK, route('o', true), WIRE_ACK_JOURNAL, 2));
    core_journaled(core, 1);
    core_journaled(core, 2);
    ck_assert_uint_eq(count_of(CORE_ACCEPTED), 2);
    ck_assert_uint_eq(find(CORE_ACCEPTED, 0)->route.channel, CORE_CHANNEL_OPERATOR);
    ck_assert_uint_eq(find(CORE_ACCEPTED, 1)->route.channel, CORE_CHANNEL_INTAKE);
    ready('w', 100);
    core_deal(core, 0);
    done('w', 1, 0, 1, 0);
    done('w', 2, 0, 1, 0);
    ck_assert_uint_eq(count_of(CORE_DONE), 1);
    ck_assert_uint_eq(find(CORE_DONE, 0)->seq, 2);
    ck_assert_uint_eq(find(CORE_DONE, 0)->route.channel, CORE_CHANNEL_OPERATOR);
}
END_TEST

START_TEST(the_low_water_mark_waits_for_the_oldest) {
    struct core_stats stats;
    const uint32_t cuts[] = {0};
    struct net_route from = route('a', false);
    for (uint8_t i = 1; i <= 3; i++) {
        struct core_batch_meta meta = {.source = SPAN_LIT("local"),
                                       .batch = id(i),
                                       .count = 1,
                                       .bytes = 2,
                                       .priority = WIRE_NORMAL,
                                       .accepted_at = 100 * i,
                                       .cuts = cuts};
        ck_assert(core_submit(core, &from, &meta, 0));
        core_journaled(core, i);
    }
    ready('w', 100);
    core_deal(core, 0);
    done('w', 2, 0, 1, 0);
    core_stats(core, 0, &stats);
    ck_assert_int_eq(stats.low_water_at, 100); /* the second is done, the first is not */
    done('w', 1, 0, 1, 0);
    core_stats(core, 0, &stats);
    ck_assert_int_eq(stats.low_water_at, 300);
    done('w', 3, 0, 1, 0);
    core_stats(core, 0, &stats);
    ck_assert_int_eq(stats.low_water_at, 0);
}
END_TEST

/* The same cases under another rule set are another batch, which needs another id. */
START_TEST(the_same_body_with_other_work_is_refused) {
    const uint32_t cuts[] = {0};
    struct net_route from = route('a', false);
    struct core_batch_meta meta = {.source = SPAN_LIT("reapply"),
                                   .batch = id(1),
                                   .hash = {{1}},
                                   .work_hash = 7,
                                   .count = 1,
                                   .bytes = 2,
                                   .priority = WIRE_BULK,
                                   .cuts = cuts};
    ck_assert(core_submit(core, &from, &meta, 0));
    ck_assert(!core_submit(core, &from, &meta, 0));
    ck_assert_uint_eq(count_of(CORE_REFUSED), 0);
    meta.work_hash = 8;
    ck_assert(!core_submit(core, &from, &meta, 0));
    ck_assert_int_eq(find(CORE_REFUSED, 0)->reason, WIRE_REASON_BATCH_ID_REUSED);
}
END_TEST

START_TEST(duplicate_joins_and_other_body_is_refused) {
    ck_assert_uint_eq(submit(1, 3, route('a', false)), 1);
    ck_assert_uint_eq(submit(1, 3, route('b', false)), 0);
    ck_assert(!submit_as("local", 1, 3, WIRE_NORMAL, route('c', false), WIRE_ACK_JOURNAL, 99));
    ck_assert_int_eq(find(CORE_REFUSED, 0)->reason, WIRE_REASON_BATCH_ID_REUSED);
    uint64_t second =
        submit_as("other", 1, 3, WIRE_NORMAL, route('d', false), WIRE_ACK_JOURNAL, 99);
    ck_assert_uint_eq(second, 2);
    core_journaled(core, 1);
    ck_assert_uint_eq(count_of(CORE_ACCEPTED), 2);
    ck_assert(find(CORE_ACCEPTED, 0)->duplicate != find(CORE_ACCEPTED, 1)->duplicate);
    ck_assert(!submit(1, 3, route('e', false)));
    ck_assert_uint_eq(count_of(CORE_ACCEPTED), 3);
}
END_TEST

START_TEST(failed_put_is_busy_for_all_waiters) {
    ck_assert(submit(1, 3, route('a', false)));
    ck_assert(!submit(1, 3, route('b', true)));
    ready('w', 100);
    core_deal(core, 0);
    core_put_failed(core, 1, WIRE_BUSY_JOURNAL_FULL);
    ck_assert_uint_eq(count_of(CORE_BUSY), 2);
    ck_assert_uint_eq(count_of(CORE_ACCEPTED), 0);
    ck_assert_uint_eq(count_of(CORE_RELEASE), 1);
    done('w', 1, 0, 3, 0);
    ck_assert_uint_eq(count_of(CORE_DONE), 0);
    struct core_lane_view view;
    ck_assert(core_lane_view(core, 0, 0, &view));
    ck_assert_uint_eq(view.held_cases, 0);
}
END_TEST

START_TEST(done_before_durable_waits_for_the_put) {
    ck_assert(submit(1, 3, route('a', false)));
    ready('w', 100);
    core_deal(core, 0);
    done('w', 1, 0, 3, 0);
    ck_assert_uint_eq(count_of(CORE_DONE) + count_of(CORE_DELETE), 0);
    core_journaled(core, 1);
    ck_assert_uint_eq(count_of(CORE_ACCEPTED), 1);
    ck_assert_uint_eq(count_of(CORE_DONE), 1);
    ck_assert_uint_eq(count_of(CORE_DELETE), 1);
}
END_TEST

START_TEST(stopped_and_full_queue_are_busy) {
    for (uint8_t i = 0; i < 8; i++) {
        ck_assert(submit(i, 1, route('a', false)));
    }
    ck_assert(!submit(100, 1, route('a', false)));
    ck_assert_int_eq(find(CORE_BUSY, 0)->busy.reason, WIRE_BUSY_QUEUE_FULL);
    core_stop(core);
    ck_assert(!submit(101, 1, route('a', false)));
    ck_assert_int_eq(find(CORE_BUSY, 1)->busy.reason, WIRE_BUSY_STOPPED);
    ready('w', 100);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 8);
}
END_TEST

START_TEST(credit_is_never_passed) {
    ck_assert(submit(1, 4096 * 3, route('a', false)));
    ready('w', 5000);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 1);
    ready('x', 0);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 1);
    done('w', 1, 0, 4096, 0);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 2);
}
END_TEST

START_TEST(failed_counts_only_from_the_holder) {
    ck_assert(submit(1, 10, route('a', false)));
    ready('w', 100);
    ready('x', 0);
    core_deal(core, 0);
    struct wire_range range = {JOURNAL, 1, 0, 10};
    struct wire_failed said = {1, &range, SPAN_LIT("test")};
    struct net_route other = route('x', false);
    struct net_route holder = route('w', false);
    core_failed(core, &other, &said, 0);
    core_actions_clear(core);
    core_deal(core, 100000);
    ck_assert_uint_eq(count_of(CORE_WORK), 0);
    core_failed(core, &holder, &said, 0);
    core_check(core);
    core_deal(core, 249);
    ck_assert_uint_eq(count_of(CORE_WORK), 0);
    core_deal(core, 250);
    ck_assert_uint_eq(find(CORE_WORK, 0)->work.attempt, 2);
    struct wire_return back = {1, &range};
    core_returned(core, &holder, &back, 251);
    core_deal(core, 251);
    ck_assert_uint_eq(find(CORE_WORK, 1)->work.attempt, 2);
}
END_TEST

START_TEST(a_case_given_up_too_often_is_counted_once) {
    ck_assert(submit(1, 1, route('a', false)));
    struct wire_range range = {JOURNAL, 1, 0, 1};
    struct wire_failed said = {1, &range, SPAN_LIT("test")};
    struct net_route holder = route('w', false);
    struct core_stats stats;
    for (int failures = 1; failures <= 8; failures++) {
        int64_t now = failures * 100000;
        ready('w', 100);
        core_deal(core, now);
        core_failed(core, &holder, &said, now);
        core_stats(core, now, &stats);
        ck_assert_uint_eq(stats.parts_failed, (unsigned)failures);
        ck_assert_uint_eq(stats.parts_exhausted, failures >= 6 ? 1 : 0);
    }
}
END_TEST

START_TEST(two_beats_that_omit_requeue) {
    ck_assert(submit(1, 10, route('a', false)));
    ck_assert(submit(2, 10, route('a', false)));
    ready('w', 20);
    core_deal(core, 0);
    struct wire_range kept = {JOURNAL, 2, 0, 10};
    beat('w', &kept, 1, 1000);
    core_actions_clear(core);
    core_deal(core, 1000);
    ck_assert_uint_eq(count_of(CORE_WORK), 0);
    beat('w', &kept, 1, 2000);
    core_deal(core, 2000);
    ck_assert_uint_eq(find(CORE_WORK, 0)->seq, 1);
    ck_assert_uint_eq(find(CORE_WORK, 0)->work.attempt, 1);
    ck_assert_uint_eq(count_of(CORE_WORK), 1);
}
END_TEST

START_TEST(silent_lane_loses_its_work_with_a_fence) {
    ck_assert(submit(1, 10, route('a', false)));
    ready('w', 100);
    core_deal(core, 0);
    core_actions_clear(core);
    core_tick(core, 10000);
    struct wire_ready said = {.uuid = id('x'), .credit_cases = 100, .credit_bytes = 1000};
    struct net_route from = route('x', false);
    core_ready(core, &from, &said, 10000);
    core_deal(core, 10000);
    ck_assert(find(CORE_WORK, 0)->work.fenced);
    const struct uuid *fence = NULL;
    struct uuid silent = id('w');
    ck_assert_uint_eq(core_fence(core, &fence), 1);
    ck_assert(uuid_eq(&fence[0], &silent));
    beat('w', NULL, 0, 10001);
    ck_assert_uint_eq(count_of(CORE_READY_ASK), 1);
    /* The silent one's commit counts all the same. */
    done('w', 1, 0, 10, 0);
    struct core_stats stats;
    core_stats(core, 10001, &stats);
    ck_assert_uint_eq(stats.cases_done, 10);
    ck_assert_uint_eq(stats.out_cases, 0);
}
END_TEST

START_TEST(sub_ranges_add_up_and_old_reports_are_ignored) {
    ck_assert(submit(1, 10, route('a', false)));
    core_journaled(core, 1);
    ready('w', 100);
    core_deal(core, 0);
    done('w', 1, 0, 4, 0);
    done('w', 1, 0, 4, 0);
    done('w', 1, 2, 4, 0); /* crosses */
    done('w', 1, 4, 5, 0);
    ck_assert_uint_eq(count_of(CORE_DONE), 0);
    done('w', 1, 3, 6, 0); /* crosses two */
    done('w', 1, 9, 1, 1);
    ck_assert_uint_eq(find(CORE_DONE, 0)->done.counts.outcomes[0], 9);
    ck_assert_uint_eq(find(CORE_DONE, 0)->done.counts.dead_count, 1);
    struct core_stats stats;
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.ranges_ignored, 3);
}
END_TEST

START_TEST(a_larger_range_replaces_its_parts) {
    ck_assert(submit(1, 10, route('a', false)));
    core_journaled(core, 1);
    ready('w', 100);
    core_deal(core, 0);
    done('w', 1, 2, 2, 2);
    done('w', 1, 6, 2, 0);
    done('x', 1, 0, 10, 1);
    ck_assert_uint_eq(find(CORE_DONE, 0)->done.counts.outcomes[0], 9);
    ck_assert_uint_eq(find(CORE_DONE, 0)->done.counts.dead_count, 1);
}
END_TEST

START_TEST(foreign_and_false_ranges_are_ignored) {
    ck_assert(submit(1, 10, route('a', false)));
    core_journaled(core, 1);
    done('w', 2, 0, 10, 0);
    done('w', 1, 0, 11, 0);
    done('w', 1, 10, 1, 0);
    done('w', 1, 0, UINT32_MAX, 0);
    struct wire_range range = {{{8}}, 1, 0, 10};
    struct wire_counts counts = {.outcomes = {10}};
    struct wire_lane_done said = {1, &range, &counts, SPAN_LIT("")};
    struct net_route from = route('w', false);
    core_done(core, &from, &said, 0);
    range.journal = JOURNAL;
    counts.outcomes[0] = 9;
    core_done(core, &from, &said, 0);
    ck_assert_uint_eq(count_of(CORE_DONE), 0);
    struct core_stats stats;
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.ranges_ignored, 6);
}
END_TEST

START_TEST(query_reports_the_state) {
    struct net_route asker = route('q', false);
    struct uuid name = id(1);
    core_query(core, &asker, SPAN_LIT("local"), &name);
    ck_assert_int_eq(find(CORE_STATUS, 0)->done.state, WIRE_STATE_UNKNOWN);
    ck_assert(submit(1, 10, route('a', false)));
    core_journaled(core, 1);
    core_query(core, &asker, SPAN_LIT("local"), &name);
    ck_assert_int_eq(find(CORE_STATUS, 1)->done.state, WIRE_STATE_ACCEPTED);
    ready('w', 100);
    core_deal(core, 0);
    core_query(core, &asker, SPAN_LIT("local"), &name);
    ck_assert_int_eq(find(CORE_STATUS, 2)->done.state, WIRE_STATE_WORKING);
    done('w', 1, 0, 10, 2);
    ck_assert_uint_eq(count_of(CORE_DONE), 2); /* who sent and who asked */
    core_query(core, &asker, SPAN_LIT("local"), &name);
    ck_assert_int_eq(find(CORE_STATUS, 3)->done.state, WIRE_STATE_DONE);
    ck_assert_uint_eq(find(CORE_STATUS, 3)->done.counts.dead_count, 2);
}
END_TEST

START_TEST(quarantined_gives_no_done_and_a_resend_replaces_it) {
    ck_assert(submit(1, 10, route('a', false)));
    core_journaled(core, 1);
    ready('w', 100);
    core_deal(core, 0);
    core_quarantine(core, 1);
    core_check(core);
    done('w', 1, 0, 10, 0);
    ck_assert_uint_eq(count_of(CORE_DONE), 0);
    struct net_route asker = route('q', true);
    struct uuid name = id(1);
    core_query(core, &asker, SPAN_LIT("local"), &name);
    ck_assert_int_eq(find(CORE_STATUS, 0)->done.state, WIRE_STATE_QUARANTINED);
    ck_assert(submit(1, 10, route('a', false)));
    ck_assert_uint_eq(find(CORE_DELETE, 0)->seq, 1);
    core_journaled(core, 2);
}
END_TEST

START_TEST(a_req_that_waits_for_what_is_damaged_is_answered_once) {
    ck_assert(submit_as("local", 1, 10, WIRE_NORMAL, route('r', true), WIRE_ACK_OUTCOME, 1));
    ck_assert(!submit_as("local", 1, 10, WIRE_NORMAL, route('s', true), WIRE_ACK_JOURNAL, 1));
    ck_assert(!submit_as("local", 1, 10, WIRE_NORMAL, route('d', false), WIRE_ACK_OUTCOME, 1));
    core_journaled(core, 1);
    core_actions_clear(core);
    core_quarantine(core, 1);
    core_quarantine(core, 1);
    ck_assert_uint_eq(count_of(CORE_BUSY), 1);
    ck_assert_uint_eq(find(CORE_BUSY, 0)->route.near[0], 'r');
    ck_assert(submit_as("local", 1, 10, WIRE_NORMAL, route('r', true), WIRE_ACK_OUTCOME, 1));
    core_journaled(core, 2);
}
END_TEST

START_TEST(sources_share_and_bulk_is_not_starved) {
    for (uint8_t i = 0; i < 2; i++) {
        ck_assert(submit_as("big", i, 65536, WIRE_NORMAL, route('a', false), WIRE_ACK_JOURNAL, i));
    }
    ck_assert(submit_as("small", 9, 4096 * 3, WIRE_NORMAL, route('b', false), WIRE_ACK_JOURNAL, 9));
    ck_assert(submit_as("slow", 8, 4096 * 2, WIRE_BULK, route('c', false), WIRE_ACK_JOURNAL, 8));
    ready('w', 4096 * 20);
    core_actions_clear(core);
    core_deal(core, 0);
    uint32_t small = 0;
    uint32_t bulk = 0;
    for (uint32_t i = 0; i < 20; i++) {
        const struct core_action *work = find(CORE_WORK, i);
        small += i < 8 && work->seq == 3 ? 1 : 0;
        bulk += work->seq == 4 ? 1 : 0;
    }
    ck_assert_uint_eq(small, 3);
    ck_assert_uint_eq(bulk, 1);
}
END_TEST

START_TEST(restored_batches_go_on) {
    core_free(&core);
    struct core_options options = {.journal = JOURNAL,
                                   .next_seq = 50,
                                   .batches_max = 8,
                                   .attempts_max = 5,
                                   .beat_ms = 1000,
                                   .silent_ms = 10000};
    core = core_new(&options);
    uint32_t cuts[CORE_PARTS_MAX] = {0};
    struct core_batch_meta meta = {.source = SPAN_LIT("local"),
                                   .batch = id(1),
                                   .hash = {{1}},
                                   .count = 10,
                                   .bytes = 20,
                                   .priority = WIRE_NORMAL,
                                   .cuts = cuts};
    core_restore(core, 7, &meta, 0);
    struct wire_range held = {JOURNAL, 7, 0, 10};
    struct wire_ready said = {.uuid = id('w'),
                              .credit_cases = 100,
                              .credit_bytes = 1000,
                              .hold_count = 1,
                              .holds = &held};
    struct net_route from = route('w', false);
    core_ready(core, &from, &said, 0);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 0); /* it is in flight at the lane */
    ck_assert(!submit(1, 10, route('a', false)));
    ck_assert(find(CORE_ACCEPTED, 0)->duplicate);
    done('w', 7, 0, 10, 0);
    ck_assert_uint_eq(count_of(CORE_DONE), 1);
    ck_assert_uint_eq(find(CORE_DELETE, 0)->seq, 7);
}
END_TEST

/* A client behind proxies has a long route.  Those of batches that wait are bounded in their sum.
 */
START_TEST(long_routes_are_bounded) {
    enum { LONG = 2000, FIT = (8 << 20) / LONG };
    static uint8_t bytes[LONG];
    const struct core_options options = {
        .journal = JOURNAL, .next_seq = 1, .batches_max = 2 * FIT, .attempts_max = 5, .beat_ms = 1};
    struct core *usual = core;
    core = core_new(&options);
    struct net_route from = {.far = bytes, .len = LONG, .delimited = true};
    static const uint32_t cuts[1] = {0};
    struct core_batch_meta meta = {
        .source = SPAN_LIT("s"), .count = 1, .bytes = 1, .ack = WIRE_ACK_OUTCOME, .cuts = cuts};
    for (uint32_t i = 0; i < FIT + 1; i++) {
        memcpy(bytes, &i, sizeof(i));
        memcpy(meta.batch.bytes, &i, sizeof(i));
        ck_assert_int_eq(core_submit(core, &from, &meta, 0) != 0, i < FIT);
    }
    ck_assert_uint_eq(count_of(CORE_BUSY), 1);
    ck_assert_int_eq(find(CORE_BUSY, 0)->busy.reason, WIRE_BUSY_RATE);
    struct net_route near = route('a', true);
    ck_assert(core_submit(core, &near, &meta, 0)); /* who has a usual one is taken */
    core_journaled(core, 1);
    core_pack(core, 1, NULL); /* packed it keeps its route, and gives it back once it is done */
    core_actions_clear(core);
    done('w', 1, 0, 1, 0);
    const struct net_route *told = &find(CORE_DONE, 0)->route;
    ck_assert_uint_eq(told->len, LONG);
    ck_assert_uint_eq(told->far[0], 0);
    meta.batch.bytes[15] = 1;
    ck_assert(core_submit(core, &from, &meta, 0));
    core_check(core);
    core_free(&core);
    core = usual;
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker core");
    TCase *tests = tcase_create("core");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, accepted_only_when_durable);
    tcase_add_test(tests, dealer_gets_both_receipts);
    tcase_add_test(tests, req_gets_exactly_one_reply);
    tcase_add_test(tests, an_operator_gets_exactly_one_reply);
    tcase_add_test(tests, the_same_body_with_other_work_is_refused);
    tcase_add_test(tests, the_low_water_mark_waits_for_the_oldest);
    tcase_add_test(tests, duplicate_joins_and_other_body_is_refused);
    tcase_add_test(tests, failed_put_is_busy_for_all_waiters);
    tcase_add_test(tests, done_before_durable_waits_for_the_put);
    tcase_add_test(tests, stopped_and_full_queue_are_busy);
    tcase_add_test(tests, credit_is_never_passed);
    tcase_add_test(tests, failed_counts_only_from_the_holder);
    tcase_add_test(tests, a_case_given_up_too_often_is_counted_once);
    tcase_add_test(tests, two_beats_that_omit_requeue);
    tcase_add_test(tests, silent_lane_loses_its_work_with_a_fence);
    tcase_add_test(tests, sub_ranges_add_up_and_old_reports_are_ignored);
    tcase_add_test(tests, a_larger_range_replaces_its_parts);
    tcase_add_test(tests, foreign_and_false_ranges_are_ignored);
    tcase_add_test(tests, query_reports_the_state);
    tcase_add_test(tests, quarantined_gives_no_done_and_a_resend_replaces_it);
    tcase_add_test(tests, a_req_that_waits_for_what_is_damaged_is_answered_once);
    tcase_add_test(tests, sources_share_and_bulk_is_not_starved);
    tcase_add_test(tests, restored_batches_go_on);
    tcase_add_test(tests, long_routes_are_bounded);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

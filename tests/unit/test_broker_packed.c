/* Packed batches that wait: queries, receipts and dispatches are the same as for unpacked ones. */
#include "core_fixture.h"

enum { MANY = 200 }; /* several chunks */

static void many_setup(void) {
    struct core_options options = {.journal = JOURNAL,
                                   .next_seq = 1,
                                   .batches_max = MANY,
                                   .attempts_max = 5,
                                   .recent_max = MANY,
                                   .beat_ms = 1000,
                                   .silent_ms = 10000};
    core = core_new(&options);
}

/* Durable, its body dropped. */
static void pack(uint8_t name, uint32_t count, struct net_route from) {
    static int tag;
    uint64_t seq = submit(name, count, from);
    ck_assert_uint_ne(seq, 0);
    core_journaled(core, seq);
    core_pack(core, seq, name % 7 == 6 ? &tag : NULL); /* some keep theirs, and wait as they are */
    core_check(core);
    core_actions_clear(core);
}

START_TEST(they_are_dispatched_in_their_order_and_answered) {
    for (uint32_t i = 0; i < MANY; i++) {
        pack((uint8_t)i, i % 3 + 1, route((uint8_t)(i % 5), false));
    }
    struct core_stats stats;
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.batches, MANY);
    ck_assert_uint_eq(stats.low_water, 1);
    ck_assert_int_eq(stats.low_water_at, 5);
    ready('w', 1000);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), MANY);
    core_check(core);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct core_action *work = find(CORE_WORK, i);
        ck_assert_uint_eq(work->seq, i + 1);
        ck_assert(uuid_eq(&work->batch, &(struct uuid){{(uint8_t)i}}));
        ck_assert_uint_eq(work->work.count, i % 3 + 1);
        ck_assert_uint_eq(work->work.length, 2 * (i % 3 + 1));
        ck_assert_int_eq(work->work.accepted_at, 5);
        ck_assert_uint_eq(work->hash.bytes[0], i);
        ck_assert((work->tag == NULL) == (i % 7 != 6));
    }
    core_actions_clear(core);
    for (uint32_t i = 0; i < MANY; i++) {
        done('w', i + 1, 0, i % 3 + 1, 0);
    }
    ck_assert_uint_eq(count_of(CORE_DONE), MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        ck_assert_uint_eq(find(CORE_DONE, i)->route.near[0], i % 5);
    }
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.batches, 0);
    ck_assert_uint_eq(stats.low_water, MANY + 1);
}
END_TEST

START_TEST(they_count_against_the_limit_and_keep_their_names) {
    for (uint32_t i = 0; i < MANY; i++) {
        pack((uint8_t)i, 1, route('a', false));
    }
    ck_assert(!submit_as("other", 1, 1, WIRE_NORMAL, route('a', false), WIRE_ACK_JOURNAL, 1));
    ck_assert_int_eq(find(CORE_BUSY, 0)->busy.reason, WIRE_BUSY_QUEUE_FULL);
    ck_assert(!submit_as("local", 1, 1, WIRE_NORMAL, route('a', false), WIRE_ACK_JOURNAL, 2));
    ck_assert_int_eq(find(CORE_REFUSED, 0)->reason, WIRE_REASON_BATCH_ID_REUSED);
    ck_assert(!submit(2, 1, route('b', false)));
    ck_assert(find(CORE_ACCEPTED, 0)->duplicate);
    core_actions_clear(core);
    done('w', 3, 0, 1, 0); /* batch 2, of a lane that had it before a restart */
    ck_assert_uint_eq(count_of(CORE_DONE), 2);
    ck_assert_uint_ne(find(CORE_DONE, 0)->route.near[0], find(CORE_DONE, 1)->route.near[0]);
}
END_TEST

START_TEST(a_query_is_answered_and_its_route_kept) {
    static const uint8_t peers[] = {'a', 'a', 'b'};
    pack(1, 1, route('a', true)); /* has its one reply: nobody waits */
    for (int i = 0; i < 3; i++) {
        struct net_route from = route(peers[i], false);
        struct uuid batch = id(1);
        core_query(core, &from, SPAN_LIT("local"), &batch);
        core_check(core);
        ck_assert_int_eq(find(CORE_STATUS, (uint32_t)i)->done.state, WIRE_STATE_ACCEPTED);
    }
    core_actions_clear(core);
    done('w', 1, 0, 1, 0);
    ck_assert_uint_eq(count_of(CORE_DONE), 2);
}
END_TEST

START_TEST(one_that_is_unpacked_keeps_its_turn) {
    for (uint8_t i = 0; i < 100; i++) {
        pack(i, 1, route('a', false));
    }
    ck_assert(!submit(70, 1, route('b', false)));
    ck_assert(!submit(30, 1, route('b', false)));
    core_check(core);
    ready('w', 1000);
    core_deal(core, 0);
    for (uint32_t i = 0; i < 100; i++) {
        ck_assert_uint_eq(find(CORE_WORK, i)->seq, i + 1);
    }
}
END_TEST

START_TEST(a_damaged_one_is_quarantined_and_replaced) {
    pack(1, 1, route('a', false));
    pack(2, 1, route('a', false));
    core_quarantine(core, 1);
    core_check(core);
    ready('w', 1000);
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 1);
    ck_assert_uint_eq(find(CORE_WORK, 0)->seq, 2);
    ck_assert(submit(1, 1, route('a', false)));
    ck_assert_uint_eq(find(CORE_DELETE, 0)->seq, 1);
}
END_TEST

START_TEST(what_comes_later_waits_behind) {
    ck_assert(submit(1, 1, route('a', false)));
    ck_assert(submit(2, 1, route('a', false)));
    ck_assert(submit(3, CORE_PART_CASES + 1, route('a', false)));
    ck_assert(submit(4, 1, route('a', false)));
    core_journaled(core, 1);
    core_journaled(core, 2);
    ck_assert(!core_queue_has_packed(core, 2));
    core_pack(core, 2, NULL); /* behind one that is not packed */
    core_check(core);
    ck_assert(core_queue_has_packed(core, 3));
    core_journaled(core, 3);
    core_pack(core, 3, NULL); /* two parts: it waits as it is */
    core_check(core);
    core_actions_clear(core);
    ready('w', 10000);
    core_deal(core, 0);
    static const uint64_t seqs[] = {1, 2, 3, 3, 4};
    ck_assert_uint_eq(count_of(CORE_WORK), 5);
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(find(CORE_WORK, i)->seq, seqs[i]);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker packed");
    TCase *tests = tcase_create("packed");
    tcase_add_checked_fixture(tests, many_setup, teardown);
    tcase_add_test(tests, they_are_dispatched_in_their_order_and_answered);
    tcase_add_test(tests, they_count_against_the_limit_and_keep_their_names);
    tcase_add_test(tests, a_query_is_answered_and_its_route_kept);
    tcase_add_test(tests, one_that_is_unpacked_keeps_its_turn);
    tcase_add_test(tests, a_damaged_one_is_quarantined_and_replaced);
    tcase_add_test(tests, what_comes_later_waits_behind);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

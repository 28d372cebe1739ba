/* What fails: alone, in pieces, and at last buried; nothing else is blamed for it. */
#include "core_fixture.h"

enum { PIECES = 16, ATTEMPTS = 5 }; /* of the fixture */

static int64_t now;

static void give_up(uint8_t lane, uint64_t seq, uint32_t first, uint32_t count) {
    struct wire_range range = {JOURNAL, seq, first, count};
    struct wire_failed said = {1, &range, SPAN_LIT("test")};
    struct net_route from = route(lane, false);
    core_failed(core, &from, &said, now);
}

/* The next dispatch, after any delay. */
static const struct core_action *deal_next(void) {
    now += 100000;
    ready('w', 1); /* one at a time */
    core_actions_clear(core);
    core_deal(core, now);
    return count_of(CORE_BURY) > 0 ? find(CORE_BURY, 0) : find(CORE_WORK, 0);
}

static void give_up_next(void) {
    const struct core_action *action = deal_next();
    give_up('w', action->seq, action->work.first, action->work.count);
}

START_TEST(what_failed_goes_alone) {
    now = 0;
    ck_assert(submit(1, 10, route('a', false)));
    ck_assert(submit(2, 10, route('a', false)));
    ready('w', 100);
    core_deal(core, now);
    ck_assert_uint_eq(count_of(CORE_WORK), 2);
    give_up('w', 1, 0, 10);
    core_actions_clear(core);
    core_deal(core, 100000);
    ck_assert_uint_eq(count_of(CORE_WORK), 0); /* the lane still holds the other */
    done('w', 2, 0, 10, 0);
    ck_assert(submit(3, 10, route('a', false)));
    core_deal(core, 100000);
    ck_assert_uint_eq(count_of(CORE_WORK), 1);
    ck_assert_uint_eq(find(CORE_WORK, 0)->seq, 1);
    ck_assert_uint_eq(find(CORE_WORK, 0)->work.attempt, 2);
    ready('x', 100);
    core_deal(core, 100000);
    ck_assert_uint_eq(find(CORE_WORK, 1)->seq, 3); /* not beside it */
    ck_assert_uint_eq(find(CORE_WORK, 1)->work.lane.bytes[0], 'x');
}
END_TEST

START_TEST(what_fails_alone_is_cut) {
    now = 0;
    ck_assert(submit(1, 4096, route('a', false)));
    core_journaled(core, 1);
    give_up_next();
    give_up_next();
    core_check(core);
    struct core_stats stats;
    core_stats(core, now, &stats);
    ck_assert_uint_eq(stats.parts_split, 1);
    const struct core_action *action = deal_next();
    ck_assert_uint_eq(action->work.count, 4096 / PIECES);
    ck_assert_uint_eq(action->work.attempt, 2);
    ck_assert(action->work.piece);
    ck_assert_uint_eq(action->work.begins, 0);
    ck_assert_uint_eq(action->work.length, 4096 * 2);
    done('w', 1, action->work.first, 256, 0);
    for (uint32_t piece = 1; piece < PIECES; piece++) {
        uint32_t first = deal_next()->work.first;
        ck_assert_uint_eq(first % 256, 0);
        core_actions_clear(core);
        done('w', 1, first, 256, 0);
    }
    ck_assert_uint_eq(find(CORE_DONE, 0)->done.counts.outcomes[0], 4096);
}
END_TEST

START_TEST(a_late_verdict_on_the_whole_settles_its_pieces) {
    now = 0;
    ck_assert(submit(1, 4096, route('a', false)));
    core_journaled(core, 1);
    give_up_next();
    give_up_next();
    deal_next();
    done('w', 1, 0, 4096, 0);
    ck_assert_uint_eq(count_of(CORE_DONE), 1);
    ck_assert_uint_eq(count_of(CORE_DELETE), 1);
}
END_TEST

START_TEST(one_case_is_buried_and_its_neighbours_are_not) {
    now = 0;
    ck_assert(submit(1, 20, route('a', false)));
    core_journaled(core, 1);
    uint32_t dealt[20] = {0};
    bool buried = false;
    for (uint32_t left = 20; left > 0;) {
        const struct core_action *action = deal_next();
        uint32_t first = action->work.first;
        uint32_t count = action->work.count;
        bool bury = count_of(CORE_BURY) > 0;
        bool has_poison = first <= 7 && 7 < first + count;
        if (has_poison && !bury) {
            dealt[7] += count == 1 ? 1 : 0;
            give_up('w', 1, first, count);
            core_check(core);
            continue;
        }
        ck_assert(!bury || (first == 7 && count == 1));
        if (bury) { /* with what is known of it */
            ck_assert_uint_eq(action->work.failures, ATTEMPTS + 1);
            ck_assert_uint_eq(action->work.silences, 0);
            ck_assert_str_eq(action->work.reason, "test");
        }
        buried = buried || bury;
        core_actions_clear(core);
        done('w', 1, first, count, bury ? 1 : 0);
        left -= count;
    }
    ck_assert(buried);
    ck_assert_uint_eq(dealt[7], ATTEMPTS);
    ck_assert_uint_eq(find(CORE_DONE, 0)->done.counts.outcomes[0], 19);
    ck_assert_uint_eq(find(CORE_DONE, 0)->done.counts.dead_count, 1);
}
END_TEST

/* A lane that takes up again what it lost sight of has other work beside it. */
START_TEST(in_company_nothing_is_proved) {
    now = 0;
    ck_assert(submit(1, 10, route('a', false)));
    ck_assert(submit(2, 10, route('a', false)));
    ready('w', 100);
    core_deal(core, now);
    give_up('w', 1, 0, 10);
    struct wire_range holds[] = {{JOURNAL, 1, 0, 10}, {JOURNAL, 2, 0, 10}};
    beat('w', holds, 2, now);
    give_up('w', 1, 0, 10);
    done('w', 2, 0, 10, 0);
    ck_assert_uint_eq(deal_next()->work.count, 10); /* whole, and */
    ck_assert_uint_eq(find(CORE_WORK, 0)->work.attempt, 2);
}
END_TEST

START_TEST(a_lane_that_leaves_or_returns_work_is_not_blamed) {
    now = 0;
    ck_assert(submit(1, 10, route('a', false)));
    struct net_route from = route('w', false);
    ready('w', 100);
    core_deal(core, now);
    core_bye(core, &from);
    ck_assert_uint_eq(deal_next()->work.attempt, 1);
    struct wire_range range = {JOURNAL, 1, 0, 10};
    struct wire_return back = {1, &range};
    core_returned(core, &from, &back, now);
    ck_assert_uint_eq(deal_next()->work.attempt, 1);
}
END_TEST

/* A lane that waits for a lost lane's rows never receives poison in place of its own work. */
START_TEST(a_fence_does_not_wait_for_work) {
    now = 0;
    ck_assert(submit(1, 10, route('a', false)));
    ready('w', 100);
    core_deal(core, now);
    ready('x', 100);
    ck_assert(submit(2, 10, route('a', false)));
    core_deal(core, now);
    core_tick(core, 1000);
    for (now = 2000; now <= 10000; now += 1000) {
        struct wire_range holds = {JOURNAL, 2, 0, 10};
        beat('x', &holds, 1, now);
        core_actions_clear(core);
        core_tick(core, now);
    }
    core_deal(core, now);
    ck_assert_uint_eq(count_of(CORE_WORK), 0); /* x is not empty */
    ck_assert_uint_eq(count_of(CORE_FENCE), 1);
    ck_assert_uint_eq(find(CORE_FENCE, 0)->route.near[0], 'x');
    const struct uuid *fence = NULL;
    ck_assert_uint_eq(core_fence(core, &fence), 1);
    ck_assert_uint_eq(fence[0].bytes[0], 'w');
}
END_TEST

START_TEST(pieces_are_bounded) {
    now = 0;
    ck_assert(submit(1, WIRE_CASES_MAX, route('a', false)));
    core_journaled(core, 1);
    for (int round = 0; round < 3; round++) { /* every part, every piece fails */
        const struct core_action *action = deal_next();
        while (action != NULL) {
            give_up('w', 1, action->work.first, action->work.count);
            core_actions_clear(core);
            core_deal(core, now);
            action = count_of(CORE_WORK) > 0 ? find(CORE_WORK, 0) : NULL;
        }
        core_check(core);
    }
    struct core_stats stats;
    core_stats(core, now, &stats);
    ck_assert_uint_eq(stats.parts_split * PIECES, CORE_PIECES_MAX);
    core_quarantine(core, 1); /* all of them are let go of */
    core_check(core);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker poison");
    TCase *tests = tcase_create("poison");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_failed_goes_alone);
    tcase_add_test(tests, what_fails_alone_is_cut);
    tcase_add_test(tests, a_late_verdict_on_the_whole_settles_its_pieces);
    tcase_add_test(tests, one_case_is_buried_and_its_neighbours_are_not);
    tcase_add_test(tests, in_company_nothing_is_proved);
    tcase_add_test(tests, a_lane_that_leaves_or_returns_work_is_not_blamed);
    tcase_add_test(tests, a_fence_does_not_wait_for_work);
    tcase_add_test(tests, pieces_are_bounded);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

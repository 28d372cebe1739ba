/* The retry time in BUSY. It follows the rate at which batches leave, and the clients with an
 * earlier retry time come first. Where no batch leaves it is a round number. */
#include "tests/unit/core_fixture.h"

enum { QUEUE = 8 };
static int64_t clock_ms;
static uint8_t next_name;
static uint64_t next_done;

static void tick_to(int64_t now) {
    clock_ms = now;
    core_tick(core, now);
}

static void fill(void) {
    struct core_stats stats;
    core_stats(core, clock_ms, &stats);
    for (uint32_t i = stats.batches; i < QUEUE; i++) {
        ck_assert(submit(next_name++ % 200, 10, route('a', false)));
        core_journaled(core, next_done + i);
    }
}

/* One batch leaves every ms_each, and another takes its place, until `until`. */
static void finish_until(int64_t until, int64_t ms_each) {
    while (clock_ms + ms_each <= until) {
        tick_to(clock_ms + ms_each);
        done('w', next_done++, 0, 10, 0);
        fill();
        core_actions_clear(core);
    }
}

static int64_t told_ms(void) {
    core_actions_clear(core);
    ck_assert(!submit(255, 10, route('a', false)));
    return find(CORE_BUSY, 0)->busy.retry_ms;
}

static void begin(void) {
    setup();
    next_name = 0;
    next_done = 1;
    tick_to(1000);
    fill();
}

START_TEST(no_batch_leaves) {
    ck_assert_int_eq(told_ms(), 5000);
    ck_assert_int_eq(told_ms(), 5000);
}
END_TEST

START_TEST(each_gets_a_later_time_at_the_recent_rate) {
    finish_until(11000, 100);
    for (int64_t i = 1; i <= 5; i++) {
        int64_t told = told_ms();
        ck_assert_int_ge(told, i * 90);
        ck_assert_int_le(told, i * 110);
    }
    /* Five have left, as many as received BUSY: the next is the first again. */
    finish_until(clock_ms + 500, 100);
    ck_assert_int_le(told_ms(), 110);
}
END_TEST

START_TEST(a_slower_rate_is_a_longer_time) {
    finish_until(6000, 20);
    ck_assert_int_le(told_ms(), 25);
    finish_until(16000, 500);
    ck_assert_int_ge(told_ms(), 350);
    ck_assert_int_le(told_ms(), 2 * 600);
}
END_TEST

START_TEST(bytes_count_where_the_disk_is_full) {
    finish_until(11000, 100); /* 20 bytes each */
    struct net_route from = route('a', false);
    struct core_batch_meta meta = {.source = SPAN_LIT("local"),
                                   .batch = id(254),
                                   .count = 100,
                                   .bytes = 200,
                                   .cuts = (const uint32_t[CORE_PARTS_MAX]){0}};
    done('w', next_done++, 0, 10, 0); /* room for one, but not on the disk */
    ck_assert(core_submit(core, &from, &meta, clock_ms));
    core_actions_clear(core);
    core_put_failed(core, next_done + QUEUE - 1, WIRE_BUSY_JOURNAL_FULL);
    ck_assert_int_ge(find(CORE_BUSY, 0)->busy.retry_ms, 900); /* ten times the bytes of a batch */
    ck_assert_int_le(find(CORE_BUSY, 0)->busy.retry_ms, 1100);
}
END_TEST

START_TEST(it_is_bounded_and_forgets) {
    finish_until(11000, 1000);
    int64_t told = 0;
    for (int i = 0; i < 100; i++) {
        told = told_ms();
    }
    ck_assert_int_eq(told, 30000);
    tick_to(clock_ms + 60000); /* nothing has left since: nothing is known any more */
    ck_assert_int_eq(told_ms(), 5000);
}
END_TEST

static int64_t next_ms(void) {
    struct core_stats stats;
    core_stats(core, clock_ms, &stats);
    return stats.retry_ms;
}

/* ACCEPTED has it: who looks is not counted among those that come back. */
START_TEST(a_look_has_the_time_of_the_next_busy) {
    ck_assert_int_eq(next_ms(), 5000);
    finish_until(11000, 100);
    for (int i = 0; i < 5; i++) {
        int64_t next = next_ms();
        ck_assert_int_eq(next_ms(), next);
        ck_assert_int_eq(told_ms(), next);
    }
    done('w', next_done++, 0, 10, 0);
    ck_assert_int_eq(next_ms(), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker retry time");
    TCase *tests = tcase_create("retry time");
    tcase_add_checked_fixture(tests, begin, teardown);
    tcase_add_test(tests, no_batch_leaves);
    tcase_add_test(tests, each_gets_a_later_time_at_the_recent_rate);
    tcase_add_test(tests, a_slower_rate_is_a_longer_time);
    tcase_add_test(tests, bytes_count_where_the_disk_is_full);
    tcase_add_test(tests, it_is_bounded_and_forgets);
    tcase_add_test(tests, a_look_has_the_time_of_the_next_busy);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

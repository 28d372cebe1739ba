/* The places of sources: which source keeps its place, which one takes over, and which receipts
 * of the old source the new one must not receive. */
#include "core_fixture.h"

#include <stdio.h>

enum { CASES = 10 };
static uint64_t last_seq;

static void begin(uint32_t sources_max) {
    struct core_options options = {.journal = JOURNAL,
                                   .next_seq = 1,
                                   .batches_max = 4000,
                                   .attempts_max = 5,
                                   .recent_max = 2000,
                                   .sources_max = sources_max,
                                   .beat_ms = 1000,
                                   .silent_ms = 10000};
    core = core_new(&options);
    last_seq = 0;
}

static const char *name_of(uint32_t number) {
    static char name[16];
    (void)snprintf(name, sizeof(name), "n%u", number);
    return name;
}

static bool send(const char *source, uint8_t batch) {
    core_actions_clear(core);
    uint64_t seq =
        submit_as(source, batch, CASES, WIRE_NORMAL, route('a', false), WIRE_ACK_JOURNAL, batch);
    last_seq = seq != 0 ? seq : last_seq;
    return seq != 0;
}

/* From its first word to DONE. */
static void send_done(const char *source, uint8_t batch) {
    ck_assert(send(source, batch));
    core_journaled(core, last_seq);
    done('w', last_seq, 0, CASES, 0);
    ck_assert_uint_eq(count_of(CORE_DONE), 1);
    core_actions_clear(core);
}

static enum wire_state asked(const char *source, uint8_t batch) {
    struct net_route asker = route('q', true);
    struct uuid name = id(batch);
    core_actions_clear(core);
    core_query(core, &asker, span_str(source), &name);
    return find(CORE_STATUS, 0)->done.state;
}

static bool view_of(const char *source, struct core_source_view *view) {
    for (uint32_t i = 0; core_source_view(core, i, view); i++) {
        if (strcmp(view->name, source) == 0) {
            return true;
        }
    }
    return false;
}

static void busy_for_want_of_a_place(const char *source) {
    ck_assert(!send(source, 1));
    ck_assert_uint_eq(count_of(CORE_REFUSED), 0);
    ck_assert_int_eq(find(CORE_BUSY, 0)->busy.reason, WIRE_BUSY_QUEUE_FULL);
    ck_assert_int_gt(find(CORE_BUSY, 0)->busy.retry_ms, 0);
}

START_TEST(a_new_name_takes_over_from_the_longest_idle) {
    begin(0);
    for (uint32_t i = 0; i < CORE_SOURCES_MAX; i++) {
        send_done(name_of(i), (uint8_t)i);
    }
    send_done("n0", 77); /* n1 is the one that sent nothing for the longest */
    ck_assert_int_eq(asked("n1", 1), WIRE_STATE_DONE);
    send_done("new", 200);
    struct core_source_view view;
    ck_assert(view_of("new", &view));
    ck_assert_uint_eq(view.cases_accepted, CASES);
    ck_assert_uint_eq(view.cases_done, CASES);
    ck_assert(!view_of("n1", &view));
    ck_assert_int_eq(asked("n1", 1), WIRE_STATE_UNKNOWN);
    ck_assert_int_eq(asked("n0", 0), WIRE_STATE_DONE);
    ck_assert_int_eq(asked("n2", 2), WIRE_STATE_DONE);
    ck_assert_int_eq(asked("new", 200), WIRE_STATE_DONE);
    struct core_stats stats;
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.sources, CORE_SOURCES_MAX);
    ck_assert_uint_eq(stats.sources_replaced, 1);
    for (uint32_t i = 0; i < 3 * CORE_SOURCES_MAX; i++) { /* there is no end of names */
        send_done(name_of(10000 + i), 1);
    }
}
END_TEST

/* The old name's batch 1 is done: the new name's batch 1 is another. */
START_TEST(a_new_source_gets_no_receipt_of_the_old_one) {
    begin(1);
    send_done("old", 1);
    send_done("new", 2);
    ck_assert_int_eq(asked("new", 1), WIRE_STATE_UNKNOWN);
    ck_assert_int_eq(asked("old", 1), WIRE_STATE_UNKNOWN);
    ck_assert(send("new", 1)); /* and not a duplicate */
    core_journaled(core, last_seq);
    ck_assert_int_eq(asked("new", 1), WIRE_STATE_ACCEPTED);
    done('w', last_seq, 0, CASES, CASES);
    send_done("old", 3);
    ck_assert_int_eq(asked("old", 1), WIRE_STATE_UNKNOWN); /* its old naming is over */
}
END_TEST

/* One source for each thing that its only batch can be. */
START_TEST(a_source_with_a_batch_keeps_its_place) {
    begin(6);
    ready('w', 2 * CASES);
    ck_assert(send("out", 1));
    ck_assert(send("delayed", 1));
    core_deal(core, 0);
    ck_assert_uint_eq(count_of(CORE_WORK), 2);
    struct wire_range range = {JOURNAL, 2, 0, CASES};
    struct wire_failed failed = {1, &range, SPAN_LIT("no")};
    struct net_route lane = route('w', false);
    core_failed(core, &lane, &failed, 0);
    ck_assert(send("pending", 1));
    ck_assert(send("packed", 1));
    core_journaled(core, last_seq);
    core_pack(core, last_seq, NULL);
    ck_assert(send("damaged", 1));
    core_journaled(core, last_seq);
    core_quarantine(core, last_seq);
    ck_assert(send("queued", 1));
    core_journaled(core, last_seq);
    struct core_stats stats;
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.packed, 1);
    ck_assert_uint_eq(stats.delayed_cases + stats.out_cases, 2 * CASES);
    busy_for_want_of_a_place("new");
    static const char *const NAMES[] = {"out", "delayed", "pending", "packed", "damaged", "queued"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        struct core_source_view view;
        ck_assert(view_of(NAMES[i], &view));
        ck_assert(send(NAMES[i], 2)); /* more of the same is no question of places */
    }
    core_check(core);
}
END_TEST

/* Its last batch has left, whichever way: now there is a place. */
START_TEST(a_place_is_free_when_the_last_batch_has_left) {
    begin(1);
    ck_assert(send("a", 1));
    ck_assert(send("a", 2));
    core_journaled(core, 1);
    core_pack(core, 1, NULL);
    core_put_failed(core, 2, WIRE_BUSY_JOURNAL_FULL);
    busy_for_want_of_a_place("b");
    done('w', 1, 0, CASES, 0);
    ck_assert(send("b", 1));
    core_put_failed(core, last_seq, WIRE_BUSY_STOPPED);
    ck_assert(send("c", 1));
    core_journaled(core, last_seq);
    core_quarantine(core, last_seq);
    ck_assert(send("c", 1)); /* heals it: one batch, not two */
    core_journaled(core, last_seq);
    busy_for_want_of_a_place("d");
    done('w', last_seq, 0, CASES, 0);
    ck_assert(send("d", 1));
}
END_TEST

START_TEST(a_weight_keeps_its_place_beside_the_others) {
    begin(1);
    core_source_weight(core, SPAN_LIT("heavy"), 3);
    core_source_weight(core, SPAN_LIT("never-seen"), 2);
    send_done("heavy", 9);
    for (uint32_t i = 0; i < 5; i++) {
        send_done(name_of(i), 1);
    }
    struct core_source_view view;
    ck_assert(view_of("heavy", &view));
    ck_assert_uint_eq(view.weight, 3);
    ck_assert_uint_eq(view.cases_done, CASES);
    ck_assert(view_of("never-seen", &view));
    ck_assert_uint_eq(view.weight, 2);
    ck_assert_int_eq(asked("heavy", 9), WIRE_STATE_DONE);
    ck_assert(view_of("n4", &view));
    ck_assert_uint_eq(view.weight, 1);
    ck_assert(send("n4", 2));
    busy_for_want_of_a_place("n5");
    ck_assert(send("never-seen", 1)); /* though all others are taken */
    core_source_weight(core, SPAN_LIT("n4"), 7);
    ck_assert(send("n5", 1));
}
END_TEST

/* The old source's batch was dispatched out of its turn, on trial; the new source does not pay
 * for that. */
START_TEST(a_new_name_starts_its_own_turns) {
    begin(1);
    core_source_weight(core, SPAN_LIT("other"), 1);
    ready('w', 10 * CORE_PART_CASES);
    struct net_route from = route('a', false);
    ck_assert(submit_as("old", 1, CORE_PART_CASES, WIRE_NORMAL, from, WIRE_ACK_JOURNAL, 1));
    core_journaled(core, 1);
    core_deal(core, 0);
    struct wire_range range = {JOURNAL, 1, 0, CORE_PART_CASES};
    struct wire_failed failed = {1, &range, SPAN_LIT("no")};
    struct net_route lane = route('w', false);
    core_failed(core, &lane, &failed, 0);
    core_deal(core, 60000);
    ck_assert_uint_eq(find(CORE_WORK, 1)->work.attempt, 2);
    done('w', 1, 0, CORE_PART_CASES, 0);
    for (uint8_t i = 0; i < 3; i++) {
        ck_assert(submit_as("new", i, CORE_PART_CASES, WIRE_NORMAL, from, WIRE_ACK_JOURNAL, i));
        ck_assert(submit_as("other", i, CORE_PART_CASES, WIRE_NORMAL, from, WIRE_ACK_JOURNAL, i));
    }
    core_actions_clear(core);
    core_deal(core, 60000);
    for (uint32_t i = 0; i < 6; i++) {
        const char *source = core_source_name(core, find(CORE_WORK, i)->work.source);
        ck_assert_str_eq(source, i % 2 == 0 ? "new" : "other");
    }
}
END_TEST

START_TEST(what_is_not_taken_takes_no_place) {
    begin(1);
    send_done("a", 1);
    core_set_accepting(core, false);
    ck_assert(!send("b", 1));
    ck_assert_int_eq(find(CORE_BUSY, 0)->busy.reason, WIRE_BUSY_STOPPED);
    ck_assert_int_eq(asked("b", 1), WIRE_STATE_UNKNOWN);
    ck_assert_int_eq(asked("a", 1), WIRE_STATE_DONE);
}
END_TEST

/* The weights may be others than when it was written: every name gets a place. */
START_TEST(what_the_journal_holds_gets_a_place) {
    begin(2);
    core_set_journal(core, &JOURNAL, 100);
    uint32_t cuts[CORE_PARTS_MAX] = {0};
    for (uint32_t i = 0; i < 5; i++) {
        struct core_batch_meta meta = {.source = span_str(name_of(i)),
                                       .batch = id(1),
                                       .hash = {{1}},
                                       .count = CASES,
                                       .bytes = CASES,
                                       .priority = WIRE_NORMAL,
                                       .cuts = cuts};
        core_restore(core, i + 1, &meta, 0);
        core_check(core);
    }
    last_seq = 99;
    busy_for_want_of_a_place("new");
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_int_eq(asked(name_of(i), 1), WIRE_STATE_ACCEPTED);
        done('w', i + 1, 0, CASES, 0);
    }
    ck_assert(send("new", 1));
}
END_TEST

/* One source's last batch leaves every 100 ms, and another source takes its place. */
START_TEST(busy_has_the_time_until_a_place_is_free) {
    begin(8);
    for (uint32_t i = 0; i < 8; i++) {
        ck_assert(send(name_of(i), 1));
        core_journaled(core, last_seq);
    }
    for (uint32_t i = 0; i < 100; i++) {
        core_tick(core, 1000 + 100 * (int64_t)i);
        done('w', i + 1, 0, CASES, 0);
        ck_assert(send(name_of(100 + i), 1));
        core_journaled(core, last_seq);
    }
    for (int64_t i = 1; i <= 3; i++) {
        busy_for_want_of_a_place("new");
        ck_assert_int_ge(find(CORE_BUSY, 0)->busy.retry_ms, i * 90);
        ck_assert_int_le(find(CORE_BUSY, 0)->busy.retry_ms, i * 110);
    }
    for (uint32_t i = 0; i < 200; i++) {
        busy_for_want_of_a_place("new");
        ck_assert_int_le(find(CORE_BUSY, 0)->busy.retry_ms, 5000);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker sources");
    TCase *tests = tcase_create("sources");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, a_new_name_takes_over_from_the_longest_idle);
    tcase_add_test(tests, a_new_source_gets_no_receipt_of_the_old_one);
    tcase_add_test(tests, a_source_with_a_batch_keeps_its_place);
    tcase_add_test(tests, a_place_is_free_when_the_last_batch_has_left);
    tcase_add_test(tests, a_weight_keeps_its_place_beside_the_others);
    tcase_add_test(tests, a_new_name_starts_its_own_turns);
    tcase_add_test(tests, what_is_not_taken_takes_no_place);
    tcase_add_test(tests, what_the_journal_holds_gets_a_place);
    tcase_add_test(tests, busy_has_the_time_until_a_place_is_free);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

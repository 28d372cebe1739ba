/* The core with batches of rows: only lanes that announced rows get them, and nothing else waits
 * for those. */
#include "core_fixture.h"

static uint64_t submit_rows(const char *source, uint8_t name, uint32_t count) {
    static const uint32_t cuts[CORE_PARTS_MAX] = {10}; /* behind the names */
    struct net_route from = route(1, false);
    struct core_batch_meta meta = {.source = span_str(source),
                                   .batch = id(name),
                                   .hash = {{name}},
                                   .count = count,
                                   .bytes = 10 + count * 2,
                                   .priority = WIRE_NORMAL,
                                   .accepted_at = 5,
                                   .is_rows = true,
                                   .cuts = cuts};
    uint64_t seq = core_submit(core, &from, &meta, 0);
    ck_assert_uint_ne(seq, 0);
    core_journaled(core, seq);
    core_check(core);
    return seq;
}

static uint64_t submit_maps(const char *source, uint8_t name, uint32_t count) {
    uint64_t seq =
        submit_as(source, name, count, WIRE_NORMAL, route(1, false), WIRE_ACK_JOURNAL, name);
    ck_assert_uint_ne(seq, 0);
    core_journaled(core, seq);
    return seq;
}

static void ready_with(uint8_t name, uint32_t cases, uint32_t forms, const struct wire_range *holds,
                       uint32_t hold_count) {
    struct wire_ready said = {.uuid = id(name),
                              .name = SPAN_LIT("w"),
                              .credit_cases = cases,
                              .credit_bytes = 1 << 20,
                              .forms = forms,
                              .holds = holds,
                              .hold_count = hold_count};
    struct net_route from = route(name, false);
    core_ready(core, &from, &said, 0);
    core_check(core);
}

static void ready_rows(uint8_t name, uint32_t cases) {
    ready_with(name, cases, WIRE_FORM_BIT(WIRE_FORM_ROWS), NULL, 0);
}

/* What is dispatched now, as sequence numbers in order. */
static uint32_t deal(int64_t now, uint64_t *seqs, uint32_t max) {
    uint32_t found = 0;
    core_actions_clear(core);
    core_deal(core, now);
    core_check(core);
    size_t count = 0;
    const struct core_action *actions = core_actions(core, &count);
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == CORE_WORK) {
            ck_assert_uint_lt(found, max);
            seqs[found++] = actions[i].seq;
        }
    }
    return found;
}

static struct core_stats stats_now(void) {
    struct core_stats stats;
    core_stats(core, 0, &stats);
    return stats;
}

START_TEST(rows_wait_for_a_lane_that_takes_them) {
    uint64_t seqs[8];
    uint64_t rows = submit_rows("a", 1, 10);
    uint64_t maps = submit_maps("a", 2, 10);
    uint64_t other = submit_rows("b", 3, 10);
    uint64_t last = submit_maps("b", 4, 10);
    ready(20, 1000);
    ck_assert_uint_eq(deal(0, seqs, 8), 2);
    ck_assert_uint_eq(seqs[0], maps);
    ck_assert_uint_eq(seqs[1], last);
    ck_assert_uint_eq(deal(0, seqs, 8), 0);
    ck_assert_uint_eq(stats_now().queued_rows, 20);
    ck_assert_uint_eq(stats_now().lanes_rows, 0);
    ready_rows(21, 1000);
    ck_assert_uint_eq(stats_now().lanes_rows, 1);
    ck_assert_uint_eq(deal(0, seqs, 8), 2);
    ck_assert((seqs[0] == rows && seqs[1] == other) || (seqs[0] == other && seqs[1] == rows));
    ck_assert(uuid_eq(&find(CORE_WORK, 0)->work.lane, &(struct uuid){{21}}));
    ck_assert_uint_eq(find(CORE_WORK, 0)->work.offset, 10);
    ck_assert_uint_eq(stats_now().queued_rows, 0);
    done(21, rows, 0, 10, 0);
    done(21, other, 0, 10, 0);
    done(20, maps, 0, 10, 0);
    done(20, last, 0, 10, 0);
    ck_assert_uint_eq(stats_now().batches, 0);
}
END_TEST

/* The older batch of one source is first, whatever its form. */
START_TEST(both_forms_keep_their_order) {
    uint64_t seqs[8];
    uint64_t expected[6];
    for (uint8_t i = 0; i < 6; i++) {
        expected[i] = i % 3 == 1 ? submit_maps("a", i + 1U, 5) : submit_rows("a", i + 1U, 5);
    }
    ready_rows(20, 1000);
    ck_assert_uint_eq(deal(0, seqs, 8), 6);
    for (uint32_t i = 0; i < 6; i++) {
        ck_assert_uint_eq(seqs[i], expected[i]);
    }
}
END_TEST

/* A lane for maps alone does not wait until the lanes for rows have credit again. */
START_TEST(lanes_for_maps_do_not_wait) {
    uint64_t seqs[8];
    ready_rows(20, 5);
    uint64_t first = submit_rows("a", 1, 5);
    uint64_t second = submit_rows("a", 2, 5);
    uint64_t maps = submit_maps("a", 3, 5);
    ck_assert_uint_eq(deal(0, seqs, 8), 1);
    ck_assert_uint_eq(seqs[0], first);
    ready(21, 1000);
    ck_assert_uint_eq(deal(0, seqs, 8), 1);
    ck_assert_uint_eq(seqs[0], maps);
    done(20, first, 0, 5, 0);
    ck_assert_uint_eq(deal(0, seqs, 8), 1);
    ck_assert_uint_eq(seqs[0], second);
}
END_TEST

static void fail_alone(uint8_t lane, uint64_t seq, uint32_t count) {
    struct wire_range range = {JOURNAL, seq, 0, count};
    struct wire_failed said = {1, &range, SPAN_LIT("no")};
    struct net_route from = route(lane, false);
    core_failed(core, &from, &said, 0);
    core_check(core);
}

/* Rows that failed wait for a lane that takes them; maps that failed are tried meanwhile. */
START_TEST(a_suspect_of_rows_delays_no_other) {
    uint64_t seqs[8];
    uint64_t rows = submit_rows("a", 1, 1);
    ready_rows(20, 1000);
    ck_assert_uint_eq(deal(0, seqs, 8), 1);
    fail_alone(20, rows, 1);
    struct net_route gone = route(20, false);
    core_bye(core, &gone);
    ck_assert_uint_eq(stats_now().lanes_rows, 0);
    uint64_t maps = submit_maps("a", 2, 1);
    ready(21, 1000);
    ck_assert_uint_eq(deal(100000, seqs, 8), 1);
    ck_assert_uint_eq(seqs[0], maps);
    fail_alone(21, maps, 1);
    ck_assert_uint_eq(deal(200000, seqs, 8), 1);
    ck_assert_uint_eq(seqs[0], maps);
    done(21, maps, 0, 1, 0);
    ck_assert_uint_eq(deal(200000, seqs, 8), 0);
    ready_rows(22, 1000);
    ck_assert_uint_eq(deal(200000, seqs, 8), 1);
    ck_assert_uint_eq(seqs[0], rows);
}
END_TEST

/* What a lane reports to hold, it gets only if it could decide it. */
START_TEST(a_lane_for_maps_cannot_hold_rows) {
    uint64_t rows = submit_rows("a", 1, 5);
    const struct wire_range held = {JOURNAL, rows, 0, 5};
    ready_with(20, 1000, 0, &held, 1);
    ck_assert_uint_eq(stats_now().out_cases, 0);
    ready_with(20, 1000, WIRE_FORM_BIT(WIRE_FORM_ROWS), &held, 1);
    ck_assert_uint_eq(stats_now().out_cases, 5);
    ready_with(20, 1000, 0, &held, 1); /* an update and a downgrade of one lane */
    ck_assert_uint_eq(stats_now().lanes_rows, 0);
}
END_TEST

START_TEST(rows_are_not_packed) {
    static int tag;
    uint64_t rows = submit_rows("a", 1, 5);
    core_pack(core, rows, &tag);
    core_check(core);
    ck_assert_ptr_eq(core_tag(core, rows), &tag);
    core_pack(core, rows, NULL);
    core_check(core);
    ck_assert_uint_eq(stats_now().packed, 0);
    ck_assert(!core_queue_has_packed(core, rows));
    uint64_t maps = submit_maps("a", 2, 5);
    core_pack(core, maps, NULL);
    core_check(core);
    ck_assert_uint_eq(stats_now().packed, 1);
    uint64_t seqs[4];
    ready_rows(20, 1000);
    ck_assert_uint_eq(deal(0, seqs, 4), 2);
    ck_assert_uint_eq(seqs[0], rows);
    ck_assert_uint_eq(seqs[1], maps);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker rows");
    TCase *tests = tcase_create("rows");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, rows_wait_for_a_lane_that_takes_them);
    tcase_add_test(tests, both_forms_keep_their_order);
    tcase_add_test(tests, lanes_for_maps_do_not_wait);
    tcase_add_test(tests, a_suspect_of_rows_delays_no_other);
    tcase_add_test(tests, a_lane_for_maps_cannot_hold_rows);
    tcase_add_test(tests, rows_are_not_packed);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

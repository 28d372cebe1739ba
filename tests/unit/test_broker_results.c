/* The core with results of single cases: DONE has those of every case, or none. */
#include "core_fixture.h"

#include "wire/results.h"

enum { BYTES_MAX = 4000 };

static void open_core(void) {
    struct core_options options = {.journal = JOURNAL,
                                   .next_seq = 1,
                                   .batches_max = 8,
                                   .attempts_max = 5,
                                   .recent_max = 4,
                                   .beat_ms = 1000,
                                   .silent_ms = 10000,
                                   .results_bytes_max = BYTES_MAX};
    core = core_new(&options);
}

static struct net_route asking(uint8_t name) {
    struct net_route from = route(name, false);
    from.channel = CORE_CHANNEL_RESULTS;
    return from;
}

static void write_run(struct buf *out, uint32_t first, uint32_t count, const char *reason) {
    struct results_writer writer = {0};
    results_begin(&writer);
    for (uint32_t i = 0; i < count; i++) {
        results_outcome(&writer, 0, false, SPAN_LIT("A"), span_str(reason), 0);
    }
    results_end(&writer, first, count, out);
    results_writer_free(&writer);
}

/* DONE of one range, with these bytes as its results. */
static void done_with(uint64_t seq, uint32_t first, uint32_t count, struct span results) {
    struct wire_range range = {JOURNAL, seq, first, count};
    struct wire_counts counts = {.outcomes = {count}, .results_bytes = (uint32_t)results.len};
    struct wire_lane_done message = {1, &range, &counts, results};
    struct net_route from = route('w', false);
    core_done(core, &from, &message, 0);
    core_check(core);
}

static void done_run(uint64_t seq, uint32_t first, uint32_t count, const char *reason) {
    struct buf run = BUF_EMPTY;
    write_run(&run, first, count, reason);
    done_with(seq, first, count, buf_span(&run));
    buf_free(&run);
}

/* Reasons of the cases in the results of the nth DONE; "" : it has none. */
static void check_done(uint32_t nth, uint32_t count, const char *const *reasons) {
    const struct core_action *action = find(CORE_DONE, nth);
    const struct core_counts *counts = &action->done.counts;
    ck_assert_uint_eq(action->done.count, count);
    if (reasons == NULL) {
        ck_assert(counts->runs == NULL || counts->runs->cases != count);
        return;
    }
    struct wire_result results[64];
    struct arena arena;
    arena_init(&arena, 1 << 20);
    ck_assert_ptr_nonnull(counts->runs);
    ck_assert_uint_eq(counts->runs->cases, count);
    ck_assert_int_eq(results_read(buf_span(&counts->runs->bytes), &arena, results, count), ERR_OK);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_msg(span_is(results[i].reason, reasons[i]), "case %u", i);
    }
    arena_free(&arena);
}

static uint64_t submit_durable(uint8_t name, uint32_t count, struct net_route from) {
    uint64_t seq = submit(name, count, from);
    core_journaled(core, seq);
    core_actions_clear(core);
    return seq;
}

START_TEST(runs_come_together_in_any_order) {
    static const char *const reasons[] = {"x", "x", "y", "z"};
    uint64_t seq = submit_durable('b', 4, asking('p'));
    ready('w', 100);
    core_deal(core, 0);
    done_run(seq, 2, 1, "y");
    done_run(seq, 3, 1, "z");
    ck_assert_uint_eq(count_of(CORE_DONE), 0);
    done_run(seq, 0, 2, "x");
    check_done(0, 4, reasons);
    ck_assert_uint_eq(find(CORE_DONE, 0)->route.channel, CORE_CHANNEL_RESULTS);
}
END_TEST

/* A run around known ones replaces them, with its results. */
START_TEST(a_run_around_others_replaces_theirs) {
    static const char *const reasons[] = {"new", "new", "new", "new"};
    uint64_t seq = submit_durable('b', 4, asking('p'));
    ready('w', 100);
    core_deal(core, 0);
    done_run(seq, 1, 1, "old");
    done_run(seq, 1, 1, "again");
    done_run(seq, 0, 4, "new");
    check_done(0, 4, reasons);
}
END_TEST

START_TEST(one_range_without_results_leaves_none) {
    uint64_t seq = submit_durable('b', 4, asking('p'));
    ready('w', 100);
    core_deal(core, 0);
    done_run(seq, 0, 3, "x");
    done_with(seq, 3, 1, SPAN_LIT(""));
    check_done(0, 4, NULL);
}
END_TEST

/* Bytes that are no run of exactly those cases are not passed on; the range counts. */
START_TEST(what_is_no_run_is_left_out) {
    uint64_t seq = submit_durable('b', 4, asking('p'));
    struct buf run = BUF_EMPTY;
    ready('w', 100);
    core_deal(core, 0);
    write_run(&run, 1, 1, "x");
    done_with(seq, 0, 1, buf_span(&run));                  /* of another case */
    done_with(seq, 1, 1, span_make(run.ptr, run.len - 1)); /* cut */
    buf_byte(&run, 0xc0);
    done_with(seq, 2, 2, buf_span(&run)); /* more than one value */
    check_done(0, 4, NULL);
    ck_assert_ptr_null(find(CORE_DONE, 0)->done.counts.runs);
    buf_free(&run);
}
END_TEST

/* A frame that has fewer bytes than its ranges claim. */
START_TEST(claimed_bytes_are_bounded_by_the_frame) {
    uint64_t seq = submit_durable('b', 4, asking('p'));
    struct buf run = BUF_EMPTY;
    ready('w', 100);
    core_deal(core, 0);
    write_run(&run, 0, 2, "x");
    struct wire_range ranges[] = {{JOURNAL, seq, 0, 2}, {JOURNAL, seq, 2, 2}};
    struct wire_counts counts[] = {{.outcomes = {2}, .results_bytes = UINT32_MAX},
                                   {.outcomes = {2}, .results_bytes = 100}};
    struct wire_lane_done message = {2, ranges, counts, buf_span(&run)};
    struct net_route from = route('w', false);
    core_done(core, &from, &message, 0);
    core_check(core);
    check_done(0, 4, NULL);
    buf_free(&run);
}
END_TEST

/* What is held is bounded, and given back: the next batch has its results. */
START_TEST(what_is_held_is_bounded) {
    static const char *const reasons[] = {"fits", "fits"};
    char reason[BYTES_MAX / 2];
    memset(reason, 'r', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    uint64_t seq = submit_durable('b', 3, asking('p'));
    ready('w', 100);
    core_deal(core, 0);
    done_run(seq, 0, 1, reason);
    done_run(seq, 1, 1, reason); /* no room */
    done_run(seq, 2, 1, "x");
    check_done(0, 3, NULL);
    core_actions_clear(core);
    seq = submit_durable('c', 2, asking('p'));
    core_deal(core, 0);
    done_run(seq, 0, 2, "fits");
    check_done(0, 2, reasons);
}
END_TEST

/* Who did not ask gets none, beside one who did. */
START_TEST(each_peer_gets_what_it_asked_for) {
    static const char *const reasons[] = {"x"};
    uint64_t seq = submit_durable('b', 1, asking('p'));
    ck_assert_uint_eq(submit('b', 1, route('q', false)), 0);
    core_actions_clear(core);
    ready('w', 100);
    core_deal(core, 0);
    done_run(seq, 0, 1, "x");
    ck_assert_uint_eq(count_of(CORE_DONE), 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct core_action *action = find(CORE_DONE, i);
        if (action->route.channel == CORE_CHANNEL_RESULTS) {
            check_done(i, 1, reasons);
        } else {
            ck_assert_ptr_null(action->done.counts.runs);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker_results");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, open_core, teardown);
    tcase_add_test(tcase, runs_come_together_in_any_order);
    tcase_add_test(tcase, a_run_around_others_replaces_theirs);
    tcase_add_test(tcase, one_range_without_results_leaves_none);
    tcase_add_test(tcase, what_is_no_run_is_left_out);
    tcase_add_test(tcase, claimed_bytes_are_bounded_by_the_frame);
    tcase_add_test(tcase, what_is_held_is_bounded);
    tcase_add_test(tcase, each_peer_gets_what_it_asked_for);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* The broker's metrics: the README's table, and the labels of sources, which are bounded. */
#include "broker/source_metrics.h"
#include "broker/stats_table.h"
#include "core_fixture.h"
#include "metrics_page.h"

enum { SLOTS = 60, CASES = 10 };
static struct source_metrics metrics;
static uint8_t batch;

static void begin_with(uint32_t sources_max) {
    struct core_options options = {.journal = JOURNAL,
                                   .next_seq = 1,
                                   .batches_max = 4000,
                                   .attempts_max = 5,
                                   .sources_max = sources_max,
                                   .beat_ms = 1000,
                                   .silent_ms = 10000};
    core = core_new(&options);
    metrics = (struct source_metrics){0};
    ready('w', UINT32_MAX);
}

static void begin(void) { begin_with(SLOTS); }

static void end(void) {
    source_metrics_fini(&metrics);
    teardown();
}

static void look(void) {
    struct core_stats stats;
    core_stats(core, 0, &stats);
    source_metrics_look(&metrics, core, &stats);
    uint64_t accepted = 0;
    uint64_t finished = 0;
    for (uint32_t i = 0; i <= SOURCE_LABELS_MAX; i++) {
        accepted += metrics.counts[i].accepted;
        finished += metrics.counts[i].done;
    }
    ck_assert_uint_eq(accepted, stats.cases_accepted);
    ck_assert_uint_eq(finished, stats.cases_done);
}

static uint64_t send(const char *source) {
    core_actions_clear(core);
    batch++;
    uint64_t seq =
        submit_as(source, batch, CASES, WIRE_BULK, route('a', false), WIRE_ACK_JOURNAL, batch);
    ck_assert_uint_ne(seq, 0);
    core_journaled(core, seq);
    return seq;
}

static void send_done(const char *source) {
    done('w', send(source), 0, CASES, 0);
    core_actions_clear(core);
}

static const struct source_count *count_of_label(const char *label) {
    for (uint32_t i = 0; i < metrics.label_count; i++) {
        if (strcmp(source_metrics_label(&metrics, i), label) == 0) {
            return &metrics.counts[i];
        }
    }
    return &metrics.counts[SOURCE_LABELS_MAX];
}

#define STATS_ADD(member, name, kind, unit, where, help)                                           \
    if (name[0] != '\0') {                                                                         \
        TABLE_ADD(member, name, kind, "", help)                                                    \
    }
START_TEST(the_readme_has_the_table) {
    struct buf rows = BUF_EMPTY;
    STATS_TABLE(STATS_ADD)
    METRICS_TABLE(TABLE_ADD)
    PROGRAM_METRICS(TABLE_ADD)
    readme_has_table("broker/README.md", &rows);
}
END_TEST

START_TEST(the_first_sources_have_labels) {
    char name[16];
    for (uint32_t i = 0; i < 55; i++) {
        (void)snprintf(name, sizeof(name), "n%u", i);
        send_done(name);
    }
    (void)send("n0");
    (void)send("n54");
    look();
    ck_assert_uint_eq(metrics.label_count, SOURCE_LABELS_MAX);
    ck_assert_uint_eq(count_of_label("source=\"n0\"")->accepted, 2 * CASES);
    ck_assert_uint_eq(count_of_label("source=\"n0\"")->done, CASES);
    ck_assert_uint_eq(count_of_label("source=\"n0\"")->queued[WIRE_BULK], CASES);
    ck_assert_uint_eq(count_of_label("source=\"n49\"")->done, CASES);
    const struct source_count *other = &metrics.counts[SOURCE_LABELS_MAX];
    ck_assert_ptr_eq(count_of_label("source=\"n54\""), other);
    ck_assert_uint_eq(other->accepted, 6 * CASES);
    ck_assert_uint_eq(other->done, 5 * CASES);
    ck_assert_uint_eq(other->queued[WIRE_BULK], CASES);
    look(); /* the same again */
    ck_assert_uint_eq(count_of_label("source=\"n0\"")->queued[WIRE_BULK], CASES);
    ck_assert_str_eq(source_metrics_label(&metrics, SOURCE_LABELS_MAX), "source=\"other\"");
}
END_TEST

/* However often names change, there are no more labels, and no count falls. */
START_TEST(a_slot_that_is_taken_over_keeps_no_counts_and_loses_none) {
    char name[16];
    uint64_t accepted_before[SOURCE_LABELS_MAX + 1] = {0};
    for (uint32_t i = 0; i < 400; i++) {
        (void)snprintf(name, sizeof(name), "n%u", i % 7 == 0 ? i % 3 : i);
        send_done(name);
        if (i % 5 == 0) {
            look();
        }
        for (uint32_t k = 0; k <= SOURCE_LABELS_MAX; k++) {
            ck_assert_uint_ge(metrics.counts[k].accepted, accepted_before[k]);
            accepted_before[k] = metrics.counts[k].accepted;
        }
    }
    look();
    struct core_stats stats;
    core_stats(core, 0, &stats);
    ck_assert_uint_gt(stats.sources_replaced, 100);
    ck_assert_uint_eq(metrics.label_count, SOURCE_LABELS_MAX);
    ck_assert_uint_eq(metrics.slot_count, SLOTS);
}
END_TEST

/* Two names take turns in one slot; what happened between two looks is not lost either. */
START_TEST(counts_are_those_of_a_name) {
    end();
    begin_with(1);
    for (int i = 0; i < 3; i++) {
        send_done("a");
    }
    look();
    send_done("b");
    look();
    send_done("a");
    look();
    ck_assert_uint_eq(count_of_label("source=\"a\"")->done, 4 * CASES);
    ck_assert_uint_eq(count_of_label("source=\"b\"")->done, CASES);
    send_done("a");
    look();
    send_done("c");
    send_done("a");
    look();
    ck_assert_uint_eq(count_of_label("source=\"a\"")->done, 6 * CASES);
    ck_assert_uint_eq(metrics.counts[SOURCE_LABELS_MAX].done, CASES);
    ck_assert_uint_eq(metrics.label_count, 2);
}
END_TEST

START_TEST(names_that_look_alike_share_a_label) {
    send_done("a\033");
    send_done("a\001");
    send_done("other");
    look();
    ck_assert_uint_eq(metrics.label_count, 1);
    ck_assert_uint_eq(count_of_label("source=\"a?\"")->done, 2 * CASES);
    ck_assert_uint_eq(metrics.counts[SOURCE_LABELS_MAX].done, CASES);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker_metrics");
    TCase *table = tcase_create("table");
    tcase_add_test(table, the_readme_has_the_table);
    suite_add_tcase(suite, table);
    TCase *cases = tcase_create("sources");
    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_test(cases, the_first_sources_have_labels);
    tcase_add_test(cases, a_slot_that_is_taken_over_keeps_no_counts_and_loses_none);
    tcase_add_test(cases, counts_are_those_of_a_name);
    tcase_add_test(cases, names_that_look_alike_share_a_label);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

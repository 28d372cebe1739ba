/* worker/: the bookkeeping of a transaction, the queue of a lane. */
#include "base/mem.h"
#include "worker/txn.h"

#include <check.h>
#include <stdlib.h>

static struct job *make_job(uint64_t seq, enum wire_priority priority, uint32_t count) {
    struct parcel *parcel = parcel_new();
    struct wire_delivery *delivery = arena_zero(&parcel->arena, 1, sizeof(*delivery));
    delivery->seq = seq;
    delivery->priority = priority;
    delivery->count = count;
    struct job *job = job_new(parcel, delivery);
    parcel_unref(&parcel);
    return job;
}

START_TEST(test_inbox_order) {
    struct inbox inbox = {0};
    static const struct {
        uint64_t seq;
        enum wire_priority priority;
    } puts[] = {{1, WIRE_BULK}, {2, WIRE_NORMAL}, {3, WIRE_URGENT}, {4, WIRE_NORMAL}};
    for (size_t i = 0; i < COUNT_OF(puts); i++) {
        inbox_put(&inbox, make_job(puts[i].seq, puts[i].priority, 10));
    }
    ck_assert_uint_eq(inbox.case_count, 40);
    struct wire_range held = {.seq = 4, .count = 10};
    ck_assert(inbox_has(&inbox, &held));
    held.seq = 5;
    ck_assert(!inbox_has(&inbox, &held));
    static const uint64_t order[] = {3, 2, 4, 1};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        struct job *job = inbox_take(&inbox);
        ck_assert_uint_eq(job_range(job).seq, order[i]);
        job_free(&job);
    }
    ck_assert_ptr_null(inbox_take(&inbox));
    ck_assert_uint_eq(inbox.job_count, 0);
    inbox_fini(&inbox);
}
END_TEST

/* What was begun is still held; what was freed is not; put back it is held once. */
START_TEST(test_inbox_knows_what_is_held) {
    enum { JOBS = 3000 };
    struct inbox inbox = {0};
    struct job *begun[JOBS];
    for (uint32_t i = 0; i < JOBS; i++) {
        inbox_put(&inbox, make_job(i, WIRE_NORMAL, 1));
    }
    for (uint32_t i = 0; i < JOBS; i++) {
        begun[i] = inbox_take(&inbox);
    }
    inbox_put(&inbox, begun[7]);
    ck_assert_ptr_eq(inbox_take(&inbox), begun[7]);
    for (uint32_t i = 0; i < JOBS; i++) {
        struct wire_range held = {.seq = i, .count = 1};
        ck_assert(inbox_has(&inbox, &held));
        job_free(&begun[i]);
        ck_assert(!inbox_has(&inbox, &held));
    }
    struct wire_range never = {.seq = JOBS, .count = 1};
    ck_assert(!inbox_has(&inbox, &never));
    inbox_fini(&inbox);
}
END_TEST

static struct txn_case *add(struct txn *txn, uint32_t job, const char *id, int32_t revision,
                            uint8_t content) {
    struct txn_case *added = txn_add_case(txn);
    added->job = job;
    added->source = 1;
    added->case_id = span_str(id);
    added->revision = revision;
    added->digest.bytes[0] = content;
    added->body = span_str(id);
    added->index = added->position;
    return added;
}

START_TEST(test_sort_and_groups) {
    struct txn txn = {0};
    struct job *job = make_job(1, WIRE_NORMAL, 5);
    (void)txn_add_job(&txn, job, 1);
    (void)add(&txn, 0, "b", 1, 1);
    (void)add(&txn, 0, "a", 2, 1);
    (void)add(&txn, 0, "b", 1, 2);
    (void)add(&txn, 0, "a", 1, 1);
    (void)add(&txn, 0, "ab", 0, 1);
    txn_sort(&txn);
    static const uint32_t positions[] = {3, 1, 4, 0, 2}; /* first come stays first */
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(txn.cases[i].position, positions[i]);
    }
    ck_assert_uint_eq(txn_group_end(&txn, 0), 1);
    ck_assert_uint_eq(txn_group_end(&txn, 3), 5);
    txn_free(&txn);
    job_free(&job);
}
END_TEST

/* Wherever the one case out of order stands; what is in order stays as it is. */
START_TEST(test_sort_of_almost_sorted) {
    enum { CASES = 6 };
    static const char *const ids[CASES] = {"a", "b", "c", "d", "e", "f"};
    struct job *job = make_job(1, WIRE_NORMAL, CASES);
    for (uint32_t first = 0; first < CASES; first++) { /* the last: none is */
        struct txn txn = {0};
        (void)txn_add_job(&txn, job, 1);
        for (uint32_t i = 0; i < CASES; i++) {
            uint32_t swapped = i == first ? i + 1 : i == first + 1 ? first : i;
            (void)add(&txn, 0, ids[first + 1 < CASES ? swapped : i], 1, 1);
        }
        txn_sort(&txn);
        for (uint32_t i = 0; i < CASES; i++) {
            ck_assert(span_is(txn.cases[i].case_id, ids[i]));
        }
        txn_free(&txn);
    }
    job_free(&job);
}
END_TEST

START_TEST(test_settle_and_count) {
    struct txn txn = {0};
    struct job *jobs[] = {make_job(1, WIRE_NORMAL, 3), make_job(2, WIRE_NORMAL, 2)};
    (void)txn_add_job(&txn, jobs[0], 1);
    (void)txn_add_job(&txn, jobs[1], 1);
    add(&txn, 0, "a", 1, 7)->disposition = 4;
    (void)add(&txn, 0, "a", 1, 7);
    (void)add(&txn, 1, "a", 1, 8);
    (void)txn_add_dead(&txn, 0, 2, "bad_date", SPAN_LIT("x"));
    txn.cases[0].verdict = TXN_WRITTEN;
    const struct txn_stored stored = {.digest = txn.cases[0].digest, .disposition = 4};
    txn_settle_group(&txn, 1, 3, &stored);
    ck_assert_int_eq(txn.cases[1].verdict, TXN_DUPLICATE);
    ck_assert_int_eq(txn.cases[2].verdict, TXN_DEAD);
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct wire_counts counts[2];
    ck_assert_int_eq(txn_counts(&txn, &arena, counts), ERR_OK);
    ck_assert_uint_eq(counts[0].outcomes[4], 2);
    ck_assert_uint_eq(counts[0].duplicates, 1);
    ck_assert_uint_eq(counts[0].dead_count, 1);
    ck_assert_uint_eq(counts[1].outcomes[4], 0);
    ck_assert_uint_eq(counts[1].dead_listed, 1);
    const struct wire_dead *conflict = &counts[1].dead[0];
    ck_assert(span_is(conflict->reason, "conflict"));
    ck_assert(span_is(conflict->expected, "07000000-0000-0000-0000-000000000000"));
    ck_assert(span_is(conflict->found, "08000000-0000-0000-0000-000000000000"));
    arena_free(&arena);
    txn_free(&txn);
    job_free(&jobs[0]);
    job_free(&jobs[1]);
}
END_TEST

START_TEST(test_dead_list_is_cut) {
    struct txn txn = {0};
    struct job *job = make_job(1, WIRE_NORMAL, WIRE_DEAD_MAX + 5);
    (void)txn_add_job(&txn, job, 1);
    for (uint32_t i = 0; i < WIRE_DEAD_MAX + 5; i++) {
        (void)txn_add_dead(&txn, 0, i, "bad_date", SPAN_LIT("x"));
    }
    struct arena arena;
    arena_init(&arena, 8 << 20);
    struct wire_counts counts;
    ck_assert_int_eq(txn_counts(&txn, &arena, &counts), ERR_OK);
    ck_assert_uint_eq(counts.dead_count, WIRE_DEAD_MAX + 5);
    ck_assert_uint_eq(counts.dead_listed, WIRE_DEAD_MAX);
    ck_assert_uint_eq(counts.dead[WIRE_DEAD_MAX - 1].index, WIRE_DEAD_MAX - 1);
    arena_free(&arena);
    txn_free(&txn);
    job_free(&job);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker");
    TCase *tests = tcase_create("worker");
    tcase_add_test(tests, test_inbox_order);
    tcase_add_test(tests, test_inbox_knows_what_is_held);
    tcase_add_test(tests, test_sort_and_groups);
    tcase_add_test(tests, test_sort_of_almost_sorted);
    tcase_add_test(tests, test_settle_and_count);
    tcase_add_test(tests, test_dead_list_is_cut);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

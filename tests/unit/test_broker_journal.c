/* The journal on a real disk: round trips, damage, a spent budget, kill -9, a failing write. */
#include "journal_fixture.h"

#include "base/clock.h"

#include <sys/resource.h>
#include <sys/wait.h>

enum { ROUNDS = 5 };

static void expect_body(struct journal *journal, uint64_t seq, size_t len) {
    ck_assert(fixture_body_is(journal, seq, len));
}

START_TEST(round_trip_and_reopen) {
    struct journal *journal = fixture_open(16 * MIB);
    struct uuid uuid = journal_uuid(journal);
    uint64_t first = journal_next_seq(journal);
    static const size_t SIZES[] = {1, 4080, 4081, 1000000};
    for (uint64_t i = 0; i < COUNT_OF(SIZES); i++) {
        fixture_put(journal, first + i, SIZES[i], (int64_t)i);
    }
    for (uint64_t i = 0; i < COUNT_OF(SIZES); i++) {
        fixture_expect(journal, first + i, JOURNAL_DURABLE);
        expect_body(journal, first + i, SIZES[i]);
    }
    journal_delete(journal, first + 1);
    journal_hand_over(journal);
    journal_close(&journal);
    journal = fixture_open(16 * MIB);
    struct uuid again = journal_uuid(journal);
    ck_assert(uuid_eq(&uuid, &again));
    ck_assert_uint_gt(journal_next_seq(journal), first + COUNT_OF(SIZES));
    ck_assert_uint_eq(fixture.count, 3);
    const struct journal_record *last = &fixture.records[2];
    ck_assert_uint_eq(last->seq, first + 3);
    ck_assert_uint_eq(last->batch.bytes[0], (uint8_t)(first + 3));
    ck_assert_uint_eq(last->count, 3);
    ck_assert_uint_eq(last->bytes, 1000000);
    ck_assert_int_eq(last->ack, WIRE_ACK_OUTCOME);
    ck_assert_int_eq(last->priority, WIRE_BULK);
    expect_body(journal, first + 3, 1000000);
    uint8_t byte = 0;
    ck_assert_int_eq(journal_read(journal, first + 3, 4080 * 3 + 5, 1, &byte), ERR_OK);
    ck_assert_uint_eq(byte, (uint8_t)((first + 3) * 31 + 12245 * 7 + 12245 / 251));
    ck_assert_int_eq(journal_read(journal, first + 1, 0, 1, &byte), ERR_NOT_FOUND);
    ck_assert_int_eq(journal_read(journal, first + 3, 999999, 2, &byte), ERR_CORRUPT);
    journal_close(&journal);
}
END_TEST

START_TEST(each_run_has_numbers_of_its_own) {
    struct journal *journal = fixture_open(16 * MIB);
    uint64_t first = journal_next_seq(journal);
    journal_close(&journal);
    journal = fixture_open(16 * MIB);
    ck_assert_uint_gt(journal_next_seq(journal), first);
    journal_close(&journal);
}
END_TEST

START_TEST(one_broker_a_directory) {
    struct journal *journal = fixture_open(16 * MIB);
    struct journal *second = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(fixture_try_open(&second, 16 * MIB, &diag), ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(diag.text, fixture.dir));
    journal_close(&journal);
}
END_TEST

START_TEST(a_path_that_cannot_be) {
    char file[96];
    char kept[64];
    struct diag diag = {0};
    struct journal *journal = NULL;
    (void)snprintf(file, sizeof(file), "%s/file", fixture.dir);
    ck_assert_int_eq(io_write_file(file, SPAN_LIT("x"), &diag), ERR_OK);
    struct journal_options options = {.bytes_max = 16 * MIB, .notify = fixture_poke};
    char below[128];
    (void)snprintf(below, sizeof(below), "%s/journal", file);
    options.path = below;
    memcpy(kept, fixture.dir, sizeof(kept));
    ck_assert_int_ne(journal_open(&options, fixture_restore, NULL, &journal, &diag), ERR_OK);
    ck_assert_ptr_nonnull(strstr(diag.text, kept));
    ck_assert_ptr_null(journal);
}
END_TEST

START_TEST(a_spent_budget_gives_room_again) {
    struct journal *journal = fixture_open(4 * MIB);
    uint64_t seq = journal_next_seq(journal);
    uint64_t first = seq;
    for (int i = 0; i < 3; i++, seq++) {
        fixture_put(journal, seq, MIB, 0);
        fixture_expect(journal, seq, JOURNAL_DURABLE);
    }
    fixture_put(journal, seq, MIB, 0);
    fixture_expect(journal, seq, JOURNAL_NO_ROOM);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    ck_assert(stats.full && !stats.failed);
    ck_assert_uint_eq(stats.live_count, 3);
    journal_delete(journal, first);
    journal_hand_over(journal);
    while (journal_stats(journal, &stats), stats.pending_count > 0) {
        fixture_wait();
    }
    ck_assert(!stats.full); /* before anyone has tried again */
    fixture_put(journal, seq + 1, MIB, 0);
    fixture_expect(journal, seq + 1, JOURNAL_DURABLE);
    expect_body(journal, seq + 1, MIB);
    journal_close(&journal);
}
END_TEST

static void flip_byte(uint8_t *at) { at[3] ^= 0x40; }

/* Of the batch whose first byte of the id is even. */
static void flip_even(uint8_t *at) { at[3] ^= at[-49] % 2 == 0 ? 0x40 : 0; }

/* One batch more than there is, with a checksum that holds. */
static void count_one_more(uint8_t *at) {
    at[32]++;
    fixture_seal(at, 64);
}

static void one_batch_then_closed(void) {
    struct journal *journal = fixture_open(16 * MIB);
    uint64_t seq = journal_next_seq(journal);
    fixture_put(journal, seq, 5000, 0);
    fixture_expect(journal, seq, JOURNAL_DURABLE);
    journal_close(&journal);
}

/* The damaged batch is named, the other is dispatched, and both can be deleted. */
START_TEST(a_damaged_header_is_that_batch_alone) {
    struct journal *journal = fixture_open(16 * MIB);
    uint64_t seq = journal_next_seq(journal);
    fixture_put(journal, seq, 5000, 0);
    fixture_expect(journal, seq, JOURNAL_DURABLE);
    fixture_put(journal, seq + 1, 6000, 1);
    fixture_expect(journal, seq + 1, JOURNAL_DURABLE);
    journal_close(&journal);
    ck_assert_uint_gt(fixture_damage(SPAN_LIT(FIXTURE_SOURCE), flip_even), 0);
    journal = fixture_open(16 * MIB);
    ck_assert_uint_eq(fixture.count, 2);
    ck_assert_int_eq(fixture.records[0].damage + fixture.records[1].damage, JOURNAL_DAMAGE_HEADER);
    uint32_t whole = fixture.records[0].damage == JOURNAL_WHOLE ? 0 : 1;
    expect_body(journal, fixture.records[whole].seq, fixture.records[whole].bytes);
    ck_assert_uint_gt(fixture.records[1 - whole].source.len, 0);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    ck_assert_uint_eq(stats.damaged, 1);
    journal_delete(journal, fixture.records[1 - whole].seq);
    journal_hand_over(journal);
    journal_close(&journal);
    journal = fixture_open(16 * MIB);
    ck_assert_uint_eq(fixture.count, 1);
    journal_stats(journal, &stats);
    ck_assert_uint_eq(stats.damaged, 0);
    journal_close(&journal);
}
END_TEST

START_TEST(totals_that_differ_refuse_to_start) {
    one_batch_then_closed();
    ck_assert_uint_gt(fixture_damage(SPAN_LIT("CMJL"), count_one_more), 0);
    struct journal *journal = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(fixture_try_open(&journal, 16 * MIB, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "holds 1 batches"));
    ck_assert_ptr_nonnull(strstr(diag.text, "`casemill verify --salvage`"));
}
END_TEST

START_TEST(a_damaged_body_shows_in_its_sum) {
    one_batch_then_closed();
    struct journal *journal = fixture_open(16 * MIB);
    uint64_t seq = fixture.records[0].seq;
    uint64_t sum = fixture.records[0].sums[0];
    uint8_t bytes[5000];
    ck_assert_int_eq(journal_read(journal, seq, 0, 5000, bytes), ERR_OK);
    ck_assert_uint_eq(hash64(span_make(bytes, 5000)), sum);
    struct journal_record whole;
    ck_assert_int_eq(journal_check_next(journal, 0, &whole), ERR_OK);
    ck_assert_int_eq(whole.damage, JOURNAL_WHOLE);
    journal_close(&journal);
    ck_assert_uint_gt(fixture_damage(span_make(bytes + 100, 64), flip_byte), 0);
    journal = fixture_open(16 * MIB);
    ck_assert_uint_eq(fixture.count, 1);
    ck_assert_int_eq(journal_read(journal, seq, 0, 5000, bytes), ERR_OK);
    ck_assert_uint_ne(hash64(span_make(bytes, 5000)), sum);
    struct journal_record record;
    ck_assert_int_eq(journal_check_next(journal, 0, &record), ERR_OK);
    ck_assert_uint_eq(record.seq, seq);
    ck_assert_int_eq(record.damage, JOURNAL_DAMAGE_BODY);
    ck_assert_int_eq(journal_check_next(journal, seq + 1, &record), ERR_NOT_FOUND);
    journal_close(&journal);
}
END_TEST

/* The child puts and deletes without end and reports each number only after its commit. */
static void write_for_ever(int tell_fd, int64_t number) {
    struct journal *journal = fixture_open(64 * MIB);
    uint64_t seq = journal_next_seq(journal);
    for (;; number++, seq++) {
        fixture_put(journal, seq, (size_t)(number * 977 % 60000 + 1), number);
        struct journal_result result = fixture_result(journal);
        CHECK(result.outcome == JOURNAL_DURABLE);
        int32_t told = (int32_t)number;
        CHECK(write(tell_fd, &told, sizeof(told)) == (ssize_t)sizeof(told));
    }
}

START_TEST(kill_in_mid_commit_loses_nothing_confirmed) {
    static bool told[FIXTURE_RECORDS_MAX];
    int64_t next = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int fds[2];
        ck_assert_int_eq(pipe(fds), 0);
        pid_t child = fork();
        if (child == 0) {
            write_for_ever(fds[1], next);
        }
        (void)close(fds[1]);
        clock_sleep_ms(100 + 37 * round);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        int32_t number = 0;
        while (read(fds[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) {
            told[number] = true;
            next = number + 2; /* the next one may be stored without a report */
        }
        (void)close(fds[0]);
        struct journal *journal = fixture_open(64 * MIB);
        for (int32_t i = 0; i < FIXTURE_RECORDS_MAX; i++) {
            ck_assert_msg(!told[i] || fixture.seen[i], "number %d was told and is lost", i);
        }
        journal_close(&journal);
    }
    ck_assert_int_gt(next, ROUNDS);
}
END_TEST

/* In a child: the file may not grow any more, so that the next commit's write fails. */
static int fail_a_write(void) {
    struct journal *journal = fixture_open(16 * MIB);
    uint64_t seq = journal_next_seq(journal);
    fixture_put(journal, seq, 10000, 0);
    CHECK(fixture_result(journal).outcome == JOURNAL_DURABLE);
    struct rlimit limit = {.rlim_cur = 128 << 10, .rlim_max = 64 * MIB};
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    fixture_put(journal, seq + 1, 5 * MIB, 0);
    if (fixture_result(journal).outcome != JOURNAL_STOPPED) {
        return 2;
    }
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    fixture_put(journal, seq + 2, 10, 0); /* would succeed now, and must not be asked */
    if (fixture_result(journal).outcome != JOURNAL_STOPPED) {
        return 3;
    }
    struct journal_stats stats;
    journal_stats(journal, &stats);
    if (!stats.failed) {
        return 4;
    }
    expect_body(journal, seq, 10000); /* a safe batch can still be dispatched */
    journal_close(&journal);
    return 0;
}

START_TEST(a_failed_write_latches) {
    pid_t child = fork();
    if (child == 0) {
        _exit(fail_a_write());
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    struct journal *journal = fixture_open(16 * MIB);
    ck_assert_uint_eq(fixture.count, 1);
    expect_body(journal, fixture.records[0].seq, 10000);
    journal_close(&journal);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker journal");
    TCase *tests = tcase_create("journal");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, fixture_setup, fixture_teardown);
    tcase_add_test(tests, round_trip_and_reopen);
    tcase_add_test(tests, each_run_has_numbers_of_its_own);
    tcase_add_test(tests, one_broker_a_directory);
    tcase_add_test(tests, a_path_that_cannot_be);
    tcase_add_test(tests, a_spent_budget_gives_room_again);
    tcase_add_test(tests, a_damaged_header_is_that_batch_alone);
    tcase_add_test(tests, totals_that_differ_refuse_to_start);
    tcase_add_test(tests, a_damaged_body_shows_in_its_sum);
    tcase_add_test(tests, kill_in_mid_commit_loses_nothing_confirmed);
    tcase_add_test(tests, a_failed_write_latches);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The journal on a real disk: round trips, damage, a spent budget, kill -9, a failing write. */
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "broker/journal_format.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RECORDS_MAX = 65536, MIB = 1 << 20, ROUNDS = 5 };

static char dir[64];
static struct blob_account account;
static int event_fd;
static bool damage_first_only; /* one place a page */

/* What restore saw. */
static struct {
    uint32_t count;
    struct journal_record records[8];
    bool seen[RECORDS_MAX]; /* by accepted_at */
} restored;

static void setup(void) {
    (void)snprintf(dir, sizeof(dir), "/tmp/casemill-journal-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    event_fd = eventfd(0, EFD_CLOEXEC);
}

static void teardown(void) {
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
    (void)close(event_fd);
    ck_assert_uint_eq(atomic_load(&account.bytes), 0);
}

static void poke(void *context) {
    (void)context;
    uint64_t one = 1;
    CHECK(write(event_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

static void on_restore(const struct journal_record *record, void *context) {
    (void)context;
    if (restored.count < COUNT_OF(restored.records)) {
        restored.records[restored.count] = *record;
    }
    restored.count++;
    if (record->accepted_at >= 0 && record->accepted_at < RECORDS_MAX) {
        restored.seen[record->accepted_at] = true;
    }
}

static enum err try_open(struct journal **journal, int64_t bytes_max, struct diag *diag) {
    struct journal_options options = {.path = dir, .bytes_max = bytes_max, .notify = poke};
    memset(&restored, 0, sizeof(restored));
    return journal_open(&options, on_restore, NULL, journal, diag);
}

static struct journal *open_journal(int64_t bytes_max) {
    struct journal *journal = NULL;
    struct diag diag = {0};
    enum err err = try_open(&journal, bytes_max, &diag);
    ck_assert_msg(err == ERR_OK, "%s", diag.text);
    return journal;
}

static void put(struct journal *journal, uint64_t seq, size_t len, int64_t accepted_at) {
    struct blob *blob = blob_new(&account, len);
    for (size_t i = 0; i < len; i++) {
        blob->bytes[i] = (uint8_t)(seq * 31 + i * 7 + i / 251);
    }
    struct journal_record record = {.seq = seq,
                                    .batch = {{(uint8_t)seq}},
                                    .hash = hash128(blob_span(blob)),
                                    .count = 3,
                                    .bytes = (uint32_t)len,
                                    .ack = WIRE_ACK_OUTCOME,
                                    .priority = WIRE_BULK,
                                    .accepted_at = accepted_at,
                                    .source = SPAN_LIT("a-source-to-find"),
                                    .cut_count = 1,
                                    .sums = {hash64(blob_span(blob))}};
    journal_put(journal, &record, blob);
}

static struct journal_result wait_result(struct journal *journal) {
    struct journal_result result;
    bool failed = false;
    while (journal_collect(journal, &result, 1, &failed) == 0) {
        struct pollfd poll_fd = {.fd = event_fd, .events = POLLIN};
        CHECK(poll(&poll_fd, 1, 10000) == 1);
        uint64_t count = 0;
        CHECK(read(event_fd, &count, sizeof(count)) == (ssize_t)sizeof(count));
    }
    return result;
}

static void expect(struct journal *journal, uint64_t seq, enum journal_outcome outcome) {
    struct journal_result result = wait_result(journal);
    ck_assert_uint_eq(result.seq, seq);
    ck_assert_int_eq(result.outcome, outcome);
}

static void expect_body(struct journal *journal, uint64_t seq, size_t len) {
    uint8_t *bytes = mem_alloc(len);
    ck_assert_int_eq(journal_read(journal, seq, 0, (uint32_t)len, bytes), ERR_OK);
    for (size_t i = 0; i < len; i++) {
        ck_assert_uint_eq(bytes[i], (uint8_t)(seq * 31 + i * 7 + i / 251));
    }
    mem_free(bytes);
}

START_TEST(round_trip_and_reopen) {
    struct journal *journal = open_journal(16 * MIB);
    struct uuid uuid = journal_uuid(journal);
    uint64_t first = journal_next_seq(journal);
    static const size_t SIZES[] = {1, 4080, 4081, 1000000};
    for (uint64_t i = 0; i < COUNT_OF(SIZES); i++) {
        put(journal, first + i, SIZES[i], (int64_t)i);
    }
    for (uint64_t i = 0; i < COUNT_OF(SIZES); i++) {
        expect(journal, first + i, JOURNAL_DURABLE);
        expect_body(journal, first + i, SIZES[i]);
    }
    journal_delete(journal, first + 1);
    journal_close(&journal);
    journal = open_journal(16 * MIB);
    struct uuid again = journal_uuid(journal);
    ck_assert(uuid_eq(&uuid, &again));
    ck_assert_uint_gt(journal_next_seq(journal), first + COUNT_OF(SIZES));
    ck_assert_uint_eq(restored.count, 3);
    const struct journal_record *last = &restored.records[2];
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
    struct journal *journal = open_journal(16 * MIB);
    uint64_t first = journal_next_seq(journal);
    journal_close(&journal);
    journal = open_journal(16 * MIB);
    ck_assert_uint_gt(journal_next_seq(journal), first);
    journal_close(&journal);
}
END_TEST

START_TEST(one_broker_a_directory) {
    struct journal *journal = open_journal(16 * MIB);
    struct journal *second = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(try_open(&second, 16 * MIB, &diag), ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(diag.text, dir));
    journal_close(&journal);
}
END_TEST

START_TEST(a_path_that_cannot_be) {
    char file[96];
    char kept[64];
    struct diag diag = {0};
    struct journal *journal = NULL;
    (void)snprintf(file, sizeof(file), "%s/file", dir);
    ck_assert_int_eq(io_write_file(file, SPAN_LIT("x"), &diag), ERR_OK);
    struct journal_options options = {.bytes_max = 16 * MIB, .notify = poke};
    char below[128];
    (void)snprintf(below, sizeof(below), "%s/journal", file);
    options.path = below;
    memcpy(kept, dir, sizeof(kept));
    ck_assert_int_ne(journal_open(&options, on_restore, NULL, &journal, &diag), ERR_OK);
    ck_assert_ptr_nonnull(strstr(diag.text, kept));
    ck_assert_ptr_null(journal);
}
END_TEST

START_TEST(a_spent_budget_gives_room_again) {
    struct journal *journal = open_journal(4 * MIB);
    uint64_t seq = journal_next_seq(journal);
    uint64_t first = seq;
    for (int i = 0; i < 3; i++, seq++) {
        put(journal, seq, MIB, 0);
        expect(journal, seq, JOURNAL_DURABLE);
    }
    put(journal, seq, MIB, 0);
    expect(journal, seq, JOURNAL_NO_ROOM);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    ck_assert(stats.full && !stats.failed);
    ck_assert_uint_eq(stats.live_count, 3);
    journal_delete(journal, first);
    while (journal_stats(journal, &stats), stats.pending_count > 0) {
        struct pollfd poll_fd = {.fd = event_fd, .events = POLLIN};
        CHECK(poll(&poll_fd, 1, 10000) == 1);
    }
    ck_assert(!stats.full); /* before anyone has tried again */
    put(journal, seq + 1, MIB, 0);
    expect(journal, seq + 1, JOURNAL_DURABLE);
    expect_body(journal, seq + 1, MIB);
    journal_close(&journal);
}
END_TEST

/* Changes the file wherever `wanted` stands in it; returns how often that was. */
static uint32_t damage(struct span wanted, void (*change)(uint8_t *at)) {
    char file[96];
    struct buf bytes = BUF_EMPTY;
    struct diag diag = {0};
    uint32_t found = 0;
    (void)snprintf(file, sizeof(file), "%s/data.mdb", dir);
    ck_assert_int_eq(io_read_file(file, (size_t)256 * MIB, &bytes, &diag), ERR_OK);
    for (size_t at = 0; at + wanted.len <= bytes.len; at++) {
        if (memcmp(bytes.ptr + at, wanted.ptr, wanted.len) == 0) {
            change(bytes.ptr + at);
            found++;
            at += damage_first_only ? FORMAT_PAGE_BYTES - at % FORMAT_PAGE_BYTES - 1 : 0;
        }
    }
    ck_assert_int_eq(io_write_file(file, buf_span(&bytes), &diag), ERR_OK);
    buf_free(&bytes);
    return found;
}

static void flip_byte(uint8_t *at) { at[3] ^= 0x40; }

/* One batch more than there is, with a checksum that holds. */
static void count_one_more(uint8_t *at) {
    at[32]++;
    struct buf sum = BUF_EMPTY;
    buf_le64(&sum, hash64(span_make(at, 64)));
    memcpy(at + 64, sum.ptr, 8);
    buf_free(&sum);
}

static void one_batch_then_closed(void) {
    struct journal *journal = open_journal(16 * MIB);
    uint64_t seq = journal_next_seq(journal);
    put(journal, seq, 5000, 0);
    expect(journal, seq, JOURNAL_DURABLE);
    journal_close(&journal);
}

/* The damaged one is named, the other goes on, and both can be deleted. */
START_TEST(a_damaged_header_is_that_batch_alone) {
    struct journal *journal = open_journal(16 * MIB);
    uint64_t seq = journal_next_seq(journal);
    put(journal, seq, 5000, 0);
    expect(journal, seq, JOURNAL_DURABLE);
    put(journal, seq + 1, 6000, 1);
    expect(journal, seq + 1, JOURNAL_DURABLE);
    journal_close(&journal);
    damage_first_only = true;
    ck_assert_uint_gt(damage(SPAN_LIT("a-source-to-find"), flip_byte), 0);
    journal = open_journal(16 * MIB);
    ck_assert_uint_eq(restored.count, 2);
    ck_assert_int_eq(restored.records[0].damage + restored.records[1].damage,
                     JOURNAL_DAMAGE_HEADER);
    uint32_t whole = restored.records[0].damage == JOURNAL_WHOLE ? 0 : 1;
    expect_body(journal, restored.records[whole].seq, restored.records[whole].bytes);
    ck_assert_uint_gt(restored.records[1 - whole].source.len, 0);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    ck_assert_uint_eq(stats.damaged, 1);
    journal_delete(journal, restored.records[1 - whole].seq);
    journal_close(&journal);
    journal = open_journal(16 * MIB);
    ck_assert_uint_eq(restored.count, 1);
    journal_stats(journal, &stats);
    ck_assert_uint_eq(stats.damaged, 0);
    journal_close(&journal);
}
END_TEST

START_TEST(totals_that_differ_refuse_to_start) {
    one_batch_then_closed();
    ck_assert_uint_gt(damage(SPAN_LIT("CMJL"), count_one_more), 0);
    struct journal *journal = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(try_open(&journal, 16 * MIB, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "holds 1 batches"));
    ck_assert_ptr_nonnull(strstr(diag.text, "`casemill verify --salvage`"));
}
END_TEST

START_TEST(a_damaged_body_shows_in_its_sum) {
    one_batch_then_closed();
    struct journal *journal = open_journal(16 * MIB);
    uint64_t seq = restored.records[0].seq;
    uint64_t sum = restored.records[0].sums[0];
    uint8_t bytes[5000];
    ck_assert_int_eq(journal_read(journal, seq, 0, 5000, bytes), ERR_OK);
    ck_assert_uint_eq(hash64(span_make(bytes, 5000)), sum);
    journal_close(&journal);
    ck_assert_uint_gt(damage(span_make(bytes + 100, 64), flip_byte), 0);
    journal = open_journal(16 * MIB);
    ck_assert_uint_eq(restored.count, 1);
    ck_assert_int_eq(journal_read(journal, seq, 0, 5000, bytes), ERR_OK);
    ck_assert_uint_ne(hash64(span_make(bytes, 5000)), sum);
    journal_close(&journal);
}
END_TEST

/* The child puts and deletes for ever and tells each number only after its commit. */
static void write_for_ever(int tell_fd, int64_t number) {
    struct journal *journal = open_journal(64 * MIB);
    uint64_t seq = journal_next_seq(journal);
    for (;; number++, seq++) {
        put(journal, seq, (size_t)(number * 977 % 60000 + 1), number);
        struct journal_result result = wait_result(journal);
        CHECK(result.outcome == JOURNAL_DURABLE);
        int32_t told = (int32_t)number;
        CHECK(write(tell_fd, &told, sizeof(told)) == (ssize_t)sizeof(told));
    }
}

START_TEST(kill_in_mid_commit_loses_nothing_told) {
    static bool told[RECORDS_MAX];
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
            next = number + 2; /* the next one may be there without having been told */
        }
        (void)close(fds[0]);
        struct journal *journal = open_journal(64 * MIB);
        for (int32_t i = 0; i < RECORDS_MAX; i++) {
            ck_assert_msg(!told[i] || restored.seen[i], "number %d was told and is lost", i);
        }
        journal_close(&journal);
    }
    ck_assert_int_gt(next, ROUNDS);
}
END_TEST

/* In a child: the file may not grow any more, so that the next commit's write fails. */
static int fail_a_write(void) {
    struct journal *journal = open_journal(16 * MIB);
    uint64_t seq = journal_next_seq(journal);
    put(journal, seq, 10000, 0);
    CHECK(wait_result(journal).outcome == JOURNAL_DURABLE);
    struct rlimit limit = {.rlim_cur = 128 << 10, .rlim_max = 64 * MIB};
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    put(journal, seq + 1, 5 * MIB, 0);
    if (wait_result(journal).outcome != JOURNAL_STOPPED) {
        return 2;
    }
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    put(journal, seq + 2, 10, 0); /* would succeed now, and must not be asked */
    if (wait_result(journal).outcome != JOURNAL_STOPPED) {
        return 3;
    }
    struct journal_stats stats;
    journal_stats(journal, &stats);
    if (!stats.failed) {
        return 4;
    }
    expect_body(journal, seq, 10000); /* what is safe can still be dealt */
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
    struct journal *journal = open_journal(16 * MIB);
    ck_assert_uint_eq(restored.count, 1);
    expect_body(journal, restored.records[0].seq, 10000);
    journal_close(&journal);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker journal");
    TCase *tests = tcase_create("journal");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, round_trip_and_reopen);
    tcase_add_test(tests, each_run_has_numbers_of_its_own);
    tcase_add_test(tests, one_broker_a_directory);
    tcase_add_test(tests, a_path_that_cannot_be);
    tcase_add_test(tests, a_spent_budget_gives_room_again);
    tcase_add_test(tests, a_damaged_header_is_that_batch_alone);
    tcase_add_test(tests, totals_that_differ_refuse_to_start);
    tcase_add_test(tests, a_damaged_body_shows_in_its_sum);
    tcase_add_test(tests, kill_in_mid_commit_loses_nothing_told);
    tcase_add_test(tests, a_failed_write_latches);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

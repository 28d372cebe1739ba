/* A map that is full although the budget is not: somebody reads the journal and holds its old
 * pages. Puts get BUSY, deletes wait and are done later; nothing of it is a failure of the disk. */
#include "journal_fixture.h"

#include "base/clock.h"

#include <lmdb.h>
#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS_MAX = 400, WAIT_MS = 10000 };

/* In a child: a read transaction until it is killed. Reports when it has one. */
static void read_for_ever(int tell_fd) {
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    CHECK(mdb_env_create(&env) == 0);
    CHECK(mdb_env_open(env, fixture.dir, MDB_RDONLY, 0600) == 0);
    CHECK(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
    CHECK(write(tell_fd, "r", 1) == 1);
    for (;;) {
        (void)pause();
    }
}

static pid_t start_reader(void) {
    int fds[2];
    char told = 0;
    ck_assert_int_eq(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        read_for_ever(fds[1]);
    }
    (void)close(fds[1]);
    ck_assert_int_eq(read(fds[0], &told, 1), 1);
    (void)close(fds[0]);
    return child;
}

static bool live_is(struct journal *journal, uint64_t wanted) {
    struct journal_stats stats;
    int64_t end_ms = clock_mono_ms() + WAIT_MS;
    do {
        journal_stats(journal, &stats);
        ck_assert(!stats.failed);
        if (stats.live_count == wanted && stats.pending_count == 0) {
            return true;
        }
        clock_sleep_ms(5);
    } while (clock_mono_ms() < end_ms);
    return false;
}

static struct {
    uint64_t seqs[ROUNDS_MAX * 3];
    uint32_t count;
} live;

/* Puts and deletes until a put finds no room; each batch leaves its pages to the reader. */
static uint64_t fill(struct journal *journal, uint64_t seq, size_t bytes) {
    for (int round = 0; round < ROUNDS_MAX; round++, seq++) {
        fixture_put(journal, seq, bytes, 0);
        struct journal_result result = fixture_result(journal);
        ck_assert_int_ne(result.outcome, JOURNAL_STOPPED);
        if (result.outcome == JOURNAL_NO_ROOM) {
            return seq + 1;
        }
        live.seqs[live.count++] = seq;
        if (live.count > 3) {
            journal_delete(journal, live.seqs[0]);
            journal_hand_over(journal);
            memmove(live.seqs, live.seqs + 1, --live.count * sizeof(live.seqs[0]));
        }
    }
    ck_abort_msg("the map never filled");
    return seq;
}

START_TEST(a_full_map_is_busy_and_not_broken) {
    struct journal *journal = fixture_open(16 * MIB);
    struct journal_stats stats;
    pid_t reader = start_reader();
    uint64_t seq = fill(journal, journal_next_seq(journal), MIB);
    journal_stats(journal, &stats);
    ck_assert(stats.full && !stats.failed);
    ck_assert_uint_lt(stats.used_bytes, stats.bytes_max / 2); /* not the budget */
    seq = fill(journal, seq, 4000);                           /* down to the last page */
    seq = fill(journal, seq, 1);
    ck_assert_uint_gt(live.count, 1);
    for (uint32_t i = 0; i < live.count; i++) { /* they may have to wait, whatever it takes */
        journal_delete(journal, live.seqs[i]);
        journal_hand_over(journal);
    }
    fixture_put(journal, seq, 2 * MIB, 0);
    ck_assert_int_eq(fixture_result(journal).outcome, JOURNAL_NO_ROOM);
    ck_assert_int_eq(kill(reader, SIGKILL), 0);
    ck_assert_int_eq(waitpid(reader, NULL, 0), reader);
    ck_assert(live_is(journal, 0));
    fixture_put(journal, seq + 2, 2 * MIB, 0);
    fixture_expect(journal, seq + 2, JOURNAL_DURABLE);
    ck_assert(fixture_body_is(journal, seq + 2, 2 * MIB));
    journal_close(&journal);
    journal = fixture_open(16 * MIB);
    ck_assert_uint_eq(fixture.count, 1);
    journal_close(&journal);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker journal full");
    TCase *tests = tcase_create("full");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, fixture_setup, fixture_teardown);
    tcase_add_test(tests, a_full_map_is_busy_and_not_broken);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

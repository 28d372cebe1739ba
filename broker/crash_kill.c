/* kill -9 under load.  A child puts rounds of batches. All but the first of a round are small and
 * share commits, and so packs, with their neighbours. The child reports each number once it is
 * durable. It deletes half of a round one round later, the rest after another: packs lose their
 * batches one by one. A delete is handed over before the puts behind it: once one of those is
 * reported, the delete is durable, too.
 */
#include "base/clock.h"
#include "broker/crash_test_priv.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 10, KILL_AFTER_MS = 60, ROUND = 16 };

/* What the child reports. */
struct reported {
    uint64_t number, commits;
};

static struct crash_batch batch_of(uint64_t seq, uint64_t number) {
    bool large = number % ROUND == 0;
    return (struct crash_batch){.seq = seq,
                                .number = number,
                                .bytes = large ? CRASH_LARGE_BYTES
                                               : 100 + (uint32_t)(number * 37 % 900)};
}

/* The round with whose end the deletion of a number is handed over. */
static uint64_t deleted_by(uint64_t number) { return number / ROUND + 1 + (number % 2 == 0); }

static void delete_done(struct journal *journal, uint64_t seq_of_0, uint64_t from, uint64_t round) {
    for (uint64_t number = round < 2 ? 0 : (round - 2) * ROUND; number < round * ROUND; number++) {
        if (number >= from && deleted_by(number) == round) {
            journal_delete(journal, seq_of_0 + number);
            journal_hand_over(journal);
        }
    }
}

/* The child: from a number that begins a round on. */
static void put_until_killed(struct crash_test *test, int report_fd, uint64_t from) {
    struct journal *journal = NULL;
    struct journal_stats stats;
    if (crash_open(test, &journal) != ERR_OK) {
        _exit(1);
    }
    uint64_t seq_of_0 = journal_next_seq(journal) - from;
    for (uint64_t round = from / ROUND;; round++) {
        for (uint64_t i = 0; i < ROUND; i++) {
            uint64_t number = round * ROUND + i;
            struct crash_batch batch = batch_of(seq_of_0 + number, number);
            crash_put(test, journal, &batch);
        }
        for (uint64_t i = 0; i < ROUND; i++) {
            bool durable = crash_await(test, journal) == JOURNAL_DURABLE;
            journal_stats(journal, &stats);
            struct reported reported = {round * ROUND + i, stats.commits};
            if (!durable ||
                write(report_fd, &reported, sizeof(reported)) != (ssize_t)sizeof(reported)) {
                _exit(1);
            }
        }
        delete_done(journal, seq_of_0, from, round);
    }
}

/* One kill: *reported is the last report. */
static enum err kill_once(struct crash_test *test, int64_t after_ms, uint64_t from,
                          struct reported *reported) {
    int fds[2];
    if (pipe(fds) != 0) {
        return crash_result(test, ERR_SYSTEM, "%s", strerror(errno));
    }
    pid_t child = fork();
    if (child == 0) {
        put_until_killed(test, fds[1], from);
    }
    (void)close(fds[1]);
    struct pollfd first = {.fd = fds[0], .events = POLLIN};
    bool has_begun = poll(&first, 1, CRASH_WAIT_MS) == 1; /* the kill interrupts running work */
    clock_sleep_ms(after_ms);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    struct reported next;
    bool any = false;
    while (has_begun && read(fds[0], &next, sizeof(next)) == (ssize_t)sizeof(next)) {
        *reported = next;
        any = true;
    }
    (void)close(fds[0]);
    return any ? ERR_OK : crash_result(test, ERR_IO, "nothing became durable");
}

static const struct crash_batch *restored(const struct crash_test *test, uint64_t number) {
    for (uint64_t i = 0; i < test->restored; i++) {
        if (test->batches[i].number == number) {
            return &test->batches[i];
        }
    }
    return NULL;
}

/* Compares what was restored with what was reported, up to `last`. */
static enum err check_restored(struct crash_test *test, struct journal *journal, uint64_t from,
                               uint64_t last) {
    uint64_t found = 0;
    if (test->damaged > 0 || test->restored > CRASH_RESTORED_MAX) {
        return crash_result(test, ERR_CORRUPT,
                            "after kill -9 %llu batches are there, %llu of them damaged",
                            (unsigned long long)test->restored, (unsigned long long)test->damaged);
    }
    /* What was handed over behind the last may be durable without a report. */
    for (uint64_t number = from; number <= last + ROUND; number++) {
        const struct crash_batch *batch = restored(test, number);
        uint64_t asked_at = (deleted_by(number) + 1) * ROUND - 1; /* once this was reported */
        if (batch == NULL && number <= last && last < asked_at) {
            return crash_result(test, ERR_CORRUPT,
                                "a batch that was confirmed is gone after kill -9");
        }
        if (batch != NULL && last > asked_at) {
            return crash_result(test, ERR_CORRUPT, "a batch that was done is back after kill -9");
        }
        if (batch != NULL && !crash_body_is(journal, batch)) {
            return crash_result(test, ERR_CORRUPT, "a batch is another one after kill -9");
        }
        found += batch != NULL ? 1 : 0;
    }
    return found == test->restored
               ? ERR_OK
               : crash_result(test, ERR_CORRUPT,
                              "batches are there after kill -9 that were never put");
}

enum err crash_check_kill(struct crash_test *test) {
    uint64_t from = 0;
    uint64_t confirmed = 0;
    uint64_t commits = 0;
    for (int turn = 0; turn < KILLS; turn++) {
        struct journal *journal = NULL;
        struct reported reported = {0};
        enum err err = kill_once(test, KILL_AFTER_MS + 7 * turn, from, &reported);
        err = err != ERR_OK ? err : crash_open(test, &journal);
        err = err != ERR_OK ? err : check_restored(test, journal, from, reported.number);
        for (uint64_t i = 0; err == ERR_OK && i < test->restored; i++) {
            journal_delete(journal, test->batches[i].seq);
            journal_hand_over(journal);
        }
        journal_close(&journal);
        if (err != ERR_OK) {
            return err;
        }
        confirmed += reported.number - from + 1;
        commits += reported.commits;
        from = (reported.number / ROUND + 2) * ROUND;
    }
    return crash_result(test, ERR_OK, "%d kills, %llu batches confirmed in %llu commits, none lost",
                        KILLS, (unsigned long long)confirmed, (unsigned long long)commits);
}

/* Purpose: what the checks of crash_test.c and crash_kill.c share: a journal of their own, batches
 * whose bytes follow from their numbers, and what a check found.
 * Read next: crash_test.c. */
#ifndef CASEMILL_BROKER_CRASH_TEST_PRIV_H
#define CASEMILL_BROKER_CRASH_TEST_PRIV_H

#include "broker/crash_test.h"
#include "broker/journal.h"

enum {
    MIB = 1 << 20,
    CRASH_BUDGET_BYTES = 16 * MIB,
    CRASH_PATH_BYTES = 4096,
    CRASH_WAIT_MS = 30000,
    CRASH_LARGE_BYTES = 20000, /* with chunks of its own */
    CRASH_RESTORED_MAX = 256
};

/* Its number is kept as accepted_at; its bytes follow from it. */
struct crash_batch {
    uint64_t seq, number;
    uint32_t bytes;
};
struct crash_test {
    char dir[CRASH_PATH_BYTES]; /* ours */
    int wake_fd;                /* poked by the journal's writer */
    struct blob_account account;
    struct diag found;                              /* what a check found */
    uint64_t restored, damaged;                     /* at the last open */
    struct crash_batch batches[CRASH_RESTORED_MAX]; /* the first of the restored */
};

/* crash_journal.c.  crash_open: Errors: as journal_open, in test->found. */
MUST_USE enum err crash_open(struct crash_test *test, struct journal **journal);
/* crash_fill_body: the bytes of a number; no other number has the same anywhere. */
void crash_fill_body(uint8_t *bytes, size_t len, uint64_t number);
/* crash_put hands a batch over; crash_await waits for the next result. */
void crash_put(struct crash_test *test, struct journal *journal, const struct crash_batch *batch);
enum journal_outcome crash_await(struct crash_test *test, struct journal *journal);
bool crash_body_is(struct journal *journal, const struct crash_batch *batch);
/* crash_result sets what a check found and returns err. */
MUST_USE enum err crash_result(struct crash_test *test, enum err err, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* crash_kill.c.  crash_check_kill: kill -9 in the middle of rounds of puts and deletes.  Errors:
 * ERR_CORRUPT something is lost or back, in test->found; ERR_SYSTEM, ERR_IO it could not be tried.
 */
MUST_USE enum err crash_check_kill(struct crash_test *test);

#endif

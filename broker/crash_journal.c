/* The journal of crash_test.c and crash_kill.c, as the broker has it, with batches whose bytes
 * follow from their numbers. */
#include "broker/crash_test_priv.h"

#include "base/mem.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static void poke(void *context) {
    struct crash_test *test = context;
    uint64_t one = 1;
    ssize_t written = write(test->wake_fd, &one, sizeof(one));
    CHECK(written == (ssize_t)sizeof(one));
}

static void count_record(const struct journal_record *record, void *context) {
    struct crash_test *test = context;
    if (test->restored < CRASH_RESTORED_MAX) {
        test->batches[test->restored] = (struct crash_batch){
            .seq = record->seq, .number = (uint64_t)record->accepted_at, .bytes = record->bytes};
    }
    test->restored++;
    test->damaged += record->damage == JOURNAL_WHOLE ? 0 : 1;
}

enum err crash_open(struct crash_test *test, struct journal **journal) {
    struct journal_options options = {
        .path = test->dir, .bytes_max = CRASH_BUDGET_BYTES, .notify = poke, .context = test};
    test->restored = 0;
    test->damaged = 0;
    return journal_open(&options, count_record, test, journal, &test->found);
}

void crash_fill_body(uint8_t *bytes, size_t len, uint64_t number) {
    struct rng rng = {.state = number};
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        uint64_t next = rng_next(&rng);
        memcpy(bytes + at, &next, len - at < sizeof(next) ? len - at : sizeof(next));
    }
}

void crash_put(struct crash_test *test, struct journal *journal, const struct crash_batch *batch) {
    struct blob *blob = blob_new(&test->account, batch->bytes);
    crash_fill_body(blob->bytes, blob->len, batch->number);
    struct journal_record record = {.seq = batch->seq,
                                    .batch = uuid_random(),
                                    .hash = hash128(blob_span(blob)),
                                    .count = 1,
                                    .bytes = batch->bytes,
                                    .accepted_at = (int64_t)batch->number,
                                    .source = SPAN_LIT("crash-test"),
                                    .cut_count = 1,
                                    .sums = {hash64(blob_span(blob))}};
    journal_put(journal, &record, blob);
    journal_hand_over(journal);
}

enum journal_outcome crash_await(struct crash_test *test, struct journal *journal) {
    struct journal_result result = {.outcome = JOURNAL_STOPPED};
    bool failed = false;
    struct pollfd wake = {.fd = test->wake_fd, .events = POLLIN};
    while (journal_collect(journal, &result, 1, &failed) == 0 &&
           poll(&wake, 1, CRASH_WAIT_MS) == 1) {
        uint64_t pokes = 0;
        ssize_t got = read(test->wake_fd, &pokes, sizeof(pokes));
        CHECK(got == (ssize_t)sizeof(pokes));
    }
    return result.outcome;
}

bool crash_body_is(struct journal *journal, const struct crash_batch *batch) {
    uint8_t *wanted = mem_alloc(batch->bytes);
    uint8_t *found = mem_alloc(batch->bytes);
    crash_fill_body(wanted, batch->bytes, batch->number);
    bool same = journal_read(journal, batch->seq, 0, batch->bytes, found) == ERR_OK &&
                memcmp(wanted, found, batch->bytes) == 0;
    mem_free(wanted);
    mem_free(found);
    return same;
}

enum err crash_result(struct crash_test *test, enum err err, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(test->found.text, sizeof(test->found.text), format, arguments);
    va_end(arguments);
    test->found.err = err;
    return err;
}

/* Purpose: a journal in a directory of its own, for the tests of it: puts, results, bodies, what a
 * restore saw, and damage to the file.  Each test program has its own state. */
#ifndef CASEMILL_TESTS_UNIT_JOURNAL_FIXTURE_H
#define CASEMILL_TESTS_UNIT_JOURNAL_FIXTURE_H

#include "base/io.h"
#include "base/mem.h"
#include "broker/journal_format.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { FIXTURE_RECORDS_MAX = 65536, FIXTURE_KEPT_MAX = 64, MIB = 1 << 20 };
#define FIXTURE_SOURCE "a-source-to-find"

static struct {
    char dir[64];
    struct blob_account account;
    int event_fd;
    /* What the last restore saw; source only while it ran. */
    uint32_t count;
    struct journal_record records[FIXTURE_KEPT_MAX];
    bool seen[FIXTURE_RECORDS_MAX]; /* by accepted_at */
} fixture;

/* Never in memory: each journal's space is reserved, which writes all of it there. */
static inline void fixture_setup(void) {
    (void)snprintf(fixture.dir, sizeof(fixture.dir), "/tmp/casemill-journal-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fixture.dir));
    fixture.event_fd = eventfd(0, EFD_CLOEXEC);
}

static inline void fixture_teardown(void) {
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture.dir);
    ck_assert_int_eq(system(command), 0);
    (void)close(fixture.event_fd);
    ck_assert_uint_eq(atomic_load(&fixture.account.bytes), 0);
}

static inline void fixture_poke(void *context) {
    (void)context;
    uint64_t one = 1;
    CHECK(write(fixture.event_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

static inline void fixture_restore(const struct journal_record *record, void *context) {
    (void)context;
    if (fixture.count < COUNT_OF(fixture.records)) {
        fixture.records[fixture.count] = *record;
    }
    fixture.count++;
    if (record->accepted_at >= 0 && record->accepted_at < FIXTURE_RECORDS_MAX) {
        fixture.seen[record->accepted_at] = true;
    }
}

MUST_USE static inline enum err fixture_try_open(struct journal **journal, int64_t bytes_max,
                                                 struct diag *diag) {
    struct journal_options options = {
        .path = fixture.dir, .bytes_max = bytes_max, .notify = fixture_poke};
    fixture.count = 0;
    memset(fixture.records, 0, sizeof(fixture.records));
    memset(fixture.seen, 0, sizeof(fixture.seen));
    return journal_open(&options, fixture_restore, NULL, journal, diag);
}

static inline struct journal *fixture_open(int64_t bytes_max) {
    struct journal *journal = NULL;
    struct diag diag = {0};
    enum err err = fixture_try_open(&journal, bytes_max, &diag);
    ck_assert_msg(err == ERR_OK, "%s", diag.text);
    return journal;
}

static inline uint8_t fixture_byte(uint64_t seq, size_t at) {
    return (uint8_t)(seq * 31 + at * 7 + at / 251);
}

/* A batch with the given number as its content. */
static inline struct blob *fixture_record(uint64_t seq, size_t len, struct journal_record *record) {
    struct blob *blob = blob_new(&fixture.account, len);
    for (size_t i = 0; i < len; i++) {
        blob->bytes[i] = fixture_byte(seq, i);
    }
    *record = (struct journal_record){.seq = seq,
                                      .batch = {{(uint8_t)seq}},
                                      .hash = hash128(blob_span(blob)),
                                      .count = 3,
                                      .bytes = (uint32_t)len,
                                      .ack = WIRE_ACK_OUTCOME,
                                      .priority = WIRE_BULK,
                                      .source = SPAN_LIT(FIXTURE_SOURCE),
                                      .cut_count = 1,
                                      .sums = {hash64(blob_span(blob))}};
    return blob;
}

/* fixture_as_rows makes it a record of rows, whose names are the first bytes. */
static inline void fixture_as_rows(const struct blob *blob, uint32_t names_bytes,
                                   struct journal_record *record) {
    record->names_bytes = names_bytes;
    record->names_sum = hash64(span_make(blob->bytes, names_bytes));
    record->cuts[0] = names_bytes;
    record->sums[0] = hash64(span_make(blob->bytes + names_bytes, blob->len - names_bytes));
}

static inline void fixture_put(struct journal *journal, uint64_t seq, size_t len,
                               int64_t accepted_at) {
    struct journal_record record;
    struct blob *blob = fixture_record(seq, len, &record);
    record.accepted_at = accepted_at;
    journal_put(journal, &record, blob);
    journal_hand_over(journal);
}

static inline void fixture_wait(void) {
    struct pollfd poll_fd = {.fd = fixture.event_fd, .events = POLLIN};
    CHECK(poll(&poll_fd, 1, 10000) == 1);
    uint64_t count = 0;
    CHECK(read(fixture.event_fd, &count, sizeof(count)) == (ssize_t)sizeof(count));
}

static inline struct journal_result fixture_result(struct journal *journal) {
    struct journal_result result;
    bool failed = false;
    while (journal_collect(journal, &result, 1, &failed) == 0) {
        fixture_wait();
    }
    return result;
}

static inline void fixture_expect(struct journal *journal, uint64_t seq,
                                  enum journal_outcome outcome) {
    struct journal_result result = fixture_result(journal);
    ck_assert_uint_eq(result.seq, seq);
    ck_assert_int_eq(result.outcome, outcome);
}

static inline bool fixture_body_is(struct journal *journal, uint64_t seq, size_t len) {
    uint8_t *bytes = mem_alloc(len);
    bool same = journal_read(journal, seq, 0, (uint32_t)len, bytes) == ERR_OK;
    for (size_t i = 0; same && i < len; i++) {
        same = bytes[i] == fixture_byte(seq, i);
    }
    mem_free(bytes);
    return same;
}

/* The bytes of data.mdb, and back. */
static inline void fixture_file_read(struct buf *bytes) {
    char file[96];
    struct diag diag = {0};
    (void)snprintf(file, sizeof(file), "%s/data.mdb", fixture.dir);
    ck_assert_int_eq(io_read_file(file, (size_t)256 * MIB, bytes, &diag), ERR_OK);
}

static inline void fixture_file_write(struct span bytes) {
    char file[96];
    struct diag diag = {0};
    (void)snprintf(file, sizeof(file), "%s/data.mdb", fixture.dir);
    ck_assert_int_eq(io_write_file(file, bytes, &diag), ERR_OK);
}

/* fixture_damage changes every occurrence of `wanted` in the file; returns how many there were. */
static inline uint32_t fixture_damage(struct span wanted, void (*change)(uint8_t *at)) {
    struct buf bytes = BUF_EMPTY;
    uint32_t found = 0;
    fixture_file_read(&bytes);
    for (size_t at = 0; at + wanted.len <= bytes.len; at++) {
        if (memcmp(bytes.ptr + at, wanted.ptr, wanted.len) == 0) {
            change(bytes.ptr + at);
            found++;
        }
    }
    fixture_file_write(buf_span(&bytes));
    buf_free(&bytes);
    return found;
}

/* Puts the XXH3-64 of the bytes before it where it belongs. */
static inline void fixture_seal(uint8_t *at, size_t len) {
    struct buf sum = BUF_EMPTY;
    buf_le64(&sum, hash64(span_make(at, len)));
    memcpy(at + len, sum.ptr, 8);
    buf_free(&sum);
}

#endif

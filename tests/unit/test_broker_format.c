/* The journal's records as bytes: all versions there and back, and no bit of them can change
 * without being noticed. */
#include "broker/journal_format.h"

#include <check.h>
#include <stdlib.h>

#define EXTRA                                                                                      \
    "\x81\xa7reapply\x81\xa7ruleset\xa3"                                                           \
    "abc"

static struct journal_record sample(enum work_mode mode, struct span extra) {
    return (struct journal_record){.seq = 77,
                                   .batch = {{1, 2, 3}},
                                   .hash = {{4, 5, 6}},
                                   .count = 5000,
                                   .bytes = 90000,
                                   .ack = WIRE_ACK_OUTCOME,
                                   .priority = WIRE_BULK,
                                   .accepted_at = 1600000000123456,
                                   .source = SPAN_LIT("reapply"),
                                   .mode = mode,
                                   .extra = extra,
                                   .cut_count = 2,
                                   .cuts = {0, 70000},
                                   .sums = {8, 9}};
}

static enum err decode(struct span value, struct journal_record *record) {
    uint8_t key[FORMAT_RECORD_KEY_BYTES];
    format_record_key(77, key);
    return format_record_decode(span_make(key, sizeof(key)), value, record);
}

static void there_and_back(enum work_mode mode, struct span extra, uint8_t version) {
    const struct journal_record record = sample(mode, extra);
    struct journal_record read;
    struct buf value = BUF_EMPTY;
    format_record_encode(&record, &value);
    ck_assert_uint_eq(value.ptr[0], version);
    ck_assert_uint_le(value.len, FORMAT_RECORD_BYTES_MAX);
    ck_assert_int_eq(decode(buf_span(&value), &read), ERR_OK);
    ck_assert_int_eq(read.mode, mode);
    ck_assert(span_eq(read.extra, extra));
    ck_assert(span_is(read.source, "reapply"));
    ck_assert_uint_eq(read.count, 5000);
    ck_assert_uint_eq(read.cuts[1], 70000);
    ck_assert_uint_eq(read.sums[1], 9);
    buf_free(&value);
}

START_TEST(all_versions_there_and_back) {
    uint8_t longest[JOURNAL_EXTRA_MAX];
    memset(longest, 0xc0, sizeof(longest));
    there_and_back(WORK_INTAKE, SPAN_LIT(""), 1);
    there_and_back(WORK_REAPPLY, SPAN_LIT(EXTRA), 2);
    there_and_back(WORK_REAPPLY, SPAN_LIT(""), 2);
    there_and_back(WORK_RETRY, SPAN_LIT(""), 3);
    there_and_back(WORK_INTAKE, span_make(longest, sizeof(longest)), 2);
}
END_TEST

/* The program before this one knows nothing else: its journal is read, and it reads ours. */
START_TEST(intake_is_the_first_version_to_the_byte) {
    static const uint8_t opening[] = {1, 1, 2, 7, 1, 2, 3};
    const struct journal_record record = sample(WORK_INTAKE, SPAN_LIT(""));
    struct buf value = BUF_EMPTY;
    format_record_encode(&record, &value);
    ck_assert_uint_eq(value.len, 53 + 7 + 2 * 12 + 8);
    ck_assert_mem_eq(value.ptr, opening, sizeof(opening));
    buf_free(&value);
}
END_TEST

/* A program that does not know RETRY sees a newer version, and no damage. */
START_TEST(retry_is_the_third_version_to_the_byte) {
    static const uint8_t opening[] = {3, 1, 2, 7, 1, 2, 3};
    static const uint8_t mode[] = {2, 0, 0};
    const struct journal_record record = sample(WORK_RETRY, SPAN_LIT(""));
    struct buf value = BUF_EMPTY;
    format_record_encode(&record, &value);
    ck_assert_uint_eq(value.len, 53 + 7 + 2 * 12 + 3 + 8);
    ck_assert_mem_eq(value.ptr, opening, sizeof(opening));
    ck_assert_mem_eq(value.ptr + 53 + 7 + 2 * 12, mode, sizeof(mode));
    buf_free(&value);
}
END_TEST

START_TEST(any_bit_and_any_cut_is_noticed) {
    const struct journal_record record = sample(WORK_REAPPLY, SPAN_LIT(EXTRA));
    struct journal_record read;
    struct buf value = BUF_EMPTY;
    format_record_encode(&record, &value);
    for (size_t bit = 0; bit < value.len * 8; bit++) {
        value.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
        ck_assert_int_eq(decode(buf_span(&value), &read), ERR_CORRUPT);
        value.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t len = 0; len < value.len; len++) {
        uint8_t *cut = malloc(len + 1); /* of that size, so that a read past its end is seen */
        ck_assert_ptr_nonnull(cut);
        memcpy(cut, value.ptr, len);
        ck_assert_int_eq(decode(span_make(cut, len), &read), ERR_CORRUPT);
        free(cut);
    }
    buf_free(&value);
}
END_TEST

/* A record with a valid checksum and impossible content: an unknown mode, an extra that is
 * longer than its value, bytes after it. */
START_TEST(a_mode_out_of_range_is_refused) {
    struct journal_record record = sample(WORK_REAPPLY, SPAN_LIT(EXTRA));
    struct journal_record read;
    const size_t mode_at = 53 + 7 + 2 * 12;
    const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {{mode_at, 2},     {mode_at, 3},     {0, 3}, {mode_at + 1, 200},
                 {mode_at + 1, 3}, {mode_at + 2, 1}, {0, 1}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct buf value = BUF_EMPTY;
        struct buf sealed = BUF_EMPTY;
        uint8_t key[FORMAT_RECORD_KEY_BYTES];
        format_record_encode(&record, &value);
        value.ptr[wrong[i].at] = wrong[i].value;
        value.len -= 8;
        format_record_key(77, key);
        buf_append(&sealed, span_make(key, sizeof(key)));
        buf_append(&sealed, buf_span(&value));
        buf_le64(&value, hash64(buf_span(&sealed)));
        ck_assert_int_eq(decode(buf_span(&value), &read), ERR_CORRUPT);
        buf_free(&value);
        buf_free(&sealed);
    }
}
END_TEST

/* Sealed, too, and no time that a broker could have stamped, no number that it could have given. */
START_TEST(numbers_out_of_range_are_refused) {
    const int64_t times[] = {-1, INT64_MIN, INT64_MAX, INT64_C(253402300800000000)};
    for (size_t i = 0; i < COUNT_OF(times) + 2; i++) {
        struct journal_record record = sample(WORK_INTAKE, SPAN_LIT(""));
        struct journal_record read;
        struct buf value = BUF_EMPTY;
        uint8_t key[FORMAT_RECORD_KEY_BYTES];
        if (i < COUNT_OF(times)) {
            record.accepted_at = times[i];
        } else {
            record.seq = i == COUNT_OF(times) ? UINT64_MAX : UINT64_C(1) << 62;
        }
        format_record_encode(&record, &value);
        format_record_key(record.seq, key);
        ck_assert_int_eq(format_record_decode(span_make(key, sizeof(key)), buf_span(&value), &read),
                         ERR_CORRUPT);
        buf_free(&value);
    }
    struct journal_totals totals = {.next_seq = UINT64_MAX};
    struct buf state = BUF_EMPTY;
    uint32_t version = 0;
    format_state_encode(&totals, &state);
    ck_assert_int_eq(format_state_decode(buf_span(&state), &totals, &version), ERR_CORRUPT);
    buf_free(&state);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker format");
    TCase *tests = tcase_create("records");
    tcase_add_test(tests, all_versions_there_and_back);
    tcase_add_test(tests, intake_is_the_first_version_to_the_byte);
    tcase_add_test(tests, retry_is_the_third_version_to_the_byte);
    tcase_add_test(tests, any_bit_and_any_cut_is_noticed);
    tcase_add_test(tests, a_mode_out_of_range_is_refused);
    tcase_add_test(tests, numbers_out_of_range_are_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

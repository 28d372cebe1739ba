/* Records of rows: the names have a length and a sum of their own, which every way of reading the
 * record checks; and no pack takes one. */
#include "journal_fixture.h"

#include "broker/journal_check.h"
#include "broker/journal_verify.h"

#include <fcntl.h>

enum { NAMES = 64, BODY = 5000, SMALL = 200 };
#define MARK "visa_us_is_a_name" /* in the names */

static uint64_t put_rows(struct journal *journal, uint64_t seq, size_t len) {
    struct journal_record record;
    struct blob *blob = fixture_record(seq, len, &record);
    memcpy(blob->bytes + 8, MARK, sizeof(MARK) - 1);
    record.hash = hash128(blob_span(blob));
    fixture_as_rows(blob, NAMES, &record);
    record.accepted_at = 7;
    journal_put(journal, &record, blob);
    fixture_expect(journal, seq, JOURNAL_DURABLE);
    return seq;
}

START_TEST(a_record_is_restored_with_its_names) {
    struct journal *journal = fixture_open(16 * MIB);
    uint64_t seq = journal_next_seq(journal);
    put_rows(journal, seq, BODY);
    put_rows(journal, seq + 1, SMALL);
    journal_close(&journal);
    journal = fixture_open(16 * MIB);
    ck_assert_uint_eq(fixture.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct journal_record *record = &fixture.records[i];
        uint8_t names[NAMES];
        ck_assert_int_eq(record->damage, JOURNAL_WHOLE);
        ck_assert_uint_eq(record->names_bytes, NAMES);
        ck_assert_uint_eq(record->cuts[0], NAMES);
        ck_assert_int_eq(journal_read(journal, record->seq, 0, NAMES, names), ERR_OK);
        ck_assert(hash64(span_make(names, NAMES)) == record->names_sum);
    }
    journal_close(&journal);
}
END_TEST

START_TEST(no_pack_takes_it) {
    struct journal_record record;
    struct blob *blob = fixture_record(1, SMALL, &record);
    ck_assert(pack_takes(&record));
    record.names_bytes = NAMES;
    ck_assert(!pack_takes(&record));
    blob_unref(&blob);
}
END_TEST

static void change(uint8_t *at) { at[0] ^= 1; }

/* Damage of the names alone: every part still has its sum. */
START_TEST(damaged_names_are_found) {
    struct journal *journal = fixture_open(16 * MIB);
    uint64_t seq = journal_next_seq(journal);
    struct journal_record record;
    put_rows(journal, seq, BODY);
    fixture_put(journal, seq + 1, BODY, 8);
    fixture_expect(journal, seq + 1, JOURNAL_DURABLE);
    journal_close(&journal);
    ck_assert_uint_gt(fixture_damage(SPAN_LIT(MARK), change), 0);
    journal = fixture_open(16 * MIB);
    ck_assert_int_eq(journal_check_next(journal, seq, &record), ERR_OK);
    ck_assert_int_eq(record.damage, JOURNAL_DAMAGE_BODY);
    ck_assert_int_eq(journal_check_next(journal, seq + 1, &record), ERR_OK);
    ck_assert_int_eq(record.damage, JOURNAL_WHOLE);
    journal_close(&journal);
}
END_TEST

static enum err report(bool salvage, const char *into, struct buf *said) {
    char file[] = "/tmp/casemill-report-XXXXXX";
    struct diag diag = {0};
    int fd = mkstemp(file);
    ck_assert_int_ge(fd, 0);
    struct verify_report report = {.out = fd, .json = true};
    enum err err = salvage ? verify_salvage(fixture.dir, into, &report, &diag)
                           : verify_run(fixture.dir, &report, &diag);
    buf_clear(said);
    ck_assert_int_eq(io_read_file(file, MIB, said, NULL), ERR_OK);
    (void)close(fd);
    (void)unlink(file);
    return err;
}

START_TEST(verify_and_salvage_read_the_names) {
    char into[128];
    struct buf said = BUF_EMPTY;
    struct journal *journal = fixture_open(16 * MIB);
    uint64_t seq = journal_next_seq(journal);
    put_rows(journal, seq, BODY);
    journal_close(&journal);
    (void)snprintf(into, sizeof(into), "%s/saved", fixture.dir);
    ck_assert_int_eq(report(false, NULL, &said), ERR_OK);
    ck_assert_int_eq(report(true, into, &said), ERR_OK);
    ck_assert_uint_gt(fixture_damage(SPAN_LIT(MARK), change), 0);
    ck_assert_int_eq(report(false, NULL, &said), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&said), "\"what\":\"body\""));
    /* What was saved before the damage has its names. */
    struct store *store = NULL;
    struct diag diag = {0};
    struct journal_record record;
    uint8_t bytes[NAMES];
    ck_assert_int_eq(store_view(into, &store, &diag), ERR_OK);
    ck_assert_int_eq(store_next(store, seq, &record), ERR_OK);
    ck_assert_uint_eq(record.names_bytes, NAMES);
    ck_assert_int_eq(check_names(store, &record, bytes), ERR_OK);
    store_close(&store);
    buf_free(&said);
}
END_TEST

/* Every changed bit of a header is noticed, and every shorter one. */
START_TEST(a_changed_header_is_no_record) {
    struct journal_record record;
    struct journal_record read;
    struct buf value = BUF_EMPTY;
    uint8_t key[FORMAT_RECORD_KEY_BYTES];
    struct blob *blob = fixture_record(9, BODY, &record);
    fixture_as_rows(blob, NAMES, &record);
    record.extra = SPAN_LIT("\x81\xa7results\xc3");
    format_record_encode(&record, &value);
    format_record_key(9, key);
    struct span key_span = span_make(key, sizeof(key));
    ck_assert_int_eq(format_record_decode(key_span, buf_span(&value), &read), ERR_OK);
    ck_assert_uint_eq(read.names_bytes, NAMES);
    ck_assert(read.names_sum == record.names_sum);
    ck_assert(span_eq(read.extra, record.extra));
    for (size_t bit = 0; bit < value.len * 8; bit++) {
        value.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_ne(format_record_decode(key_span, buf_span(&value), &read), ERR_OK);
        value.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len < value.len; len++) {
        ck_assert_int_ne(format_record_decode(key_span, span_make(value.ptr, len), &read), ERR_OK);
    }
    buf_free(&value);
    blob_unref(&blob);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker journal rows");
    TCase *tests = tcase_create("rows");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, fixture_setup, fixture_teardown);
    tcase_add_test(tests, a_record_is_restored_with_its_names);
    tcase_add_test(tests, no_pack_takes_it);
    tcase_add_test(tests, damaged_names_are_found);
    tcase_add_test(tests, verify_and_salvage_read_the_names);
    tcase_add_test(tests, a_changed_header_is_no_record);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Reading a whole journal, and saving the readable batches of a damaged one. Whatever is
 * damaged, each saved batch is one that was put, a broker opens the result, and each lost batch
 * is reported. */
#include "journal_fixture.h"

#include "base/uuid.h"
#include "broker/journal_verify.h"

#include <fcntl.h>

enum { PUTS = 60, DAMAGES = 60, PAGE = FORMAT_PAGE_BYTES };

static char into[96];
static struct buf said;
static uint32_t live_count;
static uint32_t sizes[PUTS]; /* by accepted_at; 0: deleted */

static void setup(void) {
    fixture_setup();
    (void)snprintf(into, sizeof(into), "%s/saved", fixture.dir);
    struct journal *journal = fixture_open(16 * MIB);
    struct rng rng = {.state = 5};
    uint64_t seq = journal_next_seq(journal);
    live_count = PUTS;
    for (uint32_t i = 0; i < PUTS; i++, seq++) {
        sizes[i] = 1 + (uint32_t)rng_below(&rng, i % 6 == 0 ? 40000 : 3000);
        fixture_put(journal, seq, sizes[i], i);
        fixture_expect(journal, seq, JOURNAL_DURABLE);
        if (i % 3 == 2) { /* done: its traces stay in the file and must not come back */
            journal_delete(journal, seq - 1);
            journal_hand_over(journal);
            sizes[i - 1] = 0;
            live_count--;
        }
    }
    journal_close(&journal);
}

static void teardown(void) {
    buf_free(&said);
    fixture_teardown();
}

/* Runs with the report in `said`. */
static enum err run(bool salvage, struct verify_report *report, struct diag *diag) {
    char file[] = "/tmp/casemill-report-XXXXXX";
    int fd = mkstemp(file);
    ck_assert_int_ge(fd, 0);
    *report = (struct verify_report){.out = fd, .json = true};
    enum err err = salvage ? verify_salvage(fixture.dir, into, report, diag)
                           : verify_run(fixture.dir, report, diag);
    buf_clear(&said);
    ck_assert_int_eq(io_read_file(file, MIB, &said, NULL), ERR_OK);
    (void)close(fd);
    (void)unlink(file);
    return err;
}

static bool was_said(const char *text) { return strstr(buf_cstr(&said), text) != NULL; }

START_TEST(a_whole_journal) {
    struct verify_report report;
    struct diag diag = {0};
    ck_assert_int_eq(run(false, &report, &diag), ERR_OK);
    ck_assert_uint_eq(report.batches, live_count);
    ck_assert_uint_eq(report.cases, 3 * live_count);
    ck_assert(was_said("\"damaged\":0"));
}
END_TEST

START_TEST(a_journal_in_use) {
    struct verify_report report;
    struct diag diag = {0};
    struct journal *journal = fixture_open(16 * MIB);
    ck_assert_int_eq(run(false, &report, &diag), ERR_BUSY);
    ck_assert_int_eq(run(true, &report, &diag), ERR_BUSY);
    journal_close(&journal);
    ck_assert_int_eq(run(true, &report, &diag), ERR_OK);
    ck_assert_int_eq(run(true, &report, &diag), ERR_CONFLICT); /* never over another one */
}
END_TEST

/* Three cases whose ids are in the body. */
static const char CASES[] = "\x81\xa7"
                            "case_id\xa3"
                            "A-1\x82\xa5"
                            "facts\x80\xa7"
                            "case_id\xa3"
                            "B-2\x81\xa7"
                            "case_id\xa3"
                            "C-3";

static void put_cases(struct journal *journal, uint64_t seq) {
    struct blob *blob = blob_new(&fixture.account, sizeof(CASES) - 1);
    memcpy(blob->bytes, CASES, sizeof(CASES) - 1);
    struct journal_record record = {.seq = seq,
                                    .batch = {{0xab, 0xcd}},
                                    .hash = hash128(blob_span(blob)),
                                    .count = 3,
                                    .bytes = sizeof(CASES) - 1,
                                    .source = SPAN_LIT("a-source"),
                                    .cut_count = 1,
                                    .sums = {hash64(blob_span(blob))}};
    journal_put(journal, &record, blob);
    journal_hand_over(journal);
    fixture_expect(journal, seq, JOURNAL_DURABLE);
}

static void break_last_id(uint8_t *at) { at[0] ^= 1; }

START_TEST(a_damaged_body_is_named_with_its_cases) {
    struct verify_report report;
    struct diag diag = {0};
    struct journal *journal = fixture_open(16 * MIB);
    put_cases(journal, journal_next_seq(journal));
    journal_close(&journal);
    ck_assert_uint_gt(fixture_damage(SPAN_LIT("C-3"), break_last_id), 0);
    ck_assert_int_eq(run(false, &report, &diag), ERR_CORRUPT);
    ck_assert_uint_eq(report.damaged, 1);
    ck_assert(was_said("\"what\":\"body\",\"batch\":\"abcd0000-"));
    ck_assert(was_said("\"source\":\"a-source\",\"cases\":3,\"case_ids\":[\"A-1\",\"B-2\","));
    ck_assert_int_eq(run(true, &report, &diag), ERR_CORRUPT);
    ck_assert_uint_eq(report.batches, live_count);
    ck_assert_uint_eq(report.damaged, 1);
    ck_assert(was_said("\"case_ids\":[\"A-1\",\"B-2\","));
}
END_TEST

/* Bytes of a body that look like a record must not become one. */
START_TEST(a_record_inside_a_body_is_none) {
    struct verify_report report;
    struct diag diag = {0};
    struct journal *journal = fixture_open(16 * MIB);
    uint64_t seq = journal_next_seq(journal);
    struct blob *blob = blob_new(&fixture.account, 1500);
    memset(blob->bytes, 0, blob->len);
    struct journal_record forged = {
        .seq = 77, .count = 1, .bytes = 10, .source = SPAN_LIT("another-source"), .cut_count = 1};
    struct buf value = BUF_EMPTY;
    format_record_encode(&forged, &value);
    for (size_t at = 0; at + 200 < blob->len; at += 200) { /* node after node, as on a leaf */
        uint8_t *node = blob->bytes + at;
        node[0] = (uint8_t)value.len;
        node[6] = FORMAT_RECORD_KEY_BYTES;
        format_record_key(forged.seq, node + 8);
        memcpy(node + 16, value.ptr, value.len);
    }
    buf_free(&value);
    struct journal_record record = {.seq = seq,
                                    .hash = hash128(blob_span(blob)),
                                    .count = 1,
                                    .bytes = 1500,
                                    .source = SPAN_LIT("a-source"),
                                    .cut_count = 1,
                                    .sums = {hash64(blob_span(blob))}};
    journal_put(journal, &record, blob);
    journal_hand_over(journal);
    fixture_expect(journal, seq, JOURNAL_DURABLE);
    journal_close(&journal);
    ck_assert_int_eq(run(true, &report, &diag), ERR_OK);
    ck_assert_uint_eq(report.batches, live_count + 1);
    ck_assert(!was_said("another-source"));
}
END_TEST

/* Opens the saved journal as a broker does. Each batch was live, or was done before and cannot
 * be distinguished from a live one. Its body is the one that was put. Returns the number of live
 * ones. */
static uint32_t look_at_saved(bool exactly) {
    struct journal *journal = NULL;
    struct diag diag = {0};
    char kept[sizeof(fixture.dir)];
    uint32_t found = 0;
    memcpy(kept, fixture.dir, sizeof(kept));
    ck_assert_uint_lt(strlen(into), sizeof(fixture.dir));
    memcpy(fixture.dir, into, strlen(into) + 1);
    enum err err = fixture_try_open(&journal, 16 * MIB, &diag);
    memcpy(fixture.dir, kept, sizeof(kept));
    ck_assert_msg(err == ERR_OK, "%s", diag.text);
    for (uint32_t i = 0; i < fixture.count && i < FIXTURE_KEPT_MAX; i++) {
        const struct journal_record *record = &fixture.records[i];
        bool is_live = sizes[record->accepted_at] == record->bytes;
        ck_assert_int_eq(record->damage, JOURNAL_WHOLE);
        ck_assert(is_live || (!exactly && sizes[record->accepted_at] == 0));
        ck_assert(fixture_body_is(journal, record->seq, record->bytes));
        found += is_live ? 1 : 0;
    }
    journal_close(&journal);
    return found;
}

static void remove_saved(void) {
    char command[160];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", into);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(a_whole_journal_is_saved_whole) {
    struct verify_report report;
    struct diag diag = {0};
    ck_assert_int_eq(run(true, &report, &diag), ERR_OK);
    ck_assert_uint_eq(report.batches, live_count);
    ck_assert_uint_eq(look_at_saved(true), live_count);
}
END_TEST

/* One flipped bit costs one batch at most, and the loss is reported. */
START_TEST(a_flipped_bit_costs_one_batch) {
    struct buf whole = BUF_EMPTY;
    struct rng rng = {.state = 3};
    uint32_t lost = 0;
    fixture_file_read(&whole);
    for (uint32_t i = 0; i < DAMAGES; i++) {
        struct verify_report report;
        struct diag diag = {0};
        size_t at = rng_below(&rng, whole.len / PAGE) * PAGE + rng_below(&rng, i % 2 ? 64 : PAGE);
        uint8_t bit = (uint8_t)(1U << rng_below(&rng, 8));
        whole.ptr[at] ^= bit;
        fixture_file_write(buf_span(&whole));
        whole.ptr[at] ^= bit;
        enum err err = run(true, &report, &diag);
        uint32_t found = look_at_saved(false);
        ck_assert_msg(found + 1 >= live_count, "page %zu byte %zu: %u of %u", at / PAGE, at % PAGE,
                      found, live_count);
        ck_assert(found == live_count || err == ERR_CORRUPT);
        lost += live_count - found;
        remove_saved();
    }
    ck_assert_uint_gt(lost, 0);
    buf_free(&whole);
}
END_TEST

/* A whole page: its content is lost, the rest is not. */
START_TEST(a_lost_page_costs_only_its_content) {
    struct buf whole = BUF_EMPTY;
    fixture_file_read(&whole);
    for (size_t page = 2; page < whole.len / PAGE; page += 7) {
        struct verify_report report;
        struct diag diag = {0};
        uint8_t kept[PAGE];
        memcpy(kept, whole.ptr + page * PAGE, PAGE);
        memset(whole.ptr + page * PAGE, 0xff, PAGE);
        fixture_file_write(buf_span(&whole));
        memcpy(whole.ptr + page * PAGE, kept, PAGE);
        enum err err = run(true, &report, &diag);
        uint32_t found = look_at_saved(false);
        ck_assert(found == live_count || err == ERR_CORRUPT);
        remove_saved();
    }
    buf_free(&whole);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker journal verify");
    TCase *tests = tcase_create("verify");
    tcase_set_timeout(tests, 100);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_whole_journal);
    tcase_add_test(tests, a_journal_in_use);
    tcase_add_test(tests, a_damaged_body_is_named_with_its_cases);
    tcase_add_test(tests, a_record_inside_a_body_is_none);
    tcase_add_test(tests, a_whole_journal_is_saved_whole);
    tcase_add_test(tests, a_flipped_bit_costs_one_batch);
    tcase_add_test(tests, a_lost_page_costs_only_its_content);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

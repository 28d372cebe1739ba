/* A journal that an earlier version of the program wrote is opened by this one, batch for batch.
 * tests/data/journal/NAME.hex is a data.mdb as lines of "offset hex"; lines of zeros are left out.
 * CASEMILL_TEST_GOLDEN=NAME writes one with the present format: once for each new version of it. */
#include "journal_fixture.h"

#include "broker/journal_store.h"

enum { LINE_BYTES = 32, FILE_BYTES_MAX = MIB };
#define FOLDER "tests/data/journal/"

static const uint32_t SIZES[] = {1, 100, 4100, 4200};
enum { DELETED = 2, PACKED_PUTS = 9, PACKED_DELETED = 4, ROWS_BYTES = 300, NAMES_BYTES = 40 };

static void write_hex(const char *name) {
    char path[128];
    struct buf bytes = BUF_EMPTY;
    struct buf text = BUF_EMPTY;
    static const uint8_t ZEROS[LINE_BYTES];
    fixture_file_read(&bytes);
    for (size_t at = 0; at < bytes.len; at += LINE_BYTES) {
        if (memcmp(bytes.ptr + at, ZEROS, LINE_BYTES) != 0) {
            buf_printf(&text, "%zx ", at);
            buf_hex(&text, span_make(bytes.ptr + at, LINE_BYTES));
            buf_byte(&text, '\n');
        }
    }
    buf_printf(&text, "%zx end\n", bytes.len);
    (void)snprintf(path, sizeof(path), FOLDER "%s.hex", name);
    ck_assert_int_eq(io_write_file(path, buf_span(&text), NULL), ERR_OK);
    buf_free(&text);
    buf_free(&bytes);
}

/* Of SIZES again and again and one of rows, in one commit; then some are deleted, in another. */
START_TEST(write_golden) {
    struct diag diag = {0};
    struct store *store = NULL;
    struct store_group group = {.headers = BUF_EMPTY};
    ck_assert_int_eq(store_open(fixture.dir, 16 * MIB, &store, &diag), ERR_OK);
    for (uint64_t i = 0; i < PACKED_PUTS; i++) {
        struct journal_record record;
        struct blob *blob = fixture_record(1 + i, SIZES[i % COUNT_OF(SIZES)], &record);
        record.accepted_at = (int64_t)(1000 + i);
        store_group_put(&group, &record, blob);
    }
    struct journal_record rows;
    struct blob *blob = fixture_record(1 + PACKED_PUTS, ROWS_BYTES, &rows);
    fixture_as_rows(blob, NAMES_BYTES, &rows);
    rows.accepted_at = 2000;
    store_group_put(&group, &rows, blob);
    ck_assert_int_eq(store_commit(store, &group), ERR_OK);
    store_group_clear_puts(&group);
    store_group_delete(&group, 1 + DELETED);
    store_group_delete(&group, 1 + PACKED_DELETED);
    ck_assert_int_eq(store_commit(store, &group), ERR_OK);
    store_group_free(&group);
    store_close(&store);
    write_hex(getenv("CASEMILL_TEST_GOLDEN"));
}
END_TEST

static void read_hex(const char *name, struct buf *bytes) {
    char path[128];
    struct buf text = BUF_EMPTY;
    (void)snprintf(path, sizeof(path), FOLDER "%s.hex", name);
    ck_assert_int_eq(io_read_file(path, FILE_BYTES_MAX, &text, NULL), ERR_OK);
    memset(buf_room(bytes, FILE_BYTES_MAX), 0, FILE_BYTES_MAX);
    for (char *line = (char *)(uintptr_t)buf_cstr(&text); *line != '\0';) {
        char *hex = NULL;
        size_t at = strtoul(line, &hex, 16);
        ck_assert_uint_lt(at, FILE_BYTES_MAX - LINE_BYTES);
        ck_assert_int_eq(*hex++, ' ');
        if (strncmp(hex, "end\n", 4) == 0) {
            bytes->len = at;
            break;
        }
        for (size_t i = 0; i < LINE_BYTES; i++, hex += 2) {
            const char pair[3] = {hex[0], hex[1], '\0'};
            bytes->ptr[at + i] = (uint8_t)strtoul(pair, NULL, 16);
        }
        line = hex + 1;
    }
    ck_assert_uint_gt(bytes->len, 0);
    buf_free(&text);
}

static void expect_record(struct journal *journal, uint32_t restored, uint64_t number) {
    const struct journal_record *record = &fixture.records[restored];
    ck_assert_uint_eq(record->seq, 1 + number);
    ck_assert_int_eq(record->damage, JOURNAL_WHOLE);
    ck_assert_uint_eq(record->batch.bytes[0], (uint8_t)(1 + number));
    ck_assert_uint_eq(record->count, 3);
    ck_assert_uint_eq(record->bytes, SIZES[number % COUNT_OF(SIZES)]);
    ck_assert_int_eq(record->ack, WIRE_ACK_OUTCOME);
    ck_assert_int_eq(record->priority, WIRE_BULK);
    ck_assert_int_eq(record->accepted_at, (int64_t)(1000 + number));
    ck_assert_uint_eq(record->source.len, sizeof(FIXTURE_SOURCE) - 1);
    ck_assert_uint_eq(record->cut_count, 1);
    ck_assert(fixture_body_is(journal, record->seq, SIZES[number % COUNT_OF(SIZES)]));
}

/* Version 2 of the state; its records are version 1. */
START_TEST(before_packs) {
    struct buf bytes = BUF_EMPTY;
    read_hex("v2", &bytes);
    fixture_file_write(buf_span(&bytes));
    struct journal *journal = fixture_open(16 * MIB);
    ck_assert_uint_eq(fixture.count, 3);
    expect_record(journal, 0, 0);
    expect_record(journal, 1, 1);
    expect_record(journal, 2, 3);
    uint64_t seq = journal_next_seq(journal);
    fixture_put(journal, seq, 777, 5); /* and works on with it */
    fixture_expect(journal, seq, JOURNAL_DURABLE);
    journal_delete(journal, 2);
    journal_hand_over(journal);
    journal_close(&journal);
    journal = fixture_open(16 * MIB);
    ck_assert_uint_eq(fixture.count, 3);
    ck_assert_uint_eq(fixture.records[2].seq, seq);
    journal_close(&journal);
    buf_free(&bytes);
}
END_TEST

START_TEST(with_packs) {
    struct buf bytes = BUF_EMPTY;
    uint32_t restored = 0;
    read_hex("v3", &bytes);
    fixture_file_write(buf_span(&bytes));
    struct journal *journal = fixture_open(16 * MIB);
    ck_assert_uint_eq(fixture.count, PACKED_PUTS - 2);
    for (uint64_t i = 0; i < PACKED_PUTS; i++) {
        if (i != DELETED && i != PACKED_DELETED) {
            expect_record(journal, restored++, i);
        }
    }
    for (uint64_t i = 0; i < PACKED_PUTS - 1; i++) {
        journal_delete(journal, 1 + i);
        journal_hand_over(journal);
    }
    journal_close(&journal);
    journal = fixture_open(16 * MIB);
    ck_assert_uint_eq(fixture.count, 1);
    expect_record(journal, 0, PACKED_PUTS - 1);
    journal_close(&journal);
    buf_free(&bytes);
}
END_TEST

START_TEST(with_rows) {
    struct buf bytes = BUF_EMPTY;
    read_hex("v4", &bytes);
    fixture_file_write(buf_span(&bytes));
    struct journal *journal = fixture_open(16 * MIB);
    ck_assert_uint_eq(fixture.count, PACKED_PUTS - 1);
    const struct journal_record *last = &fixture.records[PACKED_PUTS - 2];
    ck_assert_uint_eq(last->seq, 1 + PACKED_PUTS);
    ck_assert_uint_eq(last->names_bytes, NAMES_BYTES);
    ck_assert_uint_eq(last->cuts[0], NAMES_BYTES);
    ck_assert_int_eq(last->accepted_at, 2000);
    struct journal_record checked;
    ck_assert_int_eq(journal_check_next(journal, last->seq, &checked), ERR_OK);
    ck_assert_int_eq(checked.damage, JOURNAL_WHOLE);
    journal_close(&journal);
    buf_free(&bytes);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker journal golden");
    TCase *tests = tcase_create("golden");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, fixture_setup, fixture_teardown);
    if (getenv("CASEMILL_TEST_GOLDEN") != NULL) {
        tcase_add_test(tests, write_golden);
    } else {
        tcase_add_test(tests, before_packs);
        tcase_add_test(tests, with_packs);
        tcase_add_test(tests, with_rows);
    }
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

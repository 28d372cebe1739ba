/* Column `result`: random outcomes as row_encode writes them are read back in C and by
 * result_read() in SQL, and both give the same; damaged bytes give an error in both. */
#include "casedoc/result_column.h"
#include "worker/pair_numbers.h"
#include "worker_fixture.h"

#include "base/mem.h"

enum { RESULTS = 400, AGREEMENTS = 7, MISSING = 300, DAMAGES = 400 };

static struct fixture fixture;
static bool available;
static uint64_t state = 20261201;

static void open_database(void) { available = fixture_open(&fixture, "worker_result"); }
static void close_database(void) { fixture_close(&fixture); }

static uint32_t below(uint32_t limit) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(state >> 33) % limit;
}

struct sample {
    uint16_t numbers[AGREEMENTS];
    int16_t missing[MISSING];
    uint32_t agreement_count, missing_count;
    struct buf bytes;
};

/* One in four is wide: by a number, or by the count of missing paths. */
static void sample_make(struct sample *sample) {
    uint32_t highest = 0;
    sample->agreement_count = below(AGREEMENTS + 1);
    sample->missing_count = below(8) == 0 ? below(MISSING) : below(6);
    uint32_t limit = below(4) == 0 ? 60000 : 256;
    for (uint32_t i = 0; i < sample->agreement_count; i++) {
        sample->numbers[i] = (uint16_t)below(limit);
        highest = sample->numbers[i] > highest ? sample->numbers[i] : highest;
    }
    for (uint32_t i = 0; i < sample->missing_count; i++) {
        sample->missing[i] = (int16_t)below(INT16_MAX);
    }
    bool wide = highest > UINT8_MAX || sample->missing_count > UINT8_MAX;
    size_t bytes = result_bytes(sample->agreement_count, sample->missing_count, wide);
    buf_clear(&sample->bytes);
    uint8_t *at = buf_room(&sample->bytes, bytes);
    const uint8_t *end = result_write(at, sample->numbers, sample->agreement_count, sample->missing,
                                      sample->missing_count, wide);
    ck_assert_uint_eq((size_t)(end - at), bytes);
    sample->bytes.len += bytes;
}

static bool reads_as(const struct sample *sample, struct span bytes) {
    struct result_view view;
    bool same = result_read(bytes, &view) == ERR_OK &&
                view.number_count == sample->agreement_count &&
                view.missing_count == sample->missing_count;
    for (uint32_t i = 0; same && i < view.number_count; i++) {
        same = result_number(&view, i) == sample->numbers[i];
    }
    for (uint32_t i = 0; same && i < view.missing_count; i++) {
        same = result_missing(&view, i) == sample->missing[i];
    }
    return same;
}

static void put_hex(struct buf *sql, struct span bytes) {
    buf_str(sql, "'\\x");
    for (size_t i = 0; i < bytes.len; i++) {
        buf_printf(sql, "%02x", bytes.ptr[i]);
    }
    buf_str(sql, "'::bytea");
}

START_TEST(test_both_readers_give_what_was_written) {
    if (fixture_skips(available)) {
        return;
    }
    struct sample sample = {.bytes = BUF_EMPTY};
    struct buf sql = BUF_EMPTY;
    buf_str(&sql, "SELECT count(*) FROM (VALUES ");
    for (uint32_t i = 0; i < RESULTS; i++) {
        sample_make(&sample);
        ck_assert(reads_as(&sample, buf_span(&sample.bytes)));
        buf_str(&sql, i == 0 ? "(" : ", (");
        put_hex(&sql, buf_span(&sample.bytes));
        buf_printf(&sql, ", %u, '{", sample.agreement_count);
        for (uint32_t k = 0; k < sample.agreement_count; k++) {
            buf_printf(&sql, "%s%u", k == 0 ? "" : ",", sample.numbers[k]);
        }
        buf_str(&sql, "}'::integer[], '{");
        for (uint32_t k = 0; k < sample.missing_count; k++) {
            buf_printf(&sql, "%s%d", k == 0 ? "" : ",", sample.missing[k]);
        }
        buf_str(&sql, "}'::integer[])");
    }
    buf_str(&sql,
            ") AS v (bytes, agreements, numbers, missing) WHERE "
            "result_read(bytes, agreements) = numbers AND result_read(bytes, NULL) = missing");
    ck_assert_int_eq(fixture_number(&fixture, buf_cstr(&sql)), RESULTS);
    buf_free(&sql);
    buf_free(&sample.bytes);
}
END_TEST

/* One byte changed, the end cut off, or a byte more. */
static void damage(struct sample *sample) {
    struct buf *bytes = &sample->bytes;
    switch (below(4)) {
    case 0:
        bytes->len = below((uint32_t)bytes->len);
        return;
    case 1:
        buf_byte(bytes, (uint8_t)below(256));
        return;
    default:
        bytes->ptr[below((uint32_t)bytes->len)] ^= (uint8_t)(1 + below(255));
        return;
    }
}

/* Of changes of the length, the check overlooks one in 256.  Both readers must overlook the same.
 */
START_TEST(test_damage_is_an_error) {
    if (fixture_skips(available)) {
        return;
    }
    struct sample sample = {.bytes = BUF_EMPTY};
    struct buf sql = BUF_EMPTY;
    uint32_t noticed = 0;
    fixture_do(&fixture,
               "CREATE FUNCTION fails(bytes bytea, agreements integer) RETURNS boolean LANGUAGE "
               "plpgsql AS $$ BEGIN PERFORM result_read(bytes, agreements); RETURN false; "
               "EXCEPTION WHEN data_corrupted THEN RETURN true; END $$");
    buf_str(&sql, "SELECT count(*) FROM (VALUES ");
    for (uint32_t i = 0; i < DAMAGES; i++) {
        struct result_view view;
        sample_make(&sample);
        size_t len = sample.bytes.len;
        damage(&sample);
        bool is_noticed = result_read(buf_span(&sample.bytes), &view) == ERR_CORRUPT;
        ck_assert(is_noticed || sample.bytes.len != len); /* each change of one byte is noticed */
        noticed += is_noticed ? 1 : 0;
        buf_str(&sql, i == 0 ? "(" : ", (");
        put_hex(&sql, buf_span(&sample.bytes));
        buf_printf(&sql, ", %s)", is_noticed ? "true" : "false");
    }
    buf_str(&sql, ") AS v (bytes, noticed) WHERE fails(bytes, NULL) = noticed");
    ck_assert_int_eq(fixture_number(&fixture, buf_cstr(&sql)), DAMAGES);
    ck_assert_uint_ge(noticed, DAMAGES - DAMAGES / 50);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT (fails(NULL, 4) AND fails('', 4) AND "
                                              "fails('\\x0101000000', 3) AND "
                                              "fails('\\x031f00', 0))::int"),
                     1);
    buf_free(&sql);
    buf_free(&sample.bytes);
}
END_TEST

/* A list in PostgreSQL's text: the numbers it gives, and what does not fit. */
START_TEST(test_a_stored_list) {
    static const int16_t codes[] = {40, 41, 42};
    struct pair_numbers numbers;
    pair_numbers_init(&numbers, COUNT_OF(codes));
    ck_assert_int_eq(pair_numbers_read(&numbers, "{99,42,41,40,41}", "{-1,-1,40,-1,99}", codes),
                     ERR_OK);
    const struct finding beside = {
        .result = {.reason = 1}, .has_projected = true, .projected = {.reason = 0}};
    const struct finding alone = {.result = {.reason = 0}};
    ck_assert_uint_eq(pair_number(&numbers, &beside), 2);
    ck_assert_uint_eq(pair_number(&numbers, &alone), 3);
    ck_assert_uint_eq(numbers.count, 5);
    ck_assert_int_eq(numbers.findings[2], 41);
    ck_assert_int_eq(numbers.projected[3], PAIR_CODE_NONE);
    pair_numbers_free(&numbers);
    static const char *const bad[][2] = {
        {"{1,2}", "{1}"}, {"{1}", "{1,2}"}, {"", ""}, {"{1,x}", "{1,2}"}, {"{70000}", "{1}"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        pair_numbers_init(&numbers, COUNT_OF(codes));
        ck_assert_int_eq(pair_numbers_read(&numbers, bad[i][0], bad[i][1], codes), ERR_CORRUPT);
        pair_numbers_free(&numbers);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("result");
    TCase *cases = tcase_create("all");
    tcase_add_unchecked_fixture(cases, open_database, close_database);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, test_both_readers_give_what_was_written);
    tcase_add_test(cases, test_damage_is_an_error);
    tcase_add_test(cases, test_a_stored_list);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* cli/: invented cases: the same for the same seed, every good one decodes against the shipped
 * schema and every bad one does not, duplicates repeat exactly; and the progress line. */
#include "base/date.h"
#include "casedoc/case_doc.h"
#include "cli/invent.h"
#include "cli/json_case.h"
#include "cli/progress.h"
#include "wire/walk.h"

#include <check.h>
#include <jansson.h>

enum { CASES = 4000, ARENA_BYTES = 1 << 20 };

static struct invent_options options_make(uint32_t bad_percent, uint32_t duplicates_percent) {
    struct invent_options options = {
        .seed = 7, .bad_percent = bad_percent, .duplicates_percent = duplicates_percent};
    ck_assert_int_eq(date_parse(SPAN_LIT("2019-09-01"), &options.from), ERR_OK);
    ck_assert_int_eq(date_parse(SPAN_LIT("2021-03-31"), &options.to), ERR_OK);
    return options;
}

static void json_of(const struct invent_options *options, uint64_t index, struct buf *out) {
    buf_clear(out);
    invent_case(options, index, out);
}

static struct schema *schema_open(void) {
    struct diag diag = {0};
    struct yaml_doc *doc = NULL;
    struct vocabulary iso = {0};
    struct schema *schema = NULL;
    enum err err = yaml_parse_file("config/case.yaml", &doc, &diag);
    ck_assert_msg(err == ERR_OK, "%s", diag.text);
    err = vocabulary_load_iso(&iso, &diag);
    ck_assert_msg(err == ERR_OK, "%s", diag.text);
    err = schema_load(doc, iso, &schema, &diag);
    ck_assert_msg(err == ERR_OK, "%s:%u:%u: %s", diag.file, diag.line, diag.column, diag.text);
    vocabulary_free(&iso);
    yaml_doc_free(&doc);
    return schema;
}

struct decoded {
    uint32_t good, bad, with_id;
};

/* Decodes CASES cases; the first fault of a case that should be good ends the test. */
static struct decoded decode_all(const struct invent_options *options, bool all_good) {
    struct schema *schema = schema_open();
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct decoded decoded = {0};
    struct buf json = BUF_EMPTY;
    struct buf bytes = BUF_EMPTY;
    for (uint64_t i = 0; i < CASES; i++) {
        json_of(options, i, &json);
        buf_clear(&bytes);
        ck_assert_int_eq(json_case_encode(buf_span(&json), &bytes, NULL), ERR_OK);
        struct walk_fault fault;
        uint32_t cut = 0;
        ck_assert_int_eq(walk_body(buf_span(&bytes), 1, 1, &cut, 1, &fault), ERR_OK);
        struct case_doc doc;
        ck_assert_int_eq(case_decode(schema, buf_span(&bytes), &arena, &doc), ERR_OK);
        ck_assert_msg(!all_good || doc.fault_count == 0, "%s %s", doc.faults[0].path,
                      doc.faults[0].reason);
        bool is_good = doc.fault_count == 0;
        ck_assert(!is_good ||
                  (doc.reference_date >= options->from && doc.reference_date <= options->to &&
                   doc.as_of == doc.reference_date && doc.revision == 0));
        decoded.good += is_good ? 1 : 0;
        decoded.bad += is_good ? 0 : 1;
        decoded.with_id += doc.case_id.len > 0 ? 1 : 0;
        arena_reset(&arena);
    }
    buf_free(&json);
    buf_free(&bytes);
    arena_free(&arena);
    schema_free(&schema);
    return decoded;
}

START_TEST(every_good_case_decodes) {
    struct invent_options options = options_make(0, 0);
    struct decoded decoded = decode_all(&options, true);
    ck_assert_uint_eq(decoded.good, CASES);
    ck_assert_uint_eq(decoded.with_id, CASES);
}
END_TEST

START_TEST(bad_cases_are_about_as_many_as_asked) {
    struct invent_options options = options_make(20, 0);
    struct decoded decoded = decode_all(&options, false);
    ck_assert_uint_ge(decoded.bad, CASES * 17 / 100);
    ck_assert_uint_le(decoded.bad, CASES * 23 / 100);
    ck_assert_uint_lt(decoded.with_id, CASES);
}
END_TEST

START_TEST(a_seed_names_its_cases) {
    struct invent_options options = options_make(5, 5);
    struct invent_options other = options;
    other.seed++;
    struct buf first = BUF_EMPTY;
    struct buf again = BUF_EMPTY;
    uint32_t different = 0;
    for (uint64_t i = 0; i < 200; i++) {
        json_of(&options, i, &first);
        json_of(&options, i, &again);
        ck_assert(span_eq(buf_span(&first), buf_span(&again)));
        json_of(&other, i, &again);
        different += span_eq(buf_span(&first), buf_span(&again)) ? 0 : 1;
    }
    ck_assert_uint_gt(different, 195);
    buf_free(&first);
    buf_free(&again);
}
END_TEST

static int32_t id_number(const struct buf *json) {
    json_t *parsed = json_loadb((const char *)json->ptr, json->len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(parsed);
    const char *id = json_string_value(json_object_get(parsed, "case_id"));
    ck_assert_ptr_nonnull(id);
    ck_assert_int_eq(id[0], 'G');
    int32_t number = (int32_t)strtol(id + 1, NULL, 10);
    json_decref(parsed);
    return number;
}

/* A duplicate carries the number of an earlier case, and its bytes are that case's. */
START_TEST(duplicates_repeat_an_earlier_case) {
    struct invent_options options = options_make(0, 25);
    struct buf later = BUF_EMPTY;
    struct buf earlier = BUF_EMPTY;
    int32_t duplicates = 0;
    for (int32_t i = 0; i < CASES; i++) {
        json_of(&options, (uint64_t)i, &later);
        int32_t number = id_number(&later);
        ck_assert_int_le(number, i + 1);
        if (number == i + 1) {
            continue;
        }
        duplicates++;
        json_of(&options, (uint64_t)number - 1, &earlier);
        ck_assert(span_eq(buf_span(&later), buf_span(&earlier)));
    }
    ck_assert_int_gt(duplicates, CASES * 21 / 100);
    ck_assert_int_lt(duplicates, CASES * 29 / 100);
    buf_free(&later);
    buf_free(&earlier);
}
END_TEST

/* --- progress --- */

START_TEST(a_progress_line_has_count_rate_and_rest) {
    struct progress progress = {.what = "cases", .total = 1000, .started_ms = 5000};
    struct buf out = BUF_EMPTY;
    progress_line(&progress, 250, 7500, &out);
    ck_assert_str_eq(buf_cstr(&out), "250 of 1000 cases, 100 per second, 8 s left");
    buf_clear(&out);
    progress.is_terminal = true;
    progress_line(&progress, 500, 5000, &out);
    ck_assert_str_eq(buf_cstr(&out), "[###############...............] 500 of 1000 cases");
    buf_clear(&out);
    progress_line(&progress, 1000, 15000, &out);
    ck_assert_str_eq(buf_cstr(&out),
                     "[##############################] 1000 of 1000 cases, 100 per second");
    buf_clear(&out);
    progress.total = 0;
    progress_line(&progress, 30, 6000, &out);
    ck_assert_str_eq(buf_cstr(&out), "30 cases, 30 per second");
    buf_free(&out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli generate");
    TCase *cases = tcase_create("generate");
    tcase_add_test(cases, every_good_case_decodes);
    tcase_add_test(cases, bad_cases_are_about_as_many_as_asked);
    tcase_add_test(cases, a_seed_names_its_cases);
    tcase_add_test(cases, duplicates_repeat_an_earlier_case);
    tcase_add_test(cases, a_progress_line_has_count_rate_and_rest);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

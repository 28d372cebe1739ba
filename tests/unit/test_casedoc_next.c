/* casedoc/: cases one after another, as a lane reads a batch. There are good ones, and ones with
 * few faults, with too many, that are no map, or that do not fit into the arena. Each has its
 * own result, and the next begins where it ends. */
#include "casedoc/case_doc.h"
#include "wire/mp_write.h"

#include <check.h>
#include <stdlib.h>

enum { ROUNDS = 3, KINDS = 5, ARENA_BYTES = 1 << 20, SMALL_ARENA_BYTES = 16 };
enum kind { GOOD, FAULTY, VERY_FAULTY, NO_MAP, UNKNOWN_KEY };

static struct vocabulary iso;
static struct schema *schema;
static struct arena arena;

static void setup(void) {
    struct yaml_doc *doc = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(vocabulary_load_iso(&iso, &diag), ERR_OK);
    ck_assert_int_eq(yaml_parse_file("config/case.yaml", &doc, &diag), ERR_OK);
    ck_assert_msg(schema_load(doc, iso, &schema, &diag) == ERR_OK, "%s", diag.text);
    yaml_doc_free(&doc);
    arena_init(&arena, ARENA_BYTES);
}

static void teardown(void) {
    arena_free(&arena);
    schema_free(&schema);
    vocabulary_free(&iso);
}

static void write_case(struct buf *out, enum kind kind, uint32_t number) {
    if (kind == NO_MAP) {
        mp_write_array(out, 2);
        mp_write_uint(out, number);
        mp_write_map(out, 0);
        return;
    }
    mp_write_map(out, kind == UNKNOWN_KEY ? 4 : 3);
    mp_write_str(out, SPAN_LIT("case_id"));
    mp_write_str(out, SPAN_LIT("next"));
    mp_write_str(out, SPAN_LIT("revision"));
    mp_write_uint(out, number);
    if (kind == UNKNOWN_KEY) {
        mp_write_str(out, SPAN_LIT("other"));
        mp_write_array(out, 1);
        mp_write_map(out, 0);
    }
    mp_write_str(out, SPAN_LIT("facts"));
    uint32_t facts = kind == VERY_FAULTY ? 2 * CASE_FAULTS_MAX : kind == FAULTY ? 1 : 0;
    mp_write_map(out, facts + 1);
    for (uint32_t i = 0; i < facts; i++) {
        mp_write_str(out, SPAN_LIT("no_such_fact"));
        mp_write_array(out, 1);
        mp_write_uint(out, i);
    }
    mp_write_str(out, SPAN_LIT("stateless"));
    mp_write_bool(out, number % 2 == 0);
}

START_TEST(each_case_is_judged_by_itself) {
    static const uint32_t faults[KINDS] = {
        [FAULTY] = 1, [VERY_FAULTY] = CASE_FAULTS_MAX, [NO_MAP] = 1, [UNKNOWN_KEY] = 1};
    struct buf bytes = BUF_EMPTY;
    size_t ends[ROUNDS * KINDS];
    for (uint32_t i = 0; i < ROUNDS * KINDS; i++) {
        write_case(&bytes, (enum kind)(i % KINDS), i);
        ends[i] = bytes.len;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < ROUNDS * KINDS; i++) {
        struct case_doc doc;
        ck_assert_int_eq(case_decode_next(schema, buf_span(&bytes), &at, &arena, &doc), ERR_OK);
        ck_assert_uint_eq(at, ends[i]);
        ck_assert_uint_eq(doc.fault_count, faults[i % KINDS]);
        ck_assert_int_eq(doc.revision, i % KINDS == NO_MAP ? CASE_REVISION_UNREAD : (int32_t)i);
    }
    buf_free(&bytes);
}
END_TEST

START_TEST(a_spent_arena_is_that_case_alone) {
    struct arena small;
    struct buf bytes = BUF_EMPTY;
    write_case(&bytes, GOOD, 1);
    size_t end = bytes.len;
    write_case(&bytes, GOOD, 2);
    arena_init(&small, SMALL_ARENA_BYTES);
    struct case_doc doc;
    size_t at = 0;
    ck_assert_int_eq(case_decode_next(schema, buf_span(&bytes), &at, &small, &doc), ERR_TOO_LARGE);
    ck_assert_uint_eq(at, end);
    ck_assert_int_eq(case_decode_next(schema, buf_span(&bytes), &at, &arena, &doc), ERR_OK);
    ck_assert_int_eq(doc.revision, 2);
    arena_free(&small);
    buf_free(&bytes);
}
END_TEST

START_TEST(bytes_that_end_early_are_an_error) {
    struct buf bytes = BUF_EMPTY;
    write_case(&bytes, VERY_FAULTY, 1);
    for (size_t len = 0; len < bytes.len; len++) {
        struct case_doc doc;
        size_t at = 0;
        enum err err = case_decode_next(schema, span_make(bytes.ptr, len), &at, &arena, &doc);
        ck_assert(err != ERR_OK && err != ERR_TOO_LARGE);
    }
    buf_free(&bytes);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("casedoc next");
    TCase *cases = tcase_create("next");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, each_case_is_judged_by_itself);
    tcase_add_test(cases, a_spent_arena_is_that_case_alone);
    tcase_add_test(cases, bytes_that_end_early_are_an_error);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

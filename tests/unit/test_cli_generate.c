/* cli/: invented cases: the same for the same seed, every good one decodes against the shipped
 * schema and every bad one does not, duplicates repeat exactly, JSON and MessagePack say the same;
 * and the progress line. */
#include "base/date.h"
#include "casedoc/case_doc.h"
#include "cli/invent.h"
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

static void msgpack_of(const struct invent_options *options, uint64_t index, struct buf *out) {
    struct item_tree tree;
    invent_case(options, index, &tree);
    buf_clear(out);
    item_tree_msgpack(&tree, out);
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
    struct buf bytes = BUF_EMPTY;
    for (uint64_t i = 0; i < CASES; i++) {
        msgpack_of(options, i, &bytes);
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
        msgpack_of(&options, i, &first);
        msgpack_of(&options, i, &again);
        ck_assert(span_eq(buf_span(&first), buf_span(&again)));
        msgpack_of(&other, i, &again);
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
    struct item_tree tree;
    struct buf later = BUF_EMPTY;
    struct buf earlier = BUF_EMPTY;
    int32_t duplicates = 0;
    for (int32_t i = 0; i < CASES; i++) {
        buf_clear(&later);
        invent_case(&options, (uint64_t)i, &tree);
        item_tree_json(&tree, &later);
        int32_t number = id_number(&later);
        ck_assert_int_le(number, i + 1);
        if (number == i + 1) {
            continue;
        }
        duplicates++;
        buf_clear(&earlier);
        invent_case(&options, (uint64_t)number - 1, &tree);
        item_tree_json(&tree, &earlier);
        ck_assert(span_eq(buf_span(&later), buf_span(&earlier)));
    }
    ck_assert_int_gt(duplicates, CASES * 21 / 100);
    ck_assert_int_lt(duplicates, CASES * 29 / 100);
    buf_free(&later);
    buf_free(&earlier);
}
END_TEST

/* --- the tree --- */

static void pack_json(const json_t *value, struct item_tree *tree, const char *key) {
    const char *name = NULL;
    json_t *child = NULL;
    size_t index = 0;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        item_map_open(tree, key);
        json_object_foreach((json_t *)(uintptr_t)value, name, child) {
            pack_json(child, tree, name);
        }
        item_close(tree);
        return;
    case JSON_ARRAY:
        item_list_open(tree, key);
        json_array_foreach(value, index, child) { pack_json(child, tree, NULL); }
        item_close(tree);
        return;
    case JSON_STRING:
        item_text(tree, key, json_string_value(value));
        return;
    case JSON_INTEGER:
        item_int(tree, key, json_integer_value(value));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        item_bool(tree, key, json_is_true(value));
        return;
    case JSON_REAL:
    case JSON_NULL:
        item_nil(tree, key);
        return;
    }
}

START_TEST(json_and_messagepack_say_the_same) {
    struct invent_options options = options_make(10, 0);
    struct item_tree tree;
    struct item_tree back;
    struct buf json = BUF_EMPTY;
    struct buf packed = BUF_EMPTY;
    struct buf repacked = BUF_EMPTY;
    for (uint64_t i = 0; i < 500; i++) {
        buf_clear(&json);
        buf_clear(&packed);
        buf_clear(&repacked);
        invent_case(&options, i, &tree);
        item_tree_json(&tree, &json);
        item_tree_msgpack(&tree, &packed);
        json_t *parsed = json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_ptr_nonnull(parsed);
        item_tree_init(&back);
        pack_json(parsed, &back, NULL);
        item_tree_msgpack(&back, &repacked);
        ck_assert(span_eq(buf_span(&packed), buf_span(&repacked)));
        json_decref(parsed);
    }
    buf_free(&json);
    buf_free(&packed);
    buf_free(&repacked);
}
END_TEST

START_TEST(a_tree_is_written_byte_for_byte) {
    struct item_tree tree;
    item_tree_init(&tree);
    item_map_open(&tree, NULL);
    item_int(&tree, "a", 5);
    item_int(&tree, "b", -1);
    item_int(&tree, "c", 128);
    item_list_open(&tree, "d");
    item_close(&tree);
    item_list_open(&tree, "e");
    item_bool(&tree, NULL, true);
    item_nil(&tree, NULL);
    item_text(&tree, NULL, "x\"");
    item_close(&tree);
    item_close(&tree);
    struct buf out = BUF_EMPTY;
    item_tree_json(&tree, &out);
    ck_assert_str_eq(buf_cstr(&out),
                     "{\"a\":5,\"b\":-1,\"c\":128,\"d\":[],\"e\":[true,null,\"x\\\"\"]}");
    buf_clear(&out);
    item_tree_msgpack(&tree, &out);
    struct buf hex = BUF_EMPTY;
    buf_hex(&hex, buf_span(&out));
    ck_assert_str_eq(buf_cstr(&hex), "85a16105a162d3ffffffffffffffffa163cf0000000000000080"
                                     "a16490a16593c3c0a27822");
    buf_free(&out);
    buf_free(&hex);
}
END_TEST

START_TEST(a_tree_of_many_children_has_wide_heads) {
    struct item_tree tree;
    char text[300];
    memset(text, 'x', sizeof(text));
    text[299] = '\0';
    item_tree_init(&tree);
    item_list_open(&tree, NULL);
    for (int i = 0; i < 16; i++) {
        item_text(&tree, NULL, text + 299 - (i == 0 ? 299 : i == 1 ? 32 : 31));
    }
    item_close(&tree);
    struct buf out = BUF_EMPTY;
    item_tree_msgpack(&tree, &out);
    size_t offset = 0;
    ck_assert_int_eq(walk_value(buf_span(&out), &offset), ERR_OK);
    ck_assert_uint_eq(offset, out.len);
    ck_assert_uint_eq(out.len, 3 + 3 + 299 + 2 + 32 + 14 * 32);
    buf_free(&out);
}
END_TEST

/* --- progress --- */

START_TEST(a_progress_line_tells_count_rate_and_rest) {
    struct progress progress = {.what = "cases", .total = 1000, .started_ms = 5000};
    struct buf out = BUF_EMPTY;
    progress_line(&progress, 250, 7500, &out);
    ck_assert_str_eq(buf_cstr(&out), "250 of 1000 cases, 100 a second, 8 s left");
    buf_clear(&out);
    progress.is_terminal = true;
    progress_line(&progress, 500, 5000, &out);
    ck_assert_str_eq(buf_cstr(&out), "[###############...............] 500 of 1000 cases");
    buf_clear(&out);
    progress_line(&progress, 1000, 15000, &out);
    ck_assert_str_eq(buf_cstr(&out),
                     "[##############################] 1000 of 1000 cases, 100 a second");
    buf_clear(&out);
    progress.total = 0;
    progress_line(&progress, 30, 6000, &out);
    ck_assert_str_eq(buf_cstr(&out), "30 cases, 30 a second");
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
    tcase_add_test(cases, json_and_messagepack_say_the_same);
    tcase_add_test(cases, a_tree_is_written_byte_for_byte);
    tcase_add_test(cases, a_tree_of_many_children_has_wide_heads);
    tcase_add_test(cases, a_progress_line_tells_count_rate_and_rest);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

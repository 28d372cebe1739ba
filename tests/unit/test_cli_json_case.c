/* cli/: a case as JSON and as MessagePack, lines of any length, and the lines that `evaluate`
 * prints. */
#include "base/io.h"
#include "base/mem.h"
#include "cli/outcome_json.h"
#include "cli/submit/lines.h"
#include "tests/unit/json_case_decode.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* --- JSON <-> MessagePack ----------------------------------------------------------------------
 */

static void encode(const char *line, struct buf *bytes) {
    struct diag diag = {0};
    enum err err = json_case_encode(span_str(line), bytes, &diag);
    ck_assert_msg(err == ERR_OK, "%s: %s", line, diag.text);
}

START_TEST(each_kind_of_value_has_its_bytes) {
    static const struct {
        const char *json;
        const char *hex;
    } rows[] = {
        {"{}", "80"},
        {"{\"a\":null}", "81a161c0"},
        {"{\"a\":true,\"b\":false}", "82a161c3a162c2"},
        {"{\"a\":0}", "81a16100"},
        {"{\"a\":127}", "81a1617f"},
        {"{\"a\":128}", "81a161cd0080"},
        {"{\"a\":65536}", "81a161cf0000000000010000"},
        {"{\"a\":-1}", "81a161ff"},
        {"{\"a\":-33}", "81a161d3ffffffffffffffdf"},
        {"{\"a\":9223372036854775807}", "81a161cf7fffffffffffffff"},
        {"{\"a\":1.0}", "81a161cb3ff0000000000000"},
        {"{\"a\":\"x\\u0000y\"}", "81a161a3780079"},
        {"{\"a\":[1,[2]]}", "81a16192019102"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf bytes = BUF_EMPTY;
        struct buf hex = BUF_EMPTY;
        encode(rows[i].json, &bytes);
        buf_hex(&hex, buf_span(&bytes));
        ck_assert_str_eq(buf_cstr(&hex), rows[i].hex);
        buf_free(&bytes);
        buf_free(&hex);
    }
}
END_TEST

START_TEST(what_was_encoded_decodes_to_the_same_text) {
    struct buf line = BUF_EMPTY;
    buf_str(&line, "{\"case_id\":\"K-1\",\"revision\":70000,\"facts\":{\"a\":[");
    for (int i = 0; i < 400; i++) { /* over the short forms of lists and texts */
        buf_printf(&line, "%s{\"leaf%d\":-%d}", i == 0 ? "" : ",", i, i * 100 + 1);
    }
    buf_str(&line, "],\"text\":\"");
    for (int i = 0; i < 70000; i++) {
        buf_byte(&line, 'x');
    }
    buf_str(&line, "\",\"d\":0.5,\"none\":null,\"yes\":true}}");
    struct buf bytes = BUF_EMPTY;
    struct buf text = BUF_EMPTY;
    struct json json;
    encode(buf_cstr(&line), &bytes);
    json_init(&json, &text);
    ck_assert_int_eq(json_case_decode(buf_span(&bytes), &json), ERR_OK);
    ck_assert(span_eq(buf_span(&text), buf_span(&line)));
    for (size_t len = 0; len < 200; len++) { /* cut bytes are an error, never a part */
        buf_clear(&text);
        json_init(&json, &text);
        ck_assert_int_ne(json_case_decode(span_make(bytes.ptr, len), &json), ERR_OK);
    }
    buf_free(&line);
    buf_free(&bytes);
    buf_free(&text);
}
END_TEST

START_TEST(what_is_no_object_is_refused_without_a_word_of_it) {
    static const struct {
        const char *json;
        const char *part;
    } rows[] = {
        {"", "expected one JSON object"},
        {"[1]", "expected one JSON object"},
        {"\"secret\"", ""},
        {"{\"secret\":1,\"secret\":2}", "a key occurs twice"},
        {"{\"a\":99999999999999999999}", "64 bits"},
        {"{\"a\":1", "ends too early"},
        {"{\"a\":1} secret", "follows the object"},
        {"{\"a\":secret}", "not JSON"},
        {"{\"a\":\"\xff\"}", "UTF-8"},
        {"{\"a\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}", "levels"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf bytes = BUF_EMPTY;
        struct diag diag = {0};
        buf_str(&bytes, "before");
        ck_assert_int_ne(json_case_encode(span_str(rows[i].json), &bytes, &diag), ERR_OK);
        ck_assert_msg(strstr(diag.text, rows[i].part) != NULL, "%s: %s", rows[i].json, diag.text);
        ck_assert_ptr_null(strstr(diag.text, "secret"));
        ck_assert(span_is(buf_span(&bytes), "before"));
        buf_free(&bytes);
    }
}
END_TEST

/* --- lines -------------------------------------------------------------------------------------
 */

START_TEST(lines_come_whole_or_are_cut) {
    char path[] = "/tmp/lines.XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    struct buf text = BUF_EMPTY;
    buf_str(&text, "one\n\nthree\n");
    for (int i = 0; i < 300000; i++) { /* over the limit, and over several reads */
        buf_byte(&text, 'x');
    }
    buf_str(&text, "\nfive\nsix");
    ck_assert_int_eq(io_write_all(fd, buf_span(&text)), ERR_OK);
    ck_assert_int_eq(close(fd), 0);
    static const char *const expected[] = {"one", "", "three", NULL, "five", "six"};
    struct lines lines;
    struct diag diag = {0};
    struct span line = {0};
    bool is_cut = false;
    ck_assert_int_eq(lines_open(&lines, path, 100000, &diag), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        ck_assert_int_eq(lines_next(&lines, &line, &is_cut, &diag), ERR_OK);
        ck_assert_uint_eq(lines.number, i + 1);
        ck_assert_int_eq(is_cut, expected[i] == NULL);
        ck_assert(is_cut || span_is(line, expected[i]));
    }
    ck_assert_int_eq(lines_next(&lines, &line, &is_cut, &diag), ERR_NOT_FOUND);
    ck_assert_int_eq(diag.err, ERR_OK);
    ck_assert_uint_lt(lines.bytes.cap, 400000);
    lines_close(&lines);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(lines_open(&lines, path, 100, &diag), ERR_NOT_FOUND);
    lines_close(&lines);
    buf_free(&text);
}
END_TEST

/* --- evaluate's lines --------------------------------------------------------------------------
 */

static void evaluate(const char *line, struct buf *text) {
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    struct buf bytes = BUF_EMPTY;
    struct arena arena;
    struct case_doc doc;
    struct json json;
    ck_assert_int_eq(ruleset_load_dir("tests/data/rules", NULL, 0, &ruleset, NULL, &diag), ERR_OK);
    struct ruleset_run *run = ruleset_run_new(ruleset);
    arena_init(&arena, 1 << 20);
    encode(line, &bytes);
    ck_assert_int_eq(case_decode(ruleset_schema(ruleset), buf_span(&bytes), &arena, &doc), ERR_OK);
    json_init(&json, text);
    if (doc.fault_count > 0) {
        outcome_json_dead(&json, &doc);
    } else {
        struct outcome outcome;
        ruleset_evaluate(run, &doc, doc.reference_date, doc.as_of, &outcome);
        outcome_json(&json, ruleset, &doc, doc.reference_date, doc.as_of, &outcome);
    }
    arena_free(&arena);
    buf_free(&bytes);
    ruleset_run_free(&run);
    ruleset_unref(&ruleset);
}

START_TEST(an_outcome_has_its_keys_in_order) {
    struct buf text = BUF_EMPTY;
    evaluate("{\"case_id\":\"K-1\",\"revision\":2,\"reference_date\":\"2019-03-15\","
             "\"as_of\":\"2019-03-16\",\"facts\":{\"number\":0,\"home\":\"CA\"}}",
             &text);
    const char *found = buf_cstr(&text);
    static const char *const parts[] = {
        "{\"case_id\":\"K-1\",\"revision\":2,\"ruleset\":\"",
        "\",\"reference_date\":\"2019-03-15\",\"as_of\":\"2019-03-16\",\"disposition\":\"",
        "\",\"agreement\":\"SUGAR\",\"reason\":\"",
        "\",\"missing\":[\"",
        "],\"findings\":[{\"agreement\":\"SETTLE\",\"disposition\":\"not_subject\",\"reason\":"
        "\"agreement_not_in_force\",\"missing\":[],\"projected\":{\"disposition\":\"",
        "{\"agreement\":\"STATUS\",\"disposition\":\"not_subject\",\"reason\":"
        "\"agreement_not_in_force\",\"missing\":[],\"projected\":{\"disposition\":\"not_subject\","
        "\"reason\":\"of_receiving_state\",\"missing\":[]}}",
        "{\"agreement\":\"STEPS\","};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        found = strstr(found, parts[i]);
        ck_assert_msg(found != NULL, "no %s in %s", parts[i], buf_cstr(&text));
    }
    buf_free(&text);
}
END_TEST

START_TEST(a_finding_in_error_names_rule_and_kind) {
    struct buf text = BUF_EMPTY;
    evaluate("{\"case_id\":\"K-1\",\"revision\":0,\"reference_date\":\"2020-06-01\","
             "\"as_of\":\"2020-06-01\",\"facts\":{\"number\":0,\"home\":\"US\",\"lands\":[],"
             "\"came\":\"2020-05-01\"}}",
             &text);
    ck_assert_ptr_nonnull(
        strstr(buf_cstr(&text), ",\"error\":{\"rule\":\"divided\",\"kind\":\"division_by_zero\"}"));
    buf_free(&text);
}
END_TEST

START_TEST(a_case_that_does_not_decode_is_dead_and_shows_no_value) {
    struct buf text = BUF_EMPTY;
    evaluate("{\"case_id\":\"K-2\",\"revision\":7,\"facts\":{\"home\":\"Atlantis\"}}", &text);
    const char *head = "{\"case_id\":\"K-2\",\"revision\":7,\"dead\":[{\"path\":\"facts.home\","
                       "\"expected\":\"";
    ck_assert_msg(strncmp(buf_cstr(&text), head, strlen(head)) == 0, "%s", buf_cstr(&text));
    ck_assert_ptr_null(strstr(buf_cstr(&text), "Atlantis"));
    buf_clear(&text);
    evaluate("{\"facts\":{}}", &text);
    head = "{\"case_id\":null,\"revision\":null,\"dead\":[{\"path\":\"";
    ck_assert_msg(strncmp(buf_cstr(&text), head, strlen(head)) == 0, "%s", buf_cstr(&text));
    buf_free(&text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli json case");
    TCase *tests = tcase_create("cli json case");
    tcase_add_test(tests, each_kind_of_value_has_its_bytes);
    tcase_add_test(tests, what_was_encoded_decodes_to_the_same_text);
    tcase_add_test(tests, what_is_no_object_is_refused_without_a_word_of_it);
    tcase_add_test(tests, lines_come_whole_or_are_cut);
    tcase_add_test(tests, an_outcome_has_its_keys_in_order);
    tcase_add_test(tests, a_finding_in_error_names_rule_and_kind);
    tcase_add_test(tests, a_case_that_does_not_decode_is_dead_and_shows_no_value);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

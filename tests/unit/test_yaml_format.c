/* yaml/: the style of documents: how it changes spaces, that it changes nothing else, and that
 * the shipped rule documents follow it. */
#include "base/io.h"
#include "yaml/yaml_format.h"

#include <check.h>
#include <stdlib.h>

static enum err format(struct span text, struct buf *out, struct diag *diag) {
    struct yaml_doc *doc = NULL;
    enum err err = yaml_parse(text, "t.yaml", &doc, diag);
    if (err == ERR_OK) {
        err = yaml_format(doc, out, diag);
    }
    yaml_doc_free(&doc);
    return err;
}

static const char *const ROWS[][2] = {
    {"a:   1\n", "a: 1\n"},
    {"a: 1", "a: 1\n"},
    {"\n\n\na: 1   \n\n\n\nb: 2\n\n\n", "a: 1\n\nb: 2\n"},
    {"a: 1 \r\nb: 2\r\n", "a: 1\nb: 2\n"},
    {"a: {b: 1 ,c:   [ 1,2 ] }\n", "a: {b: 1, c: [1, 2]}\n"},
    {"a: { }\nb: [ ]\n", "a: {}\nb: []\n"},
    {"a:\n    b:\n        c: 1\n    d: 2\n", "a:\n  b:\n    c: 1\n  d: 2\n"},
    {"a:\n- 1\n-   2\n", "a:\n  - 1\n  - 2\n"},
    {"a:\n    - b: 1\n      c:\n       - 2\n", "a:\n  - b: 1\n    c:\n      - 2\n"},
    {"a:\n  - {given: 'x', r: 1}\n  -  given: 'y'\n     rules:\n     - {l: 1}\n",
     "a:\n  - {given: 'x', r: 1}\n  - given: 'y'\n    rules:\n      - {l: 1}\n"},
    {"a: {b: 1,\n        c: 2,\n    }\n", "a: {b: 1,\n  c: 2,\n}\n"},
    {"#one\n#  two\n##three\n#\na: 1     #four\n", "# one\n#  two\n##three\n#\na: 1 # four\n"},
    {"a:\n# on b\n      # and more\n  b: 1\n        # on c\nc: 2\n#end\n",
     "a:\n  # on b\n  # and more\n  b: 1\n# on c\nc: 2\n# end\n"},
    {"a: [1, # one\n 2]\n", "a: [1, # one\n  2]\n"},
    {"a: 'x  # no comment,  {}'\nb: \"- y:  z\"\nc: p  q # r\n",
     "a: 'x  # no comment,  {}'\nb: \"- y:  z\"\nc: p  q # r\n"},
    {"a: |\n  one\n    two  \n\n  three\nb:   1\n", "a: |\n  one\n    two  \n\n  three\nb: 1\n"},
    {"a:\n   'far'\nb:\nc: ~\n", "a:\n  'far'\nb:\nc: ~\n"},
    {"a: \"one\n    two\"\n", "a: \"one\n    two\"\n"},
};

START_TEST(only_blanks_change) {
    struct buf out = BUF_EMPTY;
    struct buf again = BUF_EMPTY;
    struct diag diag = {0};
    enum err err = format(span_str(ROWS[_i][0]), &out, &diag);
    ck_assert_msg(err == ERR_OK, "%s: %u:%u: %s", ROWS[_i][0], diag.line, diag.column, diag.text);
    ck_assert_str_eq(buf_cstr(&out), ROWS[_i][1]);
    ck_assert_int_eq(format(buf_span(&out), &again, &diag), ERR_OK);
    ck_assert_str_eq(buf_cstr(&again), ROWS[_i][1]);
    buf_free(&out);
    buf_free(&again);
}
END_TEST

/* What would change its meaning, or has no place, is refused and nothing is given out. */
START_TEST(what_has_no_place_is_refused) {
    static const struct {
        const char *text;
        uint32_t line;
    } rows[] = {{"---\na: 1\n", 1},
                {"? a\n: 1\n", 1},
                {"a:\n        b:\n          c: |\n            one\n", 0},
                {"a:\n- b: |\n   one\n", 1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = BUF_EMPTY;
        struct diag diag = {0};
        enum err err = format(span_str(rows[i].text), &out, &diag);
        if (rows[i].line == 0) {
            ck_assert_int_eq(err, ERR_OK);
        } else {
            ck_assert_msg(err == ERR_INVALID, "%s: %s", rows[i].text, buf_cstr(&out));
            ck_assert_uint_eq(diag.line, rows[i].line);
            ck_assert_uint_eq(out.len, 0);
        }
        buf_free(&out);
    }
}
END_TEST

static const char *const DOCUMENTS[] = {"config/case.yaml", "config/agreements/US-CA-STCA.yaml",
                                        "config/agreements/US-GT-ACA-2019.yaml",
                                        "config/agreements/US-HN-ACA-2019.yaml",
                                        "config/agreements/US-SV-ACA-2019.yaml"};

/* One space more before each indented line, spaces at the end of each. */
static void spoil(struct span text, struct buf *out) {
    bool at_start = true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (byte == '\n') {
            buf_str(out, "   \n");
            at_start = true;
            continue;
        }
        if (at_start && byte == ' ') {
            buf_byte(out, ' ');
        }
        at_start = false;
        buf_byte(out, byte);
    }
}

START_TEST(the_shipped_documents_are_in_style_and_come_back_to_it) {
    struct buf source = BUF_EMPTY;
    struct buf spoilt = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    struct diag diag = {0};
    ck_assert_int_eq(io_read_file(DOCUMENTS[_i], 1 << 20, &source, &diag), ERR_OK);
    ck_assert_msg(format(buf_span(&source), &out, &diag) == ERR_OK, "%s", diag.text);
    ck_assert_msg(span_eq(buf_span(&out), buf_span(&source)), "casemill rules fmt %s",
                  DOCUMENTS[_i]);
    spoil(buf_span(&source), &spoilt);
    ck_assert(!span_eq(buf_span(&spoilt), buf_span(&source)));
    buf_clear(&out);
    enum err err = format(buf_span(&spoilt), &out, &diag);
    ck_assert_msg(err == ERR_OK, "%u:%u: %s", diag.line, diag.column, diag.text);
    ck_assert(span_eq(buf_span(&out), buf_span(&source)));
    buf_free(&source);
    buf_free(&spoilt);
    buf_free(&out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("yaml format");
    TCase *tests = tcase_create("yaml format");
    tcase_add_loop_test(tests, only_blanks_change, 0, (int)COUNT_OF(ROWS));
    tcase_add_test(tests, what_has_no_place_is_refused);
    tcase_add_loop_test(tests, the_shipped_documents_are_in_style_and_come_back_to_it, 0,
                        (int)COUNT_OF(DOCUMENTS));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

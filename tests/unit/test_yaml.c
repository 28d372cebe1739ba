/* yaml/: positions in bytes, refusals with their place, and the way back from a value to its
 * source. */
#include "yaml/yaml_doc.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct yaml_doc *parse(const char *text) {
    struct yaml_doc *doc = NULL;
    struct diag diag = {0};
    enum err err = yaml_parse(span_str(text), "test.yaml", &doc, &diag);
    ck_assert_msg(err == ERR_OK, "%u:%u: %s", diag.line, diag.column, diag.text);
    return doc;
}

static void refuse(const char *text, uint32_t line, uint32_t column, const char *part) {
    struct yaml_doc *doc = NULL;
    struct diag diag = {0};
    enum err err = yaml_parse(span_str(text), "test.yaml", &doc, &diag);
    ck_assert_msg(err != ERR_OK, "accepted: %s", text);
    ck_assert_ptr_null(doc);
    ck_assert_msg(diag.line == line && diag.column == column, "%s: at %u:%u: %s", text, diag.line,
                  diag.column, diag.text);
    ck_assert_msg(strstr(diag.text, part) != NULL, "%s: %s", text, diag.text);
    ck_assert_str_eq(diag.file, "test.yaml");
}

START_TEST(a_tree_keeps_order_and_byte_positions) {
    struct yaml_doc *doc = parse("# é\nné: {a: \"é\", b: [1, 'x']}\nlast:\n  - one\n");
    const struct yaml_node *root = yaml_root(doc);
    ck_assert_uint_eq(root->kind, YAML_MAP);
    ck_assert_uint_eq(root->count, 2);
    const struct yaml_node *inner = yaml_get(root, "n\xc3\xa9");
    ck_assert_ptr_nonnull(inner);
    ck_assert_uint_eq(inner->line, 2);
    ck_assert_uint_eq(inner->column, 6); /* the key's é is two bytes */
    const struct yaml_node *b = yaml_get(inner, "b");
    ck_assert_uint_eq(b->column, 19);
    ck_assert_uint_eq(b->count, 2);
    ck_assert_uint_eq(b->first->style, YAML_PLAIN);
    ck_assert_uint_eq(b->first->next->style, YAML_SINGLE);
    struct span source = yaml_source(doc);
    ck_assert(span_is(span_make(source.ptr + b->start, b->end - b->start), "[1, 'x']"));
    const struct yaml_node *last = yaml_get(root, "last");
    ck_assert(span_is(span_make(source.ptr + last->start, last->end - last->start), "- one"));
    ck_assert_ptr_null(yaml_get(root, "absent"));
    ck_assert_ptr_null(yaml_get(last, "absent"));
    yaml_doc_free(&doc);
    ck_assert_ptr_null(doc);
}
END_TEST

START_TEST(scalars_stay_text) {
    struct yaml_doc *doc = parse("a: NO\nb: 010\nc: ~\nd: '~'\ne:\n");
    const struct yaml_node *root = yaml_root(doc);
    ck_assert(span_is(yaml_get(root, "a")->text, "NO"));
    ck_assert(span_is(yaml_get(root, "b")->text, "010"));
    ck_assert(yaml_is_null(yaml_get(root, "c")));
    ck_assert(!yaml_is_null(yaml_get(root, "d")));
    ck_assert(yaml_is_null(yaml_get(root, "e")));
    yaml_doc_free(&doc);
}
END_TEST

START_TEST(a_document_of_comments_is_a_null) {
    static const char *const texts[] = {"", "# only a remark\n", "---\n", "\n\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct yaml_doc *doc = parse(texts[i]);
        ck_assert(yaml_is_null(yaml_root(doc)));
        yaml_doc_free(&doc);
    }
}
END_TEST

START_TEST(what_is_refused_names_its_place) {
    refuse("a: 1\nb: &x 2\n", 2, 4, "anchors");
    refuse("a: *x\n", 1, 4, "aliases");
    refuse("a: !!str 1\n", 1, 4, "tags");
    refuse("a: 1\n---\nb: 2\n", 2, 1, "second document");
    refuse("%YAML 1.1\n---\na: 1\n", 1, 1, "directives");
    refuse("é: 1\na: 1\né: 2\n", 3, 1, "duplicate key");
    refuse("{a: 1, b: 2, a: 3}\n", 1, 14, "duplicate key \"a\"");
    refuse("[a]: 1\n", 1, 1, "key");
    refuse("<<: {a: 1}\n", 1, 1, "merge");
    refuse("a: [1\nb: 2\n", 2, 2, "");
    refuse("a: \x01\n", 1, 4, "control characters");
    refuse("a: 1\nb: \xff\n", 2, 0, "UTF-8");
}
END_TEST

START_TEST(nesting_stops_at_its_limit) {
    char text[200] = {0};
    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    struct yaml_doc *doc = parse(text);
    yaml_doc_free(&doc);
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    struct diag diag = {0};
    ck_assert_int_eq(yaml_parse(span_str(text), "deep", &doc, &diag), ERR_TOO_DEEP);
    ck_assert_uint_eq(diag.column, 33);
}
END_TEST

START_TEST(size_stops_at_its_limit) {
    size_t bytes = 1 << 20;
    char *text = malloc(bytes + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, '\n', bytes + 1);
    struct yaml_doc *doc = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(yaml_parse(span_make(text, bytes), "big", &doc, &diag), ERR_OK);
    yaml_doc_free(&doc);
    ck_assert_int_eq(yaml_parse(span_make(text, bytes + 1), "big", &doc, &diag), ERR_TOO_LARGE);
    free(text);
}
END_TEST

START_TEST(typed_readers_take_only_their_form) {
    struct yaml_doc *doc = parse("[true, 'true', yes, 12, -3, 012, 1.0, '5', 9223372036854775807, "
                                 "9223372036854775808, 2024-02-29, 2023-02-29]");
    const struct yaml_node *at[12];
    const struct yaml_node *node = yaml_root(doc)->first;
    for (size_t i = 0; i < COUNT_OF(at); i++, node = node->next) {
        at[i] = node;
    }
    struct diag diag = {0};
    bool flag = false;
    ck_assert_int_eq(yaml_bool(doc, at[0], &flag, &diag), ERR_OK);
    ck_assert(flag);
    ck_assert_int_eq(yaml_bool(doc, at[1], &flag, &diag), ERR_INVALID);
    ck_assert_int_eq(yaml_bool(doc, at[2], &flag, &diag), ERR_INVALID);
    ck_assert_uint_eq(diag.column, 16);
    ck_assert_uint_eq(diag.width, 3);
    int64_t number = 0;
    ck_assert_int_eq(yaml_int(doc, at[3], 0, 12, &number, &diag), ERR_OK);
    ck_assert_int_eq(number, 12);
    ck_assert_int_eq(yaml_int(doc, at[3], 0, 11, &number, &diag), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(diag.text, "from 0 to 11"));
    ck_assert_int_eq(yaml_int(doc, at[4], -3, 0, &number, &diag), ERR_OK);
    ck_assert_int_eq(number, -3);
    ck_assert_int_eq(yaml_int(doc, at[5], 0, 99, &number, &diag), ERR_INVALID);
    ck_assert_int_eq(yaml_int(doc, at[6], 0, 99, &number, &diag), ERR_INVALID);
    ck_assert_int_eq(yaml_int(doc, at[7], 0, 99, &number, &diag), ERR_INVALID);
    ck_assert_int_eq(yaml_int(doc, at[8], 0, INT64_MAX, &number, &diag), ERR_OK);
    ck_assert_int_eq(number, INT64_MAX);
    ck_assert_int_eq(yaml_int(doc, at[9], 0, INT64_MAX, &number, &diag), ERR_INVALID);
    int32_t days = 0;
    ck_assert_int_eq(yaml_date(doc, at[10], &days, &diag), ERR_OK);
    ck_assert_int_eq(days, 19782);
    ck_assert_int_eq(yaml_date(doc, at[11], &days, &diag), ERR_INVALID);
    yaml_doc_free(&doc);
}
END_TEST

/* Each source holds one scalar under `w`; byte `offset` of its value is at line:column. */
static const struct {
    const char *source;
    size_t offset, width;
    uint32_t line, column, shown;
} PLACES[] = {
    {"w: a == b\n", 5, 1, 1, 9, 1},
    {"w: \xc3\xa9 == b\n", 6, 1, 1, 10, 1},
    {"w: 'it''s x'\n", 5, 1, 1, 11, 1},
    {"w: 'it''s x'\n", 2, 1, 1, 7, 2}, /* the quote itself is two bytes wide */
    {"w: \"a\\tb\\u00e9c\"\n", 2, 1, 1, 8, 1},
    {"w: \"a\\tb\\u00e9c\"\n", 5, 1, 1, 15, 1},
    {"w: \"a\\tb\\u00e9c\"\n", 4, 1, 1, 9, 6}, /* inside the two bytes of one escape */
    {"w: \"\\\"x\\\" y\"\n", 4, 1, 1, 11, 1},
    {"w: |\n  ab\n  cd\n", 3, 2, 2 + 1, 3, 2},
    {"w: |-   # remark\n\n     ab\n       cd\nz: 1\n", 1, 2, 3, 6, 2},
    {"w: |-   # remark\n\n     ab\n       cd\nz: 1\n", 6, 1, 4, 8, 1},
    {"w: |\r\n  ab\r\n  cd\r\n", 4, 1, 3, 4, 1},
    {"w: |\n  ab", 1, 5, 2, 4, 1},
    {"w: a == b\n", 99, 1, 1, 10, 1},
    {"w: >\n  ab\n  cd\n", 4, 1, 1, 4, 1}, /* folded: the scalar as a whole */
    {"w: ab\n   cd\n", 4, 1, 1, 4, 2},
    {"# \xc3\xa9\n\nw: {x: 'a b'}\n", 0, 1, 3, 4, 1},
};

START_TEST(a_byte_of_a_value_is_found_in_the_source) {
    struct yaml_doc *doc = parse(PLACES[_i].source);
    const struct yaml_node *node = yaml_get(yaml_root(doc), "w");
    struct diag diag = {0};
    enum err err = node->kind == YAML_SCALAR
                       ? yaml_fail_in(doc, node, PLACES[_i].offset, PLACES[_i].width, &diag, "here")
                       : yaml_fail(doc, node, ERR_INVALID, &diag, "%s", "here");
    ck_assert_int_eq(err, ERR_INVALID);
    ck_assert_msg(diag.line == PLACES[_i].line && diag.column == PLACES[_i].column &&
                      diag.width == PLACES[_i].shown,
                  "row %d: %u:%u width %u", _i, diag.line, diag.column, diag.width);
    ck_assert_str_eq(diag.text, "here");
    yaml_doc_free(&doc);
}
END_TEST

START_TEST(a_wrong_key_names_the_nearest) {
    static const char *const names[] = {"label", "when", "cite", NULL};
    struct yaml_doc *doc = parse("label: x\nlabl: y\n");
    struct diag diag = {0};
    ck_assert_int_eq(yaml_only_keys(doc, yaml_root(doc), names, &diag), ERR_INVALID);
    ck_assert_str_eq(diag.text, "unknown key \"labl\"; did you mean \"label\"?");
    ck_assert_uint_eq(diag.line, 2);
    ck_assert_uint_eq(diag.width, 4);
    ck_assert_int_eq(yaml_only_keys(doc, yaml_get(yaml_root(doc), "labl"), names, &diag),
                     ERR_INVALID);
    yaml_doc_free(&doc);
    doc = parse("when: x\n");
    ck_assert_int_eq(yaml_only_keys(doc, yaml_root(doc), names, &diag), ERR_OK);
    yaml_doc_free(&doc);
}
END_TEST

START_TEST(files_are_read_by_name) {
    struct yaml_doc *doc = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(yaml_parse_file("no/such.yaml", &doc, &diag), ERR_NOT_FOUND);
    ck_assert_int_eq(yaml_parse_file("CMakePresets.json", &doc, &diag), ERR_OK);
    ck_assert_str_eq(yaml_name(doc), "CMakePresets.json"); /* JSON is YAML too */
    ck_assert_ptr_nonnull(yaml_get(yaml_root(doc), "version"));
    yaml_doc_free(&doc);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("yaml");
    TCase *cases = tcase_create("yaml");
    tcase_add_test(cases, a_tree_keeps_order_and_byte_positions);
    tcase_add_test(cases, scalars_stay_text);
    tcase_add_test(cases, a_document_of_comments_is_a_null);
    tcase_add_test(cases, what_is_refused_names_its_place);
    tcase_add_test(cases, nesting_stops_at_its_limit);
    tcase_add_test(cases, size_stops_at_its_limit);
    tcase_add_test(cases, typed_readers_take_only_their_form);
    tcase_add_loop_test(cases, a_byte_of_a_value_is_found_in_the_source, 0, (int)COUNT_OF(PLACES));
    tcase_add_test(cases, a_wrong_key_names_the_nearest);
    tcase_add_test(cases, files_are_read_by_name);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

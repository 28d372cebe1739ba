/* casedoc: columns of PostgreSQL back into slots: every type, and bytes that are none. */
#include "base/buf.h"
#include "base/date.h"
#include "casedoc/column.h"

#include <check.h>
#include <math.h>

static const char SCHEMA[] =
    "version: 1\ntitle: t\nfacts:\n"
    "  b: {type: bool}\n"
    "  i: {type: int, range: [-5, 1000000000000]}\n"
    "  d: {type: double}\n"
    "  s: {type: string, bytes: 5}\n"
    "  e: {type: enum, words: [first, second]}\n"
    "  day: {type: date}\n"
    "  at: {type: timestamp}\n"
    "  words: {type: list, max: 2, of: {type: enum, words: [x, y]}}\n"
    "  days: {type: list, max: 3, of: {type: date}}\n"
    "  numbers: {type: list, max: 3, of: {type: int}}\n"
    "  people: {type: list, max: 2, of: {type: record, fields: {name: {type: string}, "
    "adult: {type: bool}, height: {type: double}}}}\n"
    "  fears: {type: map, keys: string, max: 3, of: {type: enum, words: [none, some]}}\n";

static struct schema *schema;
static struct arena arena;

static void setup(void) {
    struct yaml_doc *yaml = NULL;
    struct diag diag = {0};
    struct vocabulary none = {0};
    ck_assert_msg(yaml_parse(SPAN_LIT(SCHEMA), "case.yaml", &yaml, &diag) == ERR_OK, "%s",
                  diag.text);
    ck_assert_msg(schema_load(yaml, none, &schema, &diag) == ERR_OK, "%s", diag.text);
    yaml_doc_free(&yaml);
    arena_init(&arena, 1 << 20);
}

static void teardown(void) {
    schema_free(&schema);
    arena_free(&arena);
}

static const struct fact *fact(const char *name) { return schema_find(schema, span_str(name)); }

static enum err read_fact(const char *name, struct span bytes, struct value *value) {
    return column_read(fact(name), bytes, &arena, value);
}

static struct value sound(const char *name, struct span bytes) {
    struct value value = value_null();
    ck_assert_msg(read_fact(name, bytes, &value) == ERR_OK, "%s", name);
    return value;
}

static void refused(const char *name, struct span bytes) {
    struct value value = value_int(77);
    ck_assert_msg(read_fact(name, bytes, &value) == ERR_INVALID, "%s %.*s", name, SPAN_ARG(bytes));
    ck_assert_int_eq(value.i, 77); /* untouched */
}

static struct value json(const char *name, const char *text) {
    struct buf bytes = BUF_EMPTY;
    buf_str(&bytes, text);
    struct value value = sound(name, arena_copy(&arena, buf_span(&bytes)));
    buf_free(&bytes);
    return value;
}

static void json_refused(const char *name, const char *text) { refused(name, span_str(text)); }

static void equal(struct value value, const char *text) {
    ck_assert_int_eq(value.kind, VAL_STRING);
    ck_assert_msg(span_is(value_span(value), text), "%.*s, not %s", SPAN_ARG(value_span(value)),
                  text);
}

START_TEST(test_scalars) {
    ck_assert(sound("b", SPAN_LIT("\1")).b);
    ck_assert(!sound("b", SPAN_LIT("\0")).b);
    ck_assert_int_eq(sound("i", SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xfb")).i, -5);
    ck_assert_double_eq(sound("d", SPAN_LIT("\x3f\xf8\0\0\0\0\0\0")).d, 1.5);
    equal(sound("s", SPAN_LIT("abcde")), "abcde");
    equal(sound("s", SPAN_LIT("")), "");
    struct value word = sound("e", SPAN_LIT("second"));
    equal(word, "second");
    ck_assert_uint_eq(value_mark(&word), mark_of_word(1));
    /* 2000-01-01 is day 10957; the day before 1970-01-01 */
    ck_assert_int_eq(sound("day", SPAN_LIT("\0\0\0\0")).i, (int64_t)10957 * 86400);
    ck_assert_int_eq(sound("day", SPAN_LIT("\xff\xff\xd5\x32")).i, -86400);
    struct value time = sound("at", SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xff"));
    ck_assert_int_eq(time.i, (int64_t)10957 * 86400 - 1);
    ck_assert_uint_eq(time.len, 999999000);
}
END_TEST

START_TEST(test_unknown) {
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        struct value value = sound(schema->slots[i]->name, span_make(NULL, 0));
        ck_assert(memcmp(&value, &schema->unknown[i], sizeof(value)) == 0);
    }
}
END_TEST

START_TEST(test_scalars_refused) {
    refused("b", SPAN_LIT("\0\1"));
    refused("i", SPAN_LIT("\0\0\0\1"));
    refused("i", SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xfa"));
    refused("d", SPAN_LIT("\x7f\xf0\0\0\0\0\0\0"));
    refused("s", SPAN_LIT("abcdef"));
    refused("e", SPAN_LIT("third"));
    refused("day", SPAN_LIT("\x7f\xff\xff\xff")); /* infinity */
    refused("at", SPAN_LIT("\x7f\xff\xff\xff\xff\xff\xff\xff"));
    refused("at", SPAN_LIT("\x80\0\0\0\0\0\0\0"));             /* -infinity */
    refused("at", SPAN_LIT("\x03\x80\xe7\x45\xb9\x86\x40\0")); /* 10000-01-01 */
}
END_TEST

START_TEST(test_text_lists) {
    static const char two[] = "{y,x}";
    struct value list = sound("words", SPAN_LIT(two));
    ck_assert_uint_eq(list.len, 2);
    equal(list.items[0], "y");
    equal(list.items[1], "x");
    ck_assert_uint_eq(sound("words", SPAN_LIT("{}")).len, 0);
    ck_assert_int_eq(sound("words", SPAN_LIT("{}")).kind, VAL_LIST);
    list = sound("words", SPAN_LIT("{\"y\",\"\\x\"}")); /* as an older row's array may be printed */
    equal(list.items[0], "y");
    equal(list.items[1], "x");
    for (size_t len = 0; len < sizeof(two) - 1; len++) {
        refused("words", span_make(two, len));
    }
    static const char *const bad[] = {"{NULL}", "{y,}",      "{,y}",     "{y x}", "{y}x",
                                      "{{y}}",  "[0:0]={y}", "y",        "{\"y}", "{\"y",
                                      "{\"\\",  "{}}",       "{\"y\"x}", "{y,x"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        refused("words", span_str(bad[i]));
    }
}
END_TEST

START_TEST(test_json) {
    struct value days = json("days", "[\"2000-01-01\", \"1969-12-31\"]");
    ck_assert_uint_eq(days.len, 2);
    ck_assert_int_eq(days.items[1].i, -86400);
    struct value numbers = json("numbers", "[ -1,0 , 9223372036854775807]");
    ck_assert_int_eq(numbers.items[2].i, INT64_MAX);
    ck_assert_uint_eq(json("numbers", "[]").len, 0);
    struct value people = json("people", "[{\"adult\": true, \"name\": \"a, \\\"}]\"}, {}]");
    ck_assert_uint_eq(people.len, 2);
    const struct value *pairs = people.items[0].items;
    ck_assert_uint_eq(people.items[0].len, 3);
    equal(pairs[0], "name");
    equal(pairs[1], "a, \"}]");
    ck_assert(pairs[3].b);
    ck_assert_int_eq(pairs[5].kind, VAL_UNKNOWN);
    ck_assert_uint_eq(pairs[5].u, fact("people[].height")->path);
    ck_assert_int_eq(people.items[1].items[1].kind, VAL_UNKNOWN);
    /* the order of keys is theirs, not PostgreSQL's */
    struct value fears = json("fears", "{\"z\": \"none\", \"aa\": \"some\"}");
    ck_assert_uint_eq(fears.len, 2);
    equal(fears.items[0], "aa");
    equal(fears.items[3], "none");
    ck_assert_uint_eq(json("fears", "{}").len, 0);
    ck_assert_double_eq(json("people", "[{\"height\": 1.5e2}]").items[0].items[5].d, 150);
}
END_TEST

START_TEST(test_json_escapes) {
    struct value list = json("people", "[{\"name\": \"\\u00e9\\ud83d\\ude00\\n\\/\\t\\\\\"}]");
    equal(list.items[0].items[1], "\xc3\xa9\xf0\x9f\x98\x80\n/\t\\");
}
END_TEST

START_TEST(test_json_refused) {
    static const char *const numbers[] = {
        "",    "[",         "[1",    "[1,",   "[1,]",
        "[,]", "[1 2]",     "1",     "{}",    "[1]]",
        "[a]", "[\"1\"]",   "[1.5",  "[1.5]", "[9223372036854775808]",
        "[-]", "[1,2,3,4]", "[null]"};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        json_refused("numbers", numbers[i]);
    }
    static const char *const people[] = {"[{]",
                                         "[{\"name\"}]",
                                         "[{\"name\":}]",
                                         "[{\"name\": \"x}]",
                                         "[{\"name\": \"\\",
                                         "[{\"name\": \"\\u12\"}]",
                                         "[{\"name\": \"\\ud800\"}]",
                                         "[{\"name\": \"\\u0000\"}]",
                                         "[{\"name\": \"\\q\"}]",
                                         "[{\"adult\": tru}]",
                                         "[{\"nobody\": 1}]",
                                         "[{\"adult\": true \"name\": \"a\"}]",
                                         "[[]]"};
    for (size_t i = 0; i < COUNT_OF(people); i++) {
        json_refused("people", people[i]);
    }
    json_refused("fears", "{\"a\": \"none\", \"a\": \"some\"}");
    json_refused("fears", "{\"a\": \"dread\"}");
    json_refused("days", "[\"2001-02-29\"]");
    refused("days", SPAN_LIT("\2[]"));
    refused("days", SPAN_LIT(""));
}
END_TEST

START_TEST(test_fixed_columns) {
    static const char array[] =
        "\0\0\0\1\0\0\0\0\0\0\0\x15\0\0\0\2\0\0\0\1\0\0\0\2\0\x10\0\0\0\2\xff\xff";
    struct span elements = {0};
    uint32_t count = 0;
    ck_assert_int_eq(column_read_int2s(SPAN_LIT(array), &elements, &count), ERR_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(column_int2_at(elements, 0), 16);
    ck_assert_int_eq(column_int2_at(elements, 1), -1);
    ck_assert_int_eq(column_read_int2s(span_make(array, sizeof(array) - 2), &elements, &count),
                     ERR_INVALID);
    int32_t days = 0;
    int64_t us = 0;
    ck_assert_int_eq(column_read_date(SPAN_LIT("\0\0\0\1"), &days), ERR_OK);
    ck_assert_int_eq(days, 10958);
    ck_assert_int_eq(column_read_date(SPAN_LIT("\0\0\1"), &days), ERR_INVALID);
    ck_assert_int_eq(column_read_time(SPAN_LIT("\0\0\0\0\0\0\0\1"), &us), ERR_OK);
    ck_assert_int_eq(us, (int64_t)10957 * 86400 * 1000000 + 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("casedoc_column");
    TCase *tcase = tcase_create("casedoc_column");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_scalars);
    tcase_add_test(tcase, test_unknown);
    tcase_add_test(tcase, test_scalars_refused);
    tcase_add_test(tcase, test_text_lists);
    tcase_add_test(tcase, test_json);
    tcase_add_test(tcase, test_json_escapes);
    tcase_add_test(tcase, test_json_refused);
    tcase_add_test(tcase, test_fixed_columns);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

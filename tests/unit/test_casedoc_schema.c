/* casedoc/: reading case.yaml, the ISO vocabulary, and facts written as YAML. */
#include "base/buf.h"
#include "casedoc/case_doc.h"
#include "casedoc/column.h"
#include "casedoc/words.h"

#include <check.h>
#include <math.h>

static struct vocabulary iso;

static void load_iso(void) {
    struct diag diag = {0};
    ck_assert_msg(vocabulary_load_iso(&iso, &diag) == ERR_OK, "%s", diag.text);
}
static void free_iso(void) { vocabulary_free(&iso); }

static enum err try_load(const char *text, struct schema **schema, struct diag *diag) {
    struct yaml_doc *doc = NULL;
    enum err err = yaml_parse(span_str(text), "case.yaml", &doc, diag);
    if (err == ERR_OK) {
        err = schema_load(doc, iso, schema, diag);
        yaml_doc_free(&doc);
    }
    return err;
}

static struct schema *load(const char *text) {
    struct schema *schema = NULL;
    struct diag diag = {0};
    ck_assert_msg(try_load(text, &schema, &diag) == ERR_OK, "%u:%u: %s", diag.line, diag.column,
                  diag.text);
    return schema;
}

START_TEST(the_vocabulary_is_sorted_and_of_the_right_size) {
    ck_assert_uint_ge(iso.count, 240);
    ck_assert_uint_le(iso.count, 260);
    for (uint32_t i = 1; i < iso.count; i++) {
        ck_assert_int_lt(strcmp(iso.words[i - 1], iso.words[i]), 0);
    }
    static const char *const known[] = {"CA", "GT", "HN", "NO", "SV", "US"};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        bool found = false;
        for (uint32_t j = 0; j < iso.count; j++) {
            found = found || strcmp(iso.words[j], known[i]) == 0;
        }
        ck_assert_msg(found, "%s", known[i]);
    }
}
END_TEST

static const char SMALL[] =
    "version: 1\n"
    "title: small\n"
    "facts:\n"
    "  zeta: {type: bool, help: \"Is it?\"}\n"
    "  people:\n"
    "    type: list\n"
    "    max: 3\n"
    "    asked_of: officer\n"
    "    of:\n"
    "      type: record\n"
    "      fields:\n"
    "        role: {type: enum, words: [owner, guest]}\n"
    "        adult: {type: bool, asked_of: intake}\n"
    "  ctx:\n"
    "    type: record\n"
    "    fields:\n"
    "      b: {type: int, range: [-5, 5]}\n"
    "      a: {type: list, of: {type: iso}}\n"
    "  marks: {type: map, keys: iso, max: 2, of: {type: string, bytes: 4}}\n"
    "  notes: {type: map, of: {type: double}}\n"
    "  seen: {type: timestamp}\n"
    "  born: {type: date}\n";

START_TEST(slots_come_first_then_the_leaves_inside_lists) {
    static const char *const paths[] = {"zeta",          "people",        "ctx.b", "ctx.a",
                                        "marks",         "notes",         "seen",  "born",
                                        "people[].role", "people[].adult"};
    struct schema *schema = load(SMALL);
    ck_assert_str_eq(schema->title, "small");
    ck_assert_uint_eq(schema->fact_count, 7);
    ck_assert_uint_eq(schema->slot_count, 8);
    ck_assert_uint_eq(schema->path_count, COUNT_OF(paths));
    for (uint32_t i = 0; i < COUNT_OF(paths); i++) {
        ck_assert_str_eq(schema->paths[i]->name, paths[i]);
        ck_assert_uint_eq(schema->paths[i]->path, i);
        ck_assert_ptr_eq(schema_find(schema, span_str(paths[i])), schema->paths[i]);
        ck_assert_uint_eq(schema->paths[i]->slot, i < 8 ? i : UINT16_MAX);
    }
    ck_assert_ptr_null(schema_find(schema, SPAN_LIT("ctx")));
    static const char *const by_name[] = {"born",  "ctx.a",  "ctx.b", "marks",
                                          "notes", "people", "seen",  "zeta"};
    for (uint32_t i = 0; i < COUNT_OF(by_name); i++) {
        ck_assert_str_eq((const char *)schema->names[i].text, by_name[i]);
    }
    schema_free(&schema);
    ck_assert_ptr_null(schema);
}
END_TEST

START_TEST(facts_carry_their_declaration) {
    struct schema *schema = load(SMALL);
    const struct fact *people = schema_find(schema, SPAN_LIT("people"));
    ck_assert_uint_eq(people->count_max, 3);
    ck_assert(people->officer);
    ck_assert(schema_find(schema, SPAN_LIT("people[].role"))->officer);
    ck_assert(!schema_find(schema, SPAN_LIT("people[].adult"))->officer);
    ck_assert_uint_eq(people->element->type, FACT_RECORD);
    ck_assert_str_eq(people->element->fields[people->element->fields_by_name[0]].leaf, "adult");
    const struct fact *role = schema_find(schema, SPAN_LIT("people[].role"));
    ck_assert_uint_eq(role->word_count, 2);
    ck_assert_str_eq(role->words[1], "guest");
    ck_assert_int_eq(schema_find(schema, SPAN_LIT("ctx.b"))->int_min, -5);
    const struct fact *marks = schema_find(schema, SPAN_LIT("marks"));
    ck_assert(marks->map_keys_iso);
    ck_assert_uint_eq(marks->word_count, iso.count);
    ck_assert_uint_eq(marks->element->bytes_max, 4);
    ck_assert_uint_eq(schema_find(schema, SPAN_LIT("notes"))->bytes_max, FACT_KEY_BYTES_DEFAULT);
    ck_assert_str_eq(schema_find(schema, SPAN_LIT("zeta"))->help, "Is it?");
    ck_assert_str_eq(schema_find(schema, SPAN_LIT("born"))->help, "");
    schema_free(&schema);
}
END_TEST

START_TEST(the_shipped_schema_loads_and_outlives_its_document) {
    struct yaml_doc *doc = NULL;
    struct schema *schema = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(yaml_parse_file("config/case.yaml", &doc, &diag), ERR_OK);
    ck_assert_msg(schema_load(doc, iso, &schema, &diag) == ERR_OK, "%u: %s", diag.line, diag.text);
    yaml_doc_free(&doc);
    const struct fact *relation = schema_find(schema, SPAN_LIT("family_anchors[].relation"));
    ck_assert_ptr_nonnull(relation);
    ck_assert_uint_eq(relation->word_count, 12);
    ck_assert(schema_find(schema, SPAN_LIT("public_interest"))->officer);
    ck_assert(!schema_find(schema, SPAN_LIT("birth_date"))->officer);
    ck_assert_uint_eq(schema_find(schema, SPAN_LIT("minor_ctx.accompanied"))->type, FACT_BOOL);
    struct buf column = BUF_EMPTY;
    fact_column_name(schema_find(schema, SPAN_LIT("minor_ctx.accompanied")), &column);
    ck_assert_str_eq(buf_cstr(&column), "minor_ctx_accompanied");
    buf_free(&column);
    schema_free(&schema);
}
END_TEST

#define FACTS "version: 1\nfacts:\n"
static const struct {
    const char *text;
    uint32_t line;
    const char *part;
} WRONG[] = {
    {"facts: {a: {type: bool}}\n", 1, "version"},
    {"version: 2\nfacts: {a: {type: bool}}\n", 1, "version: 1"},
    {"version: 1\n", 1, "facts"},
    {"version: 1\nfacts: {}\n", 2, "facts"},
    {"version: 1\nfact: {}\n", 2, "did you mean \"facts\""},
    {FACTS "  a: bool\n", 3, "map"},
    {FACTS "  a: {help: x}\n", 3, "type"},
    {FACTS "  a: {type: boolean}\n", 3, "unknown type"},
    {FACTS "  A: {type: bool}\n", 3, "lower-case"},
    {FACTS "  1a: {type: bool}\n", 3, "lower-case"},
    {FACTS "  a: {type: bool, words: [x]}\n", 3, "unknown key"},
    {FACTS "  a: {type: bool, helpp: x}\n", 3, "did you mean \"help\""},
    {FACTS "  a: {type: bool, asked_of: clerk}\n", 3, "intake or officer"},
    {FACTS "  a: {type: enum}\n", 3, "words"},
    {FACTS "  a:\n    type: enum\n    words: [x, y,\n      x]\n", 6, "twice"},
    {FACTS "  a: {type: list}\n", 3, "of"},
    {FACTS "  a: {type: list, of: {type: list, of: {type: bool}}}\n", 3, "is not allowed here"},
    {FACTS "  a: {type: map, of: {type: record, fields: {b: {type: bool}}}}\n", 3,
     "is not allowed here"},
    {FACTS "  a: {type: map, keys: int, of: {type: bool}}\n", 3, "iso or string"},
    {FACTS "  a: {type: map, keys: iso, bytes: 3, of: {type: bool}}\n", 3, "string keys"},
    {FACTS "  a: {type: list, max: 0, of: {type: bool}}\n", 3, "from 1 to"},
    {FACTS "  a: {type: record}\n", 3, "fields"},
    {FACTS "  a: {type: record, fields: {b: {type: record, fields: {c: {type: bool}}}}}\n", 3,
     "is not allowed here"},
    {FACTS "  a: {type: int, range: [5, 4]}\n", 3, "from 5 to"},
    {FACTS "  a: {type: int, range: 5}\n", 3, "lowest"},
    {FACTS "  a: {type: string, bytes: 100000}\n", 3, "from 1 to"},
    {FACTS "  a_b: {type: bool}\n  a: {type: record, fields: {b: {type: bool}}}\n", 0,
     "one column"},
};

START_TEST(a_wrong_schema_is_refused_with_its_line) {
    struct schema *schema = NULL;
    struct diag diag = {0};
    ck_assert_msg(try_load(WRONG[_i].text, &schema, &diag) != ERR_OK, "accepted: %s",
                  WRONG[_i].text);
    ck_assert_ptr_null(schema);
    ck_assert_msg(diag.line == WRONG[_i].line && strstr(diag.text, WRONG[_i].part) != NULL,
                  "row %d: %u: %s", _i, diag.line, diag.text);
}
END_TEST

START_TEST(the_number_of_paths_is_bounded) {
    struct buf text = BUF_EMPTY;
    buf_str(&text, FACTS);
    for (int i = 0; i < PATHS_MAX; i++) {
        buf_printf(&text, "  f%d: {type: bool}\n", i);
    }
    struct schema *schema = load(buf_cstr(&text));
    ck_assert_uint_eq(schema->path_count, PATHS_MAX);
    schema_free(&schema);
    buf_str(&text, "  over: {type: bool}\n");
    struct diag diag = {0};
    ck_assert_int_eq(try_load(buf_cstr(&text), &schema, &diag), ERR_TOO_LARGE);
    buf_free(&text);
}
END_TEST

/* Facts as YAML: what the value becomes, or which column is blamed. */
struct yaml_fixture {
    struct schema *schema;
    struct yaml_doc *doc;
    struct arena arena;
};

static enum err read_slot(struct yaml_fixture *f, const char *name, const char *text,
                          struct value *value, struct diag *diag) {
    yaml_doc_free(&f->doc);
    ck_assert_int_eq(yaml_parse(span_str(text), "rule.yaml", &f->doc, diag), ERR_OK);
    return case_slot_from_yaml(f->schema, schema_find(f->schema, span_str(name)), f->doc,
                               yaml_root(f->doc), &f->arena, value, diag);
}

START_TEST(yaml_facts_become_the_same_values) {
    struct yaml_fixture f = {.schema = load(SMALL)};
    arena_init(&f.arena, 1 << 20);
    struct diag diag = {0};
    struct value value = value_null();
    ck_assert_int_eq(read_slot(&f, "zeta", "false", &value, &diag), ERR_OK);
    ck_assert(value.kind == VAL_BOOL && !value.b);
    ck_assert_int_eq(read_slot(&f, "ctx.b", "-5", &value, &diag), ERR_OK);
    ck_assert(value.kind == VAL_INT && value.i == -5);
    ck_assert_int_eq(read_slot(&f, "born", "2002-01-11", &value, &diag), ERR_OK);
    ck_assert(value.kind == VAL_TIMESTAMP && value.i == (int64_t)11698 * 86400);
    ck_assert_int_eq(read_slot(&f, "seen", "'1970-01-01T01:00:00.5+01:00'", &value, &diag), ERR_OK);
    ck_assert(value.kind == VAL_TIMESTAMP && value.i == 0 && value.len == 500000000);
    ck_assert_int_eq(read_slot(&f, "ctx.a", "[NO, 'US']", &value, &diag), ERR_OK);
    ck_assert(value.kind == VAL_LIST && value.len == 2 &&
              span_is(value_span(value.items[0]), "NO"));
    ck_assert_int_eq(read_slot(&f, "notes", "{b: 1.5, a: -2}", &value, &diag), ERR_OK);
    ck_assert(value.kind == VAL_MAP && value.len == 2 && span_is(value_span(value.items[0]), "a"));
    ck_assert(value.items[3].kind == VAL_DOUBLE && value.items[3].d > 1.4);
    ck_assert_int_eq(
        read_slot(&f, "people", "[{adult: true}, {role: guest, adult: null}]", &value, &diag),
        ERR_OK);
    yaml_doc_free(&f.doc); /* values do not need it */
    uint16_t role_path = schema_find(f.schema, SPAN_LIT("people[].role"))->path;
    ck_assert(value.kind == VAL_LIST && value.len == 2);
    ck_assert(value.items[0].kind == VAL_MAP && value.items[0].len == 2);
    ck_assert(value.items[0].items[1].kind == VAL_UNKNOWN &&
              value.items[0].items[1].u == role_path);
    ck_assert(span_is(value_span(value.items[1].items[1]), "guest"));
    ck_assert(value.items[1].items[3].kind == VAL_UNKNOWN);
    ck_assert_int_eq(read_slot(&f, "people", "null", &value, &diag), ERR_OK);
    ck_assert(value.kind == VAL_UNKNOWN && value.u == 1);
    ck_assert_int_eq(read_slot(&f, "people", "[]", &value, &diag), ERR_OK);
    ck_assert(value.kind == VAL_LIST && value.len == 0);
    yaml_doc_free(&f.doc);
    arena_free(&f.arena);
    schema_free(&f.schema);
}
END_TEST

static const struct {
    const char *name, *text;
    uint32_t column;
    const char *part;
} WRONG_FACTS[] = {
    {"zeta", "yes", 1, "bool"},
    {"ctx.b", "6", 1, "from -5 to 5"},
    {"ctx.b", "1.0", 1, "int"},
    {"born", "1990-05", 1, "YYYY-MM-DD"},
    {"seen", "2020-01-01", 1, "instant"},
    {"seen", "2020-01-01T00:00:60Z", 1, "instant"},
    {"ctx.a", "[US, ZZ]", 6, "alpha-2"},
    {"ctx.a", "[US, null]", 6, "alpha-2"},
    {"ctx.a", "US", 1, "array"},
    {"marks", "{ZZ: a}", 2, "key"},
    {"marks", "{US: abcde}", 6, "4 bytes"},
    {"marks", "{US: a, CA: b, GT: c}", 1, "at most 2"},
    {"notes", "{a: one}", 5, "float"},
    {"notes", "{a: -0.0}", 5, "float"},
    {"people", "[{role: host}]", 9, "one of owner, guest"},
    {"people", "[{rol: owner}]", 3, "did you mean \"role\""},
    {"people", "[1]", 2, "map"},
    {"people", "[{}, {}, {}, {}]", 1, "at most 3"},
};

START_TEST(a_wrong_yaml_fact_is_pointed_at) {
    struct yaml_fixture f = {.schema = load(SMALL)};
    arena_init(&f.arena, 1 << 20);
    struct diag diag = {0};
    struct value value = value_null();
    ck_assert_msg(read_slot(&f, WRONG_FACTS[_i].name, WRONG_FACTS[_i].text, &value, &diag) ==
                      ERR_INVALID,
                  "accepted: %s", WRONG_FACTS[_i].text);
    ck_assert_uint_eq(value.kind, VAL_NULL);
    ck_assert_msg(diag.column == WRONG_FACTS[_i].column &&
                      strstr(diag.text, WRONG_FACTS[_i].part) != NULL,
                  "row %d: %u: %s", _i, diag.column, diag.text);
    yaml_doc_free(&f.doc);
    arena_free(&f.arena);
    schema_free(&f.schema);
}
END_TEST

/* Two words of one length are the same only when every byte is. */
START_TEST(a_word_differs_from_one_with_any_other_byte) {
    char word[FACT_WORD_BYTES_MAX];
    char other[FACT_WORD_BYTES_MAX];
    for (size_t i = 0; i < sizeof(word); i++) {
        word[i] = (char)('a' + i % 26);
    }
    for (size_t len = 1; len <= sizeof(word); len++) {
        struct span text = span_make(other, len);
        for (size_t at = 0; at < len; at++) {
            memcpy(other, word, sizeof(word));
            ck_assert(word_head(text) == word_head(span_make(word, len)));
            ck_assert(word_rest_is(text, word));
            other[at] = '_';
            ck_assert(word_head(text) != word_head(span_make(word, len)) ||
                      !word_rest_is(text, word));
        }
    }
}
END_TEST

static void put_long(struct buf *out, const char *name, struct span text) {
    buf_append(out, span_make(name, strlen(name) + 1));
    buf_byte(out, 's');
    buf_le32(out, (uint32_t)text.len);
    buf_append(out, text);
}

/* A text of every length is copied whole, and a case may be larger than most. */
START_TEST(a_digest_holds_texts_of_every_length) {
    struct schema *texts = load("version: 1\ntitle: t\nfacts:\n"
                                "  a_name_longer_than_one_step_of_the_copy: {type: string}\n"
                                "  b: {type: string}\n");
    static uint8_t text[9000];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (uint8_t)('a' + i % 23);
    }
    struct buf bytes = BUF_EMPTY;
    for (size_t len = 0; len < sizeof(text); len += len < 2200 ? 1 : 97) {
        struct span whole = span_make(text, len);
        struct span part = span_make(text, len % 37);
        struct value slots[2] = {value_string(whole), value_string(part)};
        struct case_doc doc = {.slots = slots};
        buf_clear(&bytes);
        buf_append(&bytes, SPAN_LIT("\x01\0"));
        put_long(&bytes, texts->slots[0]->name, whole);
        put_long(&bytes, texts->slots[1]->name, part);
        ck_assert_msg(hash128_eq(case_digest(texts, &doc), hash128(buf_span(&bytes))), "%zu", len);
    }
    buf_free(&bytes);
    schema_free(&texts);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("casedoc_schema");
    TCase *cases = tcase_create("schema");
    tcase_add_checked_fixture(cases, load_iso, free_iso);
    tcase_add_test(cases, the_vocabulary_is_sorted_and_of_the_right_size);
    tcase_add_test(cases, slots_come_first_then_the_leaves_inside_lists);
    tcase_add_test(cases, facts_carry_their_declaration);
    tcase_add_test(cases, the_shipped_schema_loads_and_outlives_its_document);
    tcase_add_loop_test(cases, a_wrong_schema_is_refused_with_its_line, 0, (int)COUNT_OF(WRONG));
    tcase_add_test(cases, the_number_of_paths_is_bounded);
    tcase_add_test(cases, yaml_facts_become_the_same_values);
    tcase_add_test(cases, a_word_differs_from_one_with_any_other_byte);
    tcase_add_test(cases, a_digest_holds_texts_of_every_length);
    tcase_add_loop_test(cases, a_wrong_yaml_fact_is_pointed_at, 0, (int)COUNT_OF(WRONG_FACTS));
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

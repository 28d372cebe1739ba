/* casedoc/: a case's bytes to slots, faults and digest.  case_notation.h states how the cases here
 * are written. */
#include "case_notation.h"
#include "casedoc/case_doc.h"

#include "wire/walk.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const char SCHEMA[] =
    "version: 1\n"
    "facts:\n"
    "  flag: {type: bool}\n"
    "  count: {type: int, range: [-5, 300]}\n"
    "  ratio: {type: double}\n"
    "  note: {type: string, bytes: 5}\n"
    "  mode: {type: enum, words: [land, sea, air]}\n"
    "  country: {type: iso}\n"
    "  born: {type: date}\n"
    "  seen: {type: timestamp}\n"
    "  places: {type: list, max: 3, of: {type: iso}}\n"
    "  ctx:\n"
    "    type: record\n"
    "    fields: {b: {type: bool}, a: {type: bool}}\n"
    "  people:\n"
    "    type: list\n"
    "    max: 3\n"
    "    of:\n"
    "      type: record\n"
    "      fields: {role: {type: enum, words: [owner, guest]}, adult: {type: bool}}\n"
    "  fear: {type: map, keys: iso, max: 2, of: {type: enum, words: [low, high]}}\n"
    "  seals: {type: map, max: 2, bytes: 3, of: {type: bool}}\n"
    "  parts: {type: list, max: 4, of: {type: double}}\n"
    "  rates: {type: map, keys: iso, max: 2, of: {type: double}}\n"
    "  legs: {type: list, max: 2, of: {type: record, fields: {share: {type: double}}}}\n"
    "  times: {type: list, max: 2, of: {type: timestamp}}\n"
    "  stamps: {type: map, max: 2, of: {type: timestamp}}\n"
    "  stays: {type: list, max: 2, of: {type: record, fields: {at: {type: timestamp}}}}\n";

/* The same facts in another order, with one more fact and one more field. */
static const char SCHEMA_GROWN[] =
    "version: 1\n"
    "facts:\n"
    "  people:\n"
    "    type: list\n"
    "    max: 3\n"
    "    of:\n"
    "      type: record\n"
    "      fields: {adult: {type: bool}, role: {type: enum, words: [owner, guest]}, age: {type: "
    "int}}\n"
    "  aaa: {type: bool}\n"
    "  ctx: {type: record, fields: {a: {type: bool}, b: {type: bool}}}\n"
    "  flag: {type: bool}\n";

static struct vocabulary iso;
static struct schema *schema;
static struct arena arena;

static struct schema *load(const char *text) {
    struct yaml_doc *doc = NULL;
    struct schema *made = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(yaml_parse(span_str(text), "case.yaml", &doc, &diag), ERR_OK);
    ck_assert_msg(schema_load(doc, iso, &made, &diag) == ERR_OK, "%u: %s", diag.line, diag.text);
    yaml_doc_free(&doc);
    return made;
}

static void setup(void) {
    struct diag diag = {0};
    ck_assert_int_eq(vocabulary_load_iso(&iso, &diag), ERR_OK);
    schema = load(SCHEMA);
    arena_init(&arena, 1 << 20);
}

static void teardown(void) {
    arena_free(&arena);
    schema_free(&schema);
    vocabulary_free(&iso);
}

/* Packs, walks, decodes; the bytes are kept in *bytes, since the document points into them. */
static void decode_by(const struct schema *by, const char *text, bool wide, struct buf *bytes,
                      struct case_doc *doc) {
    struct packer packer = {.at = text, .wide = wide};
    buf_clear(bytes);
    write_value(&packer, bytes);
    size_t offset = 0;
    ck_assert_int_eq(walk_value(buf_span(bytes), &offset), ERR_OK);
    ck_assert_uint_eq(offset, bytes->len);
    ck_assert_int_eq(case_decode(by, buf_span(bytes), &arena, doc), ERR_OK);
}

static const struct value *slot(const struct case_doc *doc, const char *name) {
    const struct fact *fact = schema_find(schema, span_str(name));
    ck_assert_ptr_nonnull(fact);
    return &doc->slots[fact->slot];
}

static const char FULL[] =
    "{case_id: \"A-1\", revision: 2, reference_date: \"2020-01-10\", as_of: \"2020-01-11\", facts: "
    "{"
    "flag: true, count: -3, ratio: 1.5, note: \"h\xc3\xa9\", mode: sea, country: GT, born: "
    "\"1970-01-03\","
    "seen: \"1970-01-01T00:00:01.25Z\", places: [GT, MX], ctx: {b: true, a: false},"
    "people: [{role: owner, adult: true}, {role: guest, adult: false}],"
    "fear: {GT: low, CA: high}, seals: {z: true, a: false}}}";

START_TEST(every_type_becomes_its_value) {
    struct buf bytes = BUF_EMPTY;
    struct case_doc doc;
    for (int wide = 0; wide < 2; wide++) {
        decode_by(schema, FULL, wide == 1, &bytes, &doc);
        ck_assert_msg(doc.fault_count == 0, "%s %s", doc.faults[0].path, doc.faults[0].reason);
        ck_assert(span_is(doc.case_id, "A-1"));
        ck_assert_int_eq(doc.revision, 2);
        ck_assert(doc.has_reference_date && doc.reference_date == 18271);
        ck_assert(doc.has_as_of && doc.as_of == 18272);
        ck_assert(slot(&doc, "flag")->kind == VAL_BOOL && slot(&doc, "flag")->b);
        ck_assert(slot(&doc, "count")->kind == VAL_INT && slot(&doc, "count")->i == -3);
        ck_assert(slot(&doc, "ratio")->kind == VAL_DOUBLE && slot(&doc, "ratio")->d > 1.49);
        ck_assert(span_is(value_span(*slot(&doc, "note")), "h\xc3\xa9"));
        ck_assert(span_is(value_span(*slot(&doc, "mode")), "sea"));
        uint32_t number = mark_number(value_mark(slot(&doc, "mode")));
        ck_assert_str_eq(schema_find(schema, SPAN_LIT("mode"))->words[number], "sea");
        ck_assert(slot(&doc, "born")->kind == VAL_TIMESTAMP && slot(&doc, "born")->i == 172800);
        ck_assert(slot(&doc, "seen")->i == 1 && slot(&doc, "seen")->len == 250000000);
        ck_assert(slot(&doc, "ctx.b")->b && !slot(&doc, "ctx.a")->b);
        const struct value *places = slot(&doc, "places");
        ck_assert(places->kind == VAL_LIST && places->len == 2);
        ck_assert(span_is(value_span(places->items[1]), "MX"));
        number = mark_number(value_mark(&places->items[1]));
        ck_assert_str_eq(schema_find(schema, SPAN_LIT("places"))->element->words[number], "MX");
        const struct value *fear = slot(&doc, "fear");
        ck_assert(fear->kind == VAL_MAP && fear->len == 2);
        ck_assert(span_is(value_span(fear->items[0]), "CA")); /* sorted by key */
        ck_assert(span_is(value_span(fear->items[3]), "low"));
    }
    buf_free(&bytes);
}
END_TEST

/* JavaScript writes 1.0 as 1, so a source cannot always choose. */
START_TEST(an_int_that_a_double_holds_is_that_double) {
    static const struct {
        const char *as_int, *as_double;
    } rows[] = {
        {"ratio: 1", "ratio: 1.0"},
        {"ratio: 0", "ratio: 0.0"},
        {"ratio: -7", "ratio: -7.0"},
        {"ratio: 70000", "ratio: 70000.0"},
        {"ratio: 9007199254740992", "ratio: 9007199254740992.0"},
        {"ratio: -9007199254740992", "ratio: -9007199254740992.0"},
        {"ratio: 9007199254740994", "ratio: 9007199254740994.0"},
        {"ratio: 9223372036854774784", "ratio: 9223372036854774784.0"},
        {"ratio: -9223372036854775808", "ratio: -9223372036854775808.0"},
        {"ratio: 18446744073709549568", "ratio: 18446744073709549568.0"},
        {"parts: [0, 1, -1, 2.5]", "parts: [0.0, 1.0, -1.0, 2.5]"},
        {"rates: {GT: 2, CA: 0.5}", "rates: {CA: 0.5, GT: 2.0}"},
        {"legs: [{share: 1}, {}]", "legs: [{share: 1.0}, {share: null}]"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *sent[] = {rows[i].as_int, rows[i].as_double};
        struct hash128 digests[2];
        for (size_t k = 0; k < COUNT_OF(sent); k++) {
            struct buf bytes = BUF_EMPTY;
            struct buf text = BUF_EMPTY;
            struct case_doc doc;
            buf_printf(&text, "{case_id: a, revision: 0, facts: {%s}}", sent[k]);
            decode_by(schema, buf_cstr(&text), true, &bytes, &doc);
            ck_assert_msg(doc.fault_count == 0, "%s: %s", sent[k], doc.faults[0].expected);
            ck_assert(slot(&doc, "ratio")->kind == VAL_UNKNOWN ||
                      slot(&doc, "ratio")->kind == VAL_DOUBLE);
            digests[k] = case_digest(schema, &doc);
            buf_free(&bytes);
            buf_free(&text);
        }
        ck_assert_msg(hash128_eq(digests[0], digests[1]), "%s", rows[i].as_int);
    }
}
END_TEST

START_TEST(an_instant_of_whole_microseconds_is_kept) {
    static const struct {
        const char *text;
        int64_t second;
        uint32_t nanos;
    } rows[] = {{"1970-01-01T00:00:01.123456Z", 1, 123456000},
                {"1970-01-01T00:00:01.123456000Z", 1, 123456000},
                {"1970-01-01T00:00:01.000000Z", 1, 0},
                {"1969-12-31T23:59:59.999999Z", -1, 999999000},
                {"0001-01-01T00:00:00.000001Z", -62135596800, 1000},
                {"9999-12-31T23:59:59.999999Z", 253402300799, 999999000}};
    struct buf bytes = BUF_EMPTY;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct case_doc doc;
        struct buf text = BUF_EMPTY;
        buf_printf(&text, "{case_id: a, revision: 0, facts: {seen: \"%s\"}}", rows[i].text);
        decode_by(schema, buf_cstr(&text), false, &bytes, &doc);
        ck_assert_msg(doc.fault_count == 0, "%s", rows[i].text);
        ck_assert_int_eq(slot(&doc, "seen")->i, rows[i].second);
        ck_assert_uint_eq(slot(&doc, "seen")->len, rows[i].nanos);
        buf_free(&text);
    }
    buf_free(&bytes);
}
END_TEST

START_TEST(what_is_absent_or_nil_is_unknown) {
    static const char *const texts[] = {
        "{case_id: a, revision: 0, facts: {}}",
        "{case_id: a, revision: 0, facts: {flag: null, places: null, ctx: null, fear: null}}",
        "{case_id: a, revision: 0, facts: {ctx: {}, people: null}}",
        "{case_id: a, revision: 0, facts: {ctx: {a: null, b: null}}}",
        "{case_id: a, revision: 0, reference_date: null, as_of: null, facts: {}}"};
    struct buf bytes = BUF_EMPTY;
    struct case_doc doc;
    struct hash128 first = {{0}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        decode_by(schema, texts[i], false, &bytes, &doc);
        ck_assert_uint_eq(doc.fault_count, 0);
        ck_assert(!doc.has_as_of && !doc.has_reference_date);
        for (uint32_t s = 0; s < schema->slot_count; s++) {
            ck_assert(doc.slots[s].kind == VAL_UNKNOWN && doc.slots[s].len == 1);
            ck_assert_uint_eq(doc.slots[s].u, s);
        }
        first = i == 0 ? doc.digest : first;
        ck_assert(hash128_eq(first, doc.digest));
    }
    decode_by(schema, "{case_id: a, revision: 0, facts: {places: [], fear: {}}}", false, &bytes,
              &doc);
    ck_assert(slot(&doc, "places")->kind == VAL_LIST && slot(&doc, "fear")->kind == VAL_MAP);
    ck_assert(!hash128_eq(first, doc.digest)); /* empty is known */
    buf_free(&bytes);
}
END_TEST

START_TEST(a_record_in_a_list_has_all_its_fields_in_schema_order) {
    struct buf bytes = BUF_EMPTY;
    struct case_doc doc;
    decode_by(schema,
              "{case_id: a, revision: 0, facts: {people: [{adult: true}, {adult: null, role: "
              "guest}, {}]}}",
              false, &bytes, &doc);
    ck_assert_uint_eq(doc.fault_count, 0);
    const struct value *people = slot(&doc, "people");
    uint16_t role = schema_find(schema, SPAN_LIT("people[].role"))->path;
    uint16_t adult = schema_find(schema, SPAN_LIT("people[].adult"))->path;
    ck_assert_uint_ge(role, schema->slot_count);
    ck_assert_uint_eq(people->len, 3);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert(people->items[i].kind == VAL_MAP && people->items[i].len == 2);
        ck_assert(span_is(value_span(people->items[i].items[0]), "role"));
        ck_assert(span_is(value_span(people->items[i].items[2]), "adult"));
    }
    ck_assert(people->items[0].items[1].kind == VAL_UNKNOWN && people->items[0].items[1].u == role);
    ck_assert(people->items[0].items[3].kind == VAL_BOOL);
    ck_assert(people->items[1].items[3].kind == VAL_UNKNOWN &&
              people->items[1].items[3].u == adult);
    ck_assert(people->items[2].items[3].kind == VAL_UNKNOWN);
    buf_free(&bytes);
}
END_TEST

#define BESIDE(keys) "{case_id: a, revision: 0, facts: {}, " keys "}"
#define AGAIN "key again"
#define BELOW "int below the range"
#define ABOVE "int above the range"
#define FINER "str with a finer instant"
#define MANY_DIGITS "int with too many digits"
#define WITH_NUL "str with a NUL byte"
#define NO_UTF8 "str that is not UTF-8"
#define CASE(facts) "{case_id: a, revision: 0, facts: {" facts "}}"
static const struct {
    const char *text, *reason, *path, *expected, *found;
} FAULTS[] = {
    {"[1, 2]", "not_a_map", "case", "map", "array"},
    {"{revision: 0, facts: {}}", "missing_id", "case_id", "1 to 64", "absent"},
    {"{case_id: null, revision: 0, facts: {}}", "missing_id", "case_id", "1 to 64", "absent"},
    {"{case_id: a, revision: null, facts: {}}", "bad_revision", "revision", "int", "absent"},
    {"{case_id: a, revision: 0, facts: null}", "not_a_map", "facts", "map", "absent"},
    {BESIDE("as_of: null, as_of: null"), "duplicate_key", "as_of", "once", AGAIN},
    {"{case_id: \"\", revision: 0, facts: {}}", "missing_id", "case_id", "1 to 64", "empty str"},
    {"{case_id: 12, revision: 0, facts: {}}", "wrong_type", "case_id", "str", "int"},
    {"{case_id: \"a\\xff\", revision: 0, facts: {}}", "not_utf8", "case_id", "str", NO_UTF8},
    {"{case_id: \"a\\x00\", revision: 0, facts: {}}", "nul_byte", "case_id", "str", WITH_NUL},
    {"{revision: 0, facts: {}, case_id: "
     "\"0123456789012345678901234567890123456789012345678901234567890123x\"}",
     "too_large", "case_id", "64", "longer str"},
    {"{case_id: a, facts: {}}", "bad_revision", "revision", "2147483647", "absent"},
    {"{case_id: a, revision: -1, facts: {}}", "bad_revision", "revision", "0 to", BELOW},
    {"{case_id: a, revision: 2147483648, facts: {}}", "bad_revision", "revision", "0 to", ABOVE},
    {"{case_id: a, revision: 1.0, facts: {}}", "bad_revision", "revision", "int", "float"},
    {"{case_id: a, revision: 0}", "not_a_map", "facts", "map", "absent"},
    {"{case_id: a, revision: 0, facts: [1, [2]]}", "not_a_map", "facts", "map", "array"},
    {BESIDE("extra: {a: [1]}"), "unknown_key", "extra", "case_id", "map"},
    {"{case_id: a, revision: 0, facts: {}, \"a b\": 1}", "unknown_key", "?", "case_id", "int"},
    {"{case_id: a, revision: 0, facts: {}, 5: [1]}", "unknown_key", "?", "case_id", "array"},
    {"{case_id: a, case_id: b, revision: 0, facts: {}}", "duplicate_key", "case_id", "once", AGAIN},
    {"{case_id: a, revision: 0, facts: {}, facts: {}}", "duplicate_key", "facts", "once", AGAIN},
    {"{case_id: a, revision: 0, as_of: 5, facts: {}}", "wrong_type", "as_of", "YYYY", "int"},
    {BESIDE("reference_date: \"2020-02-30\""), "bad_date", "reference_date", "YYYY", "another str"},
    {CASE("flagg: [1, {a: 2}]"), "unknown_fact", "facts.flagg", "nearest is flag", "array"},
    {CASE("\"no name\": 1"), "unknown_fact", "facts.?", "schema", "int"},
    {CASE("7: 1"), "unknown_fact", "facts.?", "key", "int"},
    {CASE("ctx: {c: 1}"), "unknown_fact", "facts.ctx.c", "schema", "int"},
    {CASE("flag: true, flag: true"), "duplicate_key", "facts.flag", "once", AGAIN},
    {CASE("ctx: {a: true, a: true}"), "duplicate_key", "facts.ctx.a", "once", AGAIN},
    {CASE("fear: {GT: low, GT: low}"), "duplicate_key", "facts.fear", "once", AGAIN},
    {CASE("people: [{adult: true, adult: true}]"), "duplicate_key", "facts.people[0].adult", "once",
     AGAIN},
    {CASE("flag: 1"), "wrong_type", "facts.flag", "bool", "int"},
    {CASE("flag: x\"ab\""), "wrong_type", "facts.flag", "bool", "ext"},
    {CASE("note: b\"ab\""), "wrong_type", "facts.note", "str", "bin"},
    {CASE("count: 1.0"), "wrong_type", "facts.count", "int", "float"},
    {CASE("count: 301"), "out_of_range", "facts.count", "-5 to 300", ABOVE},
    {CASE("count: -6"), "out_of_range", "facts.count", "-5 to 300", BELOW},
    {CASE("count: 18446744073709551615"), "out_of_range", "facts.count", "-5 to 300", ABOVE},
    {CASE("ratio: \"1\""), "wrong_type", "facts.ratio", "float", "str"},
    {CASE("ratio: true"), "wrong_type", "facts.ratio", "float", "bool"},
    {CASE("ratio: 9007199254740993"), "out_of_range", "facts.ratio", "exactly", MANY_DIGITS},
    {CASE("ratio: -9007199254740993"), "out_of_range", "facts.ratio", "exactly", MANY_DIGITS},
    {CASE("ratio: 9223372036854775807"), "out_of_range", "facts.ratio", "exactly", MANY_DIGITS},
    {CASE("ratio: 18446744073709551615"), "out_of_range", "facts.ratio", "exactly", MANY_DIGITS},
    {CASE("parts: [0.5, 9007199254740993]"), "out_of_range", "facts.parts[1]", "exactly",
     MANY_DIGITS},
    {CASE("ratio: nan"), "not_a_number", "facts.ratio", "float", "float that is not finite"},
    {CASE("ratio: -0.0"), "not_a_number", "facts.ratio", "-0.0", "float -0.0"},
    {CASE("ratio: 1.0e999"), "not_a_number", "facts.ratio", "finite", "float that is not finite"},
    {CASE("note: \"abcdef\""), "too_large", "facts.note", "at most 5", "longer str"},
    {CASE("note: \"a\\xc3\""), "not_utf8", "facts.note", "str", NO_UTF8},
    {CASE("note: \"a\\x00b\""), "nul_byte", "facts.note", "str", WITH_NUL},
    {CASE("mode: rail"), "unknown_word", "facts.mode", "one of land, sea, air", "another str"},
    {CASE("mode: \"sea\\xff\""), "not_utf8", "facts.mode", "one of", NO_UTF8},
    {CASE("country: ZZ"), "unknown_word", "facts.country", "3166-1", "another str"},
    {CASE("country: gt"), "unknown_word", "facts.country", "3166-1", "another str"},
    {CASE("born: 5"), "wrong_type", "facts.born", "YYYY-MM-DD", "int"},
    {CASE("born: \"1990-05\""), "bad_date", "facts.born", "leave the fact out",
     "str without a day"},
    {CASE("born: \"1990-13\""), "bad_date", "facts.born", "day as str", "another str"},
    {CASE("born: \"1990-02-29\""), "bad_date", "facts.born", "day as str", "another str"},
    {CASE("seen: \"1990-02-28 00:00:00Z\""), "bad_date", "facts.seen", "instant", "another str"},
    {CASE("seen: \"1990-02-28T00:00:00.0000001Z\""), "bad_date", "facts.seen", "whole microseconds",
     FINER},
    {CASE("seen: \"1990-02-28T00:00:00.123456789+01:00\""), "bad_date", "facts.seen",
     "whole microseconds", FINER},
    {CASE("stays: [{at: \"1990-02-28T00:00:00.5Z\"}, {at: \"1990-02-28T00:00:00.123456001Z\"}]"),
     "bad_date", "facts.stays[1].at", "whole microseconds", FINER},
    {CASE("times: [\"1990-02-28T00:00:00.1234567Z\"]"), "bad_date", "facts.times[0]",
     "whole microseconds", FINER},
    {CASE("stamps: {a: \"1990-02-28T00:00:00.1234567Z\"}"), "bad_date", "facts.stamps[0]",
     "whole microseconds", FINER},
    {CASE("places: [GT, MX, US, CA]"), "too_large", "facts.places", "at most 3", "longer array"},
    {CASE("places: [GT, null]"), "nil_element", "facts.places[1]", "3166-1", "nil"},
    {CASE("places: [GT, [MX]]"), "wrong_type", "facts.places[1]", "3166-1", "array"},
    {CASE("places: {a: 1}"), "wrong_type", "facts.places", "array", "map"},
    {CASE("places: GT"), "wrong_type", "facts.places", "array", "str"},
    {CASE("ctx: [1]"), "wrong_type", "facts.ctx", "map", "array"},
    {CASE("people: [{}, null]"), "nil_element", "facts.people[1]", "map", "nil"},
    {CASE("people: [{}, 5]"), "wrong_type", "facts.people[1]", "map", "int"},
    {CASE("people: [{}, {role: host}]"), "unknown_word", "facts.people[1].role", "owner, guest",
     "another str"},
    {CASE("fear: {GT: null}"), "nil_element", "facts.fear[0]", "one of low, high", "nil"},
    {CASE("fear: {ZZ: low}"), "unknown_word", "facts.fear[0]", "key", "another str"},
    {CASE("fear: {5: low}"), "wrong_type", "facts.fear[0]", "key", "int"},
    {CASE("fear: {GT: low, CA: 1, US: 1}"), "too_large", "facts.fear", "at most 2", "larger map"},
    {CASE("seals: {abcd: true}"), "too_large", "facts.seals[0]", "key", "longer str"},
    {CASE("seals: {\"a\\x00\": true}"), "nul_byte", "facts.seals[0]", "key", WITH_NUL},
    {CASE("seals: [1]"), "wrong_type", "facts.seals", "map", "array"},
};

/* Each row has exactly one fault: what comes after it is still read in step. */
START_TEST(a_fault_has_place_expected_and_found) {
    struct buf bytes = BUF_EMPTY;
    struct case_doc doc;
    for (int wide = 0; wide < 2; wide++) {
        decode_by(schema, FAULTS[_i].text, wide == 1, &bytes, &doc);
        ck_assert_msg(doc.fault_count == 1, "row %d: %u faults, second %s %s", _i, doc.fault_count,
                      doc.faults[1].path, doc.faults[1].reason);
        const struct case_fault *fault = &doc.faults[0];
        ck_assert_str_eq(fault->reason, FAULTS[_i].reason);
        ck_assert_str_eq(fault->path, FAULTS[_i].path);
        ck_assert_str_eq(fault->found, FAULTS[_i].found);
        ck_assert_msg(strstr(fault->expected, FAULTS[_i].expected) != NULL, "row %d: %s", _i,
                      fault->expected);
    }
    buf_free(&bytes);
}
END_TEST

START_TEST(all_faults_of_a_case_are_gathered_up_to_the_limit) {
    struct buf bytes = BUF_EMPTY;
    struct case_doc doc;
    decode_by(schema,
              "{facts: {flag: 1, people: [{role: x, adult: 1}, 3], fear: {ZZ: x}}, revision: 0}",
              false, &bytes, &doc);
    static const char *const paths[] = {
        "facts.flag",      "facts.people[0].role", "facts.people[0].adult",
        "facts.people[1]", "facts.fear[0]",        "facts.fear[0]",
        "case_id"};
    ck_assert_uint_eq(doc.fault_count, COUNT_OF(paths));
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        ck_assert_str_eq(doc.faults[i].path, paths[i]);
    }
    decode_by(schema, "{a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1}", false, &bytes,
              &doc);
    ck_assert_uint_eq(doc.fault_count, CASE_FAULTS_MAX);
    ck_assert_str_eq(doc.faults[CASE_FAULTS_MAX - 1].path, "h");
    buf_free(&bytes);
}
END_TEST

static struct hash128 digest_by(const struct schema *by, const char *text, bool wide) {
    struct buf bytes = BUF_EMPTY;
    struct case_doc doc;
    decode_by(by, text, wide, &bytes, &doc);
    ck_assert_msg(doc.fault_count == 0, "%s %s", doc.faults[0].path, doc.faults[0].reason);
    struct hash128 again = case_digest(by, &doc);
    ck_assert(hash128_eq(again, doc.digest));
    buf_free(&bytes);
    return doc.digest;
}

START_TEST(a_digest_is_of_the_content_not_of_the_bytes) {
    struct hash128 one = digest_by(schema, FULL, false);
    ck_assert(hash128_eq(one, digest_by(schema, FULL, true)));
    static const char *const shuffled =
        "{facts: {seals: {a: false, z: true}, fear: {CA: high, GT: low},"
        "people: [{adult: true, role: owner}, {adult: false, role: guest}],"
        "ctx: {a: false, b: true}, places: [GT, MX], seen: \"1970-01-01T01:00:01.250+01:00\","
        "born: \"1970-01-03\", country: GT, mode: sea, note: \"h\xc3\xa9\", ratio: 1.5, count: -3, "
        "flag: true},"
        "as_of: \"2020-01-11\", reference_date: \"2020-01-10\", revision: 9, case_id: other}";
    ck_assert(hash128_eq(one, digest_by(schema, shuffled, false)));
    struct schema *grown = load(SCHEMA_GROWN);
    static const char *const some = CASE("flag: true, ctx: {b: true, a: false}, people: [{role: "
                                         "owner, adult: true}, {adult: false}]");
    ck_assert(hash128_eq(digest_by(schema, some, false), digest_by(grown, some, false)));
    schema_free(&grown);
}
END_TEST

START_TEST(a_digest_changes_with_the_content) {
    static const char *const different[] = {
        CASE(""),
        CASE("flag: true"),
        CASE("flag: false"),
        CASE("count: 1"),
        CASE("ratio: 1.0"),
        CASE("note: GT"),
        CASE("country: GT"),
        CASE("ctx: {a: true}"),
        CASE("ctx: {b: true}"),
        CASE("places: [GT, MX]"),
        CASE("places: [MX, GT]"),
        CASE("places: [GT]"),
        CASE("places: []"),
        CASE("people: [{role: owner}]"),
        CASE("people: [{role: owner}, {}]"),
        CASE("people: [{}, {role: owner}]"),
        CASE("fear: {GT: low}"),
        CASE("seals: {GT: true}"),
        CASE("born: \"1970-01-02\""),
        CASE("seen: \"1970-01-02T00:00:00Z\""),
        "{case_id: a, revision: 0, as_of: \"2020-01-10\", facts: {}}",
        "{case_id: a, revision: 0, reference_date: \"2020-01-10\", facts: {}}",
    };
    struct hash128 digests[COUNT_OF(different)];
    for (size_t i = 0; i < COUNT_OF(different); i++) {
        digests[i] = digest_by(schema, different[i], false);
        for (size_t j = 0; j < i; j++) {
            ck_assert_msg(!hash128_eq(digests[i], digests[j]), "%s and %s", different[i],
                          different[j]);
        }
    }
}
END_TEST

/* The stored digests of every case depend on this encoding: it is spelled out here byte by byte. */
START_TEST(the_digest_encoding_is_as_documented) {
    struct buf bytes = BUF_EMPTY;
    buf_append(&bytes, SPAN_LIT("\x01\x02"));
    buf_le32(&bytes, 18271);
    buf_append(&bytes, SPAN_LIT("ctx.a\0b\x01"));
    buf_append(&bytes,
               SPAN_LIT("people\0[\x01\0\0\0{\x02\0\0\0s\x05\0\0\0adultb\0s\x04\0\0\0roles"));
    buf_append(&bytes, SPAN_LIT("\x05\0\0\0owner"));
    struct hash128 wanted = hash128(buf_span(&bytes));
    buf_free(&bytes);
    struct hash128 got =
        digest_by(schema,
                  "{case_id: a, revision: 0, as_of: \"2020-01-10\","
                  "facts: {people: [{role: owner, adult: false}], ctx: {a: true}}}",
                  false);
    ck_assert(hash128_eq(wanted, got));
}
END_TEST

START_TEST(a_spent_arena_is_an_error) {
    struct packer packer = {.at = FULL};
    struct buf bytes = BUF_EMPTY;
    write_value(&packer, &bytes);
    struct arena small;
    bool failed = false;
    bool passed = false;
    for (size_t max = 0; max < 4096 && !passed; max += 16) {
        arena_init(&small, max);
        struct case_doc doc;
        enum err err = case_decode(schema, buf_span(&bytes), &small, &doc);
        ck_assert(err == ERR_OK || err == ERR_TOO_LARGE);
        failed = failed || err == ERR_TOO_LARGE;
        passed = err == ERR_OK;
        arena_free(&small);
    }
    ck_assert(failed && passed);
    buf_free(&bytes);
}
END_TEST

/* Cut and flipped bytes never get past an error or a fault into undefined behaviour. */
START_TEST(bytes_that_were_never_walked_do_no_harm) {
    struct packer packer = {.at = FULL};
    struct buf bytes = BUF_EMPTY;
    write_value(&packer, &bytes);
    struct case_doc doc;
    for (size_t len = 0; len < bytes.len; len++) {
        arena_reset(&arena);
        ck_assert_int_ne(case_decode(schema, span_make(bytes.ptr, len), &arena, &doc), ERR_OK);
    }
    for (size_t i = 0; i < bytes.len; i++) {
        for (unsigned flip = 1; flip < 256; flip += 13) {
            arena_reset(&arena);
            bytes.ptr[i] = (uint8_t)(bytes.ptr[i] ^ flip);
            enum err err = case_decode(schema, buf_span(&bytes), &arena, &doc);
            ck_assert(err == ERR_OK || doc.fault_count <= CASE_FAULTS_MAX);
            bytes.ptr[i] = (uint8_t)(bytes.ptr[i] ^ flip);
        }
    }
    buf_byte(&bytes, 0xc0);
    ck_assert_int_eq(case_decode(schema, buf_span(&bytes), &arena, &doc), ERR_TRAILING);
    buf_free(&bytes);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("casedoc");
    TCase *cases = tcase_create("decode");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, every_type_becomes_its_value);
    tcase_add_test(cases, an_int_that_a_double_holds_is_that_double);
    tcase_add_test(cases, an_instant_of_whole_microseconds_is_kept);
    tcase_add_test(cases, what_is_absent_or_nil_is_unknown);
    tcase_add_test(cases, a_record_in_a_list_has_all_its_fields_in_schema_order);
    tcase_add_loop_test(cases, a_fault_has_place_expected_and_found, 0, (int)COUNT_OF(FAULTS));
    tcase_add_test(cases, all_faults_of_a_case_are_gathered_up_to_the_limit);
    tcase_add_test(cases, a_digest_is_of_the_content_not_of_the_bytes);
    tcase_add_test(cases, a_digest_changes_with_the_content);
    tcase_add_test(cases, the_digest_encoding_is_as_documented);
    tcase_add_test(cases, a_spent_arena_is_an_error);
    tcase_add_test(cases, bytes_that_were_never_walked_do_no_harm);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* casedoc/: a case's bytes to slots, faults and digest.  Cases are written in a small notation,
 * written here by an encoder of the test's own, so that decoder and encoder do not share a mistake:
 *   null true false  12 -3  1.5 nan -0.0  "text" with \xNN  b"bin"  x"ext"  [a, b]  {key: v, "key":
 * v, 5: v} */
#include "casedoc/case_doc.h"
#include "wire/walk.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct packer {
    const char *at;
    bool wide; /* the widest form of everything instead of the narrowest */
};

static void blanks(struct packer *p) {
    while (*p->at == ' ' || *p->at == ',' || *p->at == ':' || *p->at == '\n') {
        p->at++;
    }
}

static void write_value(struct packer *p, struct buf *out);

static void write_bytes(struct buf *out, uint8_t head, struct span bytes) {
    buf_byte(out, head);
    buf_be32(out, (uint32_t)bytes.len);
    if (head == 0xc9) {
        buf_byte(out, 7); /* the ext's type */
    }
    buf_append(out, bytes);
}

static void write_str(struct packer *p, struct buf *out, struct span text) {
    if (text.len < 32 && !p->wide) {
        buf_byte(out, (uint8_t)(0xa0 | text.len));
        buf_append(out, text);
    } else {
        write_bytes(out, 0xdb, text);
    }
}

static void write_quoted(struct packer *p, struct buf *out, uint8_t head) {
    struct buf text = BUF_EMPTY;
    for (p->at++; *p->at != '"'; p->at++) {
        ck_assert(*p->at != '\0');
        if (p->at[0] == '\\' && p->at[1] == 'x') {
            char hex[3] = {p->at[2], p->at[3], '\0'};
            buf_byte(&text, (uint8_t)strtoul(hex, NULL, 16));
            p->at += 3;
        } else {
            buf_byte(&text, (uint8_t)*p->at);
        }
    }
    p->at++;
    if (head == 0) {
        write_str(p, out, buf_span(&text));
    } else {
        write_bytes(out, head, buf_span(&text));
    }
    buf_free(&text);
}

static void write_container(struct packer *p, struct buf *out, char close) {
    struct buf inner = BUF_EMPTY;
    uint32_t count = 0;
    p->at++;
    for (blanks(p); *p->at != close; blanks(p)) {
        ck_assert(*p->at != '\0');
        write_value(p, &inner);
        count++;
    }
    p->at++;
    count = close == '}' ? count / 2 : count;
    if (count < 16 && !p->wide) {
        buf_byte(out, (uint8_t)((close == '}' ? 0x80 : 0x90) | count));
    } else {
        buf_byte(out, close == '}' ? 0xdf : 0xdd);
        buf_be32(out, count);
    }
    buf_append(out, buf_span(&inner));
    buf_free(&inner);
}

static void write_word(struct packer *p, struct buf *out) {
    size_t len = strcspn(p->at, " ,:]}\n");
    struct span word = span_make(p->at, len);
    const char *text = p->at;
    p->at += len;
    bool number = (*text >= '0' && *text <= '9') || *text == '-';
    if (span_is(word, "null")) {
        buf_byte(out, 0xc0);
    } else if (span_is(word, "true") || span_is(word, "false")) {
        buf_byte(out, *text == 't' ? 0xc3 : 0xc2);
    } else if (span_is(word, "nan") || (number && memchr(text, '.', len) != NULL)) {
        double value = span_is(word, "nan") ? NAN : strtod(text, NULL);
        float narrow = (float)value;
        uint64_t bits64 = 0;
        uint32_t bits32 = 0;
        memcpy(&bits64, &value, sizeof(bits64));
        memcpy(&bits32, &narrow, sizeof(bits32));
        buf_byte(out, p->wide ? 0xcb : 0xca);
        if (p->wide) {
            buf_be64(out, bits64);
        } else {
            buf_be32(out, bits32);
        }
    } else if (number && (p->wide || *text == '-' || len > 2)) {
        bool big = len == 20 && *text != '-';
        buf_byte(out, big ? 0xcf : 0xd3);
        buf_be64(out, big ? strtoull(text, NULL, 10) : (uint64_t)strtoll(text, NULL, 10));
    } else if (number) {
        buf_byte(out, (uint8_t)strtoul(text, NULL, 10));
    } else {
        write_str(p, out, word);
    }
}

static void write_value(struct packer *p, struct buf *out) {
    blanks(p);
    if (*p->at == '{' || *p->at == '[') {
        write_container(p, out, *p->at == '{' ? '}' : ']');
    } else if (*p->at == '"') {
        write_quoted(p, out, 0);
    } else if ((*p->at == 'b' || *p->at == 'x') && p->at[1] == '"') {
        uint8_t head = *p->at == 'b' ? 0xc6 : 0xc9;
        p->at++;
        write_quoted(p, out, head);
    } else {
        write_word(p, out);
    }
}

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
    "  seals: {type: map, max: 2, bytes: 3, of: {type: bool}}\n";

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
    {CASE("ratio: 1"), "wrong_type", "facts.ratio", "float", "int"},
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

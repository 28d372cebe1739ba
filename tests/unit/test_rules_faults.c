/* rules/: the faults of a document, each with its line and column. Each row changes one place of
 * a document that loads. */
#include "rules_place.h"

static const char DOCUMENT[] =
    /* 1 */ "agreement: T\n"
            /* 2 */ "title: \"Test\"\n"
            /* 3 */ "parties: [\"US\", \"CA\"]\n"
            /* 4 */ "events:\n"
            /* 5 */ "  - {event: signed, date: 2019-01-01, recorded: 2019-01-01, cite: \"c\"}\n"
            /* 6 */ "parameters:\n"
            /* 7 */ "  gate: {type: bool, value: true, why: \"w\"}\n"
            /* 8 */ "variables:\n"
            /* 9 */ "  is_red: 'colour == \"red\"'\n"
            /* 10 */ "rules:\n"
            /* 11 */ "  scope:\n"
            /* 12 */ "    - {label: elsewhere, when: 'home != \"US\"', cite: \"c\"}\n"
            /* 13 */ "  in_force:\n"
            /* 14 */ "    - status\n"
            /* 15 */ "  exclusions:\n"
            /* 16 */ "    - given: 'a'\n"
            /* 17 */ "      rules:\n"
            /* 18 */ "        - {label: red, when: 'is_red && gate', cite: \"c\"}\n"
            /* 19 */ "  exceptions:\n"
            /* 20 */ "    - {label: let_go, when: 'granted == \"granted\"', cite: \"c\"}\n"
            /* 21 */ "  officer:\n"
            /* 22 */ "    - {label: look, when: 'granted == \"none\"', cite: \"c\"}\n"
            /* 23 */ "  otherwise: {label: rest}\n"
            /* 24 */ "example: {reference_date: 2020-01-01, home: \"US\", a: false}\n"
            /* 25 */ "tests:\n"
            /* 26 */ "  - {name: n, given: {a: true}, set: {gate: false}, expect: {not_subject: "
            "agreement_not_in_force}}\n";

struct row {
    const char *from, *to; /* one replacement */
    uint32_t line, column;
    const char *part; /* of the message */
};

static const struct row ROWS[] = {
    /* keys */
    {"title:", "titel:", 2, 1, "title"},
    {"recorded:", "recordet:", 5, 39, "recorded"},
    {"why:", "way:", 7, 35, "why"},
    {"  otherwise: {label: rest}\n", "", 11, 3, "`otherwise` is missing"},
    {"label: elsewhere, ", "", 12, 7, "`label` is missing"},
    {"'home != \"US\"', cite: \"c\"", "'home != \"US\"'", 12, 7, "`cite` is missing"},
    {"2019-01-01, cite: \"c\"", "2019-01-01", 5, 5, "`cite` is missing"},
    {"date: 2019-01-01, ", "", 5, 5, "`date` is missing"},
    {"  scope:", "  scopes:", 11, 3, "scope"},
    /* header */
    {"agreement: T", "agreement: T T", 1, 12, "id"},
    {"[\"US\", \"CA\"]", "[US, \"CA\"]", 3, 11, "quoted country code"},
    {"[\"US\", \"CA\"]", "[\"US\", \"ZZ\"]", 3, 17, "ISO 3166"},
    {"home: \"US\"", "home: NO", 24, 45, "write \"NO\""},
    {"a: false}", "a: on}", 24, 54, "write \"on\""},
    {"title: \"Test\"", "title: &t \"Test\"", 2, 8, "write the value out"},
    {"title: \"Test\"", "title: !!str \"Test\"", 2, 8, "leave it out"},
    {"title: \"Test\"", "title: *t", 2, 8, "write the value out"},
    /* events */
    {"event: signed", "event: sined", 5, 13, "did you mean signed"},
    {"2019-01-01, recorded", "2019-02-30, recorded", 5, 27, ""},
    {"cite: \"c\"}\nparam", "cite: \"c\", corrects: 2019-01-02}\nparam", 5, 82,
     "no other `signed`"},
    {"cite: \"c\"}\nparam",
     "cite: \"c\"}\n  - {event: ratified, date: 2018-12-31, recorded: 2019-01-01, cite: "
     "\"c\"}\nparam",
     6, 29, "or give it `corrects`"},
    /* parameters and names */
    {"type: bool", "type: boolean", 7, 16, "bool, int, date, string, list"},
    {"value: true", "value: 1", 7, 29, "true or false"},
    {"  gate:", "  colour:", 7, 3, "has the name of a fact"},
    {"  gate:", "  as_of:", 7, 3, "has the name of a built-in name"},
    {"  is_red:", "  gate:", 9, 3, "has the name of a parameter"},
    {"  gate:", "  ga-te:", 7, 3, "letters, digits"},
    /* conditions */
    {"colour ==", "color ==", 9, 12, "colour"},
    {"\"red\"'", "\"rad\"'", 9, 22, "red"},
    {"is_red && gate", "is_red && 3", 18, 41, ""},
    {"home != \"US\"", "home", 12, 33, "bool"},
    {"home != \"US\"", "home != agreement.receiving", 12, 41, "has no `receiving`"},
    {"home != \"US\"", "\"agreement.receiving\" != \"\" || has(ctx.p)", 12, 64,
     "has() does not work on a fact"},
    {"home != \"US\"", "kin.exists(k, has(k.kind))", 12, 47, "has() does not work on a fact"},
    {"home != \"US\"", "timestamp(came).getHours(\"Asia/Tokyo\") > 3", 12, 49, "time zone"},
    {"home != \"US\"", "10 / 0 > 3", 12, 33, ""},
    /* a part that is always an error */
    {"home != \"US\"", "came < timestamp(\"2019-11-19\")", 12, 40, "an instant has a time"},
    {"home != \"US\"", "a || came < timestamp(\"soon\")", 12, 45, "always the error conversion"},
    {"colour == \"red\"", "number > 5 % 0", 9, 21, "always the error division_by_zero"},
    {"'a'\n", "'kin.exists(k, k.adult && [1][2] == number)'\n", 16, 40, "always the error index"},
    {"home != \"US\"", "came.getHours() > 3", 12, 33, "no time of day"},
    {"home != \"US\"",
     "lands.all(a1, lands.all(a2, lands.all(a3, lands.all(a4, lands.all(a5, lands.all(a6, a1 != "
     "a6))))))",
     12, 32, "steps for one case"},
    {"'home != \"US\"'", "home !=\n      \"US\"", 12, 32, "one line"},
    {"'home != \"US\"'", "null", 12, 32, "when: expected a value"},
    /* rules */
    {"label: let_go", "label: red", 20, 15, "is already in section exclusions"},
    {"label: let_go", "label: red", 20, 15, "give this rule another"},
    {"label: rest", "label: look", 23, 22, "is already in section officer"},
    {"label: red", "label: Red", 18, 19, "a-z, 0-9"},
    {"label: let_go", "label: agreement_suspended", 20, 15, "is already in section in_force"},
    {"    - status\n", "    - status\n    - status\n", 15, 7, "twice"},
    {"    - status\n", "    - statos\n", 14, 7, "status"},
    /* an agreement that its status would never hold back */
    {"    - status\n", "", 13, 3, "section in_force needs the line `- status`"},
    {"  in_force:\n    - status\n", "", 11, 3, "section in_force needs the line `- status`"},
    {"    - status\n", "    - {label: early, when: a, cite: \"c\"}\n", 13, 3, "needs the line"},
    {"  in_force:\n    - status\n", "  in_force: []\n", 13, 3, "needs the line `- status`"},
    {"    - status\n", "    - {status: none, why: w}\n", 14, 7, "for a document without events"},
    {"    - status\n", "    - {status: any, why: w}\n", 14, 16, "expected `none`"},
    {"    - status\n", "    - {status: [none], why: w}\n", 14, 16, "expected a value"},
    {"    - status\n", "    - status\n    - {status: any, why: w}\n", 15, 16, "expected `none`"},
    {"officer:\n    - ", "officer:\n    - {status: none, why: w}\n    - ", 22, 7,
     "expected a rule"},
    {"- {label: look", "- status\n    - {label: look", 22, 7, "expected a rule"},
    {"        - {label: red", "        - {given: 'b', label: red", 18, 11, "one level"},
    {"    - given: 'a'\n", "    - given: 'colour'\n", 16, 15, "bool"},
    {"cite: \"c\"}\n  in_force", "cite: \"c\", by: home, from: 2019-01-01}\n  in_force", 12, 63,
     "date fact"},
    {"cite: \"c\"}\n  in_force", "cite: \"c\", by: born}\n  in_force", 12, 63, "has no effect"},
    {"cite: \"c\"}\n  in_force", "cite: \"c\", by: bron, until: 2019-01-01}\n  in_force", 12, 63,
     "did you mean born"},
    {"cite: \"c\"}\n  in_force", "cite: \"c\", from: 2019-01-02, until: 2019-01-02}\n  in_force",
     12, 84, "no day"},
    {"cite: \"c\"}\n  in_force",
     "cite: \"c\", until: 2020-01-01}\n    - {label: elsewhere, when: a, cite: \"c\", from: "
     "2019-12-31}\n"
     "  in_force",
     13, 52, "before it holds on some of these days: end it"},
    {"    - {label: look, when: 'granted == \"none\"', cite: \"c\"}\n", "", 11, 3,
     "section officer needs a rule"},
    /* example and tests */
    {"home: \"US\", a: false", "hom: \"US\", a: false", 24, 39, "did you mean home"},
    {"home: \"US\", a: false", "home: \"US\", a: 3", 24, 54, ""},
    {"given: {a: true}", "given: {ctx: {r: true}}", 26, 29, "no fact \"r\""},
    {"given: {a: true}", "given: {\"kin[].adult\": true}", 26, 38, "the whole list"},
    {"set: {gate: false}", "set: {gata: false}", 26, 39, "no parameter"},
    {"gate: {type: bool, value: true", "gate: {type: int, value: \"5\\0x\"", 7, 28, "an integer"},
    {"set: {gate: false}", "set: {gate: 7}", 26, 45, "true or false"},
    {"not_subject: agreement_not_in_force", "not_subjekt: agreement_not_in_force", 26, 62,
     "expected a disposition"},
    {"not_subject: agreement_not_in_force", "not_subject: agreement_not_in_farce", 26, 75,
     "did you mean agreement_not_in_force"},
    {"not_subject: agreement_not_in_force", "missing: [a]", 26, 61, "one DISPOSITION"},
    {"not_subject: agreement_not_in_force", "not_subject: elsewhere, missing: [aa]", 26, 96,
     "no fact \"aa\""},
    {"reference_date: 2020-01-01, ", "", 26, 5, "reference_date"},
    {"example: {reference_date: 2020-01-01, home: \"US\", a: false}\n", "", 25, 3, "example"},
};

static char *replaced(const char *from, const char *to) { return replaced_in(DOCUMENT, from, to); }

START_TEST(the_unchanged_document_loads) {
    struct place place;
    struct diag diag = {0};
    place_open(&place);
    enum err err = load_document(&place, DOCUMENT, NULL, &diag);
    ck_assert_msg(err == ERR_OK, "%u:%u: %s", diag.line, diag.column, diag.text);
    place_close(&place);
}
END_TEST

START_TEST(a_fault_is_refused_with_its_place) {
    const struct row *row = &ROWS[_i];
    struct place place;
    struct diag diag = {0};
    struct buf source = BUF_EMPTY;
    char *text = replaced(row->from, row->to);
    place_open(&place);
    enum err err = load_document(&place, text, &source, &diag);
    ck_assert_msg(err != ERR_OK, "accepted: %s -> %s", row->from, row->to);
    ck_assert_msg(diag.line == row->line && diag.column == row->column, "%s: at %u:%u: %s", row->to,
                  diag.line, diag.column, diag.text);
    ck_assert_msg(strstr(diag.text, row->part) != NULL, "%s: %s", row->to, diag.text);
    ck_assert_str_eq(diag.file, place.document);
    ck_assert(span_is(buf_span(&source), text));
    buf_free(&source);
    mem_free(text);
    place_close(&place);
}
END_TEST

START_TEST(two_documents_of_one_agreement_are_refused) {
    struct place place;
    struct diag diag = {0};
    char other[96];
    place_open(&place);
    (void)snprintf(other, sizeof(other), "%s/U.yaml", place.agreements);
    write_text(other, span_str(DOCUMENT));
    ck_assert_int_eq(load_document(&place, DOCUMENT, NULL, &diag), ERR_CONFLICT);
    ck_assert_uint_eq(diag.line, 1);
    ck_assert_int_eq(unlink(other), 0);
    place_close(&place);
}
END_TEST

/* What is left open by an officer's fact alone goes to the first rule of section officer. */
START_TEST(an_officers_fact_anywhere_needs_a_rule_for_officers) {
    static const struct {
        const char *schema_from, *schema_to; /* a change to case.yaml */
        const char *rule;
    } rows[] = {{"a: {type: bool}", "a: {type: bool, asked_of: officer}", "when: a"},
                {"adult: {type: bool}", "adult: {type: bool, asked_of: officer}",
                 "when: 'kin.exists(k, k.adult)'"},
                {"came: {type: date}", "came: {type: date, asked_of: officer}",
                 "when: 'true', by: came, from: 2020-01-01"}};
    struct place place;
    place_open(&place);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diag diag = {0};
        struct buf text = BUF_EMPTY;
        buf_printf(&text,
                   "agreement: T\ntitle: T\nparties: [\"US\"]\nevents: []\nrules:\n  scope:\n"
                   "    - {label: one, cite: c, %s}\n  in_force:\n    - {status: none, why: w}\n"
                   "  otherwise: {label: rest}\n",
                   rows[i].rule);
        enum err err = load_document(&place, buf_cstr(&text), NULL, &diag);
        ck_assert_msg(err == ERR_OK, "%s: %s", rows[i].rule, diag.text);
        struct buf schema = BUF_EMPTY;
        ck_assert_int_eq(io_read_file(place.schema, 1 << 20, &schema, &diag), ERR_OK);
        char *changed = replaced_in(buf_cstr(&schema), rows[i].schema_from, rows[i].schema_to);
        write_text(place.schema, span_str(changed));
        ck_assert_int_eq(load_document(&place, buf_cstr(&text), NULL, &diag), ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(diag.text, "section officer needs a rule"));
        mem_free(changed);
        buf_free(&schema);
        buf_free(&text);
    }
    place_close(&place);
}
END_TEST

enum { NEIGHBOURS = 20, LONG_TEXT_BYTES = 15000 };

/* A condition that takes about a megabyte of the run's memory on a case with eight lands. */
static void write_neighbours(const struct place *place) {
    char *text = mem_zero(LONG_TEXT_BYTES + 1, 1);
    memset(text, 'x', LONG_TEXT_BYTES);
    for (int i = 0; i < NEIGHBOURS; i++) {
        char path[96];
        struct buf document = BUF_EMPTY;
        buf_printf(&document,
                   "agreement: T%02d\ntitle: T\nparties: [\"US\"]\nevents: []\nrules:\n  scope:\n"
                   "    - {label: one, cite: c, when: 'lands.map(l, lands.map(m, l.replace(\"U\", "
                   "\"%s\"))).size() > 9'}\n  in_force:\n    - {status: none, why: w}\n"
                   "  otherwise: {label: rest}\n",
                   i, text);
        (void)snprintf(path, sizeof(path), "%s/T%02d.yaml", place->agreements, i);
        write_text(path, buf_span(&document));
        buf_free(&document);
    }
    mem_free(text);
}

static void remove_neighbours(const struct place *place) {
    for (int i = 0; i < NEIGHBOURS; i++) {
        char path[96];
        (void)snprintf(path, sizeof(path), "%s/T%02d.yaml", place->agreements, i);
        ck_assert_int_eq(unlink(path), 0);
    }
}

START_TEST(a_finding_does_not_depend_on_the_memory_of_its_neighbours) {
    struct place place;
    struct diag diag = {0};
    struct ruleset *ruleset = NULL;
    place_open(&place);
    write_neighbours(&place);
    enum err err = ruleset_load_dir(place.dir, NULL, 0, &ruleset, NULL, &diag);
    ck_assert_msg(err == ERR_OK, "%u:%u: %s", diag.line, diag.column, diag.text);
    const struct schema *schema = ruleset_schema(ruleset);
    struct ruleset_run *run = ruleset_run_new(ruleset);
    struct case_doc doc = {.slots = mem_zero(schema->slot_count, sizeof(struct value))};
    struct value lands[8];
    for (size_t i = 0; i < COUNT_OF(lands); i++) {
        lands[i] = value_string(SPAN_LIT("US"));
    }
    doc.slots[schema_find(schema, SPAN_LIT("lands"))->slot] = value_list(lands, COUNT_OF(lands));
    struct outcome outcome;
    ruleset_evaluate(run, &doc, 18000, 18000, &outcome);
    for (int i = 0; i < NEIGHBOURS; i++) {
        ck_assert_msg(outcome.findings[i].error_rule == NULL, "T%02d: %s", i,
                      outcome.findings[i].error_kind);
        ck_assert_int_eq(outcome.findings[i].result.disposition, DISPOSITION_SUBJECT_TO_AGREEMENT);
    }
    mem_free(doc.slots);
    ruleset_run_free(&run);
    ruleset_unref(&ruleset);
    remove_neighbours(&place);
    write_text(place.document, SPAN_LIT(""));
    place_close(&place);
}
END_TEST

START_TEST(a_test_that_expects_something_else_fails) {
    struct place place;
    struct diag diag = {0};
    struct ruleset *ruleset = NULL;
    struct buf report = BUF_EMPTY;
    uint32_t passed = 0;
    uint32_t failed = 0;
    char *text = replaced("not_subject: agreement_not_in_force}",
                          "not_subject: agreement_suspended, projected: null}");
    place_open(&place);
    write_text(place.document, span_str(text));
    ck_assert_int_eq(ruleset_load_dir(place.dir, NULL, 0, &ruleset, NULL, &diag), ERR_OK);
    ruleset_test(ruleset, &passed, &failed, &report);
    ck_assert_uint_eq(passed, 0);
    ck_assert_uint_eq(failed, 1);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&report), "T.yaml:26: T: test \"n\": expected"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&report), "found not_subject: agreement_not_in_force"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&report), "expected no projected finding, found one"));
    buf_free(&report);
    ruleset_unref(&ruleset);
    mem_free(text);
    place_close(&place);
}
END_TEST

/* The text of a failing test names the rule in error, in the finding and in the projected one. */
START_TEST(a_failing_test_names_the_error) {
    static const struct {
        const char *from, *to, *tail, *part;
    } rows[] = {
        {"agreement_not_in_force}", "elsewhere}", "'10 / number == 3'",
         "; rule elsewhere ends in the error division_by_zero\n"},
        {"agreement_not_in_force}", "agreement_not_in_force, projected: {not_subject: elsewhere}}",
         "'10 / number == 3'", "projected: expected not_subject: elsewhere"},
        {"agreement_not_in_force}", "agreement_not_in_force, projected: {not_subject: elsewhere}}",
         "'lands[3] == \"US\"'", "; rule elsewhere ends in the error index\n"},
        {"agreement_not_in_force}", "agreement_suspended}", "'home != \"US\"'",
         "found not_subject: agreement_not_in_force missing []\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct place place;
        struct diag diag = {0};
        struct ruleset *ruleset = NULL;
        struct buf report = BUF_EMPTY;
        uint32_t passed = 0;
        uint32_t failed = 0;
        char *expects = replaced(rows[i].from, rows[i].to);
        char *rule = replaced_in(expects, "'home != \"US\"'", rows[i].tail);
        char *text = replaced_in(rule, "given: {a: true}", "given: {number: 0, lands: []}");
        place_open(&place);
        write_text(place.document, span_str(text));
        enum err err = ruleset_load_dir(place.dir, NULL, 0, &ruleset, NULL, &diag);
        ck_assert_msg(err == ERR_OK, "%s", diag.text);
        ruleset_test(ruleset, &passed, &failed, &report);
        ck_assert_uint_eq(failed, 1);
        ck_assert_msg(strstr(buf_cstr(&report), rows[i].part) != NULL, "%s", buf_cstr(&report));
        buf_free(&report);
        ruleset_unref(&ruleset);
        mem_free(text);
        mem_free(rule);
        mem_free(expects);
        place_close(&place);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules faults");
    TCase *tests = tcase_create("rules faults");
    tcase_add_test(tests, the_unchanged_document_loads);
    tcase_add_loop_test(tests, a_fault_is_refused_with_its_place, 0, (int)COUNT_OF(ROWS));
    tcase_add_test(tests, two_documents_of_one_agreement_are_refused);
    tcase_add_test(tests, an_officers_fact_anywhere_needs_a_rule_for_officers);
    tcase_add_test(tests, a_finding_does_not_depend_on_the_memory_of_its_neighbours);
    tcase_add_test(tests, a_test_that_expects_something_else_fails);
    tcase_add_test(tests, a_failing_test_names_the_error);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* rules/: legal documents that are wrong or surprising. Each row changes one place of a document
 * without findings, and names the one finding of this change. */
#include "base/io.h"
#include "rules/lint.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* clang-format off */
static const char DOCUMENT[] =
    /*  1 */ "agreement: T\ntitle: \"Test\"\nparties: [\"US\", \"CA\"]\n"
    /*  4 */ "events:\n  - {event: in_force, date: 2019-01-01, recorded: 2019-01-01, cite: \"c\"}\n"
    /*  6 */ "parameters:\n  gate: {type: bool, value: true, why: \"w\"}\n"
    /*  8 */ "variables:\n  is_red: 'colour == \"red\"'\n"
    /* 10 */ "rules:\n  scope:\n    - {label: elsewhere, when: 'home != \"US\"', cite: \"c\"}\n"
    /* 13 */ "  in_force:\n    - status\n    - {label: early, when: 'came < in_force_on', cite: \"c\"}\n"
    /* 16 */ "  exclusions:\n    - {label: red, when: 'is_red && gate', cite: \"c\"}\n"
    /* 18 */ "  exceptions:\n    - {label: let_go, when: 'granted == \"granted\"', cite: \"c\"}\n"
    /* 20 */ "  officer:\n    - {label: look, when: 'granted == \"none\"', cite: \"c\"}\n"
    /* 22 */ "  otherwise: {label: rest}\n"
    /* 23 */ "example: {reference_date: 2020-01-01, home: \"US\", a: false}\n"
    /* 24 */ "tests:\n  - {name: n, given: {colour: red}, expect: {not_subject: red}}\n";

struct row {
    const char *from, *to;
    bool is_error;
    uint32_t line, column;
    const char *part; /* of the text or the notes */
};
static const struct row ROWS[] = {
    /* never wins */
    {"scope:\n", "scope:\n    - {label: all, when: 'true', cite: \"c\"}\n", true, 20, 15, "let_go can never win: rule all on line 12 always holds"},
    {"exclusions:\n", "exclusions:\n    - {label: all, when: '1 < 2', cite: \"c\"}\n", true, 18, 15, "red can never win"},
    {"officer:\n", "officer:\n    - {label: all, when: 'a || !false || true', cite: \"c\"}\n", true, 22, 15, "look can never win"},
    {"'granted == \"granted\"'", "'home  != \"US\"'", true, 19, 15, "let_go can never win: rule elsewhere on line 12 has the same condition"},
    {"exclusions:\n", "exclusions:\n    - {label: again, when: 'is_red && gate', cite: \"c\"}\n", true, 18, 15, "red can never win: rule again on line 17 has the same"},
    {"exclusions:\n", "exclusions:\n    - {label: again, from: 2019-01-01, when: a, cite: \"c\"}\n    - {label: never, from: 2019-02-01, until: 2020-01-01, when: a, cite: \"c\"}\n", true, 18, 15, "never can never win"},
    {"'is_red && gate'", "'is_red && false'", true, 17, 26, "always false"},
    /* constant */
    {"officer:\n", "officer:\n    - given: 'true'\n      rules:\n        - {label: seen, when: 'granted == \"none\" || b', cite: \"c\"}\n", false, 21, 14, "always true"},
    /* overlaps */
    {"exclusions:\n", "exclusions:\n    - {label: too, when: 'a', cite: \"c\"}\n", false, 16, 3, "too and red: a true, colour \"red\""},
    {"exceptions:\n", "exceptions:\n    - {label: too, from: 2020-05-01, when: '!a', cite: \"c\"}\n", false, 18, 3, "too and let_go: a false, granted \"granted\", reference_date 20"},
    /* pairs that the search does not decide: both may hold, on values that it does not try */
    {"exclusions:\n", "exclusions:\n    - {label: many, when: 'lands.size() == 7', cite: \"c\"}\n    - {label: few, when: 'lands.exists(l, l == \"SV\")', cite: \"c\"}\n", false, 16, 3, "many with few"},
    {"exclusions:\n", "exclusions:\n    - {label: kin_of, when: 'kin.exists(k, k.adult)', cite: \"c\"}\n    - {label: kin_no, when: 'kin.exists(k, !k.adult)', cite: \"c\"}\n", false, 16, 3, "kin_of with kin_no, red"},
    {"exclusions:\n", "exclusions:\n    - {label: done, when: 'screened[?\"x\"].orValue(\"not_done\") == \"done\"', cite: \"c\"}\n    - {label: low, when: 'number == 37', cite: \"c\"}\n", false, 16, 3, "done with low, red\nlow with red\n"},
    {"exclusions:\n", "exclusions:\n    - {label: low, when: 'number == 37', cite: \"c\"}\n", false, 16, 3, "1 pair of rules in section exclusions was not examined"},
    /* nobody reads it */
    {"  is_red:", "  idle: 'a'\n  is_red:", false, 9, 3, "no condition reads variable idle"},
    {"is_red && gate", "is_red", false, 7, 3, "no condition reads parameter gate"},
    {", why: \"w\"", "", false, 7, 3, "parameter gate has no reason"},
    /* the language */
    {"home != \"US\"", "kin.filter(k, k.adult).size() > 0", false, 12, 33, "one record with an unknown leaf"},
    {"home != \"US\"", "kin.map(k, k.adult) == [true]", false, 12, 33, "one record with an unknown leaf"},
    {"home != \"US\"", "lands[0] == \"US\"", false, 12, 33, "error index"},
    {"home != \"US\"", "days(born, came) + 1 > 3", false, 12, 33, "overflow"},
    {"home != \"US\"", "3 / days(born, came) > 1", false, 12, 33, "division_by_zero"},
    {"home != \"US\"", "int(home) > 3", false, 12, 33, "conversion"},
    {"'granted == \"none\"'", "'granted == \"none\" || b'", false, 21, 27, "b is asked of intake"},
};
/* clang-format on */

static bool is_about_facts(const struct lint_finding *finding) {
    return strstr(finding->diag.text, "no rule reads fact") != NULL;
}

struct place {
    char dir[32], agreements[64], schema[64], document[96];
    struct ruleset *ruleset;
    struct lint lint;
};

static void write_text(const char *path, struct span text) {
    struct diag diag = {0};
    ck_assert_msg(io_write_file(path, text, &diag) == ERR_OK, "%s", diag.text);
}

static void place_open(struct place *place, const char *from, const char *to) {
    struct buf text = BUF_EMPTY;
    struct diag diag = {0};
    *place = (struct place){.dir = "/tmp/rules_lint.XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(place->dir));
    (void)snprintf(place->agreements, sizeof(place->agreements), "%s/agreements", place->dir);
    (void)snprintf(place->schema, sizeof(place->schema), "%s/case.yaml", place->dir);
    (void)snprintf(place->document, sizeof(place->document), "%s/T.yaml", place->agreements);
    ck_assert_int_eq(mkdir(place->agreements, 0700), 0);
    ck_assert_int_eq(io_read_file("tests/data/rules/case.yaml", 1 << 20, &text, &diag), ERR_OK);
    write_text(place->schema, buf_span(&text));
    buf_clear(&text);
    const char *at = strstr(DOCUMENT, from);
    ck_assert_ptr_nonnull(at);
    buf_append(&text, span_make(DOCUMENT, (size_t)(at - DOCUMENT)));
    buf_str(&text, to);
    buf_str(&text, at + strlen(from));
    write_text(place->document, buf_span(&text));
    buf_free(&text);
    enum err err = ruleset_load_dir(place->dir, NULL, 0, &place->ruleset, NULL, &diag);
    ck_assert_msg(err == ERR_OK, "%s: %u:%u: %s", to, diag.line, diag.column, diag.text);
    ruleset_lint(place->ruleset, &place->lint);
}

static void place_close(struct place *place) {
    lint_free(&place->lint);
    ruleset_unref(&place->ruleset);
    ck_assert_int_eq(unlink(place->document), 0);
    ck_assert_int_eq(unlink(place->schema), 0);
    ck_assert_int_eq(rmdir(place->agreements), 0);
    ck_assert_int_eq(rmdir(place->dir), 0);
}

START_TEST(a_sound_document_has_no_findings) {
    struct place place;
    place_open(&place, "agreement", "agreement");
    for (uint32_t i = 0; i < place.lint.count; i++) {
        ck_assert_msg(is_about_facts(&place.lint.findings[i]), "%s",
                      place.lint.findings[i].diag.text);
    }
    ck_assert_uint_eq(place.lint.error_count, 0);
    place_close(&place);
}
END_TEST

START_TEST(a_change_is_found_at_its_place) {
    const struct row *row = &ROWS[_i];
    struct place place;
    place_open(&place, row->from, row->to);
    const struct lint_finding *found = NULL;
    for (uint32_t i = 0; i < place.lint.count && found == NULL; i++) {
        struct lint_finding *finding = &place.lint.findings[i];
        if (strstr(finding->diag.text, row->part) != NULL ||
            strstr(buf_cstr(&finding->notes), row->part) != NULL) {
            found = finding;
        }
    }
    for (uint32_t i = 0; i < place.lint.count && found == NULL; i++) {
        printf("%u:%u %s\n%s", place.lint.findings[i].diag.line, place.lint.findings[i].diag.column,
               place.lint.findings[i].diag.text, buf_cstr(&place.lint.findings[i].notes));
    }
    ck_assert_msg(found != NULL, "%s: nothing like '%s'", row->to, row->part);
    ck_assert_int_eq(found->is_error, row->is_error);
    ck_assert_msg(found->diag.line == row->line && found->diag.column == row->column,
                  "%s: at %u:%u: %s", row->to, found->diag.line, found->diag.column,
                  found->diag.text);
    ck_assert_ptr_nonnull(found->hint);
    place_close(&place);
}
END_TEST

START_TEST(a_fact_that_no_rule_reads_is_named_in_the_schema) {
    struct place place;
    bool found = false;
    place_open(&place, "agreement", "agreement");
    for (uint32_t i = 0; i < place.lint.count; i++) {
        const struct lint_finding *finding = &place.lint.findings[i];
        found = found || (strcmp(finding->diag.text, "no rule reads fact ctx.p") == 0 &&
                          strcmp(finding->diag.file, place.schema) == 0 && finding->diag.line > 1);
        ck_assert_ptr_null(strstr(finding->diag.text, "fact home"));
    }
    ck_assert(found);
    place_close(&place);
}
END_TEST

/* What a parameter decides is policy; a version in other days or another group is no repetition. */
START_TEST(policy_and_versions_are_left_alone) {
    static const char *const changes[][2] = {
        {"'is_red && gate'", "'is_red && !gate'"},
        {"exclusions:\n", "exclusions:\n    - {label: gate_only, when: '!gate', cite: \"c\"}\n"},
        {"exclusions:\n", "exclusions:\n    - {label: red, until: 2019-06-01, when: 'is_red && "
                          "gate', cite: \"c\"}\n"},
        {"exclusions:\n", "exclusions:\n    - {given: 'a', rules: [{label: red, when: 'is_red && "
                          "gate', cite: \"c\"}]}\n"},
        {"    - status\n", "    - status\n    - {label: red_first, when: 'is_red && gate', cite: "
                           "\"c\"}\n"}};
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct place place;
        place_open(&place, changes[i][0], changes[i][1]);
        ck_assert_msg(place.lint.error_count == 0, "%s: %s", changes[i][1],
                      place.lint.count == 0 ? ""
                                            : place.lint.findings[place.lint.count - 1].diag.text);
        place_close(&place);
    }
}
END_TEST

/* Rules that cannot hold together are no findings: one of them is false whatever is unknown. */
START_TEST(disjoint_rules_are_examined) {
    static const char *const rules[][2] = {
        {"colour == \"green\" && number > 3", "colour == \"blue\" && lands.size() > 2"},
        {"a && kin.exists(k, k.adult)", "!a && kin.exists(k, !k.adult)"},
        {"(a ? b : c) && colour == \"blue\"", "!(a ? b : c) && number == 37"},
        {"large == \"w33\" && \"US\" in lands", "large == \"w32\" && number == 37"},
        {"home == \"SV\" && number > 3", "home == \"GT\" && lands.size() > 2"},
        {"came < reference_date && false || home == \"SV\" && b", "home == \"US\" && number == 37"},
    };
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        struct place place;
        struct buf text = BUF_EMPTY;
        buf_printf(&text,
                   "exclusions:\n    - {label: x, when: '%s', cite: \"c\"}\n    - {label: y, when: "
                   "'%s', cite: \"c\"}\n",
                   rules[i][0], rules[i][1]);
        place_open(&place, "exclusions:\n", buf_cstr(&text));
        for (uint32_t k = 0; k < place.lint.count; k++) {
            ck_assert_msg(strstr(buf_cstr(&place.lint.findings[k].notes), "x with y") == NULL &&
                              strstr(buf_cstr(&place.lint.findings[k].notes), "x and y") == NULL,
                          "%s, %s", rules[i][0], rules[i][1]);
        }
        buf_free(&text);
        place_close(&place);
    }
    struct place place;
    place_open(
        &place, "exclusions:\n",
        "exclusions:\n    - {label: x, until: 2019-06-01, by: came, when: 'lands.size() > 1', "
        "cite: \"c\"}\n    - {label: y, from: 2019-06-01, by: came, when: 'lands.size() > 1', "
        "cite: \"c\"}\n");
    for (uint32_t k = 0; k < place.lint.count; k++) {
        ck_assert_ptr_null(strstr(buf_cstr(&place.lint.findings[k].notes), "x with y"));
    }
    place_close(&place);
}
END_TEST

START_TEST(the_shipped_rules_overlap_and_nothing_else) {
    struct ruleset *ruleset = NULL;
    struct lint lint = {0};
    struct diag diag = {0};
    ck_assert_int_eq(ruleset_load_dir("config", NULL, 0, &ruleset, NULL, &diag), ERR_OK);
    ruleset_lint(ruleset, &lint);
    ck_assert_uint_eq(lint.error_count, 0);
    for (uint32_t i = 0; i < lint.count; i++) {
        ck_assert_msg(strstr(lint.findings[i].diag.text, "may hold on one case") != NULL ||
                          strstr(lint.findings[i].diag.text, "not examined") != NULL,
                      "%s", lint.findings[i].diag.text);
    }
    lint_free(&lint);
    ruleset_unref(&ruleset);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules lint");
    TCase *tests = tcase_create("rules lint");
    tcase_add_test(tests, a_sound_document_has_no_findings);
    tcase_add_loop_test(tests, a_change_is_found_at_its_place, 0, (int)COUNT_OF(ROWS));
    tcase_add_test(tests, a_fact_that_no_rule_reads_is_named_in_the_schema);
    tcase_add_test(tests, policy_and_versions_are_left_alone);
    tcase_add_test(tests, disjoint_rules_are_examined);
    tcase_add_test(tests, the_shipped_rules_overlap_and_nothing_else);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

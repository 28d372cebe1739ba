/* What the agreements ask of the condition language: facts with unknowns, vocabularies, records in
 * lists, maps with defaults, dates, named expressions, and diagnostics with a place and a name. */
#include "base/date.h"
#include "tests/unit/cel_fixture.h"

#include <stdlib.h>

enum {
    SLOT_COUNTRY,
    SLOT_NATIONALITIES,
    SLOT_BIRTH,
    SLOT_CLAIM,
    SLOT_GUARDIAN,
    SLOT_ANCHORS,
    SLOT_FEAR,
    SLOT_COUNT
};
enum { PATH_RELATION = SLOT_COUNT, PATH_AGE };

static const char *const countries[] = {"CA", "GT", "HN", "SV", "US"};
static const char *const relations[] = {"spouse", "child", "cousin"};
static const char *const fears[] = {"not_expressed", "mln_met", "mln_not_met"};

static struct value text(const char *literal) { return value_string(span_str(literal)); }

static int32_t day(const char *literal) {
    int32_t days = 0;
    ck_assert_int_eq(date_parse(span_str(literal), &days), ERR_OK);
    return days;
}

static void slot(struct fixture *f, const char *name, const struct cel_type *type,
                 uint16_t number) {
    ck_assert_int_eq(cel_declare_slot(f->env, name, type, number, NULL), ERR_OK);
}

static void constant(struct fixture *f, const char *name, const struct cel_type *type,
                     struct value value) {
    ck_assert_int_eq(cel_declare_const(f->env, name, type, value, NULL), ERR_OK);
}

static void setup(struct fixture *f) {
    *f = (struct fixture){.env = cel_env_new()};
    struct cel_env *env = f->env;
    const struct cel_type *iso = cel_type_words(env, countries, COUNT_OF(countries));
    const struct cel_type *boolean = cel_type(env, CEL_BOOL);
    const struct cel_field anchor[] = {
        {"relation", cel_type_words(env, relations, COUNT_OF(relations))},
        {"age_18_plus", boolean},
    };
    slot(f, "claim_country", iso, SLOT_COUNTRY);
    slot(f, "nationalities", cel_type_list(env, iso), SLOT_NATIONALITIES);
    slot(f, "birth_date", cel_type(env, CEL_DATE), SLOT_BIRTH);
    slot(f, "claim_date", cel_type(env, CEL_DATE), SLOT_CLAIM);
    slot(f, "minor_ctx.guardian_in_us", boolean, SLOT_GUARDIAN);
    slot(f, "family_anchors", cel_type_list(env, cel_type_record(env, anchor, 2)), SLOT_ANCHORS);
    slot(f, "fear", cel_type_map(env, iso, cel_type_words(env, fears, COUNT_OF(fears))), SLOT_FEAR);
    constant(f, "agreement.receiving", cel_type(env, CEL_STRING), text("GT"));
    constant(f, "in_force_on", cel_type(env, CEL_DATE), value_date(day("2019-11-15")));
    constant(f, "gate", boolean, value_bool(false));
    struct value close[] = {text("spouse"), text("child")};
    constant(f, "close", cel_type_list(env, cel_type(env, CEL_STRING)), value_list(close, 2));
    for (uint16_t i = 0; i < SLOT_COUNT; i++) {
        f->slots[i] = value_unknown(i);
    }
    arena_init(&f->arena, 1024 * 1024);
}

/* expected: "true", "false", an error's name, or "?1,4" for the paths of an unknown. */
static void expect(struct fixture *f, const char *source, const char *expected) {
    struct cel_program *program = compiled(f, source);
    struct value value = evaluated(f, program);
    struct buf found = BUF_EMPTY;
    if (value.kind == VAL_UNKNOWN) {
        struct path_set set = {0};
        value_unknown_paths(value, &set);
        for (unsigned i = 0; i < PATHS_MAX; i++) {
            if (path_set_has(&set, i)) {
                buf_printf(&found, "%s%u", found.len == 0 ? "?" : ",", i);
            }
        }
    } else {
        cel_value_print(value, &found);
    }
    ck_assert_msg(span_is(buf_span(&found), expected), "%s: %s, expected %s", source,
                  buf_cstr(&found), expected);
    buf_free(&found);
    cel_program_free(&program);
}

static void refuse(struct fixture *f, const char *source, const char *part, size_t offset) {
    struct cel_program *program = NULL;
    struct diag diag = {0};
    ck_assert_int_ne(cel_compile(f->env, span_str(source), NULL, &program, &diag), ERR_OK);
    ck_assert_ptr_null(program);
    ck_assert_msg(strstr(diag.text, part) != NULL, "%s: `%s` lacks `%s`", source, diag.text, part);
    ck_assert_msg(diag.offset == offset, "%s: offset %zu, expected %zu", source, diag.offset,
                  offset);
    ck_assert_uint_gt(diag.width, 0);
}

START_TEST(test_comparison_and_logic) {
    struct fixture f;
    setup(&f);
    expect(&f, "claim_country != \"US\"", "?0");
    expect(&f, "gate && claim_country == \"US\"", "false");
    expect(&f, "minor_ctx.guardian_in_us || claim_country == \"US\"", "?0,4");
    f.slots[SLOT_COUNTRY] = text("US");
    expect(&f, "claim_country != \"US\"", "false");
    expect(&f, "minor_ctx.guardian_in_us || claim_country == \"US\"", "true");
    expect(&f, "claim_country in [\"US\", \"CA\"]", "true");
    expect(&f, "!(agreement.receiving in nationalities)", "?1");
    struct value nations[] = {text("GT")};
    f.slots[SLOT_NATIONALITIES] = value_list(nations, 1);
    expect(&f, "agreement.receiving in nationalities", "true");
    expect(&f, "minor_ctx.guardian_in_us ? 1 : 2", "?4");
    expect(&f, "1 / 0 == 0 || minor_ctx.guardian_in_us", "?4");
    expect(&f, "1 / 0 == 0 && true", "error(division_by_zero)");
    teardown(&f);
}
END_TEST

START_TEST(test_dates) {
    struct fixture f;
    setup(&f);
    f.slots[SLOT_BIRTH] = value_date(day("2004-02-29"));
    expect(&f, "years(birth_date, claim_date) < 18", "?3");
    f.slots[SLOT_CLAIM] = value_date(day("2022-02-28"));
    expect(&f, "years(birth_date, claim_date)", "17");
    f.slots[SLOT_CLAIM] = value_date(day("2022-03-01"));
    expect(&f, "years(birth_date, claim_date)", "18");
    expect(&f, "days(in_force_on, claim_date)", "837");
    expect(&f, "months(in_force_on, claim_date)", "27");
    expect(&f, "claim_date < in_force_on", "false");
    expect(&f, "add_months(birth_date, 12, \"clip\") == add_months(birth_date, 12, \"roll\")",
           "false");
    expect(&f, "add_months(birth_date, 12, \"roll\")", "timestamp(\"2005-03-01T00:00:00Z\")");
    expect(&f, "add_months(birth_date, 12, \"clip\")", "timestamp(\"2005-02-28T00:00:00Z\")");
    expect(&f, "claim_date >= timestamp(\"2022-03-01T00:00:00Z\")", "true");
    refuse(&f, "claim_date.getHours() == 0", "no time of day", 0);
    teardown(&f);
}
END_TEST

START_TEST(test_maps_and_records) {
    struct fixture f;
    setup(&f);
    const char *screened = "fear[?agreement.receiving].orValue(\"not_expressed\") == \"mln_met\"";
    expect(&f, screened, "?6");
    f.slots[SLOT_FEAR] = value_map(NULL, 0);
    expect(&f, screened, "false");
    struct value pair[] = {text("GT"), text("mln_met")};
    f.slots[SLOT_FEAR] = value_map(pair, 1);
    expect(&f, screened, "true");

    const char *family = "family_anchors.exists(a, a.relation in close && a.age_18_plus)";
    expect(&f, family, "?5");
    struct value one[] = {text("relation"), value_unknown(PATH_RELATION), text("age_18_plus"),
                          value_bool(true)};
    struct value two[] = {text("relation"), text("cousin"), text("age_18_plus"),
                          value_unknown(PATH_AGE)};
    struct value three[] = {text("age_18_plus"), value_bool(true), text("relation"), text("child")};
    struct value anchors[] = {value_map(one, 2), value_map(two, 2), value_map(three, 2)};
    f.slots[SLOT_ANCHORS] = value_list(anchors, 2);
    expect(&f, family, "?7");
    expect(&f, "family_anchors.all(a, a.age_18_plus)", "?8");
    f.slots[SLOT_ANCHORS] = value_list(anchors, 3);
    expect(&f, family, "true");
    f.slots[SLOT_ANCHORS] = value_list(anchors, 0);
    expect(&f, family, "false");
    teardown(&f);
}
END_TEST

START_TEST(test_named_expressions) {
    struct fixture f;
    setup(&f);
    struct cel_program *minor = compiled(&f, "years(birth_date, claim_date) < 18");
    ck_assert_int_eq(cel_declare_expr(f.env, "minor", minor, NULL), ERR_OK);
    struct cel_program *list = compiled(&f, "[\"GT\", \"SV\"]");
    ck_assert_int_eq(cel_declare_expr(f.env, "aca", list, NULL), ERR_OK);
    struct cel_program *fear =
        compiled(&f, "fear[?agreement.receiving].orValue(\"not_expressed\")");
    ck_assert_int_eq(cel_declare_expr(f.env, "fear_here", fear, NULL), ERR_OK);
    ck_assert_int_eq(cel_declare_expr(f.env, "minor", minor, NULL), ERR_CONFLICT);
    expect(&f, "minor && minor", "?2,3");
    f.slots[SLOT_BIRTH] = value_date(day("2010-01-01"));
    f.slots[SLOT_CLAIM] = value_date(day("2020-01-01"));
    expect(&f, "minor && !minor_ctx.guardian_in_us", "?4");
    expect(&f, "minor && (minor_ctx.guardian_in_us || minor)", "true");
    refuse(&f, "fear_here == \"mln_mett\"", "mln_met", 13);

    struct cel_program *both =
        compiled(&f, "!minor && (claim_country != \"US\" || minor_ctx.guardian_in_us)");
    struct cel_use uses[SLOT_COUNT];
    ck_assert_uint_eq(cel_program_uses(both, uses, SLOT_COUNT), 4);
    for (int i = 0; i < 4; i++) {
        bool negated = uses[i].slot != SLOT_GUARDIAN;
        ck_assert_int_eq(uses[i].negated, negated);
        ck_assert_int_eq(uses[i].plain, !negated);
    }
    cel_program_free(&both);
    cel_program_free(&minor);
    cel_program_free(&list);
    cel_program_free(&fear);
    teardown(&f);
}
END_TEST

START_TEST(test_refusals_name_the_nearest) {
    struct fixture f;
    setup(&f);
    refuse(&f, "true && claim_contry == \"US\"", "claim_country", 8);
    refuse(&f, "minor_ctx.guardian_in_uz", "minor_ctx.guardian_in_us", 0);
    refuse(&f, "claim_country == \"UK\"", "not a word", 17);
    refuse(&f, "claim_country in [\"US\", \"CS\"]", "not a word", 24);
    refuse(&f, "\"USA\" in nationalities", "\"US\"", 0);
    refuse(&f, "family_anchors.exists(a, a.relatoin == \"child\")", "relation", 27);
    refuse(&f, "family_anchors.exists(a, a.relation == \"chld\")", "child", 39);
    refuse(&f, "yeers(birth_date, claim_date) < 18", "years", 0);
    refuse(&f, "\"US\".startWith(claim_country)", "startsWith", 5);
    refuse(&f, "claim_country < 3", "`<` does not take (string, int)", 0);
    refuse(&f, "claim_country == 3", "`==` does not take (string, int)", 0);
    refuse(&f, "-claim_country", "`-` does not take (string)", 0);
    refuse(&f, "claim_date in nationalities", "`in` does not take (date, list(string))", 0);
    refuse(&f, "claim_country && true", "bool", 0);
    refuse(&f, "claim_country ==", "end of the expression", 16);
    refuse(&f, "fear[?\"XX\"].orValue(\"mln_met\") == \"mln_met\"", "not a word", 6);
    struct cel_program *program = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(
        cel_compile(f.env, span_str("1 + 1"), cel_type(f.env, CEL_BOOL), &program, &diag),
        ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(diag.text, "bool"));
    teardown(&f);
}
END_TEST

START_TEST(test_depth_is_bounded) {
    struct fixture f;
    setup(&f);
    struct buf deep = BUF_EMPTY;
    for (int i = 0; i < 70; i++) {
        buf_byte(&deep, '(');
    }
    struct cel_program *program = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(cel_compile(f.env, buf_span(&deep), NULL, &program, &diag), ERR_TOO_DEEP);
    buf_clear(&deep);
    for (int i = 0; i < 300; i++) {
        buf_str(&deep, "1 + ");
    }
    buf_str(&deep, "1");
    ck_assert_int_eq(cel_compile(f.env, buf_span(&deep), NULL, &program, &diag), ERR_TOO_DEEP);
    buf_free(&deep);
    teardown(&f);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("cel");
    tcase_add_test(tests, test_comparison_and_logic);
    tcase_add_test(tests, test_dates);
    tcase_add_test(tests, test_maps_and_records);
    tcase_add_test(tests, test_named_expressions);
    tcase_add_test(tests, test_refusals_name_the_nearest);
    tcase_add_test(tests, test_depth_is_bounded);
    Suite *suite = suite_create("cel");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

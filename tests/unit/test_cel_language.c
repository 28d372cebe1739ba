/* The language beyond what conformance files cover: limits, costs, time zones of the future,
 * presence lint, constants that err, names within containers, and that folding constants changes no
 * result. */
#include "tests/unit/cel_fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 256 * 1024 };

static void setup(struct fixture *f) {
    *f = (struct fixture){.env = cel_env_new()};
    arena_init(&f->arena, ARENA_BYTES);
}

static void slot(struct fixture *f, const char *name, enum cel_kind kind, uint16_t number) {
    ck_assert_int_eq(cel_declare_slot(f->env, name, cel_type(f->env, kind), number, NULL), ERR_OK);
}

static void expect(struct fixture *f, const char *source, const char *expected) {
    struct cel_program *program = compiled(f, source);
    struct buf found = BUF_EMPTY;
    cel_value_print(evaluated(f, program), &found);
    ck_assert_msg(span_is(buf_span(&found), expected), "%s: %s, expected %s", source,
                  buf_cstr(&found), expected);
    buf_free(&found);
    cel_program_free(&program);
}

START_TEST(test_steps_and_memory_end_a_run) {
    struct fixture f;
    setup(&f);
    slot(&f, "n", CEL_INT, 0);
    f.slots[0] = value_int(1);
    const char *ten = "[1,2,3,4,5,6,7,8,9,10]";
    struct buf nested = BUF_EMPTY;
    for (int i = 0; i < 7; i++) {
        buf_printf(&nested, "%s.all(v%d, ", ten, i);
    }
    buf_str(&nested, "n > 0");
    for (int i = 0; i < 7; i++) {
        buf_str(&nested, ")");
    }
    expect(&f, buf_cstr(&nested), "error(steps)");
    buf_free(&nested);
    struct cel_program *small = compiled(&f, "[1, 2, 3].all(v, v + n > 0)");
    ck_assert_uint_lt(cel_program_cost(small), 50);
    cel_program_free(&small);

    f.slots[1] = value_string(span_str("0123456789012345678901234567890123456789"));
    slot(&f, "text", CEL_STRING, 1);
    struct buf doubled = BUF_EMPTY;
    buf_str(&doubled, "cel.bind(t0, text + text, ");
    for (int i = 1; i < 16; i++) {
        buf_printf(&doubled, "cel.bind(t%d, t%d + t%d, ", i, i - 1, i - 1);
    }
    buf_str(&doubled, "t15");
    for (int i = 0; i < 16; i++) {
        buf_str(&doubled, ")");
    }
    expect(&f, buf_cstr(&doubled), "error(memory)");
    buf_free(&doubled);
    teardown(&f);
}
END_TEST

START_TEST(test_cost_multiplies_over_facts) {
    struct fixture f;
    setup(&f);
    const struct cel_type *list = cel_type_list(f.env, cel_type(f.env, CEL_INT));
    ck_assert_int_eq(cel_declare_slot(f.env, "xs", list, 0, NULL), ERR_OK);
    cel_env_items(f.env, 16);
    struct cel_program *one = compiled(&f, "xs.exists(a, a == 1)");
    struct cel_program *two = compiled(&f, "xs.exists(a, xs.exists(b, a == b))");
    uint64_t cost = cel_program_cost(one);
    ck_assert_uint_ge(cost, 16);
    ck_assert_uint_ge(cel_program_cost(two), 16 * cost);
    struct cel_program *named = NULL;
    ck_assert_int_eq(cel_declare_expr(f.env, "named", one, NULL), ERR_OK);
    named = compiled(&f, "named || named");
    ck_assert_uint_ge(cel_program_cost(named), 2 * cost);
    cel_program_free(&named);
    cel_program_free(&two);
    cel_program_free(&one);
    teardown(&f);
}
END_TEST

START_TEST(test_named_expressions_have_a_depth) {
    struct fixture f;
    setup(&f);
    slot(&f, "v0", CEL_BOOL, 0);
    struct cel_program *programs[80] = {NULL};
    enum err err = ERR_OK;
    int made = 0;
    for (; made < 80 && err == ERR_OK; made++) {
        char source[32];
        char name[32];
        (void)snprintf(source, sizeof(source), "!v%d", made);
        (void)snprintf(name, sizeof(name), "v%d", made + 1);
        programs[made] = compiled(&f, source);
        err = cel_declare_expr(f.env, name, programs[made], NULL);
    }
    ck_assert_int_eq(err, ERR_TOO_DEEP);
    ck_assert_int_gt(made, 30);
    f.slots[0] = value_bool(true);
    expect(&f, "v30", "true");
    expect(&f, "v29", "false");
    for (int i = 0; i < made; i++) {
        cel_program_free(&programs[i]);
    }
    teardown(&f);
}
END_TEST

/* A part that is always an error, and its place; -1: no such part. m is a map fact, n a constant 0.
 */
START_TEST(test_lint_finds_parts_that_always_err) {
    static const struct {
        const char *source;
        int offset;
        unsigned width;
        const char *error;
    } rows[] = {
        {"m.a == 'x' && timestamp(m.b) < timestamp('2019-11-19')", 31, 23, "conversion"},
        {"timestamp(m.b) < timestamp('2019-11-19')", 17, 23, "an instant has a time"},
        {"m.a == 'x' || int('x') == size(m)", 14, 8, "conversion"},
        {"m.exists(k, size(k) > 1 / 0)", 22, 5, "division_by_zero"},
        {"size(m) > 9223372036854775807 + 1", 10, 23, "overflow"},
        {"[1, 2][5] == size(m)", 0, 9, "index"},
        {"m.a in ['x', {'a': 'y'}['b']]", 13, 15, "no_such_key"},
        {"(m.a == 'x' ? duration('soon') : duration('1s')) > duration('0s')", 14, 16, "conversion"},
        {"size(m) % n == 0", -1, 0, NULL}, /* depends on the fact's size: a warning, no fault */
        {"10 / n > size(m)", 0, 6, "division_by_zero"},
        {"n != 0 && 10 / n > size(m)", -1, 0, NULL},
        {"10 / n > size(m) && n != 0", -1, 0, NULL},
        {"n == 0 || 10 / n > size(m)", -1, 0, NULL},
        {"(n == 0 ? 1 : 10 / n) > size(m)", -1, 0, NULL},
        {"timestamp(m.b) < timestamp('2019-11-19T00:00:00Z')", -1, 0, NULL},
        {"m.a == 'x'", -1, 0, NULL},
    };
    struct fixture f;
    setup(&f);
    const struct cel_type *text = cel_type(f.env, CEL_STRING);
    ck_assert_int_eq(cel_declare_slot(f.env, "m", cel_type_map(f.env, text, text), 0, NULL),
                     ERR_OK);
    ck_assert_int_eq(cel_declare_const(f.env, "n", cel_type(f.env, CEL_INT), value_int(0), NULL),
                     ERR_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diag diag = {0};
        struct cel_program *program = compiled(&f, rows[i].source);
        enum err err = cel_program_lint_parts(program, &diag);
        ck_assert_msg((err == ERR_OK) == (rows[i].offset < 0), "%s: %s", rows[i].source, diag.text);
        if (err != ERR_OK) {
            ck_assert_msg((int)diag.offset == rows[i].offset && diag.width == rows[i].width,
                          "%s: at %zu, %zu", rows[i].source, (size_t)diag.offset,
                          (size_t)diag.width);
            ck_assert_msg(strstr(diag.text, rows[i].error) != NULL, "%s", diag.text);
        }
        cel_program_free(&program);
    }
    teardown(&f);
}
END_TEST

START_TEST(test_lint_finds_what_is_wrong_in_a_rule) {
    struct fixture f;
    setup(&f);
    const struct cel_type *text = cel_type(f.env, CEL_STRING);
    ck_assert_int_eq(cel_declare_slot(f.env, "m", cel_type_map(f.env, text, text), 0, NULL),
                     ERR_OK);
    struct cel_program *fact = compiled(&f, "true && has(m.key)");
    struct cel_program *literal = compiled(&f, "has({'key': 1}.key)");
    struct diag diag = {0};
    ck_assert_int_eq(cel_program_lint(fact, &diag), ERR_INVALID);
    ck_assert_uint_eq(diag.offset, 8);
    ck_assert_int_eq(cel_program_lint(literal, NULL), ERR_OK);
    struct cel_program *pattern = compiled(&f, "m['a'].matches('(')");
    ck_assert_int_eq(cel_program_lint(pattern, &diag), ERR_INVALID);
    ck_assert_uint_eq(diag.offset, 15);
    struct cel_program *always = compiled(&f, "1 / 0 == 1");
    ck_assert_int_eq(cel_program_lint(always, &diag), ERR_INVALID);
    cel_program_free(&pattern);
    cel_program_free(&always);
    f.slots[0] = value_unknown(0);
    ck_assert_uint_eq(evaluated(&f, fact).kind, VAL_UNKNOWN);
    cel_program_free(&fact);
    cel_program_free(&literal);
    teardown(&f);
}
END_TEST

/* Each pair: with constants, and with the same values from slots a and b; both must agree. */
START_TEST(test_folding_changes_nothing) {
    static const char *const pairs[][2] = {
        {"false && 1 / 0 == 0", "a && 1 / b == 0"},
        {"1 / 0 == 0 || true", "1 / b == 0 || !a"},
        {"true && 1 / 0 == 0", "!a && 1 / b == 0"},
        {"false ? 1 / 0 : 2", "a ? 1 / b : 2"},
        {"[1, 2].map(x, x / 0)", "[1, 2].map(x, x / b)"},
        {"{'k': 1}[?'z'].orValue(0) == 0 && !false", "{'k': 1}[?'z'].orValue(b) == b && !a"},
        {"0 in [1, 0] && false || 0 < 1", "b in [1, b] && a || b < 1"},
    };
    struct fixture f;
    setup(&f);
    slot(&f, "a", CEL_BOOL, 0);
    slot(&f, "b", CEL_INT, 1);
    f.slots[0] = value_bool(false);
    f.slots[1] = value_int(0);
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct cel_program *folded = compiled(&f, pairs[i][0]);
        struct buf expected = BUF_EMPTY;
        cel_value_print(evaluated(&f, folded), &expected);
        cel_program_free(&folded);
        expect(&f, pairs[i][1], buf_cstr(&expected));
        buf_free(&expected);
    }
    teardown(&f);
}
END_TEST

START_TEST(test_time) {
    struct fixture f;
    setup(&f);
    /* After the last transition of the file its rule applies. */
    expect(&f, "timestamp('2090-07-01T12:00:00Z').getHours('America/New_York')", "8");
    expect(&f, "timestamp('2090-01-01T12:00:00Z').getHours('America/New_York')", "7");
    expect(&f, "timestamp('2090-01-01T12:00:00Z').getHours('Australia/Sydney')", "23");
    expect(&f, "timestamp('2090-07-01T12:00:00Z').getHours('Australia/Sydney')", "22");
    expect(&f, "timestamp('2020-01-01T00:00:00Z').getHours('../../etc/passwd')", "error(argument)");
    expect(&f, "timestamp('2020-01-01T00:00:00Z').getHours('No/Such')", "error(argument)");
    expect(&f, "duration('1h30m1.5s')", "duration(\"5401.5s\")");
    expect(&f, "duration('-1.5s') + duration('1s')", "duration(\"-0.5s\")");
    /* A duration is what fits 64 bits of nanoseconds, to the last one. */
    expect(&f, "duration('9223372036.854775807s')", "duration(\"9223372036.854775807s\")");
    expect(&f, "duration('9223372036.854775808s')", "error(range)");
    expect(&f, "duration('-9223372036.854775808s')", "duration(\"-9223372036.854775808s\")");
    expect(&f, "duration('9223372036s') + duration('0.9s')", "error(range)");
    expect(&f, "timestamp('2020-02-30T00:00:00Z')", "error(range)");
    expect(&f, "timestamp('2020-02-03T00:00:00')", "error(conversion)");
    expect(&f, "duration('1')", "error(conversion)");
    expect(&f, "timestamp('2020-01-01T00:00:00.25+01:00')",
           "timestamp(\"2019-12-31T23:00:00.25Z\")");
    teardown(&f);
}
END_TEST

/* or and orValue ask for their second operand only when the first holds nothing. */
START_TEST(test_optionals_are_lazy) {
    struct fixture f;
    setup(&f);
    slot(&f, "n", CEL_INT, 0);
    slot(&f, "m", CEL_INT, 1);
    f.slots[0] = value_unknown(0);
    f.slots[1] = value_unknown(1);
    expect(&f, "optional.of(1).orValue(n)", "1");
    expect(&f, "optional.of(1).orValue(1 / 0)", "1");
    expect(&f, "optional.of(1).or(optional.of(n))", "optional.of(1)");
    expect(&f, "[1][?0].or([1][?n]).orValue(m)", "1");
    expect(&f, "optional.none().orValue(n)", "unknown");
    expect(&f, "optional.none().or(optional.of(1 / 0))", "error(division_by_zero)");
    expect(&f, "[1][?1 / 0].orValue(n)", "error(division_by_zero)");
    struct cel_program *left = compiled(&f, "optional.of(n).orValue(m)");
    struct path_set paths = {0};
    value_unknown_paths(evaluated(&f, left), &paths);
    ck_assert(path_set_has(&paths, 0));
    ck_assert(!path_set_has(&paths, 1));
    cel_program_free(&left);
    teardown(&f);
}
END_TEST

START_TEST(test_texts_and_patterns) {
    struct fixture f;
    setup(&f);
    slot(&f, "p", CEL_STRING, 0);
    f.slots[0] = value_string(span_str("(a"));
    expect(&f, "'abc'.matches('b')", "true");
    expect(&f, "'abc'.matches('(b')", "error(regex)");
    expect(&f, "'abc'.matches(p)", "error(regex)");
    expect(&f, "p.matches('^.a$')", "true");
    expect(&f, "'a,b,,c'.split(',')", "[\"a\", \"b\", \"\", \"c\"]");
    expect(&f, "'aäb'.split('')", "[\"a\", \"ä\", \"b\"]");
    expect(&f, "'aaa'.replace('a', 'bb', 2)", "\"bbbba\"");
    expect(&f, "'ab'.replace('', '-')", "\"-a-b-\"");
    expect(&f, "'äöü'.substring(1, 2)", "\"ö\"");
    expect(&f, "'%d of %s'.format([3, 'x'])", "\"3 of x\"");
    teardown(&f);
}
END_TEST

START_TEST(test_containers_and_unchecked_names) {
    struct fixture f;
    setup(&f);
    slot(&f, "a.b.x", CEL_INT, 0);
    slot(&f, "x", CEL_INT, 1);
    f.slots[0] = value_int(1);
    f.slots[1] = value_int(2);
    expect(&f, "x", "2");
    cel_env_container(f.env, "a.b.c");
    expect(&f, "x", "1");
    expect(&f, ".x", "2");
    struct cel_program *program = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(cel_compile(f.env, span_str("nothing || true"), NULL, &program, &diag),
                     ERR_INVALID);
    cel_env_unchecked(f.env, true);
    expect(&f, "nothing || true", "true");
    expect(&f, "nothing && true", "error(no_such_overload)");
    teardown(&f);
}
END_TEST

static void expect_type(struct fixture *f, const char *source, const char *expected) {
    struct cel_program *program = compiled(f, source);
    struct buf found = BUF_EMPTY;
    cel_type_print(cel_program_type(program), &found);
    ck_assert_msg(span_is(buf_span(&found), expected), "%s: %s", source, buf_cstr(&found));
    buf_free(&found);
    cel_program_free(&program);
}

START_TEST(test_types_are_deduced) {
    struct fixture f;
    setup(&f);
    slot(&f, "day", CEL_DATE, 0);
    expect_type(&f, "[[], [1]]", "list(list(int))");
    expect_type(&f, "{'a': [1u]}", "map(string,list(uint))");
    expect_type(&f, "type(1)", "type(int)");
    expect_type(&f, "type([])", "type(list(dyn))");
    expect_type(&f, "{'a': 1}[?'a']", "optional_type(int)");
    expect_type(&f, "[1, 'a']", "list(dyn)");
    expect_type(&f, "day - day", "duration");
    expect_type(&f, "true ? day : timestamp(0)", "timestamp");
    expect_type(&f, "math.greatest(1, 2)", "int");
    static const char *const bad[] = {
        "'%d'.format(['a'])", "'%q'.format([1])", "'%s %s'.format([1])",
        "[1].all(x, x)",      "1 + 1u",           "true ? 1 : 'a'"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct cel_program *program = NULL;
        struct diag diag = {0};
        ck_assert_msg(cel_compile(f.env, span_str(bad[i]), NULL, &program, &diag) == ERR_INVALID,
                      "%s", bad[i]);
    }
    teardown(&f);
}
END_TEST

START_TEST(test_declarations_are_refused) {
    struct fixture f;
    setup(&f);
    struct diag diag = {0};
    const struct cel_type *type = cel_type(f.env, CEL_BOOL);
    static const char *const bad[] = {"", "1a", "a-b", "a..b", "in", "a.if"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ck_assert_int_eq(cel_declare_slot(f.env, bad[i], type, 0, &diag), ERR_INVALID);
    }
    slot(&f, "ok", CEL_BOOL, 0);
    ck_assert_int_eq(cel_declare_const(f.env, "ok", type, value_bool(true), &diag), ERR_CONFLICT);
    teardown(&f);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("language");
    tcase_add_test(tests, test_steps_and_memory_end_a_run);
    tcase_add_test(tests, test_cost_multiplies_over_facts);
    tcase_add_test(tests, test_named_expressions_have_a_depth);
    tcase_add_test(tests, test_lint_finds_parts_that_always_err);
    tcase_add_test(tests, test_lint_finds_what_is_wrong_in_a_rule);
    tcase_add_test(tests, test_folding_changes_nothing);
    tcase_add_test(tests, test_time);
    tcase_add_test(tests, test_optionals_are_lazy);
    tcase_add_test(tests, test_texts_and_patterns);
    tcase_add_test(tests, test_containers_and_unchecked_names);
    tcase_add_test(tests, test_types_are_deduced);
    tcase_add_test(tests, test_declarations_are_refused);
    Suite *suite = suite_create("cel_language");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The short ways of conditions say what the long way says: dyn() around a fact takes the long one.
 * Texts of every length up to past what a word holds, differing in any one byte. */
#include "cel/cel.h"

#include "base/buf.h"

#include <check.h>
#include <stdlib.h>

enum { LENGTH_MAX = 26, FACT_PATH = 7 };

struct fixture {
    struct cel_env *env;
    struct arena arena;
    struct cel_run run;
};

static void fixture_init(struct fixture *f) {
    f->env = cel_env_new();
    const struct cel_type *text = cel_type(f->env, CEL_STRING);
    const struct cel_field field = {"f", text};
    const struct cel_type *record = cel_type_record(f->env, &field, 1);
    ck_assert(cel_declare_slot(f->env, "x", text, 0, NULL) == ERR_OK);
    ck_assert(cel_declare_slot(f->env, "n", cel_type(f->env, CEL_INT), 0, NULL) == ERR_OK);
    ck_assert(cel_declare_slot(f->env, "m", cel_type(f->env, CEL_INT), 1, NULL) == ERR_OK);
    ck_assert(cel_declare_slot(f->env, "b", cel_type(f->env, CEL_BOOL), 0, NULL) == ERR_OK);
    ck_assert(cel_declare_slot(f->env, "xs", cel_type_list(f->env, text), 0, NULL) == ERR_OK);
    ck_assert(cel_declare_slot(f->env, "rs", cel_type_list(f->env, record), 0, NULL) == ERR_OK);
    arena_init(&f->arena, 1024 * 1024);
    cel_run_init(&f->run, f->env, &f->arena);
}

static void fixture_fini(struct fixture *f) {
    cel_run_fini(&f->run);
    arena_free(&f->arena);
    cel_env_free(&f->env);
}

static struct value run_on(struct fixture *f, const char *source, const struct value *facts) {
    struct cel_program *program = NULL;
    struct diag diag = {0};
    ck_assert_msg(cel_compile(f->env, span_str(source), NULL, &program, &diag) == ERR_OK, "%s: %s",
                  source, diag.text);
    cel_run_begin(&f->run, facts);
    struct value value = cel_run(&f->run, program);
    cel_program_free(&program);
    return value;
}

static void expect_bool(struct fixture *f, const char *source, const struct value *facts,
                        bool wanted) {
    struct value value = run_on(f, source, facts);
    ck_assert_msg(value.kind == VAL_BOOL && value.b == wanted, "%s is not %d", source, wanted);
}

/* word stands in the condition, fact in the case. */
static void compare_texts(struct fixture *f, const char *word, struct span fact, bool same) {
    static const struct {
        const char *before;
        const char *after;
        bool negated;
    } conditions[] = {
        {"x == \"", "\"", false},
        {"\"", "\" != x", true},
        {"!(x == \"", "\")", true},
        {"x in [\"no\", \"", "\", \"neither this one\"]", false},
        {"!(x in [\"", "\"])", true},
        {"dyn(x) == \"", "\"", false},
        {"b || true ? x == \"", "\" : false", false},
    };
    struct value facts[2] = {value_string(fact), value_null()};
    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        struct buf source = BUF_EMPTY;
        buf_printf(&source, "%s%s%s", conditions[i].before, word, conditions[i].after);
        expect_bool(f, buf_cstr(&source), facts, same != conditions[i].negated);
        buf_free(&source);
    }
    struct value key_value[2] = {value_string(span_str("f")), value_string(fact)};
    struct value record = value_map(key_value, 1);
    struct value item = value_string(fact);
    struct value list = value_list(&item, 1);
    struct value records = value_list(&record, 1);
    struct buf source = BUF_EMPTY;
    buf_printf(&source, "\"%s\" in xs", word);
    expect_bool(f, buf_cstr(&source), &list, same);
    buf_clear(&source);
    buf_printf(&source, "rs.exists(r, r.f == \"%s\")", word);
    expect_bool(f, buf_cstr(&source), &records, same);
    buf_clear(&source);
    buf_printf(&source, "rs.all(r, r.f in [\"%s\", \"other\"])", word);
    expect_bool(f, buf_cstr(&source), &records, same);
    buf_free(&source);
}

START_TEST(test_texts_of_every_length) {
    struct fixture f;
    fixture_init(&f);
    char word[LENGTH_MAX + 2] = "abcdefghijklmnopqrstuvwxyz";
    for (uint32_t len = 0; len <= LENGTH_MAX; len++) {
        char fact[LENGTH_MAX + 2] = "abcdefghijklmnopqrstuvwxyz";
        char kept = word[len];
        word[len] = 0;
        compare_texts(&f, word, span_make(fact, len), true);
        if (len != 0) {
            compare_texts(&f, word, span_make(fact, len - 1), false);
        }
        for (uint32_t i = 0; i < len; i++) {
            fact[i] = 'A';
            compare_texts(&f, word, span_make(fact, len), false);
            fact[i] = word[i];
        }
        word[len] = kept;
    }
    fixture_fini(&f);
}
END_TEST

START_TEST(test_orders) {
    struct fixture f;
    fixture_init(&f);
    static const int64_t numbers[] = {INT64_MIN, -1, 0, 1, 2, INT64_MAX};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        for (size_t j = 0; j < COUNT_OF(numbers); j++) {
            int64_t a = numbers[i];
            int64_t b = numbers[j];
            struct value facts[2] = {value_int(a), value_int(b)};
            expect_bool(&f, "n < m", facts, a < b);
            expect_bool(&f, "n <= m", facts, a <= b);
            expect_bool(&f, "n > m", facts, a > b);
            expect_bool(&f, "n >= m", facts, a >= b);
        }
        struct value facts[2] = {value_int(numbers[i]), value_null()};
        expect_bool(&f, "n < 1", facts, numbers[i] < 1);
        expect_bool(&f, "1 < n", facts, 1 < numbers[i]);
        expect_bool(&f, "!(1 >= n)", facts, 1 < numbers[i]);
    }
    fixture_fini(&f);
}
END_TEST

START_TEST(test_unknown_and_wrong_kinds) {
    struct fixture f;
    fixture_init(&f);
    static const char *const sources[] = {
        "x == \"a\"", "x in [\"a\"]", "\"a\" in xs", "n < 1",
        "!b",         "b && b",       "b || b",      "rs.exists(r, r.f == \"a\")"};
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        struct value facts[2] = {value_unknown(FACT_PATH), value_null()};
        struct value value = run_on(&f, sources[i], facts);
        struct path_set paths = {0};
        ck_assert_msg(value.kind == VAL_UNKNOWN, "%s is not unknown", sources[i]);
        value_unknown_paths(value, &paths);
        ck_assert(path_set_has(&paths, FACT_PATH));
        facts[0] = (struct value){.kind = VAL_ERROR, .aux = CEL_ERROR_OVERFLOW};
        value = run_on(&f, sources[i], facts);
        ck_assert_msg(value.kind == VAL_ERROR && value.aux == CEL_ERROR_OVERFLOW,
                      "%s lost the error", sources[i]);
    }
    struct value number[2] = {value_int(1), value_null()};
    expect_bool(&f, "x == \"a\"", number, false);
    expect_bool(&f, "x in [\"a\"]", number, false);
    ck_assert(run_on(&f, "b && b", number).kind == VAL_ERROR);
    fixture_fini(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cel_short");
    TCase *tests = tcase_create("short ways");
    tcase_add_test(tests, test_texts_of_every_length);
    tcase_add_test(tests, test_orders);
    tcase_add_test(tests, test_unknown_and_wrong_kinds);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

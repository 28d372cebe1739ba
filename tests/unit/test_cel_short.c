/* The short ways of conditions give the same result as the general way: dyn() around a fact
 * selects the general way. Texts have every length up to more than a word holds, and differ in
 * any one byte. */
#include "cel/cel.h"

#include "base/buf.h"

#include <check.h>
#include <stdio.h>
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

/* word is in the condition, fact in the case. */
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

/* --- words that are marked, records with fields in order, chains -------------------------------
 */

enum { WORDS = 70, PATHS = 6 };

/* A word per number, long enough that 64 of them are not all. */
struct vocabulary {
    char texts[WORDS][16];
    const char *words[WORDS];
};

static void vocabulary_init(struct vocabulary *vocabulary, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(vocabulary->texts[i], sizeof(vocabulary->texts[i]), "w%u", i);
        vocabulary->words[i] = vocabulary->texts[i];
    }
}

/* Slot 0: a word; 1: a list of them; 2: a list of records of a text and a word; 3, 4: bools. */
static void marked_init(struct fixture *f, const struct vocabulary *vocabulary, uint32_t count) {
    f->env = cel_env_new();
    const struct cel_type *word = cel_type_words(f->env, vocabulary->words, count);
    const struct cel_field fields[] = {{"t", cel_type(f->env, CEL_STRING)}, {"w", word}};
    const struct cel_type *record = cel_type_record(f->env, fields, COUNT_OF(fields));
    const struct cel_type *flag = cel_type(f->env, CEL_BOOL);
    ck_assert(cel_declare_slot(f->env, "w", word, 0, NULL) == ERR_OK);
    ck_assert(cel_declare_slot(f->env, "ws", cel_type_list(f->env, word), 1, NULL) == ERR_OK);
    ck_assert(cel_declare_slot(f->env, "rs", cel_type_list(f->env, record), 2, NULL) == ERR_OK);
    ck_assert(cel_declare_slot(f->env, "b", flag, 3, NULL) == ERR_OK);
    ck_assert(cel_declare_slot(f->env, "c", flag, 4, NULL) == ERR_OK);
    arena_init(&f->arena, 1024 * 1024);
    cel_run_init(&f->run, f->env, &f->arena);
}

/* One case: word `number`, marked as the decoder does or not, in each place a word can stand. */
struct marked {
    struct value last[2];
    struct value pairs[4];
    struct value record;
    struct value slots[5];
};

static void marked_fill(struct marked *m, const struct vocabulary *vocabulary, uint32_t number,
                        bool is_marked) {
    struct span text = span_str(vocabulary->words[number]);
    struct value word = is_marked ? value_word(text, number) : value_string(text);
    m->last[0] = is_marked ? value_word(span_str("w1"), 1) : value_string(span_str("w1"));
    m->last[1] = word;
    int at = is_marked ? 0 : 2; /* only a marked record has its fields in order */
    m->pairs[at] = value_string(span_str("t"));
    m->pairs[at + 1] = value_string(text);
    m->pairs[2 - at] = value_string(span_str("w"));
    m->pairs[3 - at] = word;
    m->record = is_marked ? value_record(m->pairs, 2) : value_map(m->pairs, 2);
    m->slots[0] = word;
    m->slots[1] = value_list(m->last, 2);
    m->slots[2] = value_list(&m->record, 1);
    m->slots[3] = value_bool(number % 2 == 0);
    m->slots[4] = value_bool(true);
}

static const struct {
    const char *source;
    bool is_hit; /* of word 0 or the last one; else of neither */
} marked_conditions[] = {
    {"w == %s || w == %s", true},
    {"c && (w == %s || w == %s)", true},
    {"!(w != %s && w != %s)", true},
    {"w in [%s, %s]", true},
    {"c && w in [%s, %s]", true},
    {"c && !(w in [%s, %s])", false},
    {"%s in ws || %s in ws", true},
    {"c && !(%s in ws) && !(%s in ws)", false},
    {"ws.exists(x, x == %s || x == %s)", true},
    {"ws.exists(x, c && x in [%s, %s])", true},
    {"rs.exists(r, r.w == %s || r.w == %s)", true},
    {"rs.exists(r, r.w in [%s, %s] && r.t != '')", true},
    {"rs.all(r, c && r.w in [%s, %s])", true},
    {"rs.exists(r, r.t in [%s, %s] && c)", true},
    {"rs.all(r, r.w != %s && r.t != %s)", false},
};

static void expect_marked(struct fixture *f, const struct vocabulary *vocabulary, uint32_t count,
                          size_t condition) {
    struct buf last = BUF_EMPTY;
    struct buf source = BUF_EMPTY;
    buf_printf(&last, "'w%u'", count - 1);
    const char *at = strstr(marked_conditions[condition].source, "%s");
    buf_append(&source, span_make(marked_conditions[condition].source,
                                  (size_t)(at - marked_conditions[condition].source)));
    const char *second = strstr(at + 2, "%s");
    buf_str(&source, "'w0'");
    buf_append(&source, span_make(at + 2, (size_t)(second - at - 2)));
    buf_printf(&source, "%s%s", buf_cstr(&last), second + 2);
    for (uint32_t number = 0; number < count; number++) {
        if (number == 1) {
            continue; /* it is in every list */
        }
        bool is_hit = number == 0 || number + 1 == count;
        for (int is_marked = 0; is_marked < 2; is_marked++) {
            struct marked m;
            marked_fill(&m, vocabulary, number, is_marked == 1);
            expect_bool(f, buf_cstr(&source), m.slots,
                        is_hit == marked_conditions[condition].is_hit);
        }
    }
    buf_free(&source);
    buf_free(&last);
}

START_TEST(test_marked_words) {
    static const uint32_t counts[] = {3, 64, WORDS};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct vocabulary vocabulary;
        struct fixture f;
        vocabulary_init(&vocabulary, counts[i]);
        marked_init(&f, &vocabulary, counts[i]);
        for (size_t n = 0; n < COUNT_OF(marked_conditions); n++) {
            expect_marked(&f, &vocabulary, counts[i], n);
        }
        fixture_fini(&f);
    }
}
END_TEST

/* The required result of a chain of p0 to p5 by the rules of the language: a deciding operand
 * wins, then the unknown ones together, then the first error. */
static void expect_chain(const struct value *facts, bool deciding, struct value value) {
    struct path_set wanted = {0};
    bool is_decided = false;
    bool is_unknown = false;
    const struct value *error = NULL;
    for (uint32_t i = 0; i < PATHS; i++) {
        is_decided = is_decided || (facts[i].kind == VAL_BOOL && facts[i].b == deciding);
        error = error == NULL && facts[i].kind == VAL_ERROR ? &facts[i] : error;
        if (facts[i].kind == VAL_UNKNOWN) {
            is_unknown = true;
            value_unknown_paths(facts[i], &wanted);
        }
    }
    if (is_decided) {
        ck_assert(value.kind == VAL_BOOL && value.b == deciding);
    } else if (is_unknown) {
        struct path_set paths = {0};
        ck_assert(value.kind == VAL_UNKNOWN);
        value_unknown_paths(value, &paths);
        ck_assert(memcmp(&paths, &wanted, sizeof(paths)) == 0);
    } else if (error != NULL) {
        ck_assert(value.kind == VAL_ERROR && value.aux == error->aux);
    } else {
        ck_assert(value.kind == VAL_BOOL && value.b != deciding);
    }
}

/* Each operand of six is true, false, unknown for one of two paths or several, or an error. */
START_TEST(test_chains) {
    static const char *const sources[] = {"p0 && p1 && p2 && p3 && p4 && p5",
                                          "p0 || p1 || p2 || p3 || p4 || p5"};
    const struct path_set several = {{1, 0, 0, 1}};
    const struct value kinds[] = {
        value_bool(true),
        value_bool(false),
        value_unknown(0),
        value_unknown(3),
        value_unknown(PATHS_MAX - 1),
        {.kind = VAL_UNKNOWN, .paths = &several},
        {.kind = VAL_ERROR, .aux = CEL_ERROR_OVERFLOW},
        {.kind = VAL_ERROR, .aux = CEL_ERROR_DIVISION_BY_ZERO},
    };
    struct fixture f = {.env = cel_env_new()};
    for (uint16_t i = 0; i < PATHS; i++) {
        const char name[] = {'p', (char)('0' + i), 0};
        ck_assert(cel_declare_slot(f.env, name, cel_type(f.env, CEL_BOOL), i, NULL) == ERR_OK);
    }
    arena_init(&f.arena, 1024 * 1024);
    cel_run_init(&f.run, f.env, &f.arena);
    for (int source = 0; source < 2; source++) {
        struct cel_program *program = NULL;
        ck_assert(cel_compile(f.env, span_str(sources[source]), NULL, &program, NULL) == ERR_OK);
        for (uint32_t n = 0; n < 1U << 3 * PATHS; n++) {
            struct value facts[PATHS];
            for (uint32_t i = 0; i < PATHS; i++) {
                facts[i] = kinds[n >> 3 * i & 7];
            }
            arena_reset(&f.arena);
            cel_run_begin(&f.run, facts);
            expect_chain(facts, source == 1, cel_run(&f.run, program));
        }
        cel_program_free(&program);
    }
    fixture_fini(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cel_short");
    TCase *tests = tcase_create("short ways");
    tcase_add_test(tests, test_texts_of_every_length);
    tcase_add_test(tests, test_orders);
    tcase_add_test(tests, test_unknown_and_wrong_kinds);
    tcase_add_test(tests, test_marked_words);
    tcase_add_test(tests, test_chains);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Two properties over seeded random expressions.
 * Soundness: what is decided while facts are unknown stays decided, to the same value, whatever the
 * facts turn out to be.  Robustness: any bytes either compile or are refused with a place, and what
 * compiles runs to a value within its limits (run it with sanitizers). */
#include "base/uuid.h"
#include "cel/cel.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 5, BOOLS = 3, ARENA_BYTES = 1024 * 1024, ROUNDS = 4000, MUTANTS = 20000 };

struct fixture {
    struct cel_env *env;
    struct arena arena;
    struct cel_run run;
    struct value slots[SLOTS];
    struct rng rng;
};

static const char *const names[SLOTS] = {"a", "b", "c", "n", "s"};

static void setup(struct fixture *f, uint64_t seed) {
    *f = (struct fixture){.env = cel_env_new(), .rng = {seed}};
    static const enum cel_kind kinds[SLOTS] = {CEL_BOOL, CEL_BOOL, CEL_BOOL, CEL_INT, CEL_STRING};
    for (uint16_t i = 0; i < SLOTS; i++) {
        ck_assert_int_eq(cel_declare_slot(f->env, names[i], cel_type(f->env, kinds[i]), i, NULL),
                         ERR_OK);
    }
    arena_init(&f->arena, ARENA_BYTES);
    cel_run_init(&f->run, f->env, &f->arena);
    f->run.steps_max = 20000;
}

static void teardown(struct fixture *f) {
    cel_run_fini(&f->run);
    arena_free(&f->arena);
    cel_env_free(&f->env);
}

static uint64_t below(struct fixture *f, uint64_t limit) { return rng_below(&f->rng, limit); }

static void integer(struct fixture *f, struct buf *out, int depth) {
    static const char *const leaves[] = {"n", "0", "1", "2", "size(s)", "size([n, 1])"};
    static const char *const marks[] = {"+", "-", "*", "/", "%"};
    if (depth == 0 || below(f, 3) == 0) {
        buf_str(out, leaves[below(f, COUNT_OF(leaves))]);
        return;
    }
    buf_byte(out, '(');
    integer(f, out, depth - 1);
    buf_printf(out, " %s ", marks[below(f, COUNT_OF(marks))]);
    integer(f, out, depth - 1);
    buf_byte(out, ')');
}

static void boolean(struct fixture *f, struct buf *out, int depth);

static void boolean_pair(struct fixture *f, struct buf *out, int depth, const char *mark) {
    buf_byte(out, '(');
    boolean(f, out, depth - 1);
    buf_str(out, mark);
    boolean(f, out, depth - 1);
    buf_byte(out, ')');
}

static void boolean(struct fixture *f, struct buf *out, int depth) {
    static const char *const leaves[] = {"a",     "b",        "c",          "true",
                                         "false", "s == 'x'", "'x' in [s]", "s != 'y' || c"};
    static const char *const marks[] = {" == ", " < ", " >= ", " != "};
    if (depth == 0) {
        buf_printf(out, "(%s)", leaves[below(f, COUNT_OF(leaves))]);
        return;
    }
    switch (below(f, 8)) {
    case 0:
    case 1:
        boolean_pair(f, out, depth, " && ");
        break;
    case 2:
    case 3:
        boolean_pair(f, out, depth, " || ");
        break;
    case 4:
        buf_byte(out, '!');
        boolean_pair(f, out, depth, " ? a : ");
        break;
    case 5:
        buf_byte(out, '(');
        integer(f, out, depth - 1);
        buf_str(out, marks[below(f, COUNT_OF(marks))]);
        integer(f, out, depth - 1);
        buf_byte(out, ')');
        break;
    case 6:
        buf_printf(out, "[0, 1, 2].%s(v, v == n || ", below(f, 2) == 0 ? "all" : "exists");
        boolean(f, out, depth - 1);
        buf_byte(out, ')');
        break;
    default:
        buf_str(out, "{'k': 1}[?s].orValue(n) > 0 || ");
        boolean(f, out, depth - 1);
        break;
    }
}

static struct value filling(uint16_t slot, uint64_t choice) {
    if (slot < BOOLS) {
        return value_bool(choice % 2 == 1);
    }
    static const char *const words[] = {"x", "y", "k"};
    return slot == BOOLS ? value_int((int64_t)(choice % 3) - 1)
                         : value_string(span_str(words[choice % 3]));
}

static struct value run_with(struct fixture *f, const struct cel_program *program) {
    arena_reset(&f->arena);
    cel_run_begin(&f->run, f->slots);
    return cel_run(&f->run, program);
}

/* Fills the unknown slots of mask in every way and holds the results against what was decided. */
static void check_fillings(struct fixture *f, const struct cel_program *program, unsigned mask,
                           struct value decided, const char *source) {
    for (uint64_t number = 0; number < 2 * 2 * 2 * 3 * 3; number++) {
        uint64_t rest = number;
        for (uint16_t i = 0; i < SLOTS; i++) {
            uint64_t ways = i < BOOLS ? 2 : 3;
            if ((mask >> i & 1) != 0) {
                f->slots[i] = filling(i, rest % ways);
            }
            rest /= ways;
        }
        struct value value = run_with(f, program);
        bool same =
            value.kind == VAL_ERROR ? decided.kind == VAL_ERROR : cel_value_equal(value, decided);
        ck_assert_msg(same, "%s: decided early, filling %llu differs", source,
                      (unsigned long long)number);
    }
}

START_TEST(test_what_is_decided_stays_decided) {
    struct fixture f;
    setup(&f, 7);
    unsigned decided_count = 0;
    unsigned open_count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct buf source = BUF_EMPTY;
        boolean(&f, &source, 4);
        struct cel_program *program = NULL;
        struct diag diag = {0};
        enum err err = cel_compile(f.env, buf_span(&source), NULL, &program, &diag);
        ck_assert_msg(err == ERR_OK, "%s: %s", buf_cstr(&source), diag.text);
        unsigned mask = (unsigned)below(&f, 31) + 1;
        for (uint16_t i = 0; i < SLOTS; i++) {
            f.slots[i] = (mask >> i & 1) != 0 ? value_unknown(i) : filling(i, below(&f, 6));
        }
        struct value value = run_with(&f, program);
        if (value.kind == VAL_UNKNOWN) {
            struct path_set set = {0};
            value_unknown_paths(value, &set);
            ck_assert(!path_set_is_empty(&set));
            ck_assert_msg((set.words[0] & ~(uint64_t)mask) == 0, "%s: blames a known fact",
                          buf_cstr(&source));
            open_count++;
        } else {
            check_fillings(&f, program, mask, value, buf_cstr(&source));
            decided_count++;
        }
        cel_program_free(&program);
        buf_free(&source);
    }
    /* Both happened often enough for the test to mean something. */
    ck_assert_uint_gt(decided_count, ROUNDS / 10);
    ck_assert_uint_gt(open_count, ROUNDS / 10);
    teardown(&f);
}
END_TEST

static const char *const seeds[] = {
    "a && (b || !c) ? n < 3 : s in ['x', \"y\"]",
    "[1, 2, n].map(v, v > 0, v * 2).filter(w, w != 4).exists_one(z, z == 2)",
    "{'k': [1u, 0x1fu], 2: -1.5e3}[?s].orValue([]) == [2u]",
    "cel.bind(t, s + 'é\\u00e9\\x41', t.matches('^[a-z]+$') && t.size() < 3)",
    "timestamp('2009-02-13T23:31:30.5Z') + duration('1h30m') < timestamp(n)",
    "'%s %d %.2f'.format([s, n, 1.5]).split(' ').transformList(i, v, v + string(i))",
    "optional.of(s).optMap(x, x.substring(0, 1)).orValue(\"\"\"q\"\"\") != r'\\d'",
    "string(b'\\377').reverse() + strings.quote(s) < s.replace('x', 'yy')",
    "has({'a': {'b': null}}.a.b) && type(n) == int && dyn(n) == 1.0",
};

/* One edit: a byte changed, taken out, doubled, or a piece of another seed put in. */
static void mutate(struct fixture *f, struct buf *text) {
    static const char bytes[] = "()[]{}.,:?+-*/%!<>=&|'\"\\ `abns0129uxer_\n\xc3\xff";
    size_t at = text->len == 0 ? 0 : below(f, text->len);
    struct buf out = BUF_EMPTY;
    buf_append(&out, span_make(text->ptr, at));
    uint64_t kind = below(f, 4);
    if (kind == 0) {
        buf_byte(&out, (uint8_t)bytes[below(f, sizeof(bytes) - 1)]);
    } else if (kind == 1) {
        struct span other = span_str(seeds[below(f, COUNT_OF(seeds))]);
        size_t start = below(f, other.len);
        buf_append(&out, span_make(other.ptr + start, below(f, other.len - start) + 1));
    } else if (kind == 2 && at < text->len) {
        buf_byte(&out, text->ptr[at]);
        buf_byte(&out, text->ptr[at]);
    }
    size_t next = text->len == 0 ? 0 : at + 1;
    buf_append(&out, span_make(text->ptr + next, text->len - next));
    buf_free(text);
    *text = out;
}

START_TEST(test_any_bytes_are_read_or_refused) {
    struct fixture f;
    setup(&f, 11);
    unsigned compiled_count = 0;
    for (int round = 0; round < MUTANTS; round++) {
        struct buf text = BUF_EMPTY;
        buf_str(&text, seeds[below(&f, COUNT_OF(seeds))]);
        for (uint64_t edits = below(&f, 4) + 1; edits > 0; edits--) {
            mutate(&f, &text);
        }
        cel_env_unchecked(f.env, below(&f, 2) == 0);
        struct cel_program *program = NULL;
        struct diag diag = {0};
        if (cel_compile(f.env, buf_span(&text), NULL, &program, &diag) != ERR_OK) {
            ck_assert_ptr_null(program);
            ck_assert_uint_le(diag.offset, text.len);
            ck_assert_uint_ge(diag.width, 1);
            ck_assert_uint_gt(strlen(diag.text), 0);
        } else {
            compiled_count++;
            for (uint16_t i = 0; i < SLOTS; i++) {
                f.slots[i] = below(&f, 3) == 0 ? value_unknown(i) : filling(i, below(&f, 6));
            }
            struct buf printed = BUF_EMPTY;
            cel_value_print(run_with(&f, program), &printed);
            ck_assert_uint_gt(printed.len, 0);
            buf_free(&printed);
            cel_program_free(&program);
        }
        buf_free(&text);
    }
    ck_assert_uint_gt(compiled_count, MUTANTS / 50);
    teardown(&f);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("random");
    tcase_set_timeout(tests, 110);
    tcase_add_test(tests, test_what_is_decided_stays_decided);
    tcase_add_test(tests, test_any_bytes_are_read_or_refused);
    Suite *suite = suite_create("cel_random");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The evaluator against a second one that shares no code with it (cel_slow.h), over random
 * well-typed expressions and facts of which some are hidden.
 *
 * Both must give the same value, the same error or the same unknown with the same facts.  What is
 * decided while facts are hidden must be the result under fillings of them; what is unknown must
 * stay so while the facts that it names are.
 *
 * Under ctest a fixed number of cases; test_cel_differential --cases N [--seed S] runs any other.
 */
#include "cel/cel.h"
#include "cel_invent.h"
#include "cel_print_tree.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CASES = 40 * 1000 };
#else
enum { CASES = 200 * 1000 };
#endif

enum {
    PERSONS = 2,
    CHOICES = 3,                                     /* values that a fact can have */
    POINTS = INVENT_FACTS + PERSONS * INVENT_LEAVES, /* what can be hidden: facts, leaves */
    FILLINGS = 6,
    DEPTH_MAX = 5,
    SHOWN_MAX = 10,
    FIRST_SEED = 3,
    ARENA_BYTES_MAX = 256 * 1024 * 1024,
    SECOND_NANOS = 1000 * 1000 * 1000
};

struct point {
    uint32_t choice;
    bool hidden;
};

struct fixture {
    struct invent invent;
    struct arena trees;
    struct arena facts; /* their values */
    struct arena slow_arena;
    struct arena fast_arena;
    struct cel_env *env;
    struct cel_run run;
    struct point points[POINTS];
    struct slow slow[INVENT_FACTS];
    struct value fast[INVENT_FACTS];
};

struct tally {
    uint64_t different;
    uint64_t unsound;
    uint64_t too_large;              /* not compared */
    uint64_t kinds[SLOW_KINDS];      /* results by kind, facts hidden */
    uint64_t values[SLOW_FUNCTIONS]; /* how often each function gave one */
};

/* --- facts -------------------------------------------------------------------------------------
 */

/* The value of a scalar fact, by its choice. */
static struct slow scalar(enum slow_kind kind, uint32_t choice) {
    static const int64_t ints[CHOICES] = {-1, 0, 2};
    static const uint64_t uints[CHOICES] = {0, 3, UINT64_MAX};
    static const double doubles[CHOICES] = {-2.25, 0, 1.5};
    static const char *const texts[CHOICES] = {"a", "12", " \303\251a"};
    static const char *const zones[CHOICES] = {"America/New_York", "+05:30", "No/Such"};
    static const int64_t days[CHOICES] = {18000, 18321 /* a 29 February */, -1};
    static const wide nanos[CHOICES] = {-1, (wide)1583000000 * SECOND_NANOS + 250, 0};
    struct slow value = {.kind = kind, .u = uints[choice], .d = doubles[choice]};
    value.i = kind == SLOW_BOOL ? choice % 2 : kind == SLOW_DATE ? days[choice] : ints[choice];
    value.nanos = nanos[choice];
    value.text = span_str(kind == SLOW_ZONE ? zones[choice] : texts[choice]);
    value.kind = kind == SLOW_ZONE ? SLOW_STRING : kind;
    return value;
}

static struct slow hidden(unsigned path) {
    return (struct slow){.kind = SLOW_UNKNOWN, .facts = (uint64_t)1 << path};
}

static struct slow *fact_room(struct fixture *f, size_t count) {
    struct slow *values = arena_zero(&f->facts, count, sizeof(*values));
    CHECK(values != NULL);
    return values;
}

/* A person's leaves are points of their own. */
static struct slow person(struct fixture *f, uint32_t number) {
    struct slow *leaves = fact_room(f, INVENT_LEAVES);
    for (uint32_t i = 0; i < INVENT_LEAVES; i++) {
        struct point point = f->points[INVENT_FACTS + number * INVENT_LEAVES + i];
        leaves[i] = point.hidden ? hidden(INVENT_FACTS + i) : scalar(leaf_kinds[i], point.choice);
    }
    return (struct slow){.kind = SLOW_PERSON, .items = leaves, .count = INVENT_LEAVES};
}

/* A list or map with the number of elements of its choice. */
static struct slow several(struct fixture *f, enum slow_kind kind, uint32_t choice) {
    static const char *const keys[] = {"a", "b"};
    struct slow *items = fact_room(f, 2 * CHOICES);
    for (uint32_t i = 0; i < choice; i++) {
        uint32_t element = (i + choice) % CHOICES;
        if (kind == SLOW_MAP) {
            items[2 * i] = slow_text(keys[i]);
            items[2 * i + 1] = scalar(SLOW_INT, element);
        } else {
            items[i] = kind == SLOW_PEOPLE
                           ? person(f, i)
                           : scalar(kind == SLOW_INTS ? SLOW_INT : SLOW_STRING, element);
        }
    }
    return (struct slow){.kind = kind, .items = items, .count = choice};
}

static struct value fast_of(struct fixture *f, struct slow value);

static struct value fast_many(struct fixture *f, struct slow value) {
    bool is_map = value.kind == SLOW_MAP || value.kind == SLOW_PERSON;
    struct value *items = arena_zero(&f->facts, 2 * (size_t)value.count + 1, sizeof(*items));
    CHECK(items != NULL);
    for (uint32_t i = 0; i < value.count; i++) {
        if (value.kind == SLOW_PERSON) {
            items[2 * i] = value_string(span_str(leaf_names[i]));
            items[2 * i + 1] = fast_of(f, value.items[i]);
        } else if (is_map) {
            items[2 * i] = fast_of(f, value.items[2 * i]);
            items[2 * i + 1] = fast_of(f, value.items[2 * i + 1]);
        } else {
            items[i] = fast_of(f, value.items[i]);
        }
    }
    return is_map ? value_map(items, value.count) : value_list(items, value.count);
}

/* A fact's value for the other evaluator. */
static struct value fast_of(struct fixture *f, struct slow value) {
    wide seconds = value.kind == SLOW_INSTANT ? slow_floor(value.nanos, SECOND_NANOS)
                                              : value.nanos / SECOND_NANOS;
    uint32_t rest = (uint32_t)(int32_t)(value.nanos - seconds * SECOND_NANOS);
    switch ((int)value.kind) {
    case SLOW_BOOL:
        return value_bool(value.i != 0);
    case SLOW_INT:
        return value_int(value.i);
    case SLOW_UINT:
        return value_uint(value.u);
    case SLOW_DOUBLE:
        return value_double(value.d);
    case SLOW_DATE:
        return value_date((int32_t)value.i);
    case SLOW_INSTANT:
        return (struct value){.kind = VAL_TIMESTAMP, .i = (int64_t)seconds, .len = rest};
    case SLOW_DURATION:
        return (struct value){.kind = VAL_DURATION, .i = (int64_t)seconds, .len = rest};
    case SLOW_STRING:
    case SLOW_BYTES: {
        struct value text = value_string(value.text);
        text.kind = value.kind == SLOW_BYTES ? VAL_BYTES : VAL_STRING;
        return text;
    }
    case SLOW_UNKNOWN:
        return value_unknown((uint16_t)__builtin_ctzll(value.facts));
    default:
        return fast_many(f, value);
    }
}

static void fill(struct fixture *f) {
    for (uint16_t i = 0; i < INVENT_FACTS; i++) {
        enum slow_kind kind = fact_kinds[i];
        struct point point = f->points[i];
        bool is_many = kind >= SLOW_INTS && kind <= SLOW_MAP;
        f->slow[i] = point.hidden ? hidden(i)
                     : is_many    ? several(f, kind, point.choice)
                                  : scalar(kind, point.choice);
        f->fast[i] = fast_of(f, f->slow[i]);
    }
}

static const struct cel_type *type_of(struct cel_env *env, enum slow_kind kind) {
    const struct cel_type *text = cel_type(env, CEL_STRING);
    const struct cel_type *number = cel_type(env, CEL_INT);
    const struct cel_field fields[INVENT_LEAVES] = {
        {leaf_names[0], text}, {leaf_names[1], number}, {leaf_names[2], cel_type(env, CEL_BOOL)}};
    static const enum cel_kind scalars[] = {
        [SLOW_BOOL] = CEL_BOOL,         [SLOW_INT] = CEL_INT,           [SLOW_UINT] = CEL_UINT,
        [SLOW_DOUBLE] = CEL_DOUBLE,     [SLOW_STRING] = CEL_STRING,     [SLOW_BYTES] = CEL_BYTES,
        [SLOW_INSTANT] = CEL_TIMESTAMP, [SLOW_DURATION] = CEL_DURATION, [SLOW_DATE] = CEL_DATE};
    switch ((int)kind) {
    case SLOW_INTS:
        return cel_type_list(env, number);
    case SLOW_STRINGS:
        return cel_type_list(env, text);
    case SLOW_PEOPLE:
        return cel_type_list(env, cel_type_record(env, fields, INVENT_LEAVES));
    case SLOW_MAP:
        return cel_type_map(env, text, number);
    default:
        return kind == SLOW_ZONE ? text : cel_type(env, scalars[kind]);
    }
}

static void setup(struct fixture *f, uint64_t seed) {
    *f = (struct fixture){.env = cel_env_new(), .invent = {.rng = {seed}}};
    f->invent.arena = &f->trees;
    for (uint16_t i = 0; i < INVENT_FACTS; i++) {
        CHECK(cel_declare_slot(f->env, fact_names[i], type_of(f->env, fact_kinds[i]), i, NULL) ==
              ERR_OK);
    }
    arena_init(&f->trees, ARENA_BYTES_MAX);
    arena_init(&f->facts, ARENA_BYTES_MAX);
    arena_init(&f->slow_arena, ARENA_BYTES_MAX);
    arena_init(&f->fast_arena, ARENA_BYTES_MAX);
    cel_run_init(&f->run, f->env, &f->fast_arena);
}

static void teardown(struct fixture *f) {
    cel_run_fini(&f->run);
    arena_free(&f->trees);
    arena_free(&f->facts);
    arena_free(&f->slow_arena);
    arena_free(&f->fast_arena);
    cel_env_free(&f->env);
}

/* --- results -----------------------------------------------------------------------------------
 */

static bool same(struct value fast, struct slow slow);

static bool same_map(struct value fast, struct slow slow) {
    bool equal = fast.kind == VAL_MAP && fast.len == slow.count;
    for (uint32_t i = 0; equal && i < fast.len; i++) {
        const struct value *pair = &fast.items[2 * (size_t)i];
        const struct slow *found = slow_find(slow, value_span(pair[0]));
        equal = pair[0].kind == VAL_STRING && found != NULL && same(pair[1], *found);
    }
    return equal;
}

static bool same_items(struct value fast, struct slow slow, enum value_kind kind) {
    bool equal = fast.kind == kind && fast.len == slow.count;
    for (uint32_t i = 0; equal && i < fast.len; i++) {
        equal = same(fast.items[i], slow.items[i]);
    }
    return equal;
}

static bool same_unknown(struct value fast, struct slow slow) {
    struct path_set paths = {0};
    if (fast.kind == VAL_UNKNOWN) {
        value_unknown_paths(fast, &paths);
    }
    return fast.kind == VAL_UNKNOWN && paths.words[0] == slow.facts;
}

/* The one form of an instant: nanoseconds go forward; of a duration: both parts have its sign. */
static bool same_time(struct value fast, struct slow slow) {
    wide nanos = slow_whole(slow);
    if (slow.kind == SLOW_DURATION) {
        return fast.kind == VAL_DURATION && fast.i == (int64_t)(nanos / SECOND_NANOS) &&
               (int32_t)fast.len == (int32_t)(nanos % SECOND_NANOS);
    }
    wide seconds = slow_floor(nanos, SECOND_NANOS);
    return fast.kind == VAL_TIMESTAMP && fast.i == (int64_t)seconds &&
           fast.len == (uint32_t)(nanos - seconds * SECOND_NANOS);
}

static bool same(struct value fast, struct slow slow) {
    switch (slow.kind) {
    case SLOW_BOOL:
        return fast.kind == VAL_BOOL && fast.b == (slow.i != 0);
    case SLOW_INT:
        return fast.kind == VAL_INT && fast.i == slow.i;
    case SLOW_UINT:
        return fast.kind == VAL_UINT && fast.u == slow.u;
    case SLOW_DOUBLE:
        return fast.kind == VAL_DOUBLE && (fast.d == slow.d || (isnan(fast.d) && isnan(slow.d)));
    case SLOW_STRING:
    case SLOW_BYTES:
        return fast.kind == (slow.kind == SLOW_STRING ? VAL_STRING : VAL_BYTES) &&
               span_eq(value_span(fast), slow.text);
    case SLOW_DATE:
    case SLOW_INSTANT:
    case SLOW_DURATION:
        return same_time(fast, slow);
    case SLOW_INTS:
    case SLOW_STRINGS:
        return same_items(fast, slow, VAL_LIST);
    case SLOW_OPT_INT:
    case SLOW_OPT_STRING:
        return same_items(fast, slow, VAL_OPTIONAL);
    case SLOW_MAP:
        return same_map(fast, slow);
    case SLOW_UNKNOWN:
        return same_unknown(fast, slow);
    case SLOW_ERROR:
        return fast.kind == VAL_ERROR;
    case SLOW_PEOPLE: /* are never a result */
    case SLOW_PERSON:
    case SLOW_OPT_PERSON:
    case SLOW_ZONE:
    case SLOW_KINDS:
        return false;
    }
    return false;
}

static struct slow run_slow(struct fixture *f, const struct tree *tree, struct tally *tally,
                            bool *too_large) {
    arena_reset(&f->slow_arena);
    struct slow_run run = {.arena = &f->slow_arena, .facts = f->slow, .values = tally->values};
    struct slow value = slow_eval(&run, tree);
    *too_large = run.too_large;
    return value;
}

static struct value run_fast(struct fixture *f, const struct cel_program *program) {
    arena_reset(&f->fast_arena);
    cel_run_begin(&f->run, f->fast);
    return cel_run(&f->run, program);
}

static void show(const char *what, struct span source, struct value fast, struct slow slow) {
    struct buf found = BUF_EMPTY;
    cel_value_print(fast, &found);
    printf("%s: %.*s\n    gives %s; the second evaluator: kind %d, %lld, facts %llx\n", what,
           SPAN_ARG(source), buf_cstr(&found), (int)slow.kind, (long long)slow.i,
           (unsigned long long)slow.facts);
    buf_free(&found);
}

/* Shows at random what was hidden, but for the paths of `kept`. */
static struct value run_filled(struct fixture *f, const struct cel_program *program,
                               uint64_t kept) {
    struct point points[POINTS];
    memcpy(points, f->points, sizeof(points));
    for (uint32_t i = 0; i < POINTS; i++) {
        uint32_t path = i < INVENT_FACTS ? i : INVENT_FACTS + (i - INVENT_FACTS) % INVENT_LEAVES;
        if (points[i].hidden && (kept >> path & 1) == 0) {
            f->points[i] = (struct point){.choice = (uint32_t)below(&f->invent, CHOICES)};
        }
    }
    fill(f);
    struct value value = run_fast(f, program);
    memcpy(f->points, points, sizeof(points));
    return value;
}

/* A decided result must not move, whatever the hidden facts are; an unknown one must stay unknown
 * while the facts that it names are hidden.  `before` holds nothing that was hidden. */
static bool is_sound(struct fixture *f, const struct cel_program *program, struct slow before,
                     struct span source) {
    bool is_unknown = before.kind == SLOW_UNKNOWN;
    for (int i = 0; i < FILLINGS; i++) {
        struct value shown = run_filled(f, program, is_unknown ? before.facts : 0);
        if (is_unknown ? shown.kind != VAL_UNKNOWN : !same(shown, before)) {
            show("unsound", source, shown, before);
            return false;
        }
    }
    return true;
}

static void draw_facts(struct fixture *f) {
    arena_reset(&f->facts);
    uint64_t one_in = below(&f->invent, 12) + 1; /* from all hidden to few */
    for (uint32_t i = 0; i < POINTS; i++) {
        f->points[i] = (struct point){.choice = (uint32_t)below(&f->invent, CHOICES),
                                      .hidden = below(&f->invent, one_in) == 0};
    }
    fill(f);
}

static const struct tree *draw_tree(struct fixture *f) {
    static const enum slow_kind kinds[] = {
        SLOW_BOOL,   SLOW_BOOL,    SLOW_BOOL,       SLOW_INT,     SLOW_UINT, SLOW_DOUBLE,
        SLOW_STRING, SLOW_BYTES,   SLOW_INSTANT,    SLOW_DATE,    SLOW_INTS, SLOW_STRINGS,
        SLOW_MAP,    SLOW_OPT_INT, SLOW_OPT_STRING, SLOW_DURATION};
    arena_reset(&f->trees);
    f->invent.nodes = 0;
    enum slow_kind kind = kinds[below(&f->invent, COUNT_OF(kinds))];
    return invent_tree(&f->invent, kind, (int)below(&f->invent, DEPTH_MAX) + 1);
}

static void compare(struct fixture *f, const struct cel_program *program, struct span source,
                    struct slow slow, struct tally *tally) {
    struct value fast = run_fast(f, program);
    if (!same(fast, slow)) {
        show("different", source, fast, slow);
        tally->different++;
    } else if (!is_sound(f, program, slow, source)) {
        tally->unsound++;
    }
    tally->kinds[slow.kind]++;
}

static void one_case(struct fixture *f, struct tally *tally) {
    const struct tree *tree = draw_tree(f);
    struct buf text = BUF_EMPTY;
    print_tree(tree, &text);
    struct span source = buf_span(&text);
    struct cel_program *program = NULL;
    struct diag diag = {0};
    draw_facts(f);
    bool too_large = false;
    struct slow slow = run_slow(f, tree, tally, &too_large);
    if (cel_compile(f->env, source, NULL, &program, &diag) != ERR_OK) {
        printf("refused: %.*s: %s\n", SPAN_ARG(source), diag.text);
        tally->different++;
    } else if (too_large) {
        tally->too_large++;
    } else {
        compare(f, program, source, slow, tally);
    }
    cel_program_free(&program);
    buf_free(&text);
}

static struct tally run_cases(uint64_t cases, uint64_t seed) {
    struct tally tally = {0};
    struct fixture f;
    setup(&f, seed);
    for (uint64_t i = 0; i < cases && tally.different + tally.unsound < SHOWN_MAX; i++) {
        one_case(&f, &tally);
    }
    teardown(&f);
    return tally;
}

/* A function that hardly ever gives a value is hardly compared. */
static uint32_t rare_functions(const struct tally *tally, uint64_t least) {
    uint32_t rare = 0;
    for (uint32_t i = 0; i < SLOW_FUNCTIONS; i++) {
        if (tally->values[i] < least) {
            printf("%s gave a value %llu times\n", slow_function_at(i)->form,
                   (unsigned long long)tally->values[i]);
            rare++;
        }
    }
    return rare;
}

START_TEST(test_both_evaluators_agree) {
    struct tally tally = run_cases(CASES, FIRST_SEED);
    ck_assert_uint_eq(tally.different, 0);
    ck_assert_uint_eq(tally.unsound, 0);
    /* All ways to end happened often enough for the test to mean something. */
    uint64_t known = CASES - tally.kinds[SLOW_UNKNOWN] - tally.kinds[SLOW_ERROR];
    ck_assert_uint_gt(known, CASES / 10);
    ck_assert_uint_gt(tally.kinds[SLOW_UNKNOWN], CASES / 10);
    ck_assert_uint_gt(tally.kinds[SLOW_ERROR], CASES / 50);
    ck_assert_uint_lt(tally.too_large, CASES / 100);
    ck_assert_uint_eq(rare_functions(&tally, CASES / 20000), 0);
}
END_TEST

static int campaign(uint64_t cases, uint64_t seed) {
    struct tally tally = run_cases(cases, seed);
    printf("%llu cases from seed %llu: %llu unknown, %llu errors, %llu too large to compare; %llu "
           "different, "
           "%llu unsound\n",
           (unsigned long long)cases, (unsigned long long)seed,
           (unsigned long long)tally.kinds[SLOW_UNKNOWN],
           (unsigned long long)tally.kinds[SLOW_ERROR], (unsigned long long)tally.too_large,
           (unsigned long long)tally.different, (unsigned long long)tally.unsound);
    (void)rare_functions(&tally, cases / 20000);
    return tally.different + tally.unsound == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    if (argc >= 3 && strcmp(argv[1], "--cases") == 0) {
        bool has_seed = argc >= 5 && strcmp(argv[3], "--seed") == 0;
        return campaign(strtoull(argv[2], NULL, 10),
                        has_seed ? strtoull(argv[4], NULL, 10) : FIRST_SEED);
    }
    TCase *tests = tcase_create("differential");
    tcase_set_timeout(tests, 110);
    tcase_add_test(tests, test_both_evaluators_agree);
    Suite *suite = suite_create("cel_differential");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

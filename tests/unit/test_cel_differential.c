/* The evaluator against a second one that shares no code with it (cel_slow.h), over random
 * well-typed expressions and facts of which some are hidden: both must give the same value, the
 * same error or the same unknown with the same facts.  And what is decided while facts are hidden
 * must be the result under fillings of them. Under ctest a fixed number of cases;
 * test_cel_differential --cases N [--seed S] runs any other. */
#include "cel/cel.h"
#include "cel_invent.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CASES = 20 * 1000 };
#else
enum { CASES = 200 * 1000 };
#endif

enum {
    PERSONS = 2,
    POINTS = INVENT_FACTS + PERSONS * SLOW_LEAVES, /* what can be hidden: facts, leaves */
    FILLINGS = 8,
    DEPTH_MAX = 5,
    SHOWN_MAX = 10,
    ARENA_BYTES_MAX = 256 * 1024 * 1024,
    DAY_SECONDS = 86400
};

struct point {
    uint32_t choice;
    bool hidden;
};

struct facts {
    struct point points[POINTS];
    struct slow slow[INVENT_FACTS];
    struct slow slow_lists[INVENT_FACTS][3];
    struct slow slow_leaves[PERSONS][SLOW_LEAVES];
    struct value fast[INVENT_FACTS];
    struct value fast_lists[INVENT_FACTS][3];
    struct value fast_leaves[PERSONS][2 * SLOW_LEAVES];
};

struct fixture {
    struct invent invent;
    struct arena trees;
    struct arena slow_arena;
    struct arena fast_arena;
    struct cel_env *env;
    struct cel_run run;
    struct facts facts;
};

struct tally {
    uint64_t different;
    uint64_t unsound;
    uint64_t kinds[SLOW_ERROR + 1]; /* results by kind, facts hidden */
};

static struct slow scalar(enum slow_kind kind, uint32_t choice) {
    static const int64_t ints[] = {-1, 0, 2};
    static const double doubles[] = {-2.25, 0, 1.5};
    static const char *const texts[] = {"a", "ab", "\xc3\xa9"};
    static const int64_t days[] = {18000, 18365, -1};
    struct slow value = kind == SLOW_STRING ? slow_text(texts[choice]) : slow_of(kind, 0);
    value.i = kind == SLOW_BOOL ? choice % 2 : kind == SLOW_DATE ? days[choice] : ints[choice];
    value.d = doubles[choice];
    return value;
}

static struct value fast_scalar(struct slow value) {
    switch ((int)value.kind) {
    case SLOW_BOOL:
        return value_bool(value.i != 0);
    case SLOW_INT:
        return value_int(value.i);
    case SLOW_DOUBLE:
        return value_double(value.d);
    case SLOW_DATE:
        return value_date((int32_t)value.i);
    default:
        return value_string(value.text);
    }
}

static struct slow hidden(unsigned path) {
    return (struct slow){.kind = SLOW_UNKNOWN, .facts = (uint64_t)1 << path};
}

/* People: as many as the choice says; each leaf is a point of its own. */
static void fill_people(struct facts *facts) {
    static const enum slow_kind kinds[SLOW_LEAVES] = {SLOW_STRING, SLOW_INT, SLOW_BOOL};
    for (uint32_t i = 0; i < PERSONS; i++) {
        for (uint32_t leaf = 0; leaf < SLOW_LEAVES; leaf++) {
            struct point point = facts->points[INVENT_FACTS + i * SLOW_LEAVES + leaf];
            struct slow value = scalar(kinds[leaf], point.choice);
            uint16_t path = (uint16_t)(INVENT_FACTS + leaf);
            facts->slow_leaves[i][leaf] = point.hidden ? hidden(path) : value;
            facts->fast_leaves[i][2 * leaf] = value_string(span_str(leaf_names[leaf]));
            facts->fast_leaves[i][2 * leaf + 1] =
                point.hidden ? value_unknown(path) : fast_scalar(value);
        }
        facts->slow_lists[INVENT_PEOPLE][i] =
            (struct slow){.kind = SLOW_PERSON, .items = facts->slow_leaves[i]};
        facts->fast_lists[INVENT_PEOPLE][i] = value_map(facts->fast_leaves[i], SLOW_LEAVES);
    }
}

static void fill(struct facts *facts) {
    fill_people(facts);
    for (uint16_t i = 0; i < INVENT_FACTS; i++) {
        enum slow_kind kind = fact_kinds[i];
        struct point point = facts->points[i];
        if (kind == SLOW_INTS || kind == SLOW_STRINGS) {
            for (uint32_t at = 0; at < point.choice; at++) {
                enum slow_kind element = kind == SLOW_INTS ? SLOW_INT : SLOW_STRING;
                facts->slow_lists[i][at] = scalar(element, (at + point.choice) % 3);
                facts->fast_lists[i][at] = fast_scalar(facts->slow_lists[i][at]);
            }
        }
        if (kind >= SLOW_INTS) {
            facts->slow[i] =
                (struct slow){.kind = kind, .items = facts->slow_lists[i], .count = point.choice};
            facts->fast[i] = value_list(facts->fast_lists[i], point.choice);
        } else {
            facts->slow[i] = scalar(kind, point.choice);
            facts->fast[i] = fast_scalar(facts->slow[i]);
        }
        if (point.hidden) {
            facts->slow[i] = hidden(i);
            facts->fast[i] = value_unknown(i);
        }
    }
}

static const struct cel_type *type_of(struct cel_env *env, enum slow_kind kind) {
    const struct cel_type *string = cel_type(env, CEL_STRING);
    const struct cel_field fields[SLOW_LEAVES] = {{leaf_names[0], string},
                                                  {leaf_names[1], cel_type(env, CEL_INT)},
                                                  {leaf_names[2], cel_type(env, CEL_BOOL)}};
    switch ((int)kind) {
    case SLOW_BOOL:
        return cel_type(env, CEL_BOOL);
    case SLOW_INT:
        return cel_type(env, CEL_INT);
    case SLOW_DOUBLE:
        return cel_type(env, CEL_DOUBLE);
    case SLOW_DATE:
        return cel_type(env, CEL_DATE);
    case SLOW_INTS:
        return cel_type_list(env, cel_type(env, CEL_INT));
    case SLOW_STRINGS:
        return cel_type_list(env, string);
    case SLOW_PEOPLE:
        return cel_type_list(env, cel_type_record(env, fields, SLOW_LEAVES));
    default:
        return string;
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
    arena_init(&f->slow_arena, ARENA_BYTES_MAX);
    arena_init(&f->fast_arena, ARENA_BYTES_MAX);
    cel_run_init(&f->run, f->env, &f->fast_arena);
}

static void teardown(struct fixture *f) {
    cel_run_fini(&f->run);
    arena_free(&f->trees);
    arena_free(&f->slow_arena);
    arena_free(&f->fast_arena);
    cel_env_free(&f->env);
}

static bool same(struct value fast, struct slow slow) {
    switch (slow.kind) {
    case SLOW_BOOL:
        return fast.kind == VAL_BOOL && fast.b == (slow.i != 0);
    case SLOW_INT:
        return fast.kind == VAL_INT && fast.i == slow.i;
    case SLOW_DOUBLE:
        return fast.kind == VAL_DOUBLE && (fast.d == slow.d || (isnan(fast.d) && isnan(slow.d)));
    case SLOW_STRING:
        return fast.kind == VAL_STRING && span_eq(value_span(fast), slow.text);
    case SLOW_DATE:
        return fast.kind == VAL_TIMESTAMP && fast.i == slow.i * DAY_SECONDS && fast.len == 0;
    case SLOW_INTS:
    case SLOW_STRINGS:
    case SLOW_PEOPLE:
        for (uint32_t i = 0; fast.kind == VAL_LIST && fast.len == slow.count && i < fast.len; i++) {
            if (!same(fast.items[i], slow.items[i])) {
                return false;
            }
        }
        return fast.kind == VAL_LIST && fast.len == slow.count;
    case SLOW_PERSON:
        return fast.kind == VAL_MAP; /* never a result */
    case SLOW_UNKNOWN: {
        struct path_set paths = {0};
        if (fast.kind == VAL_UNKNOWN) {
            value_unknown_paths(fast, &paths);
        }
        return fast.kind == VAL_UNKNOWN && paths.words[0] == slow.facts;
    }
    case SLOW_ERROR:
        return fast.kind == VAL_ERROR;
    }
    return false;
}

static struct slow run_slow(struct fixture *f, const struct tree *tree) {
    arena_reset(&f->slow_arena);
    struct slow_run run = {.arena = &f->slow_arena, .facts = f->facts.slow};
    return slow_eval(&run, tree);
}

static struct value run_fast(struct fixture *f, const struct cel_program *program) {
    arena_reset(&f->fast_arena);
    cel_run_begin(&f->run, f->facts.fast);
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

/* Shows what was hidden, some times at random: a decided result must not move.  `decided` holds
 * nothing that was hidden, so it outlives the fillings. */
static bool is_sound(struct fixture *f, const struct cel_program *program, struct slow decided,
                     struct span source) {
    for (int i = 0; i < FILLINGS; i++) {
        struct point points[POINTS];
        memcpy(points, f->facts.points, sizeof(points));
        for (uint32_t at = 0; at < POINTS; at++) {
            if (points[at].hidden) {
                f->facts.points[at] = (struct point){.choice = (uint32_t)below(&f->invent, 3)};
            }
        }
        fill(&f->facts);
        struct value shown = run_fast(f, program);
        bool holds = same(shown, decided);
        if (!holds) {
            show("unsound", source, shown, decided);
        }
        memcpy(f->facts.points, points, sizeof(points));
        if (!holds) {
            return false;
        }
    }
    return true;
}

static void draw_facts(struct fixture *f) {
    uint64_t one_in = below(&f->invent, 4) + 1; /* from all hidden to few */
    for (uint32_t i = 0; i < POINTS; i++) {
        f->facts.points[i] = (struct point){.choice = (uint32_t)below(&f->invent, 3),
                                            .hidden = below(&f->invent, one_in) == 0};
    }
    fill(&f->facts);
}

static void one_case(struct fixture *f, struct tally *tally) {
    static const enum slow_kind kinds[] = {SLOW_BOOL,   SLOW_BOOL, SLOW_BOOL,   SLOW_INT,
                                           SLOW_DOUBLE, SLOW_INTS, SLOW_STRING, SLOW_STRINGS};
    arena_reset(&f->trees);
    enum slow_kind kind = kinds[below(&f->invent, COUNT_OF(kinds))];
    const struct tree *tree = invent_tree(&f->invent, kind, (int)below(&f->invent, DEPTH_MAX) + 1);
    struct buf text = BUF_EMPTY;
    print_tree(tree, &text);
    struct span source = buf_span(&text);
    struct cel_program *program = NULL;
    struct diag diag = {0};
    draw_facts(f);
    struct slow slow = run_slow(f, tree);
    if (cel_compile(f->env, source, NULL, &program, &diag) != ERR_OK) {
        printf("refused: %.*s: %s\n", SPAN_ARG(source), diag.text);
        tally->different++;
    } else {
        struct value fast = run_fast(f, program);
        if (!same(fast, slow)) {
            show("different", source, fast, slow);
            tally->different++;
        } else if (slow.kind != SLOW_UNKNOWN && !is_sound(f, program, slow, source)) {
            tally->unsound++;
        }
        tally->kinds[slow.kind]++;
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

START_TEST(test_both_evaluators_agree) {
    struct tally tally = run_cases(CASES, 3);
    ck_assert_uint_eq(tally.different, 0);
    ck_assert_uint_eq(tally.unsound, 0);
    /* All three ways to end happened often enough for the test to mean something. */
    uint64_t known = CASES - tally.kinds[SLOW_UNKNOWN] - tally.kinds[SLOW_ERROR];
    ck_assert_uint_gt(known, CASES / 10);
    ck_assert_uint_gt(tally.kinds[SLOW_UNKNOWN], CASES / 10);
    ck_assert_uint_gt(tally.kinds[SLOW_ERROR], CASES / 50);
}
END_TEST

static int campaign(uint64_t cases, uint64_t seed) {
    struct tally tally = run_cases(cases, seed);
    printf("%llu cases: %llu unknown, %llu errors; %llu different, %llu unsound\n",
           (unsigned long long)cases, (unsigned long long)tally.kinds[SLOW_UNKNOWN],
           (unsigned long long)tally.kinds[SLOW_ERROR], (unsigned long long)tally.different,
           (unsigned long long)tally.unsound);
    return tally.different + tally.unsound == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    if (argc >= 3 && strcmp(argv[1], "--cases") == 0) {
        bool has_seed = argc >= 5 && strcmp(argv[3], "--seed") == 0;
        return campaign(strtoull(argv[2], NULL, 10), has_seed ? strtoull(argv[4], NULL, 10) : 3);
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

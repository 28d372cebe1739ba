/* The benchmark `cel`: conditions beside the same ones written by hand, in one run. Prints one
 * JSON line per figure. `bench_cel --list` names the pairs; `bench_cel --only NAME hand|cel
 * ROUNDS` runs one side for callgrind, which counts inside loop_hand or loop_cel. Both sides get
 * the same facts in turns of about a millisecond; a ratio is that of two neighbouring turns. */
#include "bench_cel.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS = 41, SAMPLE_NS = 1000 * 1000, ARENA_BYTES = 1024 * 1024 };

struct pair {
    const char *name;
    const char *source;
    hand_fn hand;
    double goal; /* 0: none */
    struct bench_shape shape;
};

#define RELATIVES_LIST                                                                             \
    "[\"spouse\", \"child\", \"parent\", \"sibling\", \"grandparent\", \"aunt_or_uncle\"]"
#define SEVEN                                                                                      \
    "entry_date >= in_force_on && entry_date <= claim_date && "                                    \
    "entry_mode in [\"land_poe\", \"between_poe\", \"inland\"] && relation in " RELATIVES_LIST     \
    " && \"HN\" in nationalities && !married && !stateless"
#define EXISTS                                                                                     \
    "anchors.exists(a, a.country == \"US\" && a.relation in " RELATIVES_LIST                       \
    " && a.status in [\"citizen\", \"permanent_resident\", \"refugee\"])"
#define MEMBER "\"HN\" in nationalities"

static const struct pair pairs[] = {
    {"compare", "entry_mode == \"between_poe\"", hand_compare, 4, {.items = 2}},
    {"in_set", "relation in " RELATIVES_LIST, hand_in_set, 4, {.items = 2}},
    {"seven_known", SEVEN, hand_seven, 4, {.items = 2, .all_hold = true}},
    {"seven_unknown", SEVEN, hand_seven, 4, {.items = 2, .all_hold = true, .unknowns = true}},
    {"exists", EXISTS, hand_exists, 6, {.items = 2}},
    {"exists.items_8", EXISTS, hand_exists, 0, {.items = 8}},
    {"exists.items_32", EXISTS, hand_exists, 0, {.items = 32}},
    {"exists.items_128", EXISTS, hand_exists, 0, {.items = GROWTH_MAX}},
    {"member.items_2", MEMBER, hand_member, 0, {.items = 2}},
    {"member.items_8", MEMBER, hand_member, 0, {.items = 8}},
    {"member.items_32", MEMBER, hand_member, 0, {.items = 32}},
    {"member.items_128", MEMBER, hand_member, 0, {.items = GROWTH_MAX}},
};

/* One condition made ready: both sides read bench.cases. */
struct bench {
    struct cel_env *env;
    struct cel_program *program;
    struct cel_run run;
    struct arena arena;
    hand_fn hand;
    struct bench_cases cases;
};

static uint64_t cpu_ns(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static struct cel_program *compile(struct cel_env *env, const char *source) {
    struct diag diag = {0};
    struct cel_program *program = NULL;
    if (cel_compile(env, span_str(source), cel_type(env, CEL_BOOL), &program, &diag) != ERR_OK) {
        (void)fprintf(stderr, "bench_cel: %s\n    %s\n", diag.text, source);
        exit(1);
    }
    return program;
}

static void bench_init(struct bench *bench, const char *source, struct bench_shape shape) {
    bench->env = bench_env();
    bench->program = compile(bench->env, source);
    arena_init(&bench->arena, ARENA_BYTES);
    cel_run_init(&bench->run, bench->env, &bench->arena);
    bench_cases_init(&bench->cases, shape);
}

static void bench_fini(struct bench *bench) {
    bench_cases_fini(&bench->cases);
    cel_run_fini(&bench->run);
    arena_free(&bench->arena);
    cel_program_free(&bench->program);
    cel_env_free(&bench->env);
}

__attribute__((noinline)) static uint64_t loop_hand(struct bench *bench, uint64_t rounds) {
    uint64_t sum = 0;
    hand_fn hand = bench->hand;
    struct path_set missing;
    for (uint64_t round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < CASES; i++) {
            sum += (uint64_t)hand(bench->cases.facts[i], &missing);
        }
    }
    return sum;
}

/* A case begins, one condition runs; the arena is emptied as a worker does it, less often. */
__attribute__((noinline)) static uint64_t loop_cel(struct bench *bench, uint64_t rounds) {
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        arena_reset(&bench->arena);
        for (uint32_t i = 0; i < CASES; i++) {
            cel_run_begin(&bench->run, bench->cases.facts[i]);
            struct value value = cel_run(&bench->run, bench->program);
            sum += value.kind + (value.u & 1);
        }
    }
    return sum;
}

/* Both sides must give the same result and the same unknown facts. */
static void agree(struct bench *bench, const char *name) {
    for (uint32_t i = 0; i < CASES; i++) {
        struct path_set by_hand;
        struct path_set by_cel = {0};
        enum tri tri = bench->hand(bench->cases.facts[i], &by_hand);
        cel_run_begin(&bench->run, bench->cases.facts[i]);
        struct value value = cel_run(&bench->run, bench->program);
        bool same = value.kind == (tri == TRI_UNKNOWN ? VAL_UNKNOWN : VAL_BOOL);
        if (same && tri == TRI_UNKNOWN) {
            value_unknown_paths(value, &by_cel);
            same = memcmp(&by_hand, &by_cel, sizeof(by_hand)) == 0;
        } else if (same) {
            same = value.b == (tri == TRI_TRUE);
        }
        if (!same) {
            (void)fprintf(stderr, "bench_cel: %s: case %u: the two sides differ\n", name, i);
            exit(1);
        }
    }
}

typedef uint64_t (*loop_fn)(struct bench *bench, uint64_t rounds);

/* The result of the loop is used, so that the compiler keeps the loop. */
static double ns_each(struct bench *bench, loop_fn loop, uint64_t rounds, uint32_t per_round) {
    uint64_t began = cpu_ns();
    uint64_t sum = loop(bench, rounds);
    uint64_t ended = cpu_ns();
    CHECK(sum != UINT64_MAX);
    return (double)(ended - began) / (double)rounds / per_round;
}

/* Rounds that take about SAMPLE_NS; the same loop warms up. */
static uint64_t calibrate(struct bench *bench, loop_fn loop) {
    uint64_t rounds = 1;
    while (ns_each(bench, loop, rounds, 1) * (double)rounds < SAMPLE_NS) {
        rounds *= 2;
    }
    return rounds;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, RUNS, sizeof(*values), by_size);
    return values[RUNS / 2];
}

/* figure: value in unit; ratio 0 when there is no baseline. */
static void print_figure(const char *figure, double value, const char *unit, double *ratios,
                         double goal) {
    printf("{\"name\": \"cel\", \"figure\": \"cel.%s\", \"value\": %.1f, \"unit\": \"%s\", ",
           figure, value, unit);
    if (ratios == NULL) {
        printf("\"ratio\": null, \"goal\": null, \"met\": null, \"runs\": %d, \"min\": null, "
               "\"max\": null}\n",
               RUNS);
        return;
    }
    double middle = median(ratios);
    printf("\"ratio\": %.2f, ", middle);
    if (goal > 0) {
        printf("\"goal\": \"<= %g\", \"met\": %s, ", goal, middle <= goal ? "true" : "false");
    } else {
        printf("\"goal\": null, \"met\": null, ");
    }
    printf("\"runs\": %d, \"min\": %.2f, \"max\": %.2f}\n", RUNS, ratios[0], ratios[RUNS - 1]);
}

static void measure_pair(const struct pair *pair) {
    struct bench bench = {.hand = pair->hand};
    double hand[RUNS];
    double cel[RUNS];
    double ratio[RUNS];
    bench_init(&bench, pair->source, pair->shape);
    agree(&bench, pair->name);
    uint64_t hand_rounds = calibrate(&bench, loop_hand);
    uint64_t cel_rounds = calibrate(&bench, loop_cel);
    for (int i = 0; i < RUNS; i++) {
        hand[i] = ns_each(&bench, loop_hand, hand_rounds, CASES);
        cel[i] = ns_each(&bench, loop_cel, cel_rounds, CASES);
        ratio[i] = cel[i] / hand[i];
    }
    struct buf by_hand = BUF_EMPTY;
    buf_str(&by_hand, pair->name);
    buf_str(&by_hand, ".by_hand");
    print_figure(pair->name, median(cel), "ns", ratio, pair->goal);
    print_figure(buf_cstr(&by_hand), median(hand), "ns", NULL, 0);
    buf_free(&by_hand);
    bench_fini(&bench);
}

/* --- growth of conditions without a hand-written twin
 * --------------------------------------------------------
 */

/* The relation of the cases is looked for among n words that are not it. */
static void set_source(struct buf *out, uint32_t count) {
    buf_str(out, "any_word in [");
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(out, "%s\"word_%u\"", i == 0 ? "" : ", ", i);
    }
    buf_str(out, "]");
}

/* n terms that all hold. */
static void terms_source(struct buf *out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : " && ",
                   i % 2 == 0 ? "!married" : "entry_date >= in_force_on");
    }
}

static uint64_t loop_compile(struct bench *bench, const char *source, uint64_t rounds) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        struct cel_program *program = compile(bench->env, source);
        sum += cel_program_cost(program);
        cel_program_free(&program);
    }
    return sum;
}

static void measure_compile(const char *figure, const char *source) {
    enum { ROUNDS = 50 };
    struct bench bench = {0};
    double us[RUNS];
    bench_init(&bench, source, (struct bench_shape){.items = 2});
    for (int i = 0; i < RUNS; i++) {
        uint64_t began = cpu_ns();
        uint64_t sum = loop_compile(&bench, source, ROUNDS);
        us[i] = (double)(cpu_ns() - began) / 1000 / ROUNDS;
        CHECK(sum != 0);
    }
    print_figure(figure, median(us), "us", NULL, 0);
    bench_fini(&bench);
}

static void measure_run(const char *figure, const char *source) {
    struct bench bench = {0};
    double ns[RUNS];
    bench_init(&bench, source, (struct bench_shape){.items = 2, .all_hold = true});
    uint64_t rounds = calibrate(&bench, loop_cel);
    for (int i = 0; i < RUNS; i++) {
        ns[i] = ns_each(&bench, loop_cel, rounds, CASES);
    }
    print_figure(figure, median(ns), "ns", NULL, 0);
    bench_fini(&bench);
}

static void measure_growth(const char *name, void (*write_source)(struct buf *, uint32_t),
                           void (*measure)(const char *, const char *)) {
    static const uint32_t sizes[] = {2, 8, 32, GROWTH_MAX};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct buf source = BUF_EMPTY;
        struct buf figure = BUF_EMPTY;
        write_source(&source, sizes[i]);
        buf_printf(&figure, "%s_%u", name, sizes[i]);
        measure(buf_cstr(&figure), buf_cstr(&source));
        buf_free(&source);
        buf_free(&figure);
    }
}

static int run_only(const char *name, const char *side, const char *rounds) {
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (strcmp(name, pairs[i].name) == 0) {
            struct bench bench = {.hand = pairs[i].hand};
            loop_fn loop = strcmp(side, "hand") == 0 ? loop_hand : loop_cel;
            bench_init(&bench, pairs[i].source, pairs[i].shape);
            agree(&bench, name);
            uint64_t count = strtoull(rounds, NULL, 10);
            (void)loop(&bench, count);
            printf("%llu\n", (unsigned long long)count * CASES);
            bench_fini(&bench);
            return 0;
        }
    }
    return 2;
}

int main(int argc, char **argv) {
    if (argc == 5 && strcmp(argv[1], "--only") == 0) {
        return run_only(argv[2], argv[3], argv[4]);
    }
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (argc == 2 && strcmp(argv[1], "--list") == 0) {
            printf("%s\n", pairs[i].name);
        } else {
            measure_pair(&pairs[i]);
        }
    }
    if (argc == 1) {
        measure_growth("in_set.words", set_source, measure_run);
        measure_growth("rule.terms", terms_source, measure_run);
        measure_compile("compile_seven", SEVEN);
        measure_growth("compile.terms", terms_source, measure_compile);
    }
    return 0;
}

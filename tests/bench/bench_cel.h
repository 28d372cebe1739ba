/* Purpose: facts, names and conditions for the files of the benchmark `cel`. */
#ifndef CASEMILL_TESTS_BENCH_BENCH_CEL_H
#define CASEMILL_TESTS_BENCH_BENCH_CEL_H

#include "cel/cel.h"
#include "cel_hand.h"

enum { CASES = 16, GROWTH_MAX = 128 };

/* How the cases of a condition are made, so that no term decides early unless it is the last. */
struct bench_shape {
    bool all_hold;  /* every term of the seven is true */
    bool unknowns;  /* two facts are not known */
    uint32_t items; /* length of the lists */
};

struct bench_cases {
    struct arena arena;
    struct value facts[CASES][FACT_COUNT];
};

struct cel_env *bench_env(void);
void bench_cases_init(struct bench_cases *cases, struct bench_shape shape);
void bench_cases_fini(struct bench_cases *cases);

#endif

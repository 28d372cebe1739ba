/* Purpose: the names that the fuzz targets of the language declare: one fact of every type, so that
 * a mutated expression has something of each kind to meet. */
#ifndef CASEMILL_TESTS_FUZZ_FUZZ_CEL_H
#define CASEMILL_TESTS_FUZZ_FUZZ_CEL_H

#include "cel/cel.h"
#include "fuzz.h"

enum fact_number {
    FACT_A,
    FACT_B,
    FACT_X,
    FACT_U,
    FACT_D,
    FACT_S,
    FACT_Y,
    FACT_T,
    FACT_P,
    FACT_DAY,
    FACT_WORD,
    FACT_WORDS,
    FACT_M,
    FACT_PEOPLE,
    FACT_ANY,
    FACT_COUNT,
    /* paths of the leaves of people[] */
    FACT_NAME = FACT_COUNT,
    FACT_AGE,
    FACT_ADULT
};

static inline struct cel_env *fuzz_cel_env(void) {
    static const char *const words[] = {"air", "land", "sea"};
    static const char *const names[FACT_COUNT] = {
        "a", "b", "x", "u", "d", "s", "y", "t", "p", "day", "word", "words", "m", "people", "any"};
    struct cel_env *env = cel_env_new();
    const struct cel_type *string = cel_type(env, CEL_STRING);
    const struct cel_field fields[] = {
        {"name", string}, {"age", cel_type(env, CEL_INT)}, {"adult", cel_type(env, CEL_BOOL)}};
    const struct cel_type *types[FACT_COUNT] = {
        cel_type(env, CEL_BOOL),
        cel_type(env, CEL_BOOL),
        cel_type(env, CEL_INT),
        cel_type(env, CEL_UINT),
        cel_type(env, CEL_DOUBLE),
        string,
        cel_type(env, CEL_BYTES),
        cel_type(env, CEL_TIMESTAMP),
        cel_type(env, CEL_DURATION),
        cel_type(env, CEL_DATE),
        cel_type_words(env, words, COUNT_OF(words)),
        cel_type_list(env, string),
        cel_type_map(env, string, cel_type(env, CEL_INT)),
        cel_type_list(env, cel_type_record(env, fields, COUNT_OF(fields))),
        cel_type(env, CEL_DYN),
    };
    for (uint16_t i = 0; i < FACT_COUNT; i++) {
        CHECK(cel_declare_slot(env, names[i], types[i], i, NULL) == ERR_OK);
    }
    return env;
}

/* A refusal has a place and a reason; the place is within the source. */
static inline void fuzz_cel_refused(const struct diag *diag, struct span source) {
    CHECK(diag->offset <= source.len);
    CHECK(diag->width >= 1);
    CHECK(diag->text[0] != '\0');
}

#endif

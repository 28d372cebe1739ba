/* rules/: the promise that an unknown fact never turns into a false one, tried on random cases:
 * what a finding says with facts unknown must hold for every way to fill them in.  And one rule set
 * in several threads. */
#include "base/check.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "rules/ruleset.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

enum { CASES = 1200, FILLINGS = 40, THREADS = 4 };

static struct ruleset *load(const char *dir) {
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    enum err err = ruleset_load_dir(dir, NULL, 0, &ruleset, NULL, &diag);
    ck_assert_msg(err == ERR_OK, "%s:%u: %s", diag.file, diag.line, diag.text);
    return ruleset;
}

static const struct value EMPTY_ITEMS[2];

/* A random value of the fact; lists and maps stay empty, which is known. */
static struct value random_value(const struct fact *fact, struct rng *rng) {
    switch (fact->type) {
    case FACT_BOOL:
        return value_bool(rng_below(rng, 2) == 1);
    case FACT_INT:
        return value_int((int64_t)rng_below(rng, 6)); /* small: the rules look at small numbers */
    case FACT_ENUM:
        return value_string(span_str(fact->words[rng_below(rng, fact->word_count)]));
    case FACT_ISO:
        return value_string(rng_below(rng, 2) == 0 ? SPAN_LIT("US") : SPAN_LIT("CA"));
    case FACT_DATE:
        return value_date(18300 + (int32_t)rng_below(rng, 300));
    case FACT_LIST:
        return value_list(EMPTY_ITEMS, 0);
    case FACT_MAP:
        return value_map(EMPTY_ITEMS, 0);
    case FACT_DOUBLE:
    case FACT_STRING:
    case FACT_TIMESTAMP:
    case FACT_RECORD:
        break;
    }
    UNREACHABLE();
}

struct tried {
    struct ruleset_run *run;
    const struct schema *schema;
    uint32_t agreement;
    struct value *slots;   /* with unknowns */
    struct value *filled;  /* one filling */
    struct finding before; /* what was said with unknowns */
};

static void fill_case(struct tried *tried, struct rng *rng) {
    for (uint32_t i = 0; i < tried->schema->slot_count; i++) {
        const struct fact *fact = tried->schema->slots[i];
        bool is_unknown = rng_below(rng, 5) < 2;
        tried->slots[i] = is_unknown ? value_unknown(fact->path) : random_value(fact, rng);
    }
}

/* Intake facts alone: an officer's fact that is unknown stays so. */
static void fill_unknowns(struct tried *tried, struct rng *rng) {
    for (uint32_t i = 0; i < tried->schema->slot_count; i++) {
        const struct fact *fact = tried->schema->slots[i];
        bool is_filled = tried->slots[i].kind == VAL_UNKNOWN && !fact->officer;
        tried->filled[i] = is_filled ? random_value(fact, rng) : tried->slots[i];
    }
}

static void evaluate(struct tried *tried, struct value *slots, int32_t day,
                     struct finding *finding) {
    struct case_doc doc = {.slots = slots};
    struct outcome outcome;
    ruleset_evaluate(tried->run, &doc, day, day, &outcome);
    *finding = outcome.findings[tried->agreement];
}

static void hold(enum disposition before, enum disposition after) {
    bool is_held = before == after || before == DISPOSITION_INSUFFICIENT_INFORMATION ||
                   (before == DISPOSITION_EXCEPTION_APPLIES && after == DISPOSITION_NOT_SUBJECT);
    ck_assert_msg(is_held, "%s became %s", disposition_name(before), disposition_name(after));
}

/* Returns how many findings were decided although facts were unknown. */
static uint32_t try_cases(struct ruleset *ruleset, uint32_t agreement, uint64_t seed) {
    const struct schema *schema = ruleset_schema(ruleset);
    struct rng rng = {.state = seed};
    struct tried tried = {.run = ruleset_run_new(ruleset),
                          .schema = schema,
                          .agreement = agreement,
                          .slots = mem_zero(schema->slot_count, sizeof(struct value)),
                          .filled = mem_zero(schema->slot_count, sizeof(struct value))};
    uint32_t decided = 0;
    for (int i = 0; i < CASES; i++) {
        int32_t day = 18300 + (int32_t)rng_below(&rng, 300);
        fill_case(&tried, &rng);
        evaluate(&tried, tried.slots, day, &tried.before);
        enum disposition before = tried.before.result.disposition;
        for (int k = 0; before != DISPOSITION_INSUFFICIENT_INFORMATION && k < FILLINGS; k++) {
            struct finding after;
            fill_unknowns(&tried, &rng);
            evaluate(&tried, tried.filled, day, &after);
            /* a division by zero that a filling brings about is an error, and goes to a person */
            if (after.error_rule == NULL) {
                hold(before, after.result.disposition);
            }
        }
        decided += before == DISPOSITION_INSUFFICIENT_INFORMATION ? 0 : 1;
    }
    ruleset_run_free(&tried.run);
    mem_free(tried.slots);
    mem_free(tried.filled);
    return decided;
}

static void try_all(const char *dir) {
    struct ruleset *ruleset = load(dir);
    uint32_t decided = 0;
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        decided += try_cases(ruleset, i, 11 + i);
    }
    ck_assert_uint_gt(decided, 200);
    ruleset_unref(&ruleset);
}

START_TEST(the_promise_holds_for_the_engines_documents) { try_all("tests/data/rules"); }
END_TEST

START_TEST(the_promise_holds_for_the_agreements) { try_all("config"); }
END_TEST

static void *thread_run(void *argument) {
    struct ruleset *ruleset = argument;
    return (void *)(uintptr_t)try_cases(ruleset, 0, 5);
}

START_TEST(threads_share_a_rule_set) {
    struct ruleset *ruleset = load("config");
    pthread_t threads[THREADS];
    void *decided[THREADS];
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, thread_run, ruleset), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &decided[i]), 0);
        ck_assert_ptr_eq(decided[i], decided[0]);
    }
    ruleset_unref(&ruleset);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules promise");
    TCase *tests = tcase_create("rules promise");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, the_promise_holds_for_the_engines_documents);
    tcase_add_test(tests, the_promise_holds_for_the_agreements);
    tcase_add_test(tests, threads_share_a_rule_set);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

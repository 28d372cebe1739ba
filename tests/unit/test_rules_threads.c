/* One rule set in several threads: each has a run of its own, and all make the same of the same
 * cases.  Under ThreadSanitizer it also shows that nothing they share is written. */
#include "p9_case.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

enum { CASES = 2000, THREADS = 4 };

static uint64_t add_outcome(uint64_t sum, struct ruleset_run *run, const struct case_maker *maker,
                            struct value *slots) {
    struct case_doc doc = {.slots = slots};
    struct outcome outcome;
    ruleset_evaluate(run, &doc, maker->reference_date, maker->as_of, &outcome);
    for (uint32_t a = 0; a < ruleset_agreement_count(maker->ruleset); a++) {
        sum = sum * 31 + outcome.findings[a].result.reason;
    }
    sum = sum * 31 + outcome.agreement;
    for (uint32_t i = 0; i < outcome.result.missing_count; i++) {
        sum = sum * 31 + outcome.result.missing[i];
    }
    return sum;
}

/* A number that hangs on the outcome of every case, with facts hidden and with all known. */
static void *thread_run(void *argument) {
    struct ruleset *ruleset = argument;
    struct case_maker maker;
    case_maker_init(&maker, ruleset);
    struct ruleset_run *run = ruleset_run_new(ruleset);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < CASES; i++) {
        case_invent(&maker, i);
        fill_facts(&maker, (struct showing){.officer = true});
        sum = add_outcome(sum, run, &maker, maker.hidden);
        sum = add_outcome(sum, run, &maker, maker.filled);
    }
    ruleset_run_free(&run);
    case_maker_fini(&maker);
    return (void *)(uintptr_t)sum;
}

START_TEST(threads_share_a_rule_set) {
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    enum err err = ruleset_load_dir("config", NULL, 0, &ruleset, NULL, &diag);
    ck_assert_msg(err == ERR_OK, "%s:%u: %s", diag.file, diag.line, diag.text);
    pthread_t threads[THREADS];
    void *sums[THREADS];
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, thread_run, ruleset), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &sums[i]), 0);
        ck_assert_ptr_eq(sums[i], sums[0]);
    }
    ck_assert_ptr_nonnull(sums[0]);
    ruleset_unref(&ruleset);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("threads");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, threads_share_a_rule_set);
    Suite *suite = suite_create("rules threads");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

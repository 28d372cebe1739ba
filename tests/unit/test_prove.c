/* The translation of conditions and findings, against the evaluator, by substitution: a random case
 * is put into the terms, and no solver runs.  Each rule must be true, false, unknown, in error or
 * absent as the evaluator has it.  An unknown rule must depend on an intake fact, or on none.  The
 * finding must have the evaluator's reason, settled or not.
 *
 * Under ctest a fixed number of cases; test_prove [--rules DIR] --cases N [--seed S] runs any
 * other.  A failure names the seed of its case: --cases 1 --seed S shows it again. */
#include "p9_view.h"

#include "prove_case.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CASES = 400,
    SPACE_CASES = 500,
    SHOWN_MAX = 5,
    RECORDS = 8, /* no invented case has more in one list */
    FIRST_SEED = 4000,
    REASONS_READ_MAX = 512
};

struct fixture {
    struct ruleset *ruleset;
    struct case_maker maker;
    struct view view;
    struct space space;
    struct prove_names names;
    struct finding_terms findings[AGREEMENTS];
    uint32_t record_counts[PATHS_MAX];
    const struct value *slots; /* of the case at hand */
    uint64_t seed;
    uint64_t failures, rules, findings_seen, erred;
    uint64_t truths[RULE_ERROR + 1];
    uint64_t dispositions[DISPOSITION_COUNT];
};

static void translate_agreements(struct fixture *f) {
    for (uint32_t a = 0; a < AGREEMENTS; a++) {
        const struct agreement *agreement = f->ruleset->agreements[a];
        uint32_t count = f->ruleset->schema->slot_count + EXTRA_COUNT;
        struct sym *slots = space_take(&f->space, count, sizeof(*slots));
        memcpy(slots, f->space.slots, count * sizeof(*slots));
        slots[count - EXTRA_COUNT + EXTRA_IN_FORCE_ON] = status_in_force_on(&f->space, agreement);
        finding_translate(&f->space, agreement, slots, &f->findings[a]);
    }
    space_close(&f->space);
}

static void open_space(struct fixture *f) {
    space_open(&f->space, f->ruleset, f->record_counts, &f->names);
    translate_agreements(f);
}

static void setup(struct fixture *f, const char *dir) {
    *f = (struct fixture){0};
    struct diag diag = {0};
    enum err err = ruleset_load_dir(dir, NULL, 0, &f->ruleset, NULL, &diag);
    if (err != ERR_OK || f->ruleset->agreement_count != AGREEMENTS) {
        (void)fprintf(stderr, "%s: %s:%u: %s\n", dir, diag.file, diag.line, diag.text);
        exit(EXIT_FAILURE);
    }
    case_maker_init(&f->maker, f->ruleset);
    view_init(&f->view, f->ruleset);
    for (uint32_t i = 0; i < PATHS_MAX; i++) {
        f->record_counts[i] = RECORDS;
    }
    open_space(f);
    for (uint32_t i = 0; i < f->names.count; i++) {
        printf("not translated: %s\n", f->names.texts[i]);
    }
}

static void teardown(struct fixture *f) {
    space_free(&f->space);
    view_fini(&f->view);
    case_maker_fini(&f->maker);
    ruleset_unref(&f->ruleset);
}

static void refute(struct fixture *f, uint32_t a, const char *subject, const char *what) {
    char reference_date[DATE_TEXT_BYTES];
    char as_of[DATE_TEXT_BYTES];
    struct buf text = BUF_EMPTY;
    date_format(f->maker.reference_date, reference_date);
    date_format(f->maker.as_of, as_of);
    for (uint32_t i = 0; i < f->maker.schema->slot_count; i++) {
        buf_printf(&text, " %s=", f->maker.schema->slots[i]->name);
        cel_value_print(f->slots[i], &text);
    }
    printf("seed %llu: %s on %s as of %s: %s: %s:%s\n", (unsigned long long)f->seed,
           f->ruleset->agreements[a]->id, reference_date, as_of, subject, what, buf_cstr(&text));
    buf_free(&text);
    f->failures++;
}

/* --- one case ----------------------------------------------------------------------------------
 */

/* Of each rule five, then of each reason one. */
enum { RULE_TERMS = 5 };

static void read_terms(struct fixture *f, Z3_model model, uint32_t a, bool *holds) {
    const struct agreement *agreement = f->ruleset->agreements[a];
    term terms[RULE_TERMS * RULES_MAX + REASONS_READ_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        const struct rule_terms *rule = &f->findings[a].rules[i];
        terms[count++] = rule->absent;
        terms[count++] = rule->is_true;
        terms[count++] = rule->unknown;
        terms[count++] = rule->error;
        terms[count++] = rule->intake;
    }
    CHECK(agreement->reason_count <= REASONS_READ_MAX);
    for (uint32_t i = 0; i < agreement->reason_count; i++) {
        terms[count++] = f->findings[a].reasons[i];
    }
    model_read(&f->space, model, terms, count, holds);
}

static enum rule_truth translated_truth(const bool *holds) {
    return holds[0]   ? RULE_ABSENT
           : holds[1] ? RULE_TRUE
           : holds[2] ? RULE_UNKNOWN
           : holds[3] ? RULE_ERROR
                      : RULE_FALSE;
}

static bool names_intake(const struct fixture *f, const struct rule_state *state) {
    bool names = false;
    for (int i = 0; i < PATH_WORDS; i++) {
        names = names || (state->paths.words[i] & ~f->ruleset->officer_paths.words[i]) != 0;
    }
    return names;
}

static void compare_rules(struct fixture *f, const bool *holds, uint32_t a) {
    const struct agreement *agreement = f->ruleset->agreements[a];
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        const bool *rule = &holds[i * RULE_TERMS];
        enum rule_truth truth = rule_alone(&f->view.runs[a], i);
        if (translated_truth(rule) != truth) {
            refute(f, a, agreement->rules[i].label, "the rule differs");
        } else if (truth == RULE_UNKNOWN &&
                   rule[4] != names_intake(f, rule_state(&f->view.runs[a], i))) {
            refute(f, a, agreement->rules[i].label, "the kind of its unknown facts differs");
        }
        f->truths[truth]++;
        f->rules++;
    }
}

static void compare_finding(struct fixture *f, const bool *holds, uint32_t a) {
    const struct agreement *agreement = f->ruleset->agreements[a];
    const struct result *result = &f->view.findings[a].result;
    if (agreement->reasons[result->reason].disposition != result->disposition) {
        refute(f, a, agreement->reasons[result->reason].label, "is no reason of the disposition");
    }
    for (uint32_t i = 0; i < agreement->reason_count; i++) {
        bool has = holds[agreement->rule_count * RULE_TERMS + i];
        if (has != (i == result->reason)) {
            refute(f, a, agreement->reasons[i].label,
                   has ? "is the translated reason, not the evaluator's"
                       : "is the evaluator's reason, not the translated one");
        }
    }
    f->dispositions[result->disposition]++;
    f->findings_seen++;
}

static void compare_case(struct fixture *f, const struct value *slots) {
    f->slots = slots;
    view_take(&f->view, &f->maker, slots);
    Z3_model model = model_of_case(&f->space, slots, f->maker.reference_date, f->maker.as_of);
    for (uint32_t a = 0; a < AGREEMENTS; a++) {
        bool holds[RULE_TERMS * RULES_MAX + REASONS_READ_MAX];
        read_terms(f, model, a, holds);
        compare_rules(f, holds, a);
        compare_finding(f, holds, a);
        f->erred += view_errs(&f->view, a, false) ? 1 : 0;
    }
    Z3_model_dec_ref(f->space.z3, model);
}

/* The case with facts hidden, and a filling of it. */
static void one_case(struct fixture *f, uint64_t seed) {
    f->seed = seed;
    case_invent(&f->maker, seed);
    compare_case(f, f->maker.hidden);
    fill_facts(&f->maker, (struct showing){.officer = seed % 2 == 0, .invented_percent = 30});
    compare_case(f, f->maker.filled);
}

/* The cases of the documents' own tests, as they are: each is there for a point of the meaning. */
static void run_tests(struct fixture *f) {
    f->seed = 0;
    for (uint32_t a = 0; a < AGREEMENTS; a++) {
        const struct agreement *agreement = f->ruleset->agreements[a];
        for (uint32_t i = 0; i < agreement->test_count && f->failures < SHOWN_MAX; i++) {
            f->maker.reference_date = agreement->tests[i].reference_date;
            f->maker.as_of = agreement->tests[i].as_of;
            compare_case(f, agreement->tests[i].slots);
        }
    }
}

static void run_cases(struct fixture *f, uint64_t cases, uint64_t seed) {
    for (uint64_t i = 0; i < cases && f->failures < SHOWN_MAX; i++) {
        if (i % SPACE_CASES == SPACE_CASES - 1) { /* a context keeps every term it has made */
            space_free(&f->space);
            open_space(f);
        }
        one_case(f, seed + i);
    }
}

static void print_figures(const struct fixture *f) {
    printf("%llu findings, %llu with an error, %llu rules: true %llu, false %llu, unknown %llu, "
           "error %llu, absent "
           "%llu\n",
           (unsigned long long)f->findings_seen, (unsigned long long)f->erred,
           (unsigned long long)f->rules, (unsigned long long)f->truths[RULE_TRUE],
           (unsigned long long)f->truths[RULE_FALSE], (unsigned long long)f->truths[RULE_UNKNOWN],
           (unsigned long long)f->truths[RULE_ERROR], (unsigned long long)f->truths[RULE_ABSENT]);
    for (enum disposition d = 0; d < DISPOSITION_COUNT; d++) {
        printf("%s %llu\n", disposition_name(d), (unsigned long long)f->dispositions[d]);
    }
}

static int campaign(const char *dir, uint64_t cases, uint64_t seed) {
    struct fixture f;
    setup(&f, dir);
    run_tests(&f);
    run_cases(&f, cases, seed);
    print_figures(&f);
    printf("%s: %llu cases from seed %llu, each with facts hidden and filled: %llu failures\n", dir,
           (unsigned long long)cases, (unsigned long long)seed, (unsigned long long)f.failures);
    bool failed = f.failures != 0;
    teardown(&f);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* No condition of these documents is left out, and the cases reach what a translation can get
 * wrong. */
static void hold(const char *dir, uint64_t cases, bool has_errors) {
    struct fixture f;
    setup(&f, dir);
    run_tests(&f);
    run_cases(&f, cases, FIRST_SEED);
    ck_assert_uint_eq(f.failures, 0);
    ck_assert_uint_eq(f.names.count, 0);
    ck_assert_uint_gt(f.truths[RULE_TRUE], cases);
    ck_assert_uint_gt(f.truths[RULE_UNKNOWN], cases);
    for (enum disposition d = 0; d < DISPOSITION_COUNT; d++) {
        ck_assert_uint_gt(f.dispositions[d], cases / 100);
    }
    if (has_errors) {
        ck_assert_uint_gt(f.truths[RULE_ERROR], cases / 40);
        ck_assert_uint_gt(f.truths[RULE_ABSENT], cases);
    }
    teardown(&f);
}

START_TEST(the_agreements_are_translated_as_they_are_evaluated) { hold("config", CASES, false); }
END_TEST

START_TEST(the_engines_documents_are_too) { hold("tests/data/rules", CASES, true); }
END_TEST

START_TEST(so_is_every_kind_of_condition) { hold("tests/data/prove", CASES / 2, true); }
END_TEST

int main(int argc, char **argv) {
    const char *dir = "config";
    if (argc >= 3 && strcmp(argv[1], "--rules") == 0) {
        dir = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc >= 3 && strcmp(argv[1], "--cases") == 0) {
        bool has_seed = argc >= 5 && strcmp(argv[3], "--seed") == 0;
        return campaign(dir, strtoull(argv[2], NULL, 10),
                        has_seed ? strtoull(argv[4], NULL, 10) : FIRST_SEED);
    }
    TCase *tests = tcase_create("prove");
    tcase_set_timeout(tests, 110);
    tcase_add_test(tests, the_agreements_are_translated_as_they_are_evaluated);
    tcase_add_test(tests, the_engines_documents_are_too);
    tcase_add_test(tests, so_is_every_kind_of_condition);
    Suite *suite = suite_create("prove");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

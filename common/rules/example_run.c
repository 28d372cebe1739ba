/* Purpose: running the tests of the documents.  They test the text as written: only a test's own
 * `set` applies, not an operator's overrides. */
#include "rules/rules_priv.h"

#include "base/mem.h"

struct test_run {
    struct arena arena;
    struct value *slots;
    struct buf *report;
    example_test_fn visit;
    void *context;
};

static void missing_print(const struct agreement *agreement, const uint16_t *missing,
                          uint32_t count, struct buf *out) {
    buf_str(out, " missing [");
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ", ",
                   agreement->ruleset->schema->paths[missing[i]]->name);
    }
    buf_byte(out, ']');
}

static bool is_met(const struct expectation *expect, const struct result *result) {
    if (expect->reason != result->reason) {
        return false;
    }
    if (!expect->has_missing) {
        return true;
    }
    bool is_same = expect->missing_count == result->missing_count;
    for (uint32_t i = 0; is_same && i < expect->missing_count; i++) {
        is_same = expect->missing[i] == result->missing[i];
    }
    return is_same;
}

static void report_failure(const struct agreement *agreement, const struct example_test *test,
                           const struct expectation *expect, const struct result *result,
                           struct buf *out) {
    const struct reason *wanted = &agreement->reasons[expect->reason];
    const struct reason *found = &agreement->reasons[result->reason];
    buf_printf(out, "%s:%u: %s: test \"%s\": %sexpected %s: %s", yaml_name(agreement->yaml),
               test->line, agreement->id, test->name,
               expect == &test->projected ? "projected: " : "",
               disposition_name(wanted->disposition), wanted->label);
    if (expect->has_missing) {
        missing_print(agreement, expect->missing, expect->missing_count, out);
    }
    buf_printf(out, ", found %s: %s", disposition_name(found->disposition), found->label);
    missing_print(agreement, result->missing, result->missing_count, out);
}

/* The rules in error that could count: one of them may be why the test fails. */
static void report_errors(struct agreement_run *run, bool projected, struct buf *out) {
    const struct agreement *agreement = run->agreement;
    agreement_run_forget(run); /* settle leaves the states of its last combination */
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        const struct rule *rule = &agreement->rules[i];
        if (rule_counts(rule, projected) && rule_truth(run, i) == RULE_ERROR) {
            buf_printf(out, "; rule %s ends in the error %s", rule->label,
                       cel_error_name(rule_state(run, i)->error));
        }
    }
    buf_byte(out, '\n');
}

static bool check_test(struct agreement_run *run, const struct example_test *test,
                       const struct finding *finding, struct buf *report) {
    const struct agreement *agreement = run->agreement;
    bool is_passed = is_met(&test->expect, &finding->result);
    if (!is_passed) {
        report_failure(agreement, test, &test->expect, &finding->result, report);
        report_errors(run, false, report);
    }
    bool wants_projection = test->projection == PROJECTION_GIVEN;
    if (test->projection != PROJECTION_ANY && finding->has_projected != wants_projection) {
        buf_printf(report, "%s:%u: %s: test \"%s\": expected %s projected finding, found %s\n",
                   yaml_name(agreement->yaml), test->line, agreement->id, test->name,
                   wants_projection ? "a" : "no", finding->has_projected ? "one" : "none");
        return false;
    }
    if (wants_projection && !is_met(&test->projected, &finding->projected)) {
        report_failure(agreement, test, &test->projected, &finding->projected, report);
        report_errors(run, true, report);
        return false;
    }
    return is_passed;
}

/* --- running -----------------------------------------------------------------------------------
 */

static void run_under(struct test_run *run, const struct agreement *under,
                      const struct example_test *test) {
    struct agreement_run state;
    struct finding finding;
    arena_reset(&run->arena);
    memcpy(run->slots, test->slots, under->ruleset->schema->slot_count * sizeof(*run->slots));
    agreement_run_init(&state, under, &run->arena, run->slots);
    agreement_evaluate(&state, test->reference_date, test->as_of, &finding);
    run->visit(run->context, test, &state, &finding);
    agreement_run_fini(&state);
}

static void run_test(struct test_run *run, const struct agreement *plain,
                     const struct example_test *test) {
    if (test->set_count == 0) {
        run_under(run, plain, test);
        return;
    }
    struct agreement *under = NULL;
    struct diag diag = {0};
    if (agreement_reload(plain, test->set, test->set_count, &under, &diag) != ERR_OK) {
        diag_print(&diag, (struct span){0}, run->report);
        return;
    }
    run_under(run, under, test);
    agreement_free(&under);
}

void example_tests_run(const struct agreement *agreement, example_test_fn visit, void *context,
                       struct buf *report) {
    uint32_t slot_count = agreement->ruleset->schema->slot_count + EXTRA_COUNT;
    struct test_run run = {.report = report, .visit = visit, .context = context};
    struct agreement *plain = NULL;
    struct diag diag = {0};
    if (agreement_reload(agreement, NULL, 0, &plain, &diag) != ERR_OK) {
        diag_print(&diag, (struct span){0}, report);
        return;
    }
    arena_init(&run.arena, RUN_ARENA_BYTES_MAX);
    run.slots = mem_zero(slot_count, sizeof(*run.slots));
    for (uint32_t i = 0; i < agreement->test_count; i++) {
        run_test(&run, plain, &agreement->tests[i]);
    }
    agreement_free(&plain);
    mem_free(run.slots);
    arena_free(&run.arena);
}

struct test_report {
    uint32_t passed;
    struct buf *report;
};

/* A test's reason numbers are valid under its `set`, since a parameter changes no label. */
static void report_test(void *context, const struct example_test *test, struct agreement_run *run,
                        const struct finding *finding) {
    struct test_report *tested = context;
    tested->passed += check_test(run, test, finding, tested->report) ? 1 : 0;
}

void ruleset_test(struct ruleset *ruleset, uint32_t *passed, uint32_t *failed, struct buf *report) {
    *passed = 0;
    *failed = 0;
    for (uint32_t i = 0; i < ruleset->agreement_count; i++) {
        const struct agreement *agreement = ruleset->agreements[i];
        struct test_report tested = {.report = report};
        example_tests_run(agreement, report_test, &tested, report);
        *passed += tested.passed;
        *failed += agreement->test_count - tested.passed;
    }
}

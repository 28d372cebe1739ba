/* rules/: what documents mean (their own tests, run here), errors, the fold, reasons, the canonical
 * text and its name. */
#include "base/date.h"
#include "base/mem.h"
#include "cel/cel.h"
#include "rules/ruleset.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct ruleset *load(const char *dir, const char *const *overrides, uint32_t count) {
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    enum err err = ruleset_load_dir(dir, overrides, count, &ruleset, NULL, &diag);
    ck_assert_msg(err == ERR_OK, "%s:%u:%u: %s", diag.file, diag.line, diag.column, diag.text);
    return ruleset;
}

static void run_tests(const char *dir, uint32_t least) {
    struct ruleset *ruleset = load(dir, NULL, 0);
    struct buf report = BUF_EMPTY;
    uint32_t passed = 0;
    uint32_t failed = 0;
    ruleset_test(ruleset, &passed, &failed, &report);
    ck_assert_msg(failed == 0, "%s", buf_cstr(&report));
    ck_assert_msg(passed >= least, "%u tests ran", passed);
    buf_free(&report);
    ruleset_unref(&ruleset);
}

START_TEST(the_engines_own_documents_hold) { run_tests("tests/data/rules", 75); }
END_TEST

START_TEST(the_agreements_that_are_shipped_hold) { run_tests("config", 200); }
END_TEST

/* --- evaluating by hand ------------------------------------------------------------------------
 */

struct bench {
    struct ruleset *ruleset;
    struct ruleset_run *run;
    struct case_doc doc;
    struct outcome outcome;
};

static void bench_open(struct bench *bench) {
    *bench = (struct bench){.ruleset = load("tests/data/rules", NULL, 0)};
    bench->run = ruleset_run_new(bench->ruleset);
    const struct schema *schema = ruleset_schema(bench->ruleset);
    bench->doc.slots = mem_zero(schema->slot_count, sizeof(struct value));
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        bench->doc.slots[i] = value_unknown(schema->slots[i]->path);
    }
}

static void bench_close(struct bench *bench) {
    mem_free(bench->doc.slots);
    ruleset_run_free(&bench->run);
    ruleset_unref(&bench->ruleset);
}

static void set(struct bench *bench, const char *name, struct value value) {
    const struct fact *fact = schema_find(ruleset_schema(bench->ruleset), span_str(name));
    ck_assert_ptr_nonnull(fact);
    bench->doc.slots[fact->slot] = value;
}

static void evaluate(struct bench *bench, const char *day) {
    int32_t days = 0;
    ck_assert_int_eq(date_parse(span_str(day), &days), ERR_OK);
    ruleset_evaluate(bench->run, &bench->doc, days, days, &bench->outcome);
}

static uint32_t agreement_of(const struct bench *bench, const char *id) {
    for (uint32_t i = 0; i < ruleset_agreement_count(bench->ruleset); i++) {
        if (strcmp(ruleset_agreement_id(bench->ruleset, i), id) == 0) {
            return i;
        }
    }
    ck_abort_msg("no agreement %s", id);
}

static const char *label(const struct bench *bench, uint32_t agreement, uint16_t reason) {
    return ruleset_reason(bench->ruleset, agreement, reason).label;
}

START_TEST(an_error_is_named_and_never_a_false) {
    struct bench bench;
    bench_open(&bench);
    set(&bench, "home", value_string(SPAN_LIT("US")));
    set(&bench, "came", value_date(18400));
    set(&bench, "lands", value_list(NULL, 0));
    set(&bench, "kin", value_list(NULL, 0));
    set(&bench, "ctx.p", value_bool(false));
    set(&bench, "number", value_int(0));
    evaluate(&bench, "2020-06-01");
    uint32_t steps = agreement_of(&bench, "STEPS");
    const struct finding *finding = &bench.outcome.findings[steps];
    ck_assert_int_eq(finding->result.disposition, DISPOSITION_INSUFFICIENT_INFORMATION);
    ck_assert_str_eq(label(&bench, steps, finding->result.reason), "divided");
    ck_assert_str_eq(finding->error_rule, "divided");
    ck_assert_str_eq(finding->error_kind, "division_by_zero");
    ck_assert_uint_eq(finding->result.missing_count, 0);
    set(&bench, "home", value_string(SPAN_LIT("CA"))); /* a true rule beats it */
    evaluate(&bench, "2020-06-01");
    finding = &bench.outcome.findings[steps];
    ck_assert_int_eq(finding->result.disposition, DISPOSITION_NOT_SUBJECT);
    ck_assert_ptr_null(finding->error_rule);
    bench_close(&bench);
}
END_TEST

START_TEST(the_fold_takes_the_most_adverse_and_joins_what_it_misses) {
    struct bench bench;
    bench_open(&bench);
    evaluate(&bench, "2020-06-01"); /* nothing is known */
    ck_assert_int_eq(bench.outcome.result.disposition, DISPOSITION_INSUFFICIENT_INFORMATION);
    ck_assert_str_eq(ruleset_agreement_id(bench.ruleset, bench.outcome.agreement), "SETTLE");
    uint32_t status = agreement_of(&bench, "STATUS"); /* terminated by then */
    ck_assert_int_eq(bench.outcome.findings[status].result.disposition, DISPOSITION_NOT_SUBJECT);
    ck_assert(!bench.outcome.findings[status].has_projected);
    uint32_t seen[PATHS_MAX] = {0};
    for (uint32_t i = 0; i < bench.outcome.result.missing_count; i++) {
        ck_assert_uint_eq(seen[bench.outcome.result.missing[i]]++, 0);
    }
    for (uint32_t a = 0; a < ruleset_agreement_count(bench.ruleset); a++) {
        const struct result *result = &bench.outcome.findings[a].result;
        for (uint32_t i = 0; a != status && i < result->missing_count; i++) {
            ck_assert_uint_eq(seen[result->missing[i]], 1);
        }
    }
    evaluate(&bench, "2018-06-01"); /* nothing is in force: all equal, the first agreement wins */
    ck_assert_int_eq(bench.outcome.result.disposition, DISPOSITION_NOT_SUBJECT);
    ck_assert_uint_eq(bench.outcome.agreement, 0);
    ck_assert_uint_eq(bench.outcome.result.missing_count, 0);
    ck_assert(bench.outcome.findings[0].has_projected);
    bench_close(&bench);
}
END_TEST

START_TEST(a_run_leaves_nothing_behind_for_the_next_case) {
    struct bench bench;
    bench_open(&bench);
    evaluate(&bench, "2020-06-01");
    uint32_t missing_count = bench.outcome.result.missing_count;
    set(&bench, "home", value_string(SPAN_LIT("CA")));
    evaluate(&bench, "2019-06-15");
    set(&bench, "home",
        value_unknown(schema_find(ruleset_schema(bench.ruleset), SPAN_LIT("home"))->path));
    evaluate(&bench, "2020-06-01");
    ck_assert_uint_eq(bench.outcome.result.missing_count, missing_count);
    bench_close(&bench);
}
END_TEST

/* --- reasons -----------------------------------------------------------------------------------
 */

static bool has_reason(const struct ruleset *ruleset, uint32_t agreement,
                       enum disposition disposition, const char *wanted) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < ruleset_reason_count(ruleset, agreement); i++) {
        struct reason reason = ruleset_reason(ruleset, agreement, i);
        found += reason.disposition == disposition && strcmp(reason.label, wanted) == 0 ? 1 : 0;
    }
    ck_assert_uint_le(found, 1);
    return found == 1;
}

START_TEST(reasons_are_all_that_an_agreement_can_give) {
    struct bench bench;
    bench_open(&bench);
    uint32_t steps = agreement_of(&bench, "STEPS");
    const struct ruleset *ruleset = bench.ruleset;
    ck_assert_uint_eq(ruleset_reason_count(ruleset, steps), 8 + 3 + 7 + 3 + 1);
    ck_assert(has_reason(ruleset, steps, DISPOSITION_NOT_SUBJECT, "elsewhere"));
    ck_assert(has_reason(ruleset, steps, DISPOSITION_NOT_SUBJECT, "not_known_in_force_as_of"));
    ck_assert(has_reason(ruleset, steps, DISPOSITION_EXCEPTION_APPLIES, "in_context"));
    ck_assert(has_reason(ruleset, steps, DISPOSITION_INSUFFICIENT_INFORMATION, "in_context"));
    ck_assert(has_reason(ruleset, steps, DISPOSITION_INSUFFICIENT_INFORMATION, "elsewhere"));
    ck_assert(has_reason(ruleset, steps, DISPOSITION_SCREENING_REQUIRED, "screening_open"));
    ck_assert(has_reason(ruleset, steps, DISPOSITION_SCREENING_REQUIRED, "second_look"));
    ck_assert(has_reason(ruleset, steps, DISPOSITION_SUBJECT_TO_AGREEMENT, "nothing_left"));
    ck_assert(!has_reason(ruleset, steps, DISPOSITION_INSUFFICIENT_INFORMATION, "second_look"));
    bench_close(&bench);
}
END_TEST

/* --- the canonical text ------------------------------------------------------------------------
 */

START_TEST(a_text_rebuilds_the_rule_set_it_names) {
    const char *const overrides[] = {"SUGAR.gate=true", "SUGAR.most=3", "SUGAR.homes=US,CA",
                                     "SUGAR.gate=false"};
    struct ruleset *loaded = load("tests/data/rules", overrides, COUNT_OF(overrides));
    struct ruleset *again = NULL;
    struct diag diag = {0};
    enum err err = ruleset_load_text(ruleset_text(loaded), &again, &diag);
    ck_assert_msg(err == ERR_OK, "%s:%u: %s", diag.file, diag.line, diag.text);
    ck_assert_str_eq(ruleset_id(loaded), ruleset_id(again));
    ck_assert_uint_eq(strlen(ruleset_id(again)), 64);
    ck_assert(span_eq(ruleset_text(loaded), ruleset_text(again)));
    ck_assert_uint_eq(ruleset_agreement_count(again), 4);
    ruleset_unref(&again);
    ruleset_unref(&loaded);
}
END_TEST

START_TEST(the_name_depends_on_what_is_overridden_and_not_on_order) {
    const char *const one[] = {"SUGAR.most=3", "SUGAR.gate=true"};
    const char *const two[] = {"SUGAR.gate=true", "SUGAR.most=3"};
    struct ruleset *plain = load("tests/data/rules", NULL, 0);
    struct ruleset *first = load("tests/data/rules", one, 2);
    struct ruleset *second = load("tests/data/rules", two, 2);
    ck_assert_str_ne(ruleset_id(plain), ruleset_id(first));
    ck_assert_str_eq(ruleset_id(first), ruleset_id(second));
    ruleset_unref(&plain);
    ruleset_unref(&first);
    ruleset_unref(&second);
}
END_TEST

static enum err load_changed(const struct ruleset *ruleset, const char *from, const char *to) {
    struct span text = ruleset_text(ruleset);
    const uint8_t *at = memmem(text.ptr, text.len, from, strlen(from));
    ck_assert_ptr_nonnull(at);
    struct buf changed = BUF_EMPTY;
    buf_append(&changed, span_make(text.ptr, (size_t)(at - text.ptr)));
    buf_str(&changed, to);
    size_t rest = (size_t)(at - text.ptr) + strlen(from);
    buf_append(&changed, span_make(text.ptr + rest, text.len - rest));
    struct ruleset *loaded = NULL;
    struct diag diag = {0};
    enum err err = ruleset_load_text(buf_span(&changed), &loaded, &diag);
    ck_assert(err == ERR_OK ? loaded != NULL : loaded == NULL && diag.text[0] != '\0');
    ruleset_unref(&loaded);
    buf_free(&changed);
    return err;
}

START_TEST(a_text_that_is_not_canonical_does_not_load) {
    struct ruleset *ruleset = load("tests/data/rules", NULL, 0);
    ck_assert_int_eq(load_changed(ruleset, "engine 1", "engine 2"), ERR_VERSION);
    ck_assert_int_eq(load_changed(ruleset, "casemill", "Casemill"), ERR_INVALID);
    ck_assert_int_eq(load_changed(ruleset, "\nschema ", "\nschema 9"), ERR_INVALID);
    ck_assert_int_eq(load_changed(ruleset, "\nagreement SETTLE ", "\nagreement SETTLED "),
                     ERR_INVALID);
    ck_assert_int_eq(load_changed(ruleset, "AD AE", "AE AD"), ERR_INVALID);
    ck_assert_int_eq(load_changed(ruleset, "title: \"Steps\"", "title: \"STEPS\""), ERR_OK);
    struct span text = ruleset_text(ruleset);
    for (size_t len = 0; len < text.len; len += 97) { /* cut anywhere */
        struct ruleset *loaded = NULL;
        struct diag diag = {0};
        ck_assert_int_ne(ruleset_load_text(span_make(text.ptr, len), &loaded, &diag), ERR_OK);
        ck_assert_ptr_null(loaded);
    }
    ruleset_unref(&ruleset);
}
END_TEST

START_TEST(an_override_that_names_nothing_is_refused) {
    static const struct {
        const char *text;
        const char *part;
    } rows[] = {
        {"SUGAR.gate", "AGREEMENT.PARAM=VALUE"},        {"gate=true", "AGREEMENT.PARAM=VALUE"},
        {"SUGAR.gate=maybe", "expected true or false"}, {"SUGAR.most=1e3", "expected an integer"},
        {"SUGAR.since=2019-13-01", "expected a date"},  {"SUGAR.gale=true", "did you mean gate"},
        {"SUGER.gate=true", "did you mean SUGAR"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ruleset *ruleset = NULL;
        struct diag diag = {0};
        enum err err =
            ruleset_load_dir("tests/data/rules", &rows[i].text, 1, &ruleset, NULL, &diag);
        ck_assert_msg(err != ERR_OK, "accepted: %s", rows[i].text);
        ck_assert_msg(strstr(diag.text, rows[i].part) != NULL, "%s: %s", rows[i].text, diag.text);
        ck_assert_ptr_null(ruleset);
    }
}
END_TEST

START_TEST(a_directory_without_rules_is_not_found) {
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(ruleset_load_dir("tests/data/nowhere", NULL, 0, &ruleset, NULL, &diag),
                     ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(diag.text, "nowhere"));
}
END_TEST

START_TEST(every_rule_has_a_cost_within_the_budget) {
    struct ruleset *ruleset = load("config", NULL, 0);
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        uint64_t sum = 0;
        ck_assert_uint_gt(ruleset_rule_count(ruleset, i), 1);
        for (uint32_t rule = 0; rule < ruleset_rule_count(ruleset, i); rule++) {
            struct rule_cost cost = ruleset_rule_cost(ruleset, i, rule);
            bool is_status = strcmp(cost.label, "status") == 0;
            ck_assert_msg(is_status == (cost.steps == 0), "%s", cost.label);
            sum += cost.steps;
        }
        ck_assert_uint_le(sum, CEL_STEPS_MAX);
    }
    ruleset_unref(&ruleset);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules");
    TCase *tests = tcase_create("rules");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_engines_own_documents_hold);
    tcase_add_test(tests, every_rule_has_a_cost_within_the_budget);
    tcase_add_test(tests, the_agreements_that_are_shipped_hold);
    tcase_add_test(tests, an_error_is_named_and_never_a_false);
    tcase_add_test(tests, the_fold_takes_the_most_adverse_and_joins_what_it_misses);
    tcase_add_test(tests, a_run_leaves_nothing_behind_for_the_next_case);
    tcase_add_test(tests, reasons_are_all_that_an_agreement_can_give);
    tcase_add_test(tests, a_text_rebuilds_the_rule_set_it_names);
    tcase_add_test(tests, the_name_depends_on_what_is_overridden_and_not_on_order);
    tcase_add_test(tests, a_text_that_is_not_canonical_does_not_load);
    tcase_add_test(tests, an_override_that_names_nothing_is_refused);
    tcase_add_test(tests, a_directory_without_rules_is_not_found);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

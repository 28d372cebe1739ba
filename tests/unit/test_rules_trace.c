/* rules: a trace shows how the finding was made, and the finding is the stored one. */
#include "base/date.h"
#include "rules/coverage.h"
#include "rules/trace.h"

#include <check.h>
#include <stdlib.h>

#define SV "US-SV-ACA-2019"

enum { RANDOM_CASES = 3000 };

struct scene {
    struct ruleset *ruleset;
    struct ruleset_run *run;
    struct trace *trace;
    struct value slots[PATHS_MAX];
    struct case_doc doc;
    struct trace_view view;
};

static void scene_init(struct scene *scene, const char *dir) {
    struct diag diag = {0};
    *scene = (struct scene){0};
    ck_assert_msg(ruleset_load_dir(dir, NULL, 0, &scene->ruleset, NULL, &diag) == ERR_OK, "%s",
                  diag.text);
    scene->run = ruleset_run_new(scene->ruleset);
    scene->trace = trace_new(scene->ruleset);
    const struct schema *schema = ruleset_schema(scene->ruleset);
    memcpy(scene->slots, schema->unknown, schema->slot_count * sizeof(*scene->slots));
    scene->doc.slots = scene->slots;
}

static void scene_fini(struct scene *scene) {
    trace_free(&scene->trace);
    ruleset_run_free(&scene->run);
    ruleset_unref(&scene->ruleset);
}

static int32_t day(const char *text) {
    int32_t days = 0;
    ck_assert_int_eq(date_parse(span_str(text), &days), ERR_OK);
    return days;
}

static uint16_t slot_of(const struct scene *scene, const char *name) {
    const struct fact *fact = schema_find(ruleset_schema(scene->ruleset), span_str(name));
    ck_assert_ptr_nonnull(fact);
    return fact->slot;
}

static void set(struct scene *scene, const char *name, struct value value) {
    scene->slots[slot_of(scene, name)] = value;
}

static void set_word(struct scene *scene, const char *name, const char *word) {
    set(scene, name, value_string(span_str(word)));
}

static void trace_one(struct scene *scene, const char *agreement, const char *reference_date,
                      const char *as_of) {
    uint32_t at = 0;
    while (strcmp(ruleset_agreement_id(scene->ruleset, at), agreement) != 0) {
        at++;
    }
    trace_agreement(scene->trace, &scene->doc, at, day(reference_date), day(as_of), &scene->view);
}

static void trace_sv(struct scene *scene, const char *reference_date, const char *as_of) {
    trace_one(scene, SV, reference_date, as_of);
}

static const struct trace_rule *rule_named(const struct scene *scene, const char *label) {
    for (uint32_t i = 0; i < scene->view.rule_count; i++) {
        if (strcmp(scene->view.rules[i].label, label) == 0) {
            return &scene->view.rules[i];
        }
    }
    ck_abort_msg("no rule %s", label);
}

START_TEST(test_status) {
    struct scene scene;
    scene_init(&scene, "config");
    trace_sv(&scene, "2021-03-01", "2021-03-01");
    ck_assert_str_eq(scene.view.status, "suspended");
    ck_assert(!scene.view.is_status_open);
    for (uint32_t i = 0; i < scene.view.event_count; i++) {
        const struct trace_event *event = &scene.view.events[i];
        ck_assert_int_eq(event->is_status, strcmp(event->name, "suspended") == 0);
        ck_assert(event->is_known); /* the notice of termination was given on 2021-02-06 */
        ck_assert_int_eq(event->has_come, strcmp(event->name, "terminated") != 0);
    }
    ck_assert_str_eq(scene.view.rules[scene.view.decided.rule].label, "status");
    trace_sv(&scene, "2021-03-01", "2021-02-05");
    ck_assert_str_eq(scene.view.status, "in_force");
    ck_assert(scene.view.is_status_open);
    trace_sv(&scene, "2019-01-01", "2021-02-05");
    ck_assert_str_eq(scene.view.status, "none");
    scene_fini(&scene);
}
END_TEST

START_TEST(test_rule) {
    struct scene scene;
    scene_init(&scene, "config");
    set_word(&scene, "claim_country", "US");
    set(&scene, "birth_date", value_date(day("1990-05-10")));
    trace_sv(&scene, "2021-01-10", "2021-01-10");
    const struct trace_rule *scope = rule_named(&scene, "claim_not_made_in_us");
    ck_assert_str_eq(scope->section, "scope");
    ck_assert_int_eq(scope->truth, TRACE_FALSE);
    ck_assert(span_is(scope->when, "claim_country != \"US\""));
    ck_assert_uint_eq(scope->given.len, 0);
    ck_assert_uint_eq(scope->read_count, 1);
    ck_assert_uint_eq(scope->reads[0], slot_of(&scene, "claim_country"));
    ck_assert_uint_gt(scope->line, 1);
    const struct trace_rule *minor = rule_named(&scene, "unaccompanied_minor");
    ck_assert_int_eq(minor->truth, TRACE_UNKNOWN);
    ck_assert(path_set_has(&minor->paths, slot_of(&scene, "claim_date")));
    ck_assert(!path_set_has(&minor->paths, slot_of(&scene, "birth_date")));
    ck_assert_uint_eq(minor->name_count, 1);
    const struct trace_name *name = &scene.view.names[minor->names[0]];
    ck_assert_str_eq(name->name, "minor_on_claim");
    ck_assert(!name->is_parameter);
    ck_assert_int_eq(name->value.kind, VAL_UNKNOWN);
    const struct trace_rule *transit = rule_named(&scene, "no_transit_through_receiving_state");
    ck_assert_uint_eq(transit->name_count, 1);
    ck_assert(scene.view.names[transit->names[0]].is_parameter);
    ck_assert(scene.view.names[transit->names[0]].value.b);
    ck_assert(!rule_named(&scene, "arrived_before_entry_into_force")->in_projected);
    ck_assert(scope->in_projected);
    scene_fini(&scene);
}
END_TEST

/* A group's condition, a window's date, and names that begin alike. */
START_TEST(test_group_and_window) {
    struct scene scene;
    scene_init(&scene, "config");
    trace_one(&scene, "US-CA-STCA", "2024-06-16", "2024-06-16");
    const struct trace_rule *arriving = rule_named(&scene, "not_arriving_from_us");
    ck_assert(span_is(arriving->given, "claim_country == \"CA\""));
    ck_assert(span_is(arriving->when, "arrived_from != \"US\""));
    ck_assert_uint_eq(arriving->read_count, 2);
    ck_assert_ptr_null(arriving->by);
    const struct trace_rule *before = rule_named(&scene, "between_poe_before_additional_protocol");
    ck_assert_str_eq(before->by, "claim_date");
    ck_assert(before->has_until);
    ck_assert(!before->has_from);
    ck_assert_int_eq(before->until, day("2023-03-25"));
    ck_assert_uint_eq(before->read_count, 2);
    ck_assert_uint_eq(before->reads[1], slot_of(&scene, "claim_date"));
    const struct trace_rule *statute = rule_named(&scene, "unaccompanied_alien_child_statute");
    ck_assert_uint_eq(statute->name_count, 1); /* us_lawful is not us_lawful_status */
    ck_assert_str_eq(scene.view.names[statute->names[0]].name, "minor_on_claim");
    scene_fini(&scene);
}
END_TEST

START_TEST(test_answers) {
    struct scene scene;
    struct trace_answer answers[TRACE_ANSWERS_MAX];
    scene_init(&scene, "config");
    trace_sv(&scene, "2021-01-10", "2021-01-10");
    ck_assert_uint_eq(trace_answers(scene.trace, slot_of(&scene, "visa_us"), answers), 3);
    ck_assert(span_is(value_span(answers[1].value), "valid_nontransit"));
    ck_assert_str_eq(answers[1].label, "valid_us_visa");
    ck_assert_int_eq(scene.view.slots[slot_of(&scene, "visa_us")].kind, VAL_UNKNOWN);
    ck_assert_int_eq(answers[1].disposition, DISPOSITION_EXCEPTION_APPLIES);
    ck_assert_int_eq(answers[0].disposition, DISPOSITION_INSUFFICIENT_INFORMATION);
    ck_assert_uint_eq(trace_answers(scene.trace, slot_of(&scene, "birth_date"), answers), 0);
    ck_assert_uint_eq(trace_answers(scene.trace, slot_of(&scene, "claim_country"), answers), 0);
    set(&scene, "visa_required_us", value_bool(true));
    trace_sv(&scene, "2021-01-10", "2021-01-10");
    ck_assert_uint_eq(trace_answers(scene.trace, slot_of(&scene, "visa_required_us"), answers), 0);
    ck_assert_int_eq(rule_named(&scene, "valid_us_visa")->truth,
                     TRACE_UNKNOWN); /* left as it was */
    scene_fini(&scene);
}
END_TEST

/* --- the promise: the finding is that of the fast path ------------------------------------------
 */

static uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return *state >> 33;
}

static void invent(struct scene *scene, uint64_t *state) {
    const struct schema *schema = ruleset_schema(scene->ruleset);
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        const struct fact *fact = schema->slots[i];
        scene->slots[i] = schema->unknown[i];
        if (next_random(state) % 8 == 0) {
            continue;
        }
        if (fact->type == FACT_BOOL) {
            scene->slots[i] = value_bool(next_random(state) % 2 == 0);
        } else if (fact->type == FACT_ENUM) {
            scene->slots[i] =
                value_string(span_str(fact->words[next_random(state) % fact->word_count]));
        } else if (fact->type == FACT_ISO) {
            static const char *const countries[] = {"US", "CA", "MX", "SV"};
            scene->slots[i] = value_string(span_str(countries[next_random(state) % 4]));
        } else if (fact->type == FACT_DATE) {
            scene->slots[i] = value_date(day("2020-12-01") + (int32_t)(next_random(state) % 90));
        } else if (fact->type == FACT_LIST && fact->element->type == FACT_ISO) {
            scene->slots[i] = value_list(NULL, 0);
        }
    }
}

static void check_result(const struct result *a, const struct result *b) {
    ck_assert_int_eq(a->disposition, b->disposition);
    ck_assert_uint_eq(a->reason, b->reason);
    ck_assert_uint_eq(a->missing_count, b->missing_count);
    for (uint32_t i = 0; i < a->missing_count; i++) {
        ck_assert_uint_eq(a->missing[i], b->missing[i]);
    }
}

/* A settled finding has an open rule under it: the values shown are those of the facts as they are,
 * not of the fillings that were tried. */
static bool is_a_rule_open(const struct trace_view *view) {
    bool is_open = false;
    for (uint32_t i = 0; i < view->rule_count; i++) {
        enum trace_truth truth = view->rules[i].truth;
        is_open = is_open || (strcmp(view->rules[i].section, "officer") != 0 &&
                              (truth == TRACE_UNKNOWN || truth == TRACE_ERROR));
    }
    return is_open;
}

/* The deciding rule of the trace has the finding's label, and the value by which its section
 * decides. */
static void check_decision(const struct scene *scene, uint32_t agreement,
                           const struct trace_decision *decision, const struct result *result) {
    const struct trace_view *view = &scene->view;
    struct reason reason = ruleset_reason(scene->ruleset, agreement, result->reason);
    if (decision->is_settled) {
        ck_assert(is_a_rule_open(view));
    }
    if (decision->rule == view->rule_count) {
        ck_assert_str_eq(view->otherwise, reason.label);
        return;
    }
    const struct trace_rule *rule = &view->rules[decision->rule];
    if (strcmp(rule->label, "status") != 0) {
        ck_assert_str_eq(rule->label, reason.label);
    }
    if (result->disposition == DISPOSITION_INSUFFICIENT_INFORMATION) {
        ck_assert(rule->truth == TRACE_UNKNOWN || rule->truth == TRACE_ERROR);
    } else if (result->disposition <= DISPOSITION_EXCEPTION_APPLIES && !decision->is_settled) {
        ck_assert_int_eq(rule->truth, TRACE_TRUE);
    }
}

static void compare(struct scene *scene, int32_t on, uint32_t *settled) {
    struct outcome outcome;
    ruleset_evaluate(scene->run, &scene->doc, on, on, &outcome);
    for (uint32_t i = 0; i < ruleset_agreement_count(scene->ruleset); i++) {
        const struct finding *finding = &outcome.findings[i];
        trace_agreement(scene->trace, &scene->doc, i, on, on, &scene->view);
        check_result(&scene->view.finding.result, &finding->result);
        ck_assert_int_eq(scene->view.finding.has_projected, finding->has_projected);
        check_decision(scene, i, &scene->view.decided, &finding->result);
        *settled += scene->view.decided.is_settled ? 1 : 0;
        if (finding->has_projected) {
            check_result(&scene->view.finding.projected, &finding->projected);
            check_decision(scene, i, &scene->view.projected, &finding->projected);
        }
    }
}

START_TEST(test_same_as_evaluate) {
    static const char *const dirs[] = {"config", "tests/data/rules"};
    uint64_t state = 20210110;
    uint32_t settled = 0;
    for (size_t i = 0; i < COUNT_OF(dirs); i++) {
        struct scene scene;
        scene_init(&scene, dirs[i]);
        for (uint32_t k = 0; k < RANDOM_CASES; k++) {
            invent(&scene, &state);
            compare(&scene, day("2020-12-10") + (int32_t)(next_random(&state) % 90), &settled);
        }
        scene_fini(&scene);
    }
    ck_assert_uint_gt(settled, 0);
}
END_TEST

/* --- coverage ----------------------------------------------------------------------------------
 */

/* Every shipped condition is seen true, false and unknown, every rule deciding, every legal day. */
START_TEST(test_shipped_are_covered) {
    struct scene scene;
    scene_init(&scene, "config");
    struct buf report = BUF_EMPTY;
    for (uint32_t a = 0; a < ruleset_agreement_count(scene.ruleset); a++) {
        struct coverage coverage;
        coverage_measure(scene.ruleset, a, &coverage, &report);
        ck_assert_uint_gt(coverage.item_count, 50);
        for (uint32_t i = 0; i < coverage.item_count; i++) {
            const struct coverage_item *item = &coverage.items[i];
            ck_assert_msg(item->is_seen, "%s:%u: %s: %s %s is not covered", coverage.file,
                          item->line, item->name, item->part, coverage_kind_name(item->kind));
        }
        coverage_fini(&coverage);
    }
    ck_assert_uint_eq(report.len, 0);
    buf_free(&report);
    scene_fini(&scene);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules: trace and coverage");
    TCase *tests = tcase_create("trace");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_status);
    tcase_add_test(tests, test_rule);
    tcase_add_test(tests, test_group_and_window);
    tcase_add_test(tests, test_answers);
    tcase_add_test(tests, test_same_as_evaluate);
    tcase_add_test(tests, test_shipped_are_covered);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Purpose: what the agreements of a rule set make of one set of facts: each finding, and each rule
 * alone, before any settling.
 * Ownership: the view holds its runs; a finding's missing facts live until the next view_take. */
#ifndef CASEMILL_TESTS_UNIT_P9_VIEW_H
#define CASEMILL_TESTS_UNIT_P9_VIEW_H

#include "p9_case.h"

enum { AGREEMENTS = 4 /* in each of the directories that are tried */ };

struct view {
    struct agreement_run runs[AGREEMENTS]; /* states: of each rule alone */
    struct finding findings[AGREEMENTS];
    struct value *slots;
    struct arena arena;
};

static void view_init(struct view *view, const struct ruleset *ruleset) {
    *view = (struct view){
        .slots = mem_zero(ruleset->schema->slot_count + EXTRA_COUNT, sizeof(*view->slots))};
    arena_init(&view->arena, P9_ARENA_BYTES_MAX);
    for (uint32_t i = 0; i < AGREEMENTS; i++) {
        agreement_run_init(&view->runs[i], ruleset->agreements[i], &view->arena, view->slots);
    }
}

static void view_fini(struct view *view) {
    for (uint32_t i = 0; i < AGREEMENTS; i++) {
        agreement_run_fini(&view->runs[i]);
    }
    arena_free(&view->arena);
    mem_free(view->slots);
}

static void view_take(struct view *view, const struct case_maker *maker,
                      const struct value *slots) {
    memcpy(view->slots, slots, maker->schema->slot_count * sizeof(*slots));
    for (uint32_t i = 0; i < AGREEMENTS; i++) {
        struct agreement_run *run = &view->runs[i];
        arena_reset(&view->arena);
        agreement_evaluate(run, maker->reference_date, maker->as_of, &view->findings[i]);
        agreement_run_forget(run);
        for (uint32_t rule = 0; rule < run->agreement->rule_count; rule++) {
            (void)rule_truth(run, rule);
        }
    }
}

/* What a rule alone is, once the view is taken. */
static enum rule_truth rule_alone(const struct agreement_run *run, uint32_t rule) {
    return (enum rule_truth)run->now.truths[run->now.indexes[rule]];
}

/* Whether some rule of the finding is in error: then a person looks at it. */
static bool view_errs(const struct view *view, uint32_t a, bool projected) {
    const struct agreement *agreement = view->runs[a].agreement;
    bool any = false;
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        any = any || (rule_counts(&agreement->rules[i], projected) &&
                      rule_alone(&view->runs[a], i) == RULE_ERROR);
    }
    return any;
}

#endif

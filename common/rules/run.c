/* Purpose: one thread's evaluation of cases under a rule set: every agreement's finding, and their
 * fold, the most adverse one. */
#include "rules/rules_priv.h"

#include "base/mem.h"

struct ruleset_run {
    struct ruleset *ruleset;
    struct arena arena;
    struct value *slots; /* the case's, then the extra ones */
    struct agreement_run *runs;
    uint8_t *truths; /* of the rules of all agreements, at their indexes */
    struct rule_state *states;
    struct finding *findings;
    uint16_t *missing; /* of the fold */
};

struct ruleset_run *ruleset_run_new(struct ruleset *ruleset) {
    struct ruleset_run *run = mem_zero(1, sizeof(*run));
    run->ruleset = ruleset_ref(ruleset);
    arena_init(&run->arena, RUN_ARENA_BYTES_MAX);
    run->slots = mem_zero(ruleset->schema->slot_count + EXTRA_COUNT, sizeof(*run->slots));
    run->runs = mem_zero(ruleset->agreement_count, sizeof(*run->runs));
    run->findings = mem_zero(ruleset->agreement_count, sizeof(*run->findings));
    run->missing = mem_zero(ruleset->schema->path_count, sizeof(*run->missing));
    run->truths = mem_zero(ruleset->condition_count, sizeof(*run->truths));
    run->states = mem_zero(ruleset->condition_count, sizeof(*run->states));
    for (uint32_t i = 0; i < ruleset->agreement_count; i++) {
        agreement_run_init(&run->runs[i], ruleset->agreements[i], &run->arena, run->slots);
        agreement_run_share(&run->runs[i], run->truths, run->states);
    }
    return run;
}

void ruleset_run_free(struct ruleset_run **run) {
    struct ruleset_run *old = *run;
    *run = NULL;
    if (old == NULL) {
        return;
    }
    for (uint32_t i = 0; i < old->ruleset->agreement_count; i++) {
        agreement_run_fini(&old->runs[i]);
    }
    mem_free(old->runs);
    mem_free(old->findings);
    mem_free(old->missing);
    mem_free(old->truths);
    mem_free(old->states);
    mem_free(old->slots);
    arena_free(&old->arena);
    ruleset_unref(&old->ruleset);
    mem_free(old);
}

void ruleset_run_verdict_only(struct ruleset_run *run) {
    for (uint32_t i = 0; i < run->ruleset->agreement_count; i++) {
        run->runs[i].verdict_only = true;
    }
}

/* The most adverse finding; of equals, the first agreement.  Its missing facts are those of all
 * that share its disposition. */
static void fold(struct ruleset_run *run, struct outcome *outcome) {
    uint32_t count = run->ruleset->agreement_count;
    uint32_t winner = 0;
    for (uint32_t i = 1; i < count; i++) {
        if (run->findings[i].result.disposition > run->findings[winner].result.disposition) {
            winner = i;
        }
    }
    *outcome = (struct outcome){
        .agreement = winner, .result = run->findings[winner].result, .findings = run->findings};
    struct path_set listed = {0};
    outcome->result.missing = run->missing;
    outcome->result.missing_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct result *result = &run->findings[i].result;
        for (uint32_t k = 0;
             result->disposition == outcome->result.disposition && k < result->missing_count; k++) {
            if (!path_set_has(&listed, result->missing[k])) {
                path_set_add(&listed, result->missing[k]);
                run->missing[outcome->result.missing_count++] = result->missing[k];
            }
        }
    }
}

/* Exhausted memory is an error of one agreement, not of others with the same rule. */
static void forget_errors(struct agreement_run *run) {
    for (uint32_t i = 0; i < run->agreement->rule_count; i++) {
        uint8_t *truth = &run->home.truths[run->home.indexes[i]];
        *truth = *truth == RULE_ERROR ? RULE_NOT_RUN : *truth;
    }
    run->is_spent = false;
}

void ruleset_evaluate(struct ruleset_run *run, const struct case_doc *doc, int32_t reference_date,
                      int32_t as_of, struct outcome *outcome) {
    CHECK(doc->fault_count == 0);
    memcpy(run->slots, doc->slots, run->ruleset->schema->slot_count * sizeof(*run->slots));
    memset(run->truths, RULE_NOT_RUN, run->ruleset->condition_count);
    for (uint32_t i = 0; i < run->ruleset->agreement_count; i++) {
        arena_reset(&run->arena); /* each finding starts with all of the memory */
        agreement_evaluate(&run->runs[i], reference_date, as_of, &run->findings[i]);
        if (run->runs[i].is_spent) {
            forget_errors(&run->runs[i]);
        }
    }
    fold(run, outcome);
}

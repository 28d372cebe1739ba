/* Purpose: one agreement's finding on one case, in the six steps of the format.
 * A rule is evaluated at most once for one set of facts: its state is kept, and the projected
 * finding, which is the same steps without section in_force, reads the same states. */
#include "rules/rules_priv.h"

#include "base/mem.h"

enum { SECONDS_PER_DAY = 86400 };

void agreement_run_init(struct agreement_run *run, const struct agreement *agreement,
                        struct arena *arena, struct value *slots) {
    uint32_t path_count = agreement->ruleset->schema->path_count;
    *run = (struct agreement_run){.agreement = agreement, .arena = arena, .slots = slots};
    cel_run_init(&run->cel, agreement->env, arena);
    run->states = mem_zero(agreement->rule_count, sizeof(*run->states));
    run->before = mem_zero(agreement->rule_count, sizeof(*run->before));
    run->joined = mem_zero(agreement->rule_count, sizeof(*run->joined));
    run->missing = mem_zero(path_count, sizeof(*run->missing));
    run->missing_projected = mem_zero(path_count, sizeof(*run->missing_projected));
}

void agreement_run_fini(struct agreement_run *run) {
    cel_run_fini(&run->cel);
    mem_free(run->states);
    mem_free(run->before);
    mem_free(run->joined);
    mem_free(run->missing);
    mem_free(run->missing_projected);
    *run = (struct agreement_run){0};
}

void forget_states(struct agreement_run *run) {
    cel_run_begin(&run->cel, run->slots);
    for (uint32_t i = 0; i < run->agreement->rule_count; i++) {
        run->states[i].truth = TRUTH_NOT_RUN;
    }
}

/* --- one rule ----------------------------------------------------------------------------------
 */

/* The conjunction so far: false absorbs, unknown beats an error. */
static void state_and(struct rule_state *state, enum truth truth, enum cel_error error,
                      const struct path_set *paths) {
    if (truth == TRUTH_FALSE || state->truth == TRUTH_FALSE) {
        state->truth = TRUTH_FALSE;
    } else if (truth == TRUTH_UNKNOWN) {
        state->truth = TRUTH_UNKNOWN;
        path_set_join(&state->paths, paths);
    } else if (truth == TRUTH_ERROR && state->truth == TRUTH_TRUE) {
        state->truth = TRUTH_ERROR;
        state->error = error;
    }
}

static void and_program(struct agreement_run *run, const struct cel_program *program,
                        struct rule_state *state) {
    if (program == NULL || state->truth == TRUTH_FALSE) {
        return;
    }
    struct value value = cel_run(&run->cel, program);
    if (value.kind == VAL_BOOL) {
        if (!value.b) {
            state->truth = TRUTH_FALSE;
        }
    } else if (value.kind == VAL_UNKNOWN) {
        struct path_set paths = {0};
        value_unknown_paths(value, &paths);
        state_and(state, TRUTH_UNKNOWN, CEL_ERROR_NONE, &paths);
    } else {
        enum cel_error error =
            value.kind == VAL_ERROR ? (enum cel_error)value.aux : CEL_ERROR_NO_SUCH_OVERLOAD;
        state_and(state, TRUTH_ERROR, error, NULL);
    }
}

static void and_window(struct agreement_run *run, const struct rule *rule,
                       struct rule_state *state) {
    if (!rule->has_from && !rule->has_until) {
        return;
    }
    struct value by = run->slots[rule->by_slot];
    struct path_set paths = {0};
    if (by.kind == VAL_UNKNOWN) {
        value_unknown_paths(by, &paths);
        state_and(state, TRUTH_UNKNOWN, CEL_ERROR_NONE, &paths);
        return;
    }
    CHECK(by.kind == VAL_TIMESTAMP);
    bool is_inside = (!rule->has_from || by.i >= (int64_t)rule->from * SECONDS_PER_DAY) &&
                     (!rule->has_until || by.i < (int64_t)rule->until * SECONDS_PER_DAY);
    state_and(state, is_inside ? TRUTH_TRUE : TRUTH_FALSE, CEL_ERROR_NONE, &paths);
}

const struct rule_state *rule_state(struct agreement_run *run, uint32_t index) {
    CHECK(index < run->agreement->rule_count);
    const struct rule *rule = &run->agreement->rules[index];
    struct rule_state *state = &run->states[index];
    if (state->truth != TRUTH_NOT_RUN) {
        return state;
    }
    *state = (struct rule_state){.truth = TRUTH_TRUE};
    if (rule->is_status) {
        state->truth = run->status.reason == STATUS_GOES_ON ? TRUTH_FALSE : TRUTH_TRUE;
    } else if (rule->has_recorded && rule->recorded > run->as_of) {
        state->truth = TRUTH_ABSENT;
    } else {
        and_window(run, rule, state);
        and_program(run, rule->given, state);
        and_program(run, rule->when, state);
    }
    return state;
}

/* --- the steps ---------------------------------------------------------------------------------
 */

static bool has_intake_path(const struct agreement_run *run, const struct rule_state *state) {
    const struct path_set *officer = &run->agreement->ruleset->officer_paths;
    for (uint32_t i = 0; i < PATH_WORDS; i++) {
        if ((state->paths.words[i] & ~officer->words[i]) != 0) {
            return true;
        }
    }
    return false;
}

/* The first true rule before section officer; rule_count when none is. */
static uint32_t first_true(struct agreement_run *run, bool projected) {
    const struct agreement *agreement = run->agreement;
    for (uint32_t i = 0; i < agreement->officer_first; i++) {
        if (rule_counts(&agreement->rules[i], projected) &&
            rule_state(run, i)->truth == TRUTH_TRUE) {
            return i;
        }
    }
    return agreement->rule_count;
}

/* What is open before section officer, after first_true has run them all. */
struct open_rules {
    bool is_any;
    bool erred;
    uint32_t first_blocking; /* blamed on an intake fact, or in error; rule_count when none is */
};

static struct open_rules find_open(struct agreement_run *run, bool projected) {
    const struct agreement *agreement = run->agreement;
    struct open_rules open = {.first_blocking = agreement->rule_count};
    for (uint32_t i = 0; i < agreement->officer_first; i++) {
        if (!rule_counts(&agreement->rules[i], projected)) {
            continue;
        }
        const struct rule_state *state = rule_state(run, i);
        bool is_error = state->truth == TRUTH_ERROR;
        if (!is_error && state->truth != TRUTH_UNKNOWN) {
            continue;
        }
        open.is_any = true;
        open.erred = open.erred || is_error;
        if (open.first_blocking == agreement->rule_count &&
            (is_error || has_intake_path(run, state))) {
            open.first_blocking = i;
        }
    }
    return open;
}

static struct decision decide_true(const struct agreement_run *run, uint32_t index) {
    const struct rule *rule = &run->agreement->rules[index];
    return (struct decision){
        .disposition = rule->section == SECTION_EXCEPTIONS ? DISPOSITION_EXCEPTION_APPLIES
                                                           : DISPOSITION_NOT_SUBJECT,
        .rule = index,
        .reason = rule->is_status ? run->agreement->status_reasons[run->status.reason]
                                  : rule->reason_true};
}

/* Steps 5 and 6.  Every officer rule is run: what they still ask for is named. */
static struct decision decide_officer(struct agreement_run *run) {
    const struct agreement *agreement = run->agreement;
    uint32_t first = agreement->rule_count;
    bool erred = false;
    for (uint32_t i = agreement->officer_first; i < agreement->rule_count; i++) {
        enum truth truth = rule_state(run, i)->truth;
        erred = erred || truth == TRUTH_ERROR;
        if (first == agreement->rule_count && truth != TRUTH_FALSE && truth != TRUTH_ABSENT) {
            first = i;
        }
    }
    if (first == agreement->rule_count) {
        return (struct decision){.disposition = DISPOSITION_SUBJECT_TO_AGREEMENT,
                                 .rule = first,
                                 .reason = agreement->otherwise_reason};
    }
    return (struct decision){.disposition = DISPOSITION_SCREENING_REQUIRED,
                             .rule = first,
                             .reason = agreement->rules[first].reason_true,
                             .erred = erred};
}

/* Step 4 names the first officer rule that is known; all of them unknown yet, the first. */
static uint32_t first_officer(struct agreement_run *run) {
    const struct agreement *agreement = run->agreement;
    CHECK(agreement->officer_first < agreement->rule_count); /* load_rules has seen to it */
    uint32_t first = agreement->officer_first;
    while (first < agreement->rule_count && rule_state(run, first)->truth == TRUTH_ABSENT) {
        first++;
    }
    return first < agreement->rule_count ? first : agreement->officer_first;
}

struct decision decide(struct agreement_run *run, bool projected, bool may_settle) {
    const struct agreement *agreement = run->agreement;
    uint32_t hit = first_true(run, projected);
    if (hit < agreement->rule_count) { /* steps 1 and 2: exceptions stand last in file order */
        return decide_true(run, hit);
    }
    struct open_rules open = find_open(run, projected);
    if (open.first_blocking < agreement->rule_count) { /* step 3 */
        struct decision settled;
        if (may_settle && agreement->settle_count > 0 && settle(run, projected, &settled)) {
            return settled;
        }
        return (struct decision){.disposition = DISPOSITION_INSUFFICIENT_INFORMATION,
                                 .rule = open.first_blocking,
                                 .reason = agreement->rules[open.first_blocking].reason_open,
                                 .erred = open.erred};
    }
    struct decision decision = decide_officer(run);
    if (open.is_any) { /* step 4 */
        decision.disposition = DISPOSITION_SCREENING_REQUIRED;
        decision.rule = first_officer(run);
        decision.reason = agreement->rules[decision.rule].reason_true;
    }
    return decision;
}

/* --- the finding -------------------------------------------------------------------------------
 */

/* Adds the paths of one set that are asked of intake, or of officers, to a list, once each. */
static void missing_add(const struct agreement_run *run, const struct path_set *paths,
                        bool of_officer, struct path_set *listed, struct result *result,
                        uint16_t *missing) {
    const struct path_set *officer = &run->agreement->ruleset->officer_paths;
    for (uint32_t w = 0; w < PATH_WORDS; w++) {
        uint64_t asked = of_officer ? officer->words[w] : ~officer->words[w];
        uint64_t fresh = paths->words[w] & asked & ~listed->words[w];
        listed->words[w] |= fresh;
        for (; fresh != 0; fresh &= fresh - 1) {
            missing[result->missing_count++] =
                (uint16_t)(w * 64 + (uint32_t)__builtin_ctzll(fresh));
        }
    }
}

static void fill_result(struct agreement_run *run, const struct decision *decision, bool projected,
                        uint16_t *missing, struct result *result) {
    const struct agreement *agreement = run->agreement;
    *result = (struct result){
        .disposition = decision->disposition, .reason = decision->reason, .missing = missing};
    bool is_insufficient = decision->disposition == DISPOSITION_INSUFFICIENT_INFORMATION;
    if (!is_insufficient && decision->disposition != DISPOSITION_SCREENING_REQUIRED) {
        return;
    }
    struct path_set listed = {0};
    uint32_t count = is_insufficient ? agreement->officer_first : agreement->rule_count;
    for (uint32_t i = 0; i < count; i++) {
        if (rule_counts(&agreement->rules[i], projected) && run->states[i].truth == TRUTH_UNKNOWN) {
            missing_add(run, &run->states[i].paths, !is_insufficient, &listed, result, missing);
        }
    }
}

static void fill_error(const struct agreement_run *run, const struct decision *decision,
                       struct finding *finding) {
    for (uint32_t i = 0; decision->erred && i < run->agreement->rule_count; i++) {
        if (run->states[i].truth == TRUTH_ERROR) {
            finding->error_rule = run->agreement->rules[i].label;
            finding->error_kind = cel_error_name(run->states[i].error);
            return;
        }
    }
}

void agreement_evaluate(struct agreement_run *run, int32_t reference_date, int32_t as_of,
                        struct finding *finding) {
    const struct agreement *agreement = run->agreement;
    struct value *extra = run->slots + agreement->ruleset->schema->slot_count;
    extra[EXTRA_REFERENCE_DATE] = value_date(reference_date);
    extra[EXTRA_AS_OF] = value_date(as_of);
    extra[EXTRA_IN_FORCE_ON] = value_date(agreement_in_force_on(agreement, as_of));
    run->status = agreement_status(agreement, reference_date, as_of);
    run->as_of = as_of;
    *finding = (struct finding){0};
    forget_states(run);
    struct decision decision = decide(run, false, true);
    if (run->verdict_only) {
        finding->result =
            (struct result){.disposition = decision.disposition, .reason = decision.reason};
        return;
    }
    fill_result(run, &decision, false, run->missing, &finding->result);
    fill_error(run, &decision, finding);
    if (!run->status.is_projected) {
        return;
    }
    if (decision.settled) { /* its states are joined over the fillings */
        forget_states(run);
    }
    finding->has_projected = true;
    decision = decide(run, true, true);
    fill_result(run, &decision, true, run->missing_projected, &finding->projected);
}

/* Purpose: one agreement's finding on one case, in the six steps of the format.
 * A rule is evaluated at most once for one set of facts, and its state is kept.  The projected
 * finding uses the same states in the same steps, without section in_force. */
#include "rules/rules_priv.h"

#include "base/date.h"
#include "base/mem.h"

static struct rule_states states_new(const struct agreement *agreement) {
    struct rule_states states = {.indexes = agreement->own_indexes};
    states.truths = mem_zero(agreement->rule_count, sizeof(*states.truths));
    states.states = mem_zero(agreement->rule_count, sizeof(*states.states));
    return states;
}

static void states_free(struct rule_states *states) {
    mem_free(states->truths);
    mem_free(states->states);
}

void agreement_run_init(struct agreement_run *run, const struct agreement *agreement,
                        struct arena *arena, struct value *slots) {
    uint32_t path_count = agreement->ruleset->schema->path_count;
    *run = (struct agreement_run){.agreement = agreement, .arena = arena, .slots = slots};
    run->path_words = (path_count + 63) / 64;
    cel_run_init(&run->cel, agreement->env, arena);
    run->home = states_new(agreement);
    run->tried = states_new(agreement);
    run->joined = states_new(agreement);
    run->now = run->home;
    run->open = mem_zero(agreement->rule_count, sizeof(*run->open));
    run->missing = mem_zero(path_count, sizeof(*run->missing));
    run->missing_projected = mem_zero(path_count, sizeof(*run->missing_projected));
}

void agreement_run_fini(struct agreement_run *run) {
    cel_run_fini(&run->cel);
    if (!run->is_shared) {
        states_free(&run->home);
    }
    states_free(&run->tried);
    states_free(&run->joined);
    mem_free(run->open);
    mem_free(run->missing);
    mem_free(run->missing_projected);
    *run = (struct agreement_run){0};
}

void agreement_run_share(struct agreement_run *run, uint8_t *truths, struct rule_state *states) {
    CHECK(!run->is_shared);
    states_free(&run->home);
    run->home = (struct rule_states){truths, states, run->agreement->indexes};
    run->is_shared = true;
}

void agreement_run_forget(struct agreement_run *run) {
    cel_run_begin(&run->cel, run->slots);
    run->now = run->home;
    if (!run->is_shared) {
        memset(run->now.truths, RULE_NOT_RUN, run->agreement->rule_count);
    }
}

/* --- one rule ----------------------------------------------------------------------------------
 */

/* The conjunction so far with an unknown part: unknown wins over an error. */
static enum rule_truth and_unknown(struct rule_state *state, enum rule_truth truth,
                                   struct value unknown) {
    if (truth != RULE_UNKNOWN) {
        state->paths = (struct path_set){0};
    }
    value_unknown_paths(unknown, &state->paths);
    return RULE_UNKNOWN;
}

static enum rule_truth and_other(struct agreement_run *run, struct rule_state *state,
                                 enum rule_truth truth, struct value other) {
    if (other.kind == VAL_UNKNOWN) {
        return and_unknown(state, truth, other);
    }
    if (truth != RULE_TRUE) {
        return truth;
    }
    state->error = other.kind == VAL_ERROR ? (enum cel_error)other.aux : CEL_ERROR_NO_SUCH_OVERLOAD;
    run->is_spent =
        run->is_spent || state->error == CEL_ERROR_MEMORY || state->error == CEL_ERROR_STEPS;
    return RULE_ERROR;
}

/* False absorbs. */
static inline enum rule_truth and_program(struct agreement_run *run,
                                          const struct cel_program *program, enum rule_truth truth,
                                          struct rule_state *state) {
    if (program == NULL || truth == RULE_FALSE) {
        return truth;
    }
    struct value other;
    switch (cel_run_truth(&run->cel, program, &other)) {
    case CEL_YES:
        return truth;
    case CEL_NO:
        return RULE_FALSE;
    case CEL_OTHER:
        break;
    }
    return and_other(run, state, truth, other);
}

static enum rule_truth window_truth(struct agreement_run *run, const struct rule *rule,
                                    struct rule_state *state) {
    struct value by = run->slots[rule->by_slot];
    if (by.kind == VAL_UNKNOWN) {
        return and_unknown(state, RULE_TRUE, by);
    }
    CHECK(by.kind == VAL_TIMESTAMP);
    bool is_inside = (!rule->has_from || by.i >= (int64_t)rule->from * DATE_DAY_SECONDS) &&
                     (!rule->has_until || by.i < (int64_t)rule->until * DATE_DAY_SECONDS);
    return is_inside ? RULE_TRUE : RULE_FALSE;
}

static enum rule_truth rule_run(struct agreement_run *run, uint32_t index, uint32_t state_index) {
    const struct rule *rule = &run->agreement->rules[index];
    struct rule_state *state = &run->now.states[state_index];
    enum rule_truth truth = RULE_TRUE;
    if (rule->is_status) {
        truth = run->status.reason == STATUS_GOES_ON ? RULE_FALSE : RULE_TRUE;
    } else if (rule->has_recorded && rule->recorded > run->as_of) {
        truth = RULE_ABSENT;
    } else {
        if (rule->has_from || rule->has_until) {
            truth = window_truth(run, rule, state);
        }
        truth = and_program(run, rule->given, truth, state);
        truth = and_program(run, rule->when, truth, state);
    }
    run->now.truths[state_index] = (uint8_t)truth;
    return truth;
}

static inline enum rule_truth truth_of(struct agreement_run *run, uint32_t index) {
    uint32_t state_index = run->now.indexes[index];
    enum rule_truth truth = (enum rule_truth)run->now.truths[state_index];
    return truth != RULE_NOT_RUN ? truth : rule_run(run, index, state_index);
}

enum rule_truth rule_truth(struct agreement_run *run, uint32_t index) {
    CHECK(index < run->agreement->rule_count);
    return truth_of(run, index);
}

const struct rule_state *rule_state(const struct agreement_run *run, uint32_t index) {
    return &run->now.states[run->now.indexes[index]];
}

/* --- the steps ---------------------------------------------------------------------------------
 */

static bool has_intake_path(const struct agreement_run *run, const struct rule_state *state) {
    const struct path_set *officer = &run->agreement->ruleset->officer_paths;
    for (uint32_t i = 0; i < run->path_words; i++) {
        if ((state->paths.words[i] & ~officer->words[i]) != 0) {
            return true;
        }
    }
    return false;
}

/* Runs rules up to the first true one, which it returns, or `end`; records the open ones. */
static inline uint32_t run_rules(struct agreement_run *run, uint32_t first, uint32_t end) {
    for (uint32_t i = first; i < end; i++) {
        enum rule_truth truth = truth_of(run, i);
        if (truth == RULE_TRUE) {
            return i;
        }
        if (truth >= RULE_UNKNOWN) {
            run->open[run->open_count++] = (uint16_t)i;
        }
    }
    return end;
}

/* The first true rule before section officer, or officer_first. */
static uint32_t first_true(struct agreement_run *run, bool projected) {
    const struct agreement *agreement = run->agreement;
    run->open_count = 0;
    if (!projected) {
        return run_rules(run, 0, agreement->officer_first);
    }
    uint32_t hit = run_rules(run, 0, agreement->in_force_first);
    return hit < agreement->in_force_first
               ? hit
               : run_rules(run, agreement->in_force_end, agreement->officer_first);
}

/* The open rules before section officer, after first_true has run them all. */
struct open_rules {
    bool erred;
    uint32_t
        first_blocking; /* open because of an intake fact or an error; rule_count when none is */
};

static struct open_rules look_at_open(const struct agreement_run *run) {
    struct open_rules open = {.first_blocking = run->agreement->rule_count};
    for (uint32_t k = run->open_count; k-- > 0;) {
        uint32_t state_index = run->now.indexes[run->open[k]];
        bool is_error = run->now.truths[state_index] == RULE_ERROR;
        open.erred = open.erred || is_error;
        if (is_error || has_intake_path(run, &run->now.states[state_index])) {
            open.first_blocking = run->open[k];
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

/* Steps 5 and 6.  Every officer rule is run, to name the facts that they still need. */
static struct decision decide_officer(struct agreement_run *run) {
    const struct agreement *agreement = run->agreement;
    uint32_t first = agreement->rule_count;
    bool erred = false;
    for (uint32_t i = agreement->officer_first; i < agreement->rule_count; i++) {
        enum rule_truth truth = truth_of(run, i);
        erred = erred || truth == RULE_ERROR;
        if (first == agreement->rule_count && truth != RULE_FALSE && truth != RULE_ABSENT) {
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

/* Step 4 names the first known officer rule; if all are unknown, the first one. */
static uint32_t first_officer(struct agreement_run *run) {
    const struct agreement *agreement = run->agreement;
    CHECK(agreement->officer_first < agreement->rule_count); /* rules_load has checked this */
    uint32_t first = agreement->officer_first;
    while (first < agreement->rule_count && truth_of(run, first) == RULE_ABSENT) {
        first++;
    }
    return first < agreement->rule_count ? first : agreement->officer_first;
}

struct decision finding_decide(struct agreement_run *run, bool projected, bool may_settle) {
    const struct agreement *agreement = run->agreement;
    uint32_t hit = first_true(run, projected);
    if (hit < agreement->officer_first) { /* steps 1 and 2: exceptions are last in file order */
        return decide_true(run, hit);
    }
    struct open_rules open = look_at_open(run);
    if (open.first_blocking < agreement->rule_count) { /* step 3 */
        struct decision settled;
        if (may_settle && agreement->settle_count > 0 && finding_settle(run, projected, &settled)) {
            return settled;
        }
        return (struct decision){.disposition = DISPOSITION_INSUFFICIENT_INFORMATION,
                                 .rule = open.first_blocking,
                                 .reason = agreement->rules[open.first_blocking].reason_open,
                                 .erred = open.erred};
    }
    struct decision decision = decide_officer(run);
    if (run->open_count > 0) { /* step 4 */
        decision.disposition = DISPOSITION_SCREENING_REQUIRED;
        decision.rule = first_officer(run);
        decision.reason = agreement->rules[decision.rule].reason_true;
    }
    return decision;
}

/* --- the finding -------------------------------------------------------------------------------
 */

struct missing_list {
    uint16_t *paths;
    uint16_t count;
    struct path_set listed;
};

/* Adds the unknown facts of one rule that intake, or an officer, supplies to a list, once each. */
static void missing_of_rule(const struct agreement_run *run, uint32_t rule, bool of_officer,
                            struct missing_list *list) {
    uint32_t state_index = run->now.indexes[rule];
    if (run->now.truths[state_index] != RULE_UNKNOWN) {
        return;
    }
    const struct path_set *officer = &run->agreement->ruleset->officer_paths;
    const struct path_set *paths = &run->now.states[state_index].paths;
    for (uint32_t w = 0; w < run->path_words; w++) {
        uint64_t asked = of_officer ? officer->words[w] : ~officer->words[w];
        uint64_t fresh = paths->words[w] & asked & ~list->listed.words[w];
        list->listed.words[w] |= fresh;
        for (; fresh != 0; fresh &= fresh - 1) {
            list->paths[list->count++] = (uint16_t)(w * 64 + (uint32_t)__builtin_ctzll(fresh));
        }
    }
}

static void fill_result(struct agreement_run *run, const struct decision *decision, bool projected,
                        uint16_t *missing, struct result *result) {
    const struct agreement *agreement = run->agreement;
    *result = (struct result){
        .disposition = decision->disposition, .reason = decision->reason, .missing = missing};
    bool of_officer = decision->disposition == DISPOSITION_SCREENING_REQUIRED;
    if (!of_officer && decision->disposition != DISPOSITION_INSUFFICIENT_INFORMATION) {
        return;
    }
    struct missing_list list = {.paths = missing};
    for (uint32_t k = 0; !decision->settled && k < run->open_count; k++) {
        missing_of_rule(run, run->open[k], of_officer, &list);
    }
    /* A settled rule is open if it is open for any tried value. */
    for (uint32_t i = 0; decision->settled && i < agreement->officer_first; i++) {
        if (rule_counts(&agreement->rules[i], projected)) {
            missing_of_rule(run, i, of_officer, &list);
        }
    }
    for (uint32_t i = agreement->officer_first; of_officer && i < agreement->rule_count; i++) {
        missing_of_rule(run, i, of_officer, &list);
    }
    result->missing_count = list.count;
}

static void fill_error(const struct agreement_run *run, const struct decision *decision,
                       struct finding *finding) {
    for (uint32_t i = 0; decision->erred && i < run->agreement->rule_count; i++) {
        uint32_t state_index = run->now.indexes[i];
        if (run->now.truths[state_index] == RULE_ERROR) {
            finding->error_rule = run->agreement->rules[i].label;
            finding->error_kind = cel_error_name(run->now.states[state_index].error);
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
    agreement_run_forget(run);
    struct decision decision = finding_decide(run, false, true);
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
    run->now = run->home; /* a settled decision left those of the tried values */
    finding->has_projected = true;
    decision = finding_decide(run, true, true);
    fill_result(run, &decision, true, run->missing_projected, &finding->projected);
}

/* Purpose: the second part of step 3: if a rule is open, try every value of the unknown two-sided
 * facts.  A finding that every value gives replaces "unknown".  Works on findings, never on
 * conditions: the condition language knows nothing of it. */
#include "rules/rules_priv.h"

struct filling {
    uint16_t slots[PATHS_MAX];
    uint32_t value_counts[PATHS_MAX];
    uint32_t digits[PATHS_MAX]; /* the current value */
    struct value unknown[PATHS_MAX];
    uint32_t count;
};

static uint32_t value_count(const struct fact *fact) {
    return fact->type == FACT_BOOL ? 2 : fact->word_count;
}

/* In case.yaml order; a fact that would exceed the limit of the product is left unknown. */
static void choose_slots(const struct agreement_run *run, struct filling *filling) {
    const struct agreement *agreement = run->agreement;
    uint32_t product = 1;
    filling->count = 0;
    for (uint32_t i = 0; i < agreement->settle_count; i++) {
        uint16_t slot = agreement->settle_slots[i];
        uint32_t values = value_count(agreement->ruleset->schema->slots[slot]);
        if (run->slots[slot].kind != VAL_UNKNOWN || values == 0 ||
            product > SETTLE_PRODUCT_MAX / values) {
            continue;
        }
        product *= values;
        filling->slots[filling->count] = slot;
        filling->value_counts[filling->count] = values;
        filling->digits[filling->count] = 0;
        filling->unknown[filling->count++] = run->slots[slot];
    }
}

static void set_slots(struct agreement_run *run, const struct filling *filling) {
    for (uint32_t i = 0; i < filling->count; i++) {
        const struct fact *fact = run->agreement->ruleset->schema->slots[filling->slots[i]];
        run->slots[filling->slots[i]] =
            fact->type == FACT_BOOL
                ? value_bool(filling->digits[i] != 0)
                : value_word(span_str(fact->words[filling->digits[i]]), filling->digits[i]);
    }
}

static bool next_filling(struct filling *filling) {
    for (uint32_t i = 0; i < filling->count; i++) {
        if (++filling->digits[i] < filling->value_counts[i]) {
            return true;
        }
        filling->digits[i] = 0;
    }
    return false;
}

/* Joins the decision of one try to the earlier ones; false when they differ. */
static bool join_decision(struct decision *all, const struct decision *one, bool is_first) {
    if (one->disposition == DISPOSITION_INSUFFICIENT_INFORMATION || one->erred) {
        return false;
    }
    if (is_first) {
        *all = *one;
        return true;
    }
    bool is_same = all->disposition == one->disposition;
    if (!is_same && (all->disposition > DISPOSITION_EXCEPTION_APPLIES ||
                     one->disposition > DISPOSITION_EXCEPTION_APPLIES)) {
        return false;
    }
    bool is_more_adverse = one->disposition > all->disposition;
    if (is_more_adverse || (is_same && one->rule < all->rule)) {
        *all = *one;
    }
    return true;
}

/* Keeps each rule's unknown paths over all tries in run->joined. */
static void join_states(struct agreement_run *run, bool is_first) {
    for (uint32_t i = 0; i < run->agreement->rule_count; i++) {
        struct rule_state *joined = &run->joined.states[i];
        if (is_first) {
            run->joined.truths[i] = RULE_FALSE;
            *joined = (struct rule_state){0};
        }
        if (run->tried.truths[i] == RULE_UNKNOWN) {
            run->joined.truths[i] = RULE_UNKNOWN;
            path_set_join(&joined->paths, &run->tried.states[i].paths);
        }
    }
}

static bool try_fillings(struct agreement_run *run, bool projected, struct filling *filling,
                         struct decision *all) {
    struct arena_mark mark = arena_mark(run->arena);
    bool is_first = true;
    bool is_settled = true;
    do {
        set_slots(run, filling);
        cel_run_begin(&run->cel, run->slots);
        memset(run->tried.truths, RULE_NOT_RUN, run->agreement->rule_count);
        struct decision one = finding_decide(run, projected, false);
        is_settled = join_decision(all, &one, is_first);
        join_states(run, is_first);
        is_first = false;
        arena_rewind(run->arena, mark);
    } while (is_settled && next_filling(filling));
    return is_settled;
}

bool finding_settle(struct agreement_run *run, bool projected, struct decision *decision) {
    struct filling filling;
    choose_slots(run, &filling);
    if (filling.count == 0) {
        return false;
    }
    uint16_t open[RULES_MAX];
    uint32_t open_count = run->open_count;
    struct rule_states before = run->now;
    struct decision all = {0};
    memcpy(open, run->open, open_count * sizeof(*open));
    run->now = run->tried;
    bool is_settled = try_fillings(run, projected, &filling, &all);
    for (uint32_t i = 0; i < filling.count; i++) {
        run->slots[filling.slots[i]] = filling.unknown[i];
    }
    cel_run_begin(&run->cel, run->slots);
    memcpy(run->open, open, open_count * sizeof(*open));
    run->open_count = open_count;
    run->now = is_settled ? run->joined : before;
    if (is_settled) {
        all.settled = true;
        *decision = all;
    }
    return is_settled;
}

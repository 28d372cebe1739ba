/* A finding over all cases: the six steps of evaluate.c, and settle.c's tries.  A decision is a set
 * of outcomes that exclude each other, each with the term that says where it is reached. */
#include "prove/prove_priv.h"

/* --- rules -------------------------------------------------------------------------------------
 */

static struct sym window(struct space *space, const struct rule *rule, const struct sym *by) {
    struct sym made = *by;
    term inside = space->yes;
    if (rule->has_from) {
        struct sym from = date_const(space, rule->from);
        inside = term_not(space, date_less(space, by, &from));
    }
    if (rule->has_until) {
        struct sym until = date_const(space, rule->until);
        inside = term_and(space, inside, date_less(space, by, &until));
    }
    made.kind = SYM_BOOL;
    made.a = inside;
    return made;
}

static struct rule_terms untranslated(struct space *space) {
    return (struct rule_terms){space->no, space->no, space->no, space->no, space->no};
}

static struct rule_terms rule_translate(struct space *space, const struct rule *rule,
                                        const struct sym *slots) {
    struct translation translation = {.space = space, .slots = slots, .subject = rule->label};
    struct link links[3];
    uint32_t count = 0;
    if (rule->has_from || rule->has_until) {
        links[count++] = (struct link){space->yes, window(space, rule, &slots[rule->by_slot])};
    }
    const struct cel_program *programs[] = {rule->given, rule->when};
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        if (programs[i] != NULL) {
            links[count] = (struct link){space->yes, translate_program(&translation, programs[i])};
            if (links[count++].sym.kind == SYM_UNTRANSLATED) {
                return untranslated(space);
            }
        }
    }
    struct sym made = sym_chain(space, links, count, false);
    if (made.kind == SYM_UNTRANSLATED) {
        prove_names_add(space->untranslated, rule->label, "a condition of any type");
        return untranslated(space);
    }
    struct rule_terms terms = untranslated(space);
    if (rule->has_recorded) {
        struct sym recorded = date_const(space, rule->recorded);
        terms.absent = date_less(space, &slots[space->schema->slot_count + EXTRA_AS_OF], &recorded);
    }
    term here = term_not(space, terms.absent);
    terms.is_true = term_and(space, here, term_and(space, sym_is_value(space, &made), made.a));
    terms.unknown = term_and(space, here, made.unk);
    terms.intake = term_and(space, here, made.intake);
    terms.error = term_and(space, here, made.err);
    return terms;
}

/* --- the steps ---------------------------------------------------------------------------------
 */

/* Where a finding is decided by each rule.  The line `status` counts as one rule. */
struct outcomes {
    term *hit;       /* steps 1 and 2, by rule */
    term *open;      /* step 3: insufficient_information */
    term *screening; /* steps 4 and 5 */
    term otherwise;
    term erred; /* an officer rule is in error, where the finding is screening_required */
};

static void outcomes_take(struct space *space, const struct agreement *agreement,
                          struct outcomes *outcomes) {
    uint32_t count = agreement->rule_count;
    *outcomes = (struct outcomes){.hit = space_take(space, count, sizeof(term)),
                                  .open = space_take(space, count, sizeof(term)),
                                  .screening = space_take(space, count, sizeof(term)),
                                  .otherwise = space->no,
                                  .erred = space->no};
    for (uint32_t i = 0; i < count; i++) {
        outcomes->hit[i] = outcomes->open[i] = outcomes->screening[i] = space->no;
    }
}

/* Steps 5 and 6, and 4 where `only_officers` holds. */
static void decide_officer(struct space *space, const struct agreement *agreement,
                           const struct rule_terms *rules, term here, term only_officers,
                           struct outcomes *outcomes) {
    term named = term_and(space, here, only_officers);                  /* step 4 */
    term asked = term_and(space, here, term_not(space, only_officers)); /* steps 5, 6 */
    term erred = space->no;
    for (uint32_t i = agreement->officer_first; i < agreement->rule_count; i++) {
        const struct rule_terms *rule = &rules[i];
        term here_4 = term_and(space, named, term_not(space, rule->absent));
        term counts = term_or(space, rule->is_true, term_or(space, rule->unknown, rule->error));
        term here_5 = term_and(space, asked, counts);
        outcomes->screening[i] = term_or(space, here_4, here_5);
        named = term_and(space, named, rule->absent);
        asked = term_and(space, asked, term_not(space, counts));
        erred = term_or(space, erred, rule->error);
    }
    if (agreement->officer_first < agreement->rule_count) { /* all officer rules are absent */
        term *first = &outcomes->screening[agreement->officer_first];
        *first = term_or(space, *first, named);
    }
    outcomes->otherwise = asked;
    outcomes->erred = erred;
}

static void decide(struct space *space, const struct agreement *agreement,
                   const struct rule_terms *rules, struct outcomes *outcomes) {
    outcomes_take(space, agreement, outcomes);
    term no_hit = space->yes;
    for (uint32_t i = 0; i < agreement->officer_first; i++) {
        outcomes->hit[i] = term_and(space, no_hit, rules[i].is_true);
        no_hit = term_and(space, no_hit, term_not(space, rules[i].is_true));
    }
    term not_open = no_hit;
    term some_unknown = space->no;
    for (uint32_t i = 0; i < agreement->officer_first; i++) {
        term blocks = term_or(space, rules[i].intake, rules[i].error);
        outcomes->open[i] = term_and(space, not_open, blocks);
        not_open = term_and(space, not_open, term_not(space, blocks));
        some_unknown = term_or(space, some_unknown, rules[i].unknown);
    }
    decide_officer(space, agreement, rules, not_open, some_unknown, outcomes);
}

/* --- settle ------------------------------------------------------------------------------------
 */

struct tries {
    struct space *space;
    const struct agreement *agreement;
    const struct sym *slots;
    struct sym *tried;            /* slots of one try */
    term chosen[PATHS_MAX];       /* by settle slot: settle tries its values */
    uint32_t values[PATHS_MAX];   /* by settle slot */
    uint32_t digits[PATHS_MAX];   /* of one try */
    bool *reads;                  /* rule * settle_count + settle slot */
    struct rule_terms **memories; /* by rule: of each combination of the facts that it reads */
    uint32_t combinations;
};

static uint32_t value_count(const struct fact *fact) {
    return fact->type == FACT_BOOL ? 2 : fact->word_count;
}

/* Facts are taken in order while the product of the taken ones is at most SETTLE_PRODUCT_MAX.  The
 * product is a number that depends on which facts are unknown. */
static term choose_slots(struct tries *tries) {
    struct space *space = tries->space;
    term product = term_int(space, 1);
    term any = space->no;
    for (uint32_t i = 0; i < tries->agreement->settle_count; i++) {
        uint32_t values = tries->values[i];
        term unknown = tries->slots[tries->agreement->settle_slots[i]].unk;
        term room = values == 0 ? space->no
                                : term_less_equal(space, product,
                                                  term_int(space, SETTLE_PRODUCT_MAX / values));
        tries->chosen[i] = term_and(space, unknown, room);
        product = term_if(space, tries->chosen[i], term_times(space, product, values), product);
        any = term_or(space, any, tries->chosen[i]);
    }
    return any;
}

static struct sym tried_value(struct tries *tries, uint32_t at) {
    struct space *space = tries->space;
    uint16_t slot = tries->agreement->settle_slots[at];
    const struct fact *fact = space->schema->slots[slot];
    struct sym value =
        fact->type == FACT_BOOL
            ? sym_bool(space, tries->digits[at] != 0 ? space->yes : space->no)
            : sym_of_value(space, value_string(span_str(fact->words[tries->digits[at]])));
    return sym_choose(space, tries->chosen[at], &value, &tries->slots[slot]);
}

/* Each combination of the values of all settle slots is tried; a slot that is not chosen keeps its
 * value, so several combinations are then one try. */
static void tries_open(struct tries *tries) {
    struct space *space = tries->space;
    const struct agreement *agreement = tries->agreement;
    uint32_t slot_count = space->schema->slot_count + EXTRA_COUNT;
    tries->tried = space_take(space, slot_count, sizeof(*tries->tried));
    memcpy(tries->tried, tries->slots, slot_count * sizeof(*tries->tried));
    tries->reads = space_take(space, (size_t)agreement->rule_count * agreement->settle_count,
                              sizeof(*tries->reads));
    tries->memories = space_take(space, agreement->rule_count, sizeof(*tries->memories));
    for (uint32_t r = 0; r < agreement->rule_count; r++) {
        bool is_read[SLOTS_MAX] = {false};
        size_t size = 1;
        rule_reads(&agreement->rules[r], is_read);
        for (uint32_t i = 0; i < agreement->settle_count; i++) {
            bool reads = is_read[agreement->settle_slots[i]];
            tries->reads[r * agreement->settle_count + i] = reads;
            size *= reads ? tries->values[i] : 1;
        }
        tries->memories[r] = space_take(space, size, sizeof(**tries->memories));
    }
}

/* The rules of one try; each is translated once for the facts that it reads. */
static void rules_of_try(struct tries *tries, const struct rule_terms *plain,
                         struct rule_terms *rules) {
    const struct agreement *agreement = tries->agreement;
    for (uint32_t r = 0; r < agreement->rule_count; r++) {
        size_t at = 0;
        bool reads_any = false;
        for (uint32_t i = 0; i < agreement->settle_count; i++) {
            if (tries->reads[r * agreement->settle_count + i]) {
                at = at * tries->values[i] + tries->digits[i];
                reads_any = true;
            }
        }
        struct rule_terms *known = &tries->memories[r][at];
        if (known->is_true == NULL) {
            *known = reads_any && !agreement->rules[r].is_status
                         ? rule_translate(tries->space, &agreement->rules[r], tries->tried)
                         : plain[r];
        }
        rules[r] = *known;
    }
}

static bool next_try(struct tries *tries) {
    for (uint32_t i = 0; i < tries->agreement->settle_count; i++) {
        if (++tries->digits[i] < tries->values[i]) {
            return true;
        }
        tries->digits[i] = 0;
    }
    return false;
}

/* What all tries give: where each disposition is given by all, and where a rule decides in any. */
struct joined {
    struct outcomes any;
    term all_adverse[2]; /* all screening_required, all subject_to_agreement */
    term all_mild;       /* all not_subject or exception_applies */
    term all_decided;    /* none is insufficient_information or erred */
};

static term any_of(struct space *space, const term *terms, uint32_t first, uint32_t end) {
    term any = space->no;
    for (uint32_t i = first; i < end; i++) {
        any = term_or(space, any, terms[i]);
    }
    return any;
}

static void join(struct space *space, const struct agreement *agreement, const struct outcomes *one,
                 struct joined *joined) {
    uint32_t count = agreement->rule_count;
    term screening = any_of(space, one->screening, 0, count);
    term fails =
        term_or(space, any_of(space, one->open, 0, count), term_and(space, screening, one->erred));
    joined->all_decided = term_and(space, joined->all_decided, term_not(space, fails));
    joined->all_mild = term_and(space, joined->all_mild, any_of(space, one->hit, 0, count));
    joined->all_adverse[0] = term_and(space, joined->all_adverse[0], screening);
    joined->all_adverse[1] = term_and(space, joined->all_adverse[1], one->otherwise);
    for (uint32_t i = 0; i < count; i++) {
        joined->any.hit[i] = term_or(space, joined->any.hit[i], one->hit[i]);
        joined->any.screening[i] = term_or(space, joined->any.screening[i], one->screening[i]);
    }
}

/* The first of the rules that decide in some try, among those from `first` to `end`. */
static term take_first(struct space *space, const term *any, uint32_t first, uint32_t end,
                       term here, term *made) {
    for (uint32_t i = first; i < end; i++) {
        made[i] = term_or(space, made[i], term_and(space, here, any[i]));
        here = term_and(space, here, term_not(space, any[i]));
    }
    return here;
}

/* settled->hit and so on: where settle gives that rule. */
static term settled_outcomes(struct space *space, const struct agreement *agreement,
                             const struct joined *joined, term any_chosen,
                             struct outcomes *settled) {
    uint32_t exceptions = agreement->officer_first;
    while (exceptions > 0 && agreement->rules[exceptions - 1].section == SECTION_EXCEPTIONS) {
        exceptions--;
    }
    outcomes_take(space, agreement, settled);
    term here = term_and(space, any_chosen, joined->all_decided);
    term mild = term_and(space, here, joined->all_mild);
    mild = take_first(space, joined->any.hit, exceptions, agreement->officer_first, mild,
                      settled->hit);
    (void)take_first(space, joined->any.hit, 0, exceptions, mild, settled->hit);
    (void)take_first(space, joined->any.screening, agreement->officer_first, agreement->rule_count,
                     term_and(space, here, joined->all_adverse[0]), settled->screening);
    settled->otherwise = term_and(space, here, joined->all_adverse[1]);
    term all = term_or(space, joined->all_mild,
                       term_or(space, joined->all_adverse[0], joined->all_adverse[1]));
    return term_and(space, here, all);
}

/* Where settle decides; `space->no` when it never tries.  NULL: too many combinations. */
static term settle(struct space *space, const struct agreement *agreement, const struct sym *slots,
                   const struct rule_terms *plain, struct outcomes *settled) {
    struct tries tries = {
        .space = space, .agreement = agreement, .slots = slots, .combinations = 1};
    for (uint32_t i = 0; i < agreement->settle_count; i++) {
        tries.values[i] = value_count(space->schema->slots[agreement->settle_slots[i]]);
        tries.combinations *= tries.values[i] == 0 ? 1 : tries.values[i];
        if (tries.combinations > TRIES_MAX) {
            return NULL;
        }
    }
    term any_chosen = choose_slots(&tries);
    struct rule_terms *rules = space_take(space, agreement->rule_count, sizeof(*rules));
    struct joined joined = {.all_decided = space->yes, .all_mild = space->yes};
    joined.all_adverse[0] = joined.all_adverse[1] = space->yes;
    outcomes_take(space, agreement, &joined.any);
    tries_open(&tries);
    do {
        struct outcomes one;
        for (uint32_t i = 0; i < agreement->settle_count; i++) {
            tries.tried[agreement->settle_slots[i]] = tried_value(&tries, i);
        }
        rules_of_try(&tries, plain, rules);
        decide(space, agreement, rules, &one);
        join(space, agreement, &one, &joined);
    } while (next_try(&tries));
    return settled_outcomes(space, agreement, &joined, any_chosen, settled);
}

/* --- the finding -------------------------------------------------------------------------------
 */

static void add_reason(struct space *space, struct finding_terms *finding, uint16_t reason,
                       term here) {
    finding->reasons[reason] = term_or(space, finding->reasons[reason], here);
}

static void name_reasons(struct space *space, const struct agreement *agreement,
                         const struct outcomes *outcomes, const term *status, term here,
                         struct finding_terms *finding) {
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        const struct rule *rule = &agreement->rules[i];
        term hit = term_and(space, here, outcomes->hit[i]);
        for (uint32_t k = 0; rule->is_status && k < STATUS_REASON_COUNT; k++) {
            add_reason(space, finding, agreement->status_reasons[k],
                       term_and(space, hit, status[k]));
        }
        if (rule->is_status) {
            continue;
        }
        add_reason(space, finding, rule->reason_true, hit);
        if (rule->section == SECTION_OFFICER) {
            add_reason(space, finding, rule->reason_true,
                       term_and(space, here, outcomes->screening[i]));
        } else {
            add_reason(space, finding, rule->reason_open, term_and(space, here, outcomes->open[i]));
        }
    }
    add_reason(space, finding, agreement->otherwise_reason,
               term_and(space, here, outcomes->otherwise));
}

void finding_translate(struct space *space, const struct agreement *agreement,
                       const struct sym *slots, struct finding_terms *finding) {
    term status[STATUS_REASON_COUNT];
    struct outcomes first;
    struct outcomes settled;
    status_translate(space, agreement, status);
    finding->rules = space_take(space, agreement->rule_count, sizeof(*finding->rules));
    finding->reasons = space_take(space, agreement->reason_count, sizeof(term));
    for (uint32_t i = 0; i < agreement->reason_count; i++) {
        finding->reasons[i] = space->no;
    }
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        if (agreement->rules[i].is_status) {
            finding->rules[i] = untranslated(space);
            finding->rules[i].is_true = any_of(space, status, 0, STATUS_REASON_COUNT);
        } else {
            finding->rules[i] = rule_translate(space, &agreement->rules[i], slots);
        }
    }
    decide(space, agreement, finding->rules, &first);
    term blocked = any_of(space, first.open, 0, agreement->rule_count);
    term settles = space->no;
    if (agreement->settle_count > 0 && blocked != space->no) {
        settles = settle(space, agreement, slots, finding->rules, &settled);
    }
    if (settles == NULL) {
        prove_names_add(space->untranslated, agreement->id, "settle has too many combinations");
        settles = space->no;
    }
    settles = term_and(space, settles, blocked);
    if (settles != space->no) {
        name_reasons(space, agreement, &settled, status, settles, finding);
    }
    name_reasons(space, agreement, &first, status, term_not(space, settles), finding);
}

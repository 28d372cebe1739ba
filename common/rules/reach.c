/* See reach.h.  A rule of one side is matched with the one of its section and label on the other
 * side; of several, by their order. */
#include "rules/reach.h"

#include "base/mem.h"
#include "rules/rules_priv.h"

struct reach_agreement {
    const struct agreement *agreement;
    bool *is_changed; /* by rule; at rule_count: `otherwise` */
    bool has_changed;
    bool is_reached;
    struct agreement_run run;
};

struct reach_side {
    struct ruleset *ruleset;
    struct arena arena;
    struct value *slots;
    struct reach_agreement *agreements;
};

struct reach {
    struct reach_side sides[2];
};

/* --- what differs ------------------------------------------------------------------------------
 */

static const struct agreement *agreement_of(const struct ruleset *ruleset, const char *id) {
    for (uint32_t i = 0; i < ruleset->agreement_count; i++) {
        if (strcmp(ruleset->agreements[i]->id, id) == 0) {
            return ruleset->agreements[i];
        }
    }
    return NULL;
}

static bool same_events(const struct agreement *a, const struct agreement *b) {
    bool same = a->is_without_status == b->is_without_status && a->legal_count == b->legal_count;
    for (uint32_t i = 0; same && i < a->legal_count; i++) {
        const struct legal_event *x = &a->legal[i];
        const struct legal_event *y = &b->legal[i];
        same = x->date == y->date && x->recorded == y->recorded &&
               x->corrected_from == y->corrected_from && x->kind == y->kind;
    }
    return same;
}

static bool same_fact(const struct fact *a, const struct fact *b) {
    bool same = strcmp(a->name, b->name) == 0 && a->type == b->type && a->officer == b->officer &&
                a->word_count == b->word_count;
    for (uint32_t i = 0; same && i < a->word_count; i++) {
        same = strcmp(a->words[i], b->words[i]) == 0;
    }
    return same;
}

/* Programs name slots by number, which is the same fact only under the same schema. */
static bool same_facts(const struct agreement *a, const struct agreement *b,
                       const struct rule *rule) {
    const struct schema *first = a->ruleset->schema;
    const struct schema *second = b->ruleset->schema;
    bool is_read[SLOTS_MAX] = {false};
    rule_reads(rule, is_read);
    for (uint32_t slot = 0; slot < first->slot_count; slot++) {
        if (is_read[slot] &&
            (slot >= second->slot_count || !same_fact(first->slots[slot], second->slots[slot]))) {
            return false;
        }
    }
    return !is_read[first->slot_count + EXTRA_IN_FORCE_ON] || same_events(a, b);
}

static bool is_like(const struct rule *a, const struct rule *b) {
    return a->section == b->section && a->is_status == b->is_status &&
           strcmp(a->label, b->label) == 0;
}

/* The rule of `other` that rule `index` is matched with; rule_count: there is none. */
static uint32_t match_of(const struct agreement *agreement, uint32_t index,
                         const struct agreement *other) {
    const struct rule *rule = &agreement->rules[index];
    uint32_t before = 0;
    for (uint32_t i = 0; i < index; i++) {
        before += is_like(&agreement->rules[i], rule) ? 1 : 0;
    }
    uint32_t at = 0;
    while (at < other->rule_count && !(is_like(&other->rules[at], rule) && before-- == 0)) {
        at++;
    }
    return at;
}

static bool same_rule(const struct agreement *a, uint32_t index, const struct agreement *b,
                      uint32_t match) {
    if (match == b->rule_count) {
        return false;
    }
    const struct rule *rule = &a->rules[index];
    return rule->is_status ? same_events(a, b)
                           : rule_same(rule, &b->rules[match]) && same_facts(a, b, rule);
}

/* Of two rules that hold together, the first gives the reason. */
static bool is_moved(const uint32_t *matches, uint32_t count, uint32_t index, uint32_t none) {
    for (uint32_t i = 0; i < count && matches[index] != none; i++) {
        if (matches[i] != none && (i < index) != (matches[i] < matches[index]) && i != index) {
            return true;
        }
    }
    return false;
}

/* other NULL: all of it is new. */
static void find_changed(struct reach_agreement *row, const struct agreement *other) {
    const struct agreement *agreement = row->agreement;
    uint32_t count = agreement->rule_count;
    uint32_t matches[RULES_MAX];
    row->is_changed = mem_zero(count + 1, sizeof(*row->is_changed));
    for (uint32_t i = 0; i < count && other != NULL; i++) {
        matches[i] = match_of(agreement, i, other);
    }
    for (uint32_t i = 0; i < count; i++) {
        row->is_changed[i] = other == NULL || !same_rule(agreement, i, other, matches[i]) ||
                             is_moved(matches, count, i, other->rule_count);
        row->has_changed = row->has_changed || row->is_changed[i];
    }
    row->is_changed[count] = other == NULL || strcmp(agreement->otherwise, other->otherwise) != 0;
    row->has_changed = row->has_changed || row->is_changed[count];
}

static void side_open(struct reach_side *side, struct ruleset *ruleset,
                      const struct ruleset *other) {
    side->ruleset = ruleset_ref(ruleset);
    arena_init(&side->arena, RUN_ARENA_BYTES_MAX);
    side->slots = mem_zero(ruleset->schema->slot_count + EXTRA_COUNT, sizeof(*side->slots));
    side->agreements = mem_zero(ruleset->agreement_count, sizeof(*side->agreements));
    for (uint32_t i = 0; i < ruleset->agreement_count; i++) {
        struct reach_agreement *row = &side->agreements[i];
        row->agreement = ruleset->agreements[i];
        agreement_run_init(&row->run, row->agreement, &side->arena, side->slots);
        find_changed(row, agreement_of(other, row->agreement->id));
    }
}

struct reach *reach_new(struct ruleset *a, struct ruleset *b) {
    struct reach *reach = mem_zero(1, sizeof(*reach));
    side_open(&reach->sides[0], a, b);
    side_open(&reach->sides[1], b, a);
    return reach;
}

void reach_free(struct reach **reach) {
    struct reach *old = *reach;
    *reach = NULL;
    for (int s = 0; old != NULL && s < 2; s++) {
        struct reach_side *side = &old->sides[s];
        for (uint32_t i = 0; i < side->ruleset->agreement_count; i++) {
            agreement_run_fini(&side->agreements[i].run);
            mem_free(side->agreements[i].is_changed);
        }
        mem_free(side->agreements);
        mem_free(side->slots);
        arena_free(&side->arena);
        ruleset_unref(&side->ruleset);
    }
    mem_free(old);
}

/* --- what a case reaches -----------------------------------------------------------------------
 */

static bool is_reached_by(struct reach_agreement *row, int32_t reference_date, int32_t as_of) {
    const struct agreement *agreement = row->agreement;
    struct finding finding;
    agreement_evaluate(&row->run, reference_date, as_of, &finding);
    agreement_run_forget(&row->run); /* settle leaves the states of what it tried */
    enum disposition disposition = finding.result.disposition;
    bool asks_officers = disposition == DISPOSITION_SCREENING_REQUIRED ||
                         disposition == DISPOSITION_SUBJECT_TO_AGREEMENT;
    uint32_t end = asks_officers ? agreement->rule_count : agreement->officer_first;
    for (uint32_t i = 0; i < end; i++) {
        enum rule_truth truth = rule_truth(&row->run, i);
        if (row->is_changed[i] &&
            (truth == RULE_TRUE || truth == RULE_FALSE || truth == RULE_ERROR)) {
            return true;
        }
        if (truth == RULE_TRUE) {
            return false; /* it decides */
        }
    }
    return disposition == DISPOSITION_SUBJECT_TO_AGREEMENT &&
           row->is_changed[agreement->rule_count];
}

void reach_case(struct reach *reach, int side, const struct case_doc *doc, int32_t reference_date,
                int32_t as_of) {
    CHECK(side == 0 || side == 1);
    CHECK(doc->fault_count == 0);
    struct reach_side *of = &reach->sides[side];
    memcpy(of->slots, doc->slots, of->ruleset->schema->slot_count * sizeof(*of->slots));
    for (uint32_t i = 0; i < of->ruleset->agreement_count; i++) {
        struct reach_agreement *row = &of->agreements[i];
        if (row->has_changed && !row->is_reached) {
            arena_reset(&of->arena);
            row->is_reached = is_reached_by(row, reference_date, as_of);
        }
    }
}

enum reach_state reach_of(const struct reach *reach, const char *id) {
    enum reach_state state = REACH_UNCHANGED;
    for (int s = 0; s < 2; s++) {
        const struct reach_side *side = &reach->sides[s];
        for (uint32_t i = 0; i < side->ruleset->agreement_count; i++) {
            const struct reach_agreement *row = &side->agreements[i];
            if (!row->has_changed || (id != NULL && strcmp(id, row->agreement->id) != 0)) {
                continue;
            }
            if (row->is_reached) {
                return REACH_REACHED;
            }
            state = REACH_MISSED;
        }
    }
    return state;
}

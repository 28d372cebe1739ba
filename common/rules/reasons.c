/* Purpose: facts about an agreement's rules that are computed once, at load: the numbers of its
 * reasons, and the facts that settle may try. */
#include "rules/rules_priv.h"

/* --- reasons -----------------------------------------------------------------------------------
 */

const char *disposition_name(enum disposition disposition) {
    static const char *const names[] = {"not_subject", "exception_applies",
                                        "insufficient_information", "screening_required",
                                        "subject_to_agreement"};
    CHECK(disposition < DISPOSITION_COUNT);
    return names[disposition];
}

uint32_t reason_find(const struct agreement *agreement, enum disposition disposition,
                     struct span label) {
    uint32_t i = 0;
    while (i < agreement->reason_count && !(agreement->reasons[i].disposition == disposition &&
                                            span_is(label, agreement->reasons[i].label))) {
        i++;
    }
    return i;
}

static uint16_t reason_add(struct agreement *agreement, enum disposition disposition,
                           const char *label) {
    uint32_t number = reason_find(agreement, disposition, span_str(label));
    if (number == agreement->reason_count) {
        agreement->reasons[agreement->reason_count++] =
            (struct reason){.disposition = disposition, .label = label};
    }
    return (uint16_t)number;
}

static enum disposition section_disposition(enum section section) {
    static const enum disposition dispositions[] = {
        DISPOSITION_NOT_SUBJECT, DISPOSITION_NOT_SUBJECT, DISPOSITION_NOT_SUBJECT,
        DISPOSITION_EXCEPTION_APPLIES, DISPOSITION_SCREENING_REQUIRED};
    CHECK(section < COUNT_OF(dispositions));
    return dispositions[section];
}

void reasons_build(struct agreement *agreement) {
    size_t most = (size_t)agreement->rule_count * 2 + STATUS_REASON_COUNT + 1;
    CHECK(most <= UINT16_MAX);
    agreement->reasons = agreement_take(agreement, most, sizeof(*agreement->reasons));
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        struct rule *rule = &agreement->rules[i];
        enum disposition disposition = section_disposition(rule->section);
        if (!rule->is_status) {
            rule->reason_true = reason_add(agreement, disposition, rule->label);
            continue;
        }
        for (enum status_reason k = 0; k < STATUS_REASON_COUNT; k++) {
            agreement->status_reasons[k] =
                reason_add(agreement, disposition, status_reason_label(k));
        }
    }
    for (uint32_t i = 0; i < agreement->officer_first; i++) {
        struct rule *rule = &agreement->rules[i];
        if (!rule->is_status) {
            rule->reason_open =
                reason_add(agreement, DISPOSITION_INSUFFICIENT_INFORMATION, rule->label);
        }
    }
    agreement->otherwise_reason =
        reason_add(agreement, DISPOSITION_SUBJECT_TO_AGREEMENT, agreement->otherwise);
}

/* --- what rules read ---------------------------------------------------------------------------
 */

uint32_t program_uses(const struct cel_program *program, struct cel_use uses[PATHS_MAX * 2]) {
    if (program == NULL) {
        return 0;
    }
    uint32_t count = cel_program_uses(program, uses, PATHS_MAX * 2);
    CHECK(count <= PATHS_MAX * 2); /* one row per slot, and slots are paths plus a few extra */
    return count;
}

void rule_reads(const struct rule *rule, bool is_read[SLOTS_MAX]) {
    const struct cel_program *programs[] = {rule->given, rule->when};
    if (rule->has_from || rule->has_until) {
        is_read[rule->by_slot] = true;
    }
    for (size_t p = 0; p < COUNT_OF(programs); p++) {
        struct cel_use uses[PATHS_MAX * 2];
        uint32_t count = program_uses(programs[p], uses);
        for (uint32_t i = 0; i < count; i++) {
            CHECK(uses[i].slot < SLOTS_MAX);
            is_read[uses[i].slot] = true;
        }
    }
}

/* The slot's fact, or a leaf of the records in its list. */
static bool has_officer(const struct fact *fact) {
    bool is_officer = fact->officer;
    for (uint32_t i = 0; fact->element != NULL && i < fact->element->field_count; i++) {
        is_officer = is_officer || fact->element->fields[i].officer;
    }
    return is_officer;
}

bool rule_uses_officer(const struct agreement *agreement, const struct rule *rule) {
    const struct schema *schema = agreement->ruleset->schema;
    bool is_read[SLOTS_MAX] = {false};
    bool is_officer = false;
    rule_reads(rule, is_read);
    for (uint32_t i = 0; i < schema->slot_count && !is_officer; i++) {
        is_officer = is_read[i] && has_officer(schema->slots[i]);
    }
    return is_officer;
}

/* --- settle's facts ----------------------------------------------------------------------------
 */

struct reading {
    uint32_t rules; /* number of rules that read the slot */
    bool plain, negated;
};

static void read_program(const struct cel_program *program, uint32_t slot_count,
                         struct reading *readings, bool *is_read) {
    struct cel_use uses[PATHS_MAX * 2];
    uint32_t count = program_uses(program, uses);
    for (uint32_t i = 0; i < count; i++) {
        if (uses[i].slot < slot_count) {
            readings[uses[i].slot].plain |= uses[i].plain;
            readings[uses[i].slot].negated |= uses[i].negated;
            is_read[uses[i].slot] = true;
        }
    }
}

/* Two-sided: read by several rules, or both plain and negated, over the whole agreement. */
void reasons_find_settle_slots(struct agreement *agreement) {
    const struct schema *schema = agreement->ruleset->schema;
    struct reading readings[PATHS_MAX] = {0};
    CHECK(schema->slot_count <= PATHS_MAX);
    for (uint32_t r = 0; r < agreement->rule_count; r++) {
        bool is_read[PATHS_MAX] = {false};
        read_program(agreement->rules[r].given, schema->slot_count, readings, is_read);
        read_program(agreement->rules[r].when, schema->slot_count, readings, is_read);
        for (uint32_t i = 0; i < schema->slot_count; i++) {
            readings[i].rules += is_read[i] ? 1 : 0;
        }
    }
    agreement->settle_slots =
        agreement_take(agreement, schema->slot_count, sizeof(*agreement->settle_slots));
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        const struct fact *fact = schema->slots[i];
        bool is_two_sided = readings[i].rules > 1 || (readings[i].plain && readings[i].negated);
        if (is_two_sided && !fact->officer &&
            (fact->type == FACT_BOOL || fact->type == FACT_ENUM)) {
            agreement->settle_slots[agreement->settle_count++] = (uint16_t)i;
        }
    }
}

/* --- the slots that a case needs ---------------------------------------------------------------
 */

void ruleset_slots_read(const struct ruleset *ruleset, struct path_set *slots) {
    bool is_read[SLOTS_MAX] = {false};
    for (uint32_t i = 0; i < ruleset->agreement_count; i++) {
        const struct agreement *agreement = ruleset->agreements[i];
        for (uint32_t r = 0; r < agreement->rule_count; r++) {
            rule_reads(&agreement->rules[r], is_read);
        }
    }
    for (uint32_t slot = 0; slot < ruleset->schema->slot_count; slot++) {
        if (is_read[slot]) {
            path_set_add(slots, slot);
        }
    }
}

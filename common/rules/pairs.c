/* See pairs.h.  There is a projected finding where the agreement is not in force on the case's day,
 * and the line `status` is true then.  So the finding comes from that line or from a rule before
 * it.  A rule before section in_force decides both.  Only without that line, the finding can come
 * from any rule. */
#include "rules/pairs.h"

#include "base/mem.h"
#include "rules/rules_priv.h"

/* What a reason can be part of. */
struct use {
    bool decides_both; /* of a rule before section in_force */
    bool is_beside;    /* the finding beside a projected one of any rule */
    bool is_projected; /* of a rule outside section in_force */
};

static void use_rule(const struct agreement *agreement, uint32_t index, uint32_t status,
                     struct use *uses) {
    const struct rule *rule = &agreement->rules[index];
    bool has_open = index < agreement->officer_first;
    if (rule->section != SECTION_IN_FORCE) {
        uses[rule->reason_true].is_projected = true;
        if (has_open) {
            uses[rule->reason_open].is_projected = true;
        }
        if (index < agreement->in_force_first) {
            uses[rule->reason_true].decides_both = true;
        }
    }
    if (rule->is_status) {
        for (enum status_reason k = 0; k < STATUS_REASON_COUNT; k++) {
            uses[agreement->status_reasons[k]].is_beside = true;
        }
    } else if (rule->section == SECTION_IN_FORCE && index < status) {
        uses[rule->reason_true].is_beside = true;
    }
}

static uint32_t status_rule(const struct agreement *agreement) {
    uint32_t at = 0;
    while (at < agreement->rule_count && !agreement->rules[at].is_status) {
        at++;
    }
    return at;
}

/* Without rules that only the projected finding leaves out, both are equal. */
static void use_all(const struct agreement *agreement, struct use *uses) {
    bool has_section = agreement->in_force_first < agreement->in_force_end;
    for (uint32_t i = 0; i < agreement->reason_count; i++) {
        uses[i].decides_both = true;
        uses[i].is_beside = has_section;
    }
}

static struct use *find_uses(const struct agreement *agreement) {
    struct use *uses = mem_zero(agreement->reason_count, sizeof(*uses));
    uint32_t status = status_rule(agreement);
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        use_rule(agreement, i, status, uses);
    }
    uses[agreement->otherwise_reason].is_projected = true;
    if (status == agreement->rule_count) {
        use_all(agreement, uses);
    }
    return uses;
}

static bool is_possible(const struct use *uses, uint32_t reason, uint32_t projected) {
    return (uses[reason].decides_both && reason == projected) ||
           (uses[reason].is_beside && uses[projected].is_projected);
}

uint32_t ruleset_pairs(const struct ruleset *ruleset, uint32_t agreement,
                       struct reason_pair **pairs) {
    CHECK(agreement < ruleset->agreement_count);
    const struct agreement *of = ruleset->agreements[agreement];
    struct use *uses = find_uses(of);
    uint32_t count = 0;
    uint32_t cap = 0;
    *pairs = NULL;
    for (uint32_t reason = 0; reason < of->reason_count; reason++) {
        MEM_ROOM(*pairs, count, cap, of->reason_count);
        (*pairs)[count++] = (struct reason_pair){(uint16_t)reason, PAIR_ALONE};
    }
    for (uint32_t reason = 0; reason < of->reason_count; reason++) {
        for (uint32_t projected = 0; projected < of->reason_count; projected++) {
            if (is_possible(uses, reason, projected)) {
                MEM_ROOM(*pairs, count, cap, of->reason_count);
                (*pairs)[count++] = (struct reason_pair){(uint16_t)reason, (uint16_t)projected};
            }
        }
    }
    mem_free(uses);
    return count;
}

/* Purpose: identical rules of several agreements share one condition, which a case evaluates once.
 * Each rule has a state for its result.  Rules share a state only if given, when, window and day of
 * record are the same.  A rule that reads its agreement's events has its own state. */
#include "rules/rules_priv.h"

#include "base/hash.h"
#include "base/mem.h"

/* Bounds the time to load a rule set with very many similar rules. */
enum { COMPARED_MAX = 1024 };

struct condition {
    const struct rule *rule; /* NULL: an empty slot of the table */
    uint64_t hash;
    uint32_t state;
};

struct numbering {
    struct condition *table;
    uint32_t mask;
    uint32_t count;
};

static bool has_window(const struct rule *rule) { return rule->has_from || rule->has_until; }

static bool reads_own_events(const struct ruleset *ruleset, const struct rule *rule) {
    bool is_read[SLOTS_MAX] = {false};
    rule_reads(rule, is_read);
    return rule->is_status || is_read[ruleset->schema->slot_count + EXTRA_IN_FORCE_ON];
}

static bool program_same(const struct cel_program *a, const struct cel_program *b) {
    return a == b || (a != NULL && b != NULL && cel_program_same(a, b));
}

bool rule_same(const struct rule *a, const struct rule *b) {
    bool same_window = a->has_from == b->has_from && a->has_until == b->has_until &&
                       (!has_window(a) ||
                        (a->from == b->from && a->until == b->until && a->by_slot == b->by_slot));
    bool same_record = a->has_recorded == b->has_recorded && a->recorded == b->recorded;
    return same_window && same_record && program_same(a->given, b->given) &&
           program_same(a->when, b->when);
}

static void hash_program(struct buf *text, const struct cel_program *program) {
    struct cel_use uses[PATHS_MAX * 2];
    uint32_t count = program_uses(program, uses);
    buf_le64(text, program == NULL ? 0 : cel_program_cost(program));
    for (uint32_t i = 0; i < count; i++) {
        buf_le16(text, uses[i].slot);
    }
}

static uint64_t rule_hash(const struct rule *rule, struct buf *text) {
    buf_clear(text);
    buf_le32(text, rule->has_recorded ? (uint32_t)rule->recorded : 0);
    buf_le32(text, rule->has_from ? (uint32_t)rule->from : 0);
    buf_le32(text, rule->has_until ? (uint32_t)rule->until : 0);
    hash_program(text, rule->given);
    hash_program(text, rule->when);
    return hash64(buf_span(text));
}

static uint32_t state_of(struct numbering *numbering, const struct rule *rule, uint64_t hash) {
    uint32_t at = (uint32_t)hash & numbering->mask;
    uint32_t compared = 0;
    for (; numbering->table[at].rule != NULL; at = (at + 1) & numbering->mask) {
        const struct condition *known = &numbering->table[at];
        if (known->hash != hash) {
            continue;
        }
        if (rule_same(known->rule, rule)) {
            return known->state;
        }
        if (++compared == COMPARED_MAX) {
            return numbering->count++;
        }
    }
    numbering->table[at] = (struct condition){rule, hash, numbering->count};
    return numbering->count++;
}

void conditions_number(struct ruleset *ruleset) {
    struct numbering numbering = {.mask = 1};
    uint32_t rules = 0;
    for (uint32_t a = 0; a < ruleset->agreement_count; a++) {
        rules += ruleset->agreements[a]->rule_count;
    }
    while (numbering.mask < 2 * rules) {
        numbering.mask = numbering.mask * 2 + 1;
    }
    numbering.table = mem_zero(numbering.mask + 1, sizeof(*numbering.table));
    struct buf text = BUF_EMPTY;
    for (uint32_t a = 0; a < ruleset->agreement_count; a++) {
        struct agreement *agreement = ruleset->agreements[a];
        agreement->indexes =
            agreement_take(agreement, agreement->rule_count, sizeof(*agreement->indexes));
        for (uint32_t i = 0; i < agreement->rule_count; i++) {
            const struct rule *rule = &agreement->rules[i];
            agreement->indexes[i] = reads_own_events(ruleset, rule)
                                        ? numbering.count++
                                        : state_of(&numbering, rule, rule_hash(rule, &text));
        }
    }
    ruleset->condition_count = numbering.count;
    buf_free(&text);
    mem_free(numbering.table);
}

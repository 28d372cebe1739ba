/* Purpose: the rules of a document: five sections in order, groups with a shared condition, windows
 * on a date, and the line `status`. */
#include "rules/rules_priv.h"

#include "base/suggest.h"

static const char *const section_names[] = {"scope", "in_force", "exclusions", "exceptions",
                                            "officer"};
_Static_assert(COUNT_OF(section_names) == SECTION_COUNT, "a name per section");

const char *section_name(enum section section) {
    CHECK(section < SECTION_COUNT);
    return section_names[section];
}

/* --- labels ------------------------------------------------------------------------------------
 */

static bool is_label(struct span label) {
    for (size_t i = 0; i < label.len; i++) {
        uint8_t byte = label.ptr[i];
        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_')) {
            return false;
        }
    }
    return label.len > 0 && label.len <= 96;
}

/* The section that already uses the label; SECTION_COUNT when none does. */
static enum section label_section(const struct agreement *agreement, const char *label) {
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        const struct rule *rule = &agreement->rules[i];
        if (!rule->is_status && strcmp(rule->label, label) == 0) {
            return rule->section;
        }
        for (enum status_reason k = 0; rule->is_status && k < STATUS_REASON_COUNT; k++) {
            if (strcmp(status_reason_label(k), label) == 0) {
                return rule->section;
            }
        }
    }
    return SECTION_COUNT;
}

/* section SECTION_COUNT: `otherwise`; no section may use its label. */
static enum err label_check(const struct loading *loading, const struct yaml_node *map,
                            const char *label, enum section section) {
    const struct yaml_node *node = yaml_get(map, "label");
    if (!is_label(span_str(label))) {
        return field_fail(loading, node, ERR_INVALID, "a label is 1 to 96 of a-z, 0-9 and _");
    }
    enum section known = label_section(loading->agreement, label);
    if (known != SECTION_COUNT && known != section) {
        return field_fail(
            loading, node, ERR_CONFLICT,
            "label %s is already in section %s: a label belongs to one section, so give "
            "this rule another",
            label, section_names[known]);
    }
    return ERR_OK;
}

/* --- one rule ----------------------------------------------------------------------------------
 */

static enum err window_fact(const struct loading *loading, const struct yaml_node *node,
                            uint16_t *slot) {
    const struct schema *schema = loading->ruleset->schema;
    if (span_is(node->text, "reference_date")) {
        return ERR_OK;
    }
    struct suggest suggest;
    suggest_init(&suggest, node->text);
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        if (schema->slots[i]->type != FACT_DATE) {
            continue;
        }
        if (span_is(node->text, schema->slots[i]->name)) {
            *slot = schema->slots[i]->slot;
            return ERR_OK;
        }
        suggest_offer(&suggest, span_str(schema->slots[i]->name));
    }
    return field_fail(loading, node, ERR_INVALID,
                      "`by` names a date fact or reference_date%s%.*s%s", SUGGEST_ARG(suggest));
}

static enum err window_read(const struct loading *loading, const struct yaml_node *map,
                            struct rule *rule) {
    rule->by_slot = (uint16_t)(loading->ruleset->schema->slot_count + EXTRA_REFERENCE_DATE);
    enum err err = field_date_opt(loading, map, "from", &rule->has_from, &rule->from);
    if (err == ERR_OK) {
        err = field_date_opt(loading, map, "until", &rule->has_until, &rule->until);
    }
    const struct yaml_node *by = yaml_get(map, "by");
    if (err != ERR_OK || by == NULL) {
        return err;
    }
    err = field_expect_kind(loading, by, YAML_SCALAR, "by");
    if (err == ERR_OK && !rule->has_from && !rule->has_until) {
        err = field_fail(loading, by, ERR_INVALID, "`by` without `from` or `until` has no effect");
    }
    return err == ERR_OK ? window_fact(loading, by, &rule->by_slot) : err;
}

/* Rules of one label, group and date are versions of one rule, one for each day; with the same
 * days, they are alternatives. */
static bool is_same_window(const struct rule *a, const struct rule *b) {
    return a->has_from == b->has_from && a->has_until == b->has_until && a->from == b->from &&
           a->until == b->until;
}

static enum err validity_check(const struct loading *loading, const struct yaml_node *map,
                               const struct rule *rule) {
    const struct agreement *agreement = loading->agreement;
    if (rule->has_from && rule->has_until && rule->from >= rule->until) {
        return field_fail(loading, yaml_get(map, "until"), ERR_INVALID,
                          "no day is on or after `from` and before `until`");
    }
    if (!rule->has_from && !rule->has_until) {
        return ERR_OK;
    }
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        const struct rule *other = &agreement->rules[i];
        bool is_version = (other->has_from || other->has_until) && other->given == rule->given &&
                          other->by_slot == rule->by_slot && strcmp(other->label, rule->label) == 0;
        bool is_before = other->has_until && rule->has_from && other->until <= rule->from;
        bool is_after = rule->has_until && other->has_from && rule->until <= other->from;
        if (is_version && !is_before && !is_after && !is_same_window(other, rule)) {
            return field_fail(
                loading, yaml_get(map, rule->has_from ? "from" : "until"), ERR_CONFLICT,
                "the rule %s before it holds on some of these days: end it where this one begins",
                rule->label);
        }
    }
    return ERR_OK;
}

static enum err rule_read(struct loading *loading, const struct yaml_node *map,
                          const struct cel_program *given, enum section section) {
    static const char *const keys[] = {"label", "when", "cite",     "verify", "from",
                                       "until", "by",   "recorded", NULL};
    struct agreement *agreement = loading->agreement;
    struct rule rule = {.section = section, .given = given};
    const struct yaml_node *when = NULL;
    enum err err = field_map(loading, map, "a rule", keys);
    if (err == ERR_OK) {
        err = field_text(loading, map, "label", &rule.label);
    }
    if (err == ERR_OK) {
        err = label_check(loading, map, rule.label, section);
    }
    if (err == ERR_OK) {
        err = field_text(loading, map, "cite", &rule.cite);
    }
    if (err == ERR_OK) {
        err = field_bool_opt(loading, map, "verify", &rule.verify);
    }
    if (err == ERR_OK) {
        err = field_date_opt(loading, map, "recorded", &rule.has_recorded, &rule.recorded);
    }
    if (err == ERR_OK) {
        err = window_read(loading, map, &rule);
    }
    if (err == ERR_OK) {
        err = validity_check(loading, map, &rule);
    }
    if (err == ERR_OK) {
        err = field_need(loading, map, "when", YAML_SCALAR, &when);
    }
    if (err == ERR_OK) {
        err = expr_compile(loading, when, cel_type(agreement->env, CEL_BOOL), &rule.when);
    }
    if (err == ERR_OK && agreement->rule_count == RULES_MAX) {
        err = field_fail(loading, map, ERR_TOO_LARGE, "more than %d rules", RULES_MAX);
    }
    if (err == ERR_OK) {
        agreement->rules[agreement->rule_count++] = rule;
    }
    return err;
}

static enum err group_read(struct loading *loading, const struct yaml_node *map,
                           enum section section) {
    static const char *const keys[] = {"given", "rules", NULL};
    const struct yaml_node *given = NULL;
    const struct yaml_node *rules = NULL;
    const struct cel_program *program = NULL;
    enum err err = yaml_only_keys(loading->yaml, map, keys, loading->diag);
    if (err == ERR_OK) {
        err = field_need(loading, map, "given", YAML_SCALAR, &given);
    }
    if (err == ERR_OK) {
        err = field_need(loading, map, "rules", YAML_SEQ, &rules);
    }
    if (err == ERR_OK) {
        err = expr_compile(loading, given, cel_type(loading->agreement->env, CEL_BOOL), &program);
    }
    for (const struct yaml_node *node = rules == NULL ? NULL : rules->first;
         err == ERR_OK && node != NULL; node = node->next) {
        if (yaml_get(node, "given") != NULL) {
            return field_fail(loading, node, ERR_INVALID,
                              "a group inside a group: groups have one level");
        }
        err = rule_read(loading, node, program, section);
    }
    return err;
}

/* `{status: none, why: TEXT}` */
static enum err status_none_read(const struct loading *loading, const struct yaml_node *map) {
    static const char *const keys[] = {"status", "why", NULL};
    const char *text = NULL;
    enum err err = yaml_only_keys(loading->yaml, map, keys, loading->diag);
    if (err == ERR_OK) {
        err = field_text(loading, map, "status", &text);
    }
    if (err == ERR_OK && strcmp(text, "none") != 0) {
        err = field_fail(loading, yaml_get(map, "status"), ERR_INVALID,
                         "expected `none`; a document with events has the line `- status`");
    }
    return err == ERR_OK ? field_text(loading, map, "why", &text) : err;
}

static enum err status_read(struct loading *loading, const struct yaml_node *node,
                            enum section section) {
    struct agreement *agreement = loading->agreement;
    if (section != SECTION_IN_FORCE ||
        (node->kind == YAML_SCALAR && !span_is(node->text, "status"))) {
        return field_fail(loading, node, ERR_INVALID, "expected a rule%s",
                          section == SECTION_IN_FORCE ? " or the line `status`" : "");
    }
    enum err err = node->kind == YAML_SCALAR ? ERR_OK : status_none_read(loading, node);
    if (err != ERR_OK) {
        return err;
    }
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        if (agreement->rules[i].is_status) {
            return field_fail(loading, node, ERR_CONFLICT, "`status` occurs twice here");
        }
    }
    for (enum status_reason i = 0; i < STATUS_REASON_COUNT; i++) {
        enum section known = label_section(agreement, status_reason_label(i));
        if (known != SECTION_COUNT && known != section) {
            return field_fail(loading, node, ERR_CONFLICT,
                              "label %s of `status` is already in section %s",
                              status_reason_label(i), section_names[known]);
        }
    }
    if (agreement->rule_count == RULES_MAX) {
        return field_fail(loading, node, ERR_TOO_LARGE, "more than %d rules", RULES_MAX);
    }
    agreement->rules[agreement->rule_count++] =
        (struct rule){.section = section, .is_status = true, .label = "status"};
    return ERR_OK;
}

/* --- sections ----------------------------------------------------------------------------------
 */

static enum err section_read(struct loading *loading, const struct yaml_node *rules,
                             enum section section) {
    const struct yaml_node *list = yaml_get(rules, section_names[section]);
    if (list == NULL || yaml_is_null(list)) {
        return ERR_OK;
    }
    enum err err = field_expect_kind(loading, list, YAML_SEQ, section_names[section]);
    for (const struct yaml_node *node = list->first; err == ERR_OK && node != NULL;
         node = node->next) {
        if (node->kind == YAML_SCALAR || yaml_get(node, "status") != NULL) {
            err = status_read(loading, node, section);
        } else if (yaml_get(node, "given") != NULL || yaml_get(node, "rules") != NULL) {
            err = group_read(loading, node, section);
        } else {
            err = rule_read(loading, node, NULL, section);
        }
    }
    return err;
}

/* File order is winning order, so the order of the sections is fixed. */
static enum err order_check(const struct loading *loading, const struct yaml_node *rules) {
    enum section last = 0;
    for (const struct yaml_node *node = rules->first; node != NULL; node = node->next) {
        for (enum section i = 0; i < SECTION_COUNT; i++) {
            if (!span_is(node->key->text, section_names[i])) {
                continue;
            }
            if (i < last) {
                return field_fail(loading, node->key, ERR_INVALID,
                                  "section %s must be before section %s", section_names[i],
                                  section_names[last]);
            }
            last = i;
        }
    }
    return ERR_OK;
}

static enum err otherwise_read(struct loading *loading, const struct yaml_node *rules) {
    static const char *const keys[] = {"label", "cite", NULL};
    const struct yaml_node *node = NULL;
    enum err err = field_need(loading, rules, "otherwise", YAML_MAP, &node);
    if (err == ERR_OK) {
        err = yaml_only_keys(loading->yaml, node, keys, loading->diag);
    }
    if (err == ERR_OK) {
        err = field_text(loading, node, "label", &loading->agreement->otherwise);
    }
    return err == ERR_OK ? label_check(loading, node, loading->agreement->otherwise, SECTION_COUNT)
                         : err;
}

static bool is_status_none(const struct yaml_node *entry) {
    const struct yaml_node *status = yaml_get(entry, "status");
    return status != NULL && status->kind == YAML_SCALAR && span_is(status->text, "none");
}

const struct yaml_node *rules_status_none(const struct yaml_node *root) {
    const struct yaml_node *rules = yaml_get(root, "rules");
    const struct yaml_node *node =
        rules == NULL ? NULL : field_first(rules, section_names[SECTION_IN_FORCE]);
    while (node != NULL && !is_status_none(node)) {
        node = node->next;
    }
    return node;
}

/* Without it, the agreement would decide on days on which it is not in force. */
static enum err status_check(const struct loading *loading, const struct yaml_node *rules) {
    const struct agreement *agreement = loading->agreement;
    bool is_found = loading->ruleset->is_stored;
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        is_found = is_found || agreement->rules[i].is_status;
    }
    if (is_found) {
        return ERR_OK;
    }
    const struct yaml_node *list = yaml_get(rules, section_names[SECTION_IN_FORCE]);
    return field_fail(loading, list == NULL ? rules : list->key, ERR_INVALID,
                      "section in_force needs the line `- status`: without it, the agreement also "
                      "decides before its entry into force and after its end; only a document "
                      "without events has `- {status: none, why: TEXT}` instead");
}

/* If only an officer's fact leaves a rule open, the case needs an officer rule to go to. */
static enum err officer_check(const struct loading *loading, const struct yaml_node *rules) {
    const struct agreement *agreement = loading->agreement;
    if (agreement->officer_first < agreement->rule_count) {
        return ERR_OK;
    }
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        if (rule_uses_officer(agreement, &agreement->rules[i])) {
            return field_fail(loading, rules, ERR_INVALID,
                              "rule %s reads a fact that an officer supplies, so section officer "
                              "needs a rule",
                              agreement->rules[i].label);
        }
    }
    return ERR_OK;
}

static void section_begins(struct agreement *agreement, enum section section) {
    if (section == SECTION_IN_FORCE) {
        agreement->in_force_first = agreement->rule_count;
    } else if (section == SECTION_EXCLUSIONS) {
        agreement->in_force_end = agreement->rule_count;
    } else if (section == SECTION_OFFICER) {
        agreement->officer_first = agreement->rule_count;
    }
}

enum err rules_load(struct loading *loading, const struct yaml_node *root) {
    static const char *const keys[] = {"scope",   "in_force",  "exclusions", "exceptions",
                                       "officer", "otherwise", NULL};
    struct agreement *agreement = loading->agreement;
    const struct yaml_node *rules = NULL;
    enum err err = field_need(loading, root, "rules", YAML_MAP, &rules);
    if (err == ERR_OK) {
        err = yaml_only_keys(loading->yaml, rules, keys, loading->diag);
    }
    if (err == ERR_OK) {
        err = order_check(loading, rules);
    }
    agreement->rules = agreement_take(agreement, RULES_MAX, sizeof(*agreement->rules));
    for (enum section i = 0; err == ERR_OK && i < SECTION_COUNT; i++) {
        section_begins(agreement, i);
        err = section_read(loading, rules, i);
    }
    agreement->own_indexes =
        agreement_take(agreement, agreement->rule_count, sizeof(*agreement->own_indexes));
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        agreement->own_indexes[i] = i;
    }
    if (err == ERR_OK) {
        err = status_check(loading, rules);
    }
    if (err == ERR_OK) {
        err = otherwise_read(loading, rules);
    }
    return err == ERR_OK ? officer_check(loading, rules) : err;
}

/* Rules that can never give their reason: a condition that is always false, a rule after one that
 * always holds, the same condition again.  A condition that a parameter decides is intended, so it
 * is no finding. */
#include "rules/lint_priv.h"

static bool is_always(const struct lint_expr *expr, bool wanted) {
    struct value value = value_null();
    return !expr->hangs_on_parameter && cel_program_constant(expr->program, &value) &&
           value.kind == VAL_BOOL && value.b == wanted;
}

static bool is_limited(const struct rule *rule) {
    return rule->has_from || rule->has_until || rule->has_recorded;
}

static bool holds_always(const struct linting *linting, uint32_t index) {
    const struct lint_rule *read = &linting->rules[index];
    return read->map != NULL && !is_limited(&linting->agreement->rules[index]) &&
           (read->given == NULL || is_always(read->given, true)) && is_always(read->when, true);
}

/* The projected finding skips section in_force, so rules there precede only rules of that
 * section. */
static bool is_before(const struct linting *linting, uint32_t a, uint32_t b) {
    const struct rule *first = &linting->agreement->rules[a];
    return a < b && (first->section != SECTION_IN_FORCE ||
                     first->section == linting->agreement->rules[b].section);
}

/* Equal except for spaces outside of quotes. */
static bool is_same_text(struct span a, struct span b) {
    size_t i = 0;
    size_t k = 0;
    uint8_t quote = 0;
    for (;;) {
        while (quote == 0 && i < a.len && (a.ptr[i] == ' ' || a.ptr[i] == '\n')) {
            i++;
        }
        while (quote == 0 && k < b.len && (b.ptr[k] == ' ' || b.ptr[k] == '\n')) {
            k++;
        }
        if (i == a.len || k == b.len) {
            return i == a.len && k == b.len;
        }
        if (a.ptr[i] != b.ptr[k]) {
            return false;
        }
        if (quote == 0 && (a.ptr[i] == '"' || a.ptr[i] == '\'')) {
            quote = a.ptr[i];
        } else if (a.ptr[i] == quote) {
            quote = 0;
        }
        i++;
        k++;
    }
}

/* Whether a holds on every case and day on which b holds. */
static bool covers(const struct linting *linting, uint32_t a, uint32_t b) {
    const struct rule *first = &linting->agreement->rules[a];
    const struct rule *second = &linting->agreement->rules[b];
    const struct lint_rule *x = &linting->rules[a];
    const struct lint_rule *y = &linting->rules[b];
    bool is_dated = first->has_from || first->has_until;
    if (x->map == NULL || y->map == NULL ||
        (first->has_recorded && (!second->has_recorded || second->recorded < first->recorded)) ||
        (is_dated && first->by_slot != second->by_slot) ||
        (first->has_from && (!second->has_from || second->from < first->from)) ||
        (first->has_until && (!second->has_until || second->until > first->until))) {
        return false;
    }
    bool same_group = x->given == NULL || (y->given != NULL && is_same_text(x->given->node->text,
                                                                            y->given->node->text));
    return same_group && is_same_text(x->when->node->text, y->when->node->text);
}

static void lint_constant(struct linting *linting, const struct lint_expr *expr, const char *what) {
    bool is_true = is_always(expr, true);
    if (is_true || is_always(expr, false)) {
        (void)lint_add(linting, expr->node, !is_true,
                       is_true ? "omit it if that is intended" : "remove the rule",
                       "this %s is always %s%s", what, is_true ? "true" : "false",
                       is_true ? "" : ", so its rules can never win");
    }
}

static void lint_behind(struct linting *linting, uint32_t index) {
    const struct lint_rule *read = &linting->rules[index];
    for (uint32_t i = 0; i < index; i++) {
        if (!is_before(linting, i, index)) {
            continue;
        }
        bool always = holds_always(linting, i);
        if (always || covers(linting, i, index)) {
            (void)lint_add(linting, yaml_get(read->map, "label"), true,
                           "remove it, or move it before that rule",
                           "rule %s can never win: rule %s on line %u %s",
                           linting->agreement->rules[index].label,
                           linting->agreement->rules[i].label, linting->rules[i].map->line,
                           always ? "always holds" : "has the same condition");
            return;
        }
    }
}

void lint_reach(struct linting *linting) {
    const struct lint_expr *group = NULL;
    for (uint32_t i = 0; i < linting->agreement->rule_count; i++) {
        const struct lint_rule *read = &linting->rules[i];
        if (read->map == NULL) {
            continue;
        }
        if (read->given != NULL && read->given != group) {
            lint_constant(linting, read->given, "condition of a group");
        }
        group = read->given;
        lint_constant(linting, read->when, "condition");
        lint_behind(linting, i);
    }
}

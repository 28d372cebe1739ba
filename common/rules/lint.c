/* See lint.h.  The conditions were compiled in document order, so a second walk finds the location
 * of each program. */
#include "rules/lint_priv.h"

#include "base/mem.h"

/* --- the document again ------------------------------------------------------------------------
 */

static const struct lint_expr *take_expr(struct linting *linting, const struct yaml_node *node) {
    CHECK(linting->expr_count < linting->agreement->program_count);
    struct lint_expr *expr = &linting->exprs[linting->expr_count];
    *expr = (struct lint_expr){.node = node,
                               .program = linting->agreement->programs[linting->expr_count]};
    linting->expr_count++;
    return expr;
}

static void read_variables(struct linting *linting) {
    const struct yaml_node *root = yaml_root(linting->known->yaml);
    for (const struct yaml_node *node = field_first(root, "variables"); node != NULL;
         node = node->next) {
        if (node->kind == YAML_SCALAR) {
            (void)take_expr(linting, node);
        }
    }
}

static void read_rules(struct linting *linting) {
    uint32_t at = 0;
    for (enum section section = 0; section < SECTION_COUNT; section++) {
        const struct yaml_node *list = lint_section(linting, section);
        for (const struct yaml_node *node = list == NULL ? NULL : list->first; node != NULL;
             node = node->next) {
            const struct yaml_node *group = yaml_get(node, "rules");
            const struct lint_expr *given =
                group == NULL ? NULL : take_expr(linting, yaml_get(node, "given"));
            const struct yaml_node *rule = group == NULL ? node : group->first;
            const struct yaml_node *end = group == NULL ? node->next : NULL;
            for (; rule != end; rule = rule->next) {
                CHECK(at < linting->agreement->rule_count);
                const struct yaml_node *when = yaml_get(rule, "when");
                struct lint_rule *read = &linting->rules[at++];
                if (when != NULL) {
                    *read = (struct lint_rule){rule, given, take_expr(linting, when)};
                }
            }
        }
    }
    CHECK(at == linting->agreement->rule_count);
}

/* --- checks of one condition -------------------------------------------------------------------
 */

static void lint_language(struct linting *linting) {
    for (uint32_t i = 0; i < linting->expr_count; i++) {
        const struct lint_expr *expr = &linting->exprs[i];
        struct cel_warning warning;
        for (uint32_t k = 0; cel_program_warning(expr->program, k, &warning); k++) {
            struct lint_finding *finding = lint_finding_new(linting->lint, false, warning.hint);
            finding->source = yaml_source(linting->known->yaml);
            (void)!yaml_fail_in(linting->known->yaml, expr->node, warning.offset, warning.width,
                                &finding->diag, warning.text);
        }
    }
}

/* An unknown officer rule leads to a screening, so intake need not supply the fact. */
static void lint_officer(struct linting *linting) {
    const struct schema *schema = linting->ruleset->schema;
    for (uint32_t i = linting->agreement->officer_first; i < linting->agreement->rule_count; i++) {
        struct cel_use uses[PATHS_MAX * 2];
        uint32_t count = program_uses(linting->agreement->rules[i].when, uses);
        for (uint32_t k = 0; k < count; k++) {
            if (uses[k].slot < schema->slot_count && !schema->slots[uses[k].slot]->officer) {
                (void)lint_add(linting, linting->rules[i].when->node, false,
                               "ask for it in an earlier section, or declare it asked_of: officer",
                               "%s is asked of intake: while it is unknown, this rule gives "
                               "screening_required, and the fact is not requested",
                               schema->slots[uses[k].slot]->name);
            }
        }
    }
}

static void lint_reasons(struct linting *linting) {
    const struct yaml_node *root = yaml_root(linting->known->yaml);
    for (const struct yaml_node *node = field_first(root, "parameters"); node != NULL;
         node = node->next) {
        if (yaml_get(node, "why") == NULL) {
            (void)lint_add(linting, node->key, false, "give the basis of the value in `why`",
                           "parameter %.*s has no reason or citation", SPAN_ARG(node->key->text));
        }
    }
}

static void lint_agreement(const struct ruleset *ruleset, const struct agreement *known,
                           struct lint *lint) {
    struct linting linting = {.lint = lint, .ruleset = ruleset, .known = known};
    struct agreement *plain = NULL;
    struct diag diag = {0};
    if (agreement_reload(known, NULL, 0, &plain, &diag) != ERR_OK) {
        struct lint_finding *finding =
            lint_finding_new(lint, true, "without the overrides this document does not load");
        finding->diag = diag;
        return;
    }
    linting.agreement = plain;
    linting.exprs = mem_zero(plain->program_count, sizeof(*linting.exprs));
    linting.rules = mem_zero(plain->rule_count, sizeof(*linting.rules));
    linting.names = mem_zero(PARAMETERS_MAX + VARIABLES_MAX, sizeof(*linting.names));
    read_variables(&linting);
    read_rules(&linting);
    lint_names_read(&linting);
    lint_language(&linting);
    lint_officer(&linting);
    lint_reasons(&linting);
    lint_unread(&linting);
    lint_reach(&linting);
    lint_overlaps(&linting);
    mem_free(linting.exprs);
    mem_free(linting.rules);
    mem_free(linting.names);
    agreement_free(&plain);
}

void ruleset_lint(const struct ruleset *ruleset, struct lint *lint) {
    lint_facts(lint, ruleset);
    for (uint32_t i = 0; i < ruleset->agreement_count; i++) {
        lint_agreement(ruleset, ruleset->agreements[i], lint);
    }
}

/* Purpose: shared by the checks of lint.h: one agreement as written, with its text. */
#ifndef CASEMILL_RULES_LINT_PRIV_H
#define CASEMILL_RULES_LINT_PRIV_H

#include "rules/lint.h"
#include "rules/rules_priv.h"

/* A parameter or variable, and the location of its name. */
struct lint_name {
    struct span name;
    const struct yaml_node *node;
    bool is_parameter;
    bool is_read;
    bool hangs_on_parameter;
};

/* A condition: of a variable, a group or a rule. */
struct lint_expr {
    const struct yaml_node *node;
    const struct cel_program *program;
    bool hangs_on_parameter;
};

struct lint_rule {
    const struct yaml_node *map;   /* NULL for the line `status` */
    const struct lint_expr *given; /* NULL: no group */
    const struct lint_expr *when;
};

struct linting {
    struct lint *lint;
    const struct ruleset *ruleset;
    const struct agreement *known;     /* as loaded, with its tests */
    const struct agreement *agreement; /* the same without overrides and tests */
    struct lint_expr *exprs; /* program_count: variables, then groups and rules in file order */
    uint32_t expr_count;
    struct lint_rule *rules; /* rule_count */
    struct lint_name *names; /* parameters, then variables */
    uint32_t name_count;
};

/* lint_report.c.  lint_finding_new records a finding without a location, lint_add one at a node;
 * hint may be NULL.  The result is valid until the next finding. */
struct lint_finding *lint_finding_new(struct lint *lint, bool is_error, const char *hint);
struct lint_finding *lint_add(struct linting *linting, const struct yaml_node *node, bool is_error,
                              const char *hint, const char *format, ...) PRINTF_LIKE(5, 6);
const struct yaml_node *lint_section(const struct linting *linting, enum section section);

/* lint_names.c: fills names and each expr's hangs_on_parameter; then finds names without a
 * reader. */
void lint_names_read(struct linting *linting);
void lint_unread(struct linting *linting);
void lint_facts(struct lint *lint, const struct ruleset *ruleset);
/* lint_reach.c: constant conditions, rules that can never win. */
void lint_reach(struct linting *linting);
/* lint_overlap.c: rules of one section that may hold together. */
void lint_overlaps(struct linting *linting);

#endif

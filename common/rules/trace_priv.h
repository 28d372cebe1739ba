/* Purpose: shared by trace and coverage: an agreement's rules in the document. */
#ifndef CASEMILL_RULES_TRACE_PRIV_H
#define CASEMILL_RULES_TRACE_PRIV_H

#include "rules/rules_priv.h"

struct rule_source {
    const struct yaml_node *node;  /* the rule, or the line `status` */
    const struct yaml_node *given; /* NULL: no group */
    const struct yaml_node *when;  /* NULL of the line `status` */
};

/* rule_sources writes one per rule, in the order of agreement->rules. */
void rule_sources(const struct agreement *agreement, struct rule_source *sources);
/* source_names is true when the condition (NULL: none) names the variable or parameter. */
bool source_names(const struct yaml_node *condition, struct span name);

#endif

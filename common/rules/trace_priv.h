/* Purpose: what trace and coverage share: an agreement's rules as they stand in the document. */
#ifndef CASEMILL_RULES_TRACE_PRIV_H
#define CASEMILL_RULES_TRACE_PRIV_H

#include "rules/rules_priv.h"

struct rule_source {
    const struct yaml_node *node;  /* the rule, or the line `status` */
    const struct yaml_node *given; /* NULL: no group */
    const struct yaml_node *when;  /* NULL of the line `status` */
};

/* rule_sources writes one a rule, in the order of agreement->rules. */
void rule_sources(const struct agreement *agreement, struct rule_source *sources);
/* source_names is true when the condition (NULL: none) names the variable or parameter. */
bool source_names(const struct yaml_node *condition, struct span name);

/* status.c: an entry counts when it was known and no known entry corrects it. */
bool event_counts(const struct event *event, int32_t as_of);

/* doc_test_run.c: doc_tests_run evaluates each test of the document under the document's own
 * parameters and the test's `set`, and shows it with the run it was made on.  What cannot be run is
 * said in report and not shown. */
typedef void (*doc_test_fn)(void *context, const struct doc_test *test, struct agreement_run *run,
                            const struct finding *finding);
void doc_tests_run(const struct agreement *agreement, doc_test_fn visit, void *context,
                   struct buf *report);

#endif

/* Purpose: the parts of a document that its tests cover, and the parts that none covers.  A
 * condition counts when a finding reaches it: no rule before it decides, and its group's condition
 * holds.  An edge is the day of a legal event and the day before it.  Read next: ruleset.h. */
#ifndef CASEMILL_RULES_COVERAGE_H
#define CASEMILL_RULES_COVERAGE_H

#include "rules/ruleset.h"

enum coverage_kind {
    COVERAGE_TRUE,
    COVERAGE_FALSE,
    COVERAGE_UNKNOWN, /* only of a condition that reads facts */
    COVERAGE_WINS,    /* the rule decides a finding, or a projected one */
    COVERAGE_EDGE,
    COVERAGE_KIND_COUNT
};
const char *coverage_kind_name(enum coverage_kind kind); /* "true", "decides", "edge" */

struct coverage_item {
    enum coverage_kind kind;
    const char *name; /* the rule's label, or the event */
    const char *part; /* "when", "given", "rule", "day", "day before" */
    uint32_t line;
    int32_t day; /* of an edge: the reference date to be covered */
    bool is_seen;
};
struct coverage {
    const char *agreement;
    const char *file;
    struct coverage_item *items; /* in file order, the edges last */
    uint32_t item_count;
    uint32_t test_count;
};

/* coverage_measure runs the document's tests; report receives a line for each test that cannot run.
 * It does not check that they pass: ruleset_test does.  Ownership: names belong to the rule set;
 * coverage is freed with coverage_fini. */
void coverage_measure(const struct ruleset *ruleset, uint32_t agreement, struct coverage *coverage,
                      struct buf *report);
void coverage_fini(struct coverage *coverage);

#endif

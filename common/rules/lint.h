/* Purpose: faults in a valid rule set: rules that can never win, rules of one section that may hold
 * together, unused names, conditions that hide a true answer.  It reads the documents as written,
 * without an operator's overrides. Deterministic, and bounded for all documents. */
#ifndef CASEMILL_RULES_LINT_H
#define CASEMILL_RULES_LINT_H

#include "rules/ruleset.h"

struct lint_finding {
    bool is_error;      /* else a warning */
    struct diag diag;   /* file, line, column; its text is one line */
    const char *hint;   /* what to do, or NULL */
    struct buf notes;   /* more lines, each with its newline; may be empty */
    struct span source; /* of the file, for the caret; borrowed from the rule set */
};
struct lint {
    struct lint_finding *findings; /* by document, in the order of the checks */
    uint32_t count, cap;
    uint32_t error_count;
};

/* ruleset_lint appends its findings; start with a zeroed struct.  Ownership: lint_free, before the
 * rule set. */
void ruleset_lint(const struct ruleset *ruleset, struct lint *lint);
void lint_free(struct lint *lint);

#endif

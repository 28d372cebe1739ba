/* Purpose: what is legal in a rule set and wrong, or surprising, all the same: rules that can never
 * win, rules of one section that may hold together, names nobody reads, conditions that hide a true
 * answer.  Looks at the documents as they are written: an operator's overrides do not take part.
 * Deterministic, and bounded whatever the documents are. */
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

/* ruleset_lint appends what it finds; begin with a zeroed struct.  Ownership: lint_free, before the
 * rule set. */
void ruleset_lint(const struct ruleset *ruleset, struct lint *lint);
void lint_free(struct lint *lint);

#endif

/* Purpose: the differences between two rule sets: rules, events, parameters, variables, tests and
 * facts that were added, removed or changed. */
#ifndef CASEMILL_CLI_RULES_CHANGES_H
#define CASEMILL_CLI_RULES_CHANGES_H

#include "base/json.h"
#include "rules/outline.h"

struct rules_change {
    const char *agreement;                 /* "" of the case schema */
    const struct outline_item *before;     /* NULL: added */
    const struct outline_item *after;      /* NULL: removed */
    struct span stood_after, stands_after; /* of a rule that moved: its neighbours; else empty */
};
struct rules_changes {
    struct rules_change *rows;
    uint32_t count, cap;
    struct outline *outlines; /* two per agreement of either, then two of the schemas */
    uint32_t outline_count;
    const char **agreements; /* of either, in id order; borrowed */
    uint32_t agreement_count;
};

/* rules_changes_find fills it; a and b outlive it.  Ownership: rules_changes_free. */
void rules_changes_find(const struct ruleset *a, const struct ruleset *b,
                        struct rules_changes *changes);
void rules_changes_free(struct rules_changes *changes);

/* rules_agreement_find returns the agreement's number in a rule set, or agreement_count. */
uint32_t rules_agreement_find(const struct ruleset *ruleset, const char *id);

void rules_changes_print(const struct rules_changes *changes, struct buf *out);
void rules_changes_json(const struct rules_changes *changes, struct json *json);

#endif

/* Purpose: a hypothetical rule set: another's documents with more overrides and invented events.
 * Read next: ruleset.h. */
#ifndef CASEMILL_RULES_WHAT_IF_H
#define CASEMILL_RULES_WHAT_IF_H

#include "rules/ruleset.h"

/* The additions, as on a command line: "AGREEMENT.PARAM=VALUE" and "AGREEMENT.EVENT=DATE".  An
 * event happens and becomes known on its day; the agreement's own events stay. */
struct what_if {
    const char *const *overrides;
    uint32_t override_count;
    const char *const *events;
    uint32_t event_count;
};

/* ruleset_what_if makes a new rule set from base, which is unchanged.  With events it cannot be
 * published: its id and text are empty. Ownership: *ruleset is the caller's.
 * Errors: ERR_INVALID names the fault and the nearest valid name; ERR_TOO_LARGE. */
MUST_USE enum err ruleset_what_if(const struct ruleset *base, const struct what_if *what_if,
                                  struct ruleset **ruleset, struct diag *diag);

#endif

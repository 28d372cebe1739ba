/* Purpose: which pairs of a finding and a projected finding an agreement can give a case.
 * `casemill rules publish` stores them, and a stored outcome names each pair by its number. */
#ifndef CASEMILL_RULES_PAIRS_H
#define CASEMILL_RULES_PAIRS_H

#include "rules/ruleset.h"

enum {
    PAIR_ALONE = UINT16_MAX,  /* no projected finding */
    RULESET_PAIRS_MAX = 65535 /* of one agreement: a number has two bytes */
};
struct reason_pair {
    uint16_t reason, projected; /* numbers of reasons within the agreement, or PAIR_ALONE */
};
/* ruleset_pairs lists them: first each reason alone, in order; no pair occurs twice.  An evaluation
 * gives no other pair, but may never give some of these.  Ownership: *pairs belongs to the caller
 * (mem_free). */
uint32_t ruleset_pairs(const struct ruleset *ruleset, uint32_t agreement,
                       struct reason_pair **pairs);

#endif

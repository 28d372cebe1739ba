/* Purpose: whether cases reach what differs between two rule sets.  A comparison on cases that
 * reach no changed rule shows nothing. */
#ifndef CASEMILL_RULES_REACH_H
#define CASEMILL_RULES_REACH_H

#include "rules/ruleset.h"

struct reach;

enum reach_state {
    REACH_UNCHANGED, /* the agreement is the same in both: it gives the same findings */
    REACH_MISSED,    /* no case so far has reached a changed rule */
    REACH_REACHED
};

/* reach_new compares the rules of A and B by what they mean: with their parameters, variables and
 * events.  It may take an equal rule for a changed one.  Ownership: reach_free; it holds its own
 * references. */
struct reach *reach_new(struct ruleset *a, struct ruleset *b);
void reach_free(struct reach **reach);

/* reach_case notes a case of side 0 (A) or 1 (B).  A changed rule is reached when no true rule
 * before it decides and it is not unknown.  doc has no faults. */
void reach_case(struct reach *reach, int side, const struct case_doc *doc, int32_t reference_date,
                int32_t as_of);
/* id NULL: of all agreements together, which is missed only if each changed one is. */
enum reach_state reach_of(const struct reach *reach, const char *id);

#endif

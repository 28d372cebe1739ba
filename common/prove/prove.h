/* Purpose: proofs about agreements over all cases and all days: the `properties:` of a document,
 * each proved, or refuted by a case.  The rest of casemill never needs this folder.
 * Threads: one call at a time per rule set.  Read next: prove_priv.h. */
#ifndef CASEMILL_PROVE_PROVE_H
#define CASEMILL_PROVE_PROVE_H

#include "base/buf.h"
#include "rules/ruleset.h"

enum prove_verdict {
    PROVE_PROVED,
    PROVE_REFUTED,    /* by a case, which the evaluator confirmed */
    PROVE_NOT_PROVED, /* something is not translated; it is named */
    PROVE_UNDECIDED,  /* the time ran out */
    PROVE_MISMATCH    /* the evaluator decides the case in another way: a fault of casemill */
};
const char *prove_verdict_name(enum prove_verdict verdict); /* "not proved" */

enum { PROVE_NAMES_MAX = 16 };
struct prove_names {
    char texts[PROVE_NAMES_MAX][160]; /* "rule LABEL: matches()" */
    uint32_t count;
    uint32_t left_out; /* more than fit */
};

struct prove_result {
    const char *agreement;
    const char *name; /* of the property */
    uint32_t line;    /* in the document */
    enum prove_verdict verdict;
    struct prove_names names; /* what is not translated */
    struct buf test;          /* of a refuted property: a test for the document */
    uint64_t ms;
};

/* prove_agreement decides each property of one agreement and shows the results in their order.
 * limit_ms bounds the solver's time for each; a result lives until its call returns. */
typedef void (*prove_fn)(void *context, const struct prove_result *result);
void prove_agreement(const struct ruleset *ruleset, uint32_t agreement, uint32_t limit_ms,
                     prove_fn show, void *context);

#endif

/* Purpose: the cases on which two rule sets differ: tests of the documents and invented cases, each
 * evaluated under both. */
#ifndef CASEMILL_CLI_RULES_EFFECT_H
#define CASEMILL_CLI_RULES_EFFECT_H

#include "base/json.h"
#include "cli/replay/matrix.h"
#include "cli/rules/changes.h"
#include "rules/reach.h"

struct rules_effect {
    struct replay_matrix matrix; /* one table per agreement of either, then the case */
    uint64_t invented;
    uint64_t tests;            /* of the documents; 0 when the two schemas differ */
    uint64_t unreadable;       /* invented cases that one of the schemas refuses */
    enum reach_state *reached; /* by table: whether invented cases reached a changed rule */
};

struct rules_effect_options {
    uint64_t cases, seed;
    int32_t from, to; /* reference dates of invented cases */
};

/* rules_effect_find evaluates; changes is of the same two.  Ownership: rules_effect_free. */
void rules_effect_find(struct ruleset *a, struct ruleset *b, const struct rules_changes *changes,
                       const struct rules_effect_options *options, struct rules_effect *effect);
void rules_effect_free(struct rules_effect *effect);

void rules_effect_print(const struct rules_effect *effect, const struct rules_changes *changes,
                        struct buf *out);
void rules_effect_json(const struct rules_effect *effect, const struct rules_changes *changes,
                       struct json *json);

#endif

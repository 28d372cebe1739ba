/* Purpose: the findings that the numbers in column `result` mean, for every rule set. */
#ifndef CASEMILL_CLI_REPLAY_PAIRS_H
#define CASEMILL_CLI_REPLAY_PAIRS_H

#include "casedoc/result_column.h"
#include "db/db.h"

enum { REPLAY_PAIRS_RULESETS = 32768 }; /* a rule set's number is a positive smallint */

struct replay_list {
    int16_t *findings; /* [number]: code */
    uint32_t count;
};
struct replay_pairs {
    struct replay_list *lists[REPLAY_PAIRS_RULESETS]; /* [rule set's number][agreement] */
    uint32_t counts[REPLAY_PAIRS_RULESETS];           /* agreements that have a list */
};

/* replay_pairs_load.  Errors: those of db_query; ERR_CORRUPT a list has a gap. */
MUST_USE enum err replay_pairs_load(struct db *db, struct replay_pairs *pairs, struct diag *diag);
void replay_pairs_free(struct replay_pairs *pairs);
/* replay_pairs_finding is the code of an agreement's finding, or -1 if the lists do not explain it.
 * An agreement behind the result's last one has no finding. */
int32_t replay_pairs_finding(const struct replay_pairs *pairs, int16_t ruleset,
                             const struct result_view *result, uint32_t agreement);

#endif

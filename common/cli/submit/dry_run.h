/* Purpose: `submit --dry-run`: what the rules of a folder would decide, without broker or database.
 * Never: writes anything; sends anything. */
#ifndef CASEMILL_CLI_SUBMIT_DRY_RUN_H
#define CASEMILL_CLI_SUBMIT_DRY_RUN_H

#include "client/casemill.h"
#include "rules/ruleset.h"

struct dry_run;
struct dry_run *dry_run_new(struct ruleset *ruleset); /* takes it */
void dry_run_free(struct dry_run **dry_run);          /* accepts a NULL inside */
/* dry_run_decide decides a case as a worker would that receives it now.  *result lives until the
 * next call. */
void dry_run_decide(struct dry_run *dry_run, struct span bytes,
                    struct casemill_case_result *result);

#endif

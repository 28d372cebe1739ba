/* Purpose: which lanes an operator means: a worker's name, a lane's id, or the first digits of one,
 * as `casemill top` shows them. */
#ifndef CASEMILL_CLI_LANE_CHOICE_H
#define CASEMILL_CLI_LANE_CHOICE_H

#include "base/buf.h"
#include "base/diag.h"

#include <jansson.h>

enum { LANE_DIGITS_MIN = 4 };

/* lane_choice_keep removes from the broker's array of lanes those that are not meant; NULL keeps
 * all.
 * Errors: ERR_NOT_FOUND none is meant; ERR_CONFLICT the digits fit several lanes. */
MUST_USE enum err lane_choice_keep(json_t *lanes, const char *wanted, struct diag *diag);
/* lane_choice_name appends the name or id with which the broker finds them; workers is the broker's
 * answer to WORKERS.  Errors: as lane_choice_keep; ERR_VERSION the answer is not an array. */
MUST_USE enum err lane_choice_name(struct span workers, const char *wanted, struct buf *name,
                                   struct diag *diag);

#endif

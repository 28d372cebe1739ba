/* Purpose: the share of each source, as queue.weights names it. */
#ifndef CASEMILL_BROKER_WEIGHTS_H
#define CASEMILL_BROKER_WEIGHTS_H

#include "broker/core.h"
#include "settings/settings.h"

/* Errors: ERR_INVALID not name=1..100, or a name twice. */
MUST_USE enum err weights_check(const struct settings *settings, struct diag *diag);
/* weights_take gives sources their weights; before: whose weights end, or NULL.
 * Order: weights_check has passed for both. */
void weights_take(struct core *core, const struct settings *before,
                  const struct settings *settings);

#endif

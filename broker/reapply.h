/* Purpose: an operator's batch, and its result.  Threads: the loop's. */
#ifndef CASEMILL_BROKER_REAPPLY_H
#define CASEMILL_BROKER_REAPPLY_H

#include "broker/shell.h"

void reapply_take(struct shell *shell, const struct wire_reapply *reapply);
void reapply_take_retry(struct shell *shell, const struct wire_retry *retry);
void reapply_answer(struct shell *shell, const struct core_action *action);

#endif

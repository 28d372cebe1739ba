/* Purpose: the rule sets that are planned next, loaded ahead of their moment: one that does not
 * load is named before it is due, and the change itself needs no time.
 * Threads: the rule watch's. */
#ifndef CASEMILL_WORKER_PLANNED_RULES_H
#define CASEMILL_WORKER_PLANNED_RULES_H

#include "worker/active_rules.h"

struct planned_rules {
    struct active_row rows[ACTIVE_RULES_PLANNED_MAX];     /* in order of their moments */
    struct active_rules *rules[ACTIVE_RULES_PLANNED_MAX]; /* NULL: it does not load */
    uint32_t count;
};

/* planned_rules_read reads what is planned and loads what is new; one that does not load is logged
 * once.  Errors: ERR_CONNECTION, ERR_TIMEOUT. */
MUST_USE enum err planned_rules_read(struct planned_rules *planned, struct db *db,
                                     struct diag *diag);
/* planned_rules_of gives a reference to the rules of that row; NULL: they were not loaded ahead. */
struct active_rules *planned_rules_of(const struct planned_rules *planned,
                                      const struct active_row *row);
/* planned_rules_due gives a reference to those whose moment was the last to pass; NULL: none. */
struct active_rules *planned_rules_due(const struct planned_rules *planned, int64_t now_ms);
/* planned_rules_wait_ms is most_ms, or less when a moment comes before. */
int64_t planned_rules_wait_ms(const struct planned_rules *planned, int64_t now_ms, int64_t most_ms);
void planned_rules_clear(struct planned_rules *planned);

#endif

/* Purpose: the next planned rule sets, loaded ahead of time.  A rule set that does not load is
 * logged before it is due, and the change itself needs no time.
 * Threads: the rule watch's. */
#ifndef CASEMILL_WORKER_PLANNED_RULES_H
#define CASEMILL_WORKER_PLANNED_RULES_H

#include "worker/active_rules.h"

struct planned_rules {
    struct active_row rows[ACTIVE_RULES_PLANNED_MAX];     /* in order of time */
    struct active_rules *rules[ACTIVE_RULES_PLANNED_MAX]; /* NULL: it does not load */
    uint32_t count;
};

/* planned_rules_read reads the planned rows and loads new ones; a failure to load is logged
 * once.  Errors: ERR_CONNECTION, ERR_TIMEOUT. */
MUST_USE enum err planned_rules_read(struct planned_rules *planned, struct db *db,
                                     struct diag *diag);
/* planned_rules_of returns a reference to the rules of that row; NULL: not loaded ahead. */
struct active_rules *planned_rules_of(const struct planned_rules *planned,
                                      const struct active_row *row);
/* planned_rules_due returns a reference to those that became due last; NULL: none. */
struct active_rules *planned_rules_due(const struct planned_rules *planned, int64_t now_ms);
/* planned_rules_wait_ms is most_ms, or less when one is due before. */
int64_t planned_rules_wait_ms(const struct planned_rules *planned, int64_t now_ms, int64_t most_ms);
void planned_rules_clear(struct planned_rules *planned);

#endif

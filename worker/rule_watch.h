/* Purpose: one thread that keeps what is active in step with PostgreSQL: LISTEN makes a change
 * quick, a poll makes it sure (LISTEN goes deaf after some reconnects).  It also folds
 * what lanes tallied into the rollups.  Never touches a lane: lanes look between transactions.
 * Threads: rule_watch_get, _refused, _health and _generation from any. */
#ifndef CASEMILL_WORKER_RULE_WATCH_H
#define CASEMILL_WORKER_RULE_WATCH_H

#include "worker/active_rules.h"

struct rule_watch;

/* rule_watch_start starts the thread; changed(context) is called from it after every change.
 * conninfo is borrowed until end.
 * Ownership: *watch is the caller's, ended and then freed.  Errors: ERR_SYSTEM no thread or
 * descriptor is left. */
MUST_USE enum err rule_watch_start(const char *conninfo, void (*changed)(void *context),
                                   void *context, struct rule_watch **watch, struct diag *diag);
/* rule_watch_end joins the thread: changed() is not called any more; get still works. */
void rule_watch_end(struct rule_watch *watch);
void rule_watch_free(struct rule_watch **watch); /* after end; NULL inside is fine */

/* rule_watch_generation changes whenever rule_watch_get would give something else. */
uint32_t rule_watch_generation(struct rule_watch *watch);
/* rule_watch_get gives a reference of the caller's own; NULL while nothing is active. */
struct active_rules *rule_watch_get(struct rule_watch *watch);
/* What a status page may say of the thread. */
struct rule_watch_health {
    int64_t looked_ms;    /* since it last saw what is active; -1: never yet */
    int64_t heard_ms;     /* since LISTEN last gave a notification; -1: never yet */
    uint64_t deaf;        /* times that a poll found what LISTEN had not told */
    uint64_t clock_jumps; /* times that the wall clock was set */
};
void rule_watch_health(struct rule_watch *watch, struct rule_watch_health *health);
/* rule_watch_refused is true while what is active does not load here and the one before it goes on;
 * text says why. */
bool rule_watch_refused(struct rule_watch *watch, char text[DIAG_TEXT_MAX]);

#endif

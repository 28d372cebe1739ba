/* Purpose: one thread that keeps what is active in step with PostgreSQL: LISTEN makes a change
 * quick, a poll makes it sure (LISTEN goes deaf after some reconnects), and what is planned is
 * loaded ahead, so that it is taken at its moment.  Never touches a lane: lanes look between
 * transactions, and their transactions ask the server again (rules_guard).
 * Threads: rule_watch_get, _refused, _health, _generation, _is_stale, _is_unchecked and _doubt from
 * any; _tick from main. */
#ifndef CASEMILL_WORKER_RULE_WATCH_H
#define CASEMILL_WORKER_RULE_WATCH_H

#include "worker/active_rules.h"

/* How long the rules may go unchecked until the worker is not ready. */
enum { RULE_WATCH_UNCHECKED_MS = 30000 };

struct rule_watch;

struct rule_watch_options {
    const char *conninfo; /* borrowed until end */
    int64_t stale_s;      /* rules.stale_s */
    /* Called from the thread when lanes should look: another rule set, or this one is stale. */
    void (*changed)(void *context);
    void *context;
};

/* rule_watch_start starts the thread.  Ownership: *watch is the caller's: end, then free.
 * Errors: ERR_SYSTEM no thread or descriptor is left. */
MUST_USE enum err rule_watch_start(const struct rule_watch_options *options,
                                   struct rule_watch **watch, struct diag *diag);
/* rule_watch_end wakes the thread, whatever it waits for, and joins it: changed() is not called any
 * more; get still works. */
void rule_watch_end(struct rule_watch *watch);
void rule_watch_free(struct rule_watch **watch); /* after end; NULL inside is fine */

/* rule_watch_generation changes whenever rule_watch_get would give something else. */
uint32_t rule_watch_generation(struct rule_watch *watch);
/* rule_watch_get gives a reference of the caller's own; NULL while nothing is active. */
struct active_rules *rule_watch_get(struct rule_watch *watch);
/* rule_watch_is_stale: another rule set has been due for longer than stale_s, and it does not load
 * here. */
bool rule_watch_is_stale(struct rule_watch *watch);
/* rule_watch_doubt has it connect anew and look again: a lane's transaction found its rules stale.
 */
void rule_watch_doubt(struct rule_watch *watch);
/* rule_watch_is_unchecked: it has not seen for RULE_WATCH_UNCHECKED_MS what is active. */
bool rule_watch_is_unchecked(struct rule_watch *watch);
/* rule_watch_tick logs when that begins and when it is over. */
void rule_watch_tick(struct rule_watch *watch);
/* What a status page may say of the thread. */
struct rule_watch_health {
    int64_t looked_ms;    /* since it last saw what is active; -1: never yet */
    int64_t heard_ms;     /* since LISTEN last gave a notification; -1: never yet */
    uint64_t deaf;        /* times that a poll found what LISTEN had not told */
    uint64_t clock_jumps; /* times that the wall clock was set */
    uint32_t planned;     /* rule sets that are loaded ahead */
};
void rule_watch_health(struct rule_watch *watch, struct rule_watch_health *health);
/* rule_watch_refused is true while what is active does not load here and the one before it goes on;
 * text says why. */
bool rule_watch_refused(struct rule_watch *watch, char text[DIAG_TEXT_MAX]);

#endif

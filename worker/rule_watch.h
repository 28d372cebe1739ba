/* Purpose: one thread that follows the active rule set in PostgreSQL.  LISTEN makes a change fast,
 * a poll makes it certain (LISTEN can fail silently after reconnects).  Planned rule sets are
 * loaded ahead, so that they become active on time.  Never touches a lane: lanes check between
 * transactions, and their transactions ask the server again (rules_guard).
 * Threads: rule_watch_get, _refused, _health, _generation, _is_stale, _is_unchecked and _doubt from
 * any; _tick from main. */
#ifndef CASEMILL_WORKER_RULE_WATCH_H
#define CASEMILL_WORKER_RULE_WATCH_H

#include "worker/active_rules.h"

/* After so long without a check of the rules the worker is not ready. */
enum { RULE_WATCH_UNCHECKED_MS = 30000 };

struct rule_watch;

struct rule_watch_options {
    const char *conninfo; /* borrowed until end */
    const char *name;     /* of the worker, for `rules activate`; borrowed until end */
    int64_t stale_s;      /* rules.stale_s */
    /* Called from the thread when lanes should check: another rule set, or this one is stale. */
    void (*changed)(void *context);
    void *context;
};

/* rule_watch_start starts the thread.  Ownership: *watch is the caller's: end, then free.
 * Errors: ERR_SYSTEM no thread or descriptor is left. */
MUST_USE enum err rule_watch_start(const struct rule_watch_options *options,
                                   struct rule_watch **watch, struct diag *diag);
/* rule_watch_end wakes the thread from any wait, and joins it: changed() is not called any more;
 * get still works. */
void rule_watch_end(struct rule_watch *watch);
void rule_watch_free(struct rule_watch **watch); /* after end; accepts NULL inside */

/* rule_watch_generation changes whenever rule_watch_get would return another rule set. */
uint32_t rule_watch_generation(struct rule_watch *watch);
/* rule_watch_get returns the caller's own reference; NULL while nothing is active. */
struct active_rules *rule_watch_get(struct rule_watch *watch);
/* rule_watch_is_stale: another rule set has been due for longer than stale_s, and it does not load
 * here. */
bool rule_watch_is_stale(struct rule_watch *watch);
/* rule_watch_doubt makes the thread connect again and read: a lane's transaction found its rules
 * stale. */
void rule_watch_doubt(struct rule_watch *watch);
/* rule_watch_is_unchecked: the active rule set was not read for RULE_WATCH_UNCHECKED_MS. */
bool rule_watch_is_unchecked(struct rule_watch *watch);
/* rule_watch_tick logs when that begins and ends. */
void rule_watch_tick(struct rule_watch *watch);
/* For the status page. */
struct rule_watch_health {
    int64_t looked_ms;    /* since it last read the active rule set; -1: never yet */
    int64_t notified_ms;  /* since LISTEN last delivered a notification; -1: never yet */
    uint64_t deaf;        /* times that a poll found an activation that LISTEN had missed */
    uint64_t clock_jumps; /* times that the wall clock was set */
    uint32_t planned;     /* rule sets that are loaded ahead */
};
void rule_watch_health(struct rule_watch *watch, struct rule_watch_health *health);
/* rule_watch_refused is true while the active rule set does not load here and the one before it
 * decides; text has the reason. */
bool rule_watch_refused(struct rule_watch *watch, char text[DIAG_TEXT_MAX]);

#endif

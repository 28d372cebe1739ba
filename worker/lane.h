/* Purpose: a lane: one thread that takes work from brokers, decides each case and writes the
 * outcomes, in the phases fetch -> decode -> evaluate -> write.  It sends DONE only for committed
 * cases.
 * Owns its sockets, its PostgreSQL connection, its arena and its evaluation state; shares the rule
 * set.
 * Threads: lane_start and lane_stop and lane_poke from main, the rest is the lane's. */
#ifndef CASEMILL_WORKER_LANE_H
#define CASEMILL_WORKER_LANE_H

#include "base/histogram.h"
#include "net/net.h"
#include "wire/wire.h"
#include "worker/metrics_table.h"
#include "worker/rule_watch.h"

#include <stdatomic.h>

enum { LANE_BROKERS_MAX = 30 };

struct lane;

/* Shared by all lanes; borrowed until they are stopped. */
struct lane_options {
    struct net *net;
    struct rule_watch *watch;
    const char *conninfo;
    const char *name; /* the worker's, for the broker's list */
    const char *const *brokers;
    uint32_t broker_count;
    const struct net_curve *curves; /* one per broker; NULL: no keys */
    const char *const
        *secrets; /* files that prove this lane to brokers: one for all, or one each */
    uint32_t secret_count;
    uint32_t cases_max; /* in one transaction */
    int64_t sync_standbys;
    int64_t stale_s;       /* rules.stale_s */
    int64_t tables_ms_max; /* maximum age of its temporary tables; 0: WRITER_TABLES_MS_MAX */
    int drained_fd;        /* an eventfd that a lane pokes when its thread is about to end */
};

/* For the status page; readable from any thread. */
struct lane_stats {
    _Atomic uint64_t cases_done;
    _Atomic uint64_t transactions;
    _Atomic uint64_t duplicates;
    _Atomic uint64_t outcomes[WIRE_DISPOSITIONS];
    _Atomic uint64_t dead[DEAD_REASON_COUNT];
    _Atomic uint64_t reconnects;
    _Atomic uint64_t stale_found; /* times that a transaction found the rules superseded */
    _Atomic uint64_t frozen;      /* other lanes' backends that this one ended */
    _Atomic uint64_t links_up;    /* present connections to brokers */
    _Atomic int64_t turned_at;    /* monotonic ms: the last turn of its loop */
    struct histogram evaluate, transaction, transaction_cases;
    _Atomic(const char *) phase;              /* static */
    atomic_bool link_is_up[LANE_BROKERS_MAX]; /* in the order of broker.connect */
    atomic_bool connected;
    atomic_bool stale; /* another rule set is due, and this lane could not load it */
    atomic_bool ended;
};

/* lane_start opens the sockets and starts the thread.  Errors: those of net_dealer_connect. */
MUST_USE enum err lane_start(const struct lane_options *options, uint32_t number,
                             struct lane **lane, struct diag *diag);
/* lane_drain starts an orderly end: the lane takes no work, finishes its own, sends BYE. */
void lane_drain(struct lane *lane);
/* lane_abandon ends the work in progress at once, during any wait; the work is returned. */
void lane_abandon(struct lane *lane);
/* lane_poke makes the lane check the rule watch. */
void lane_poke(struct lane *lane);
/* lane_join waits for the thread and frees the lane. */
void lane_join(struct lane **lane);
const struct lane_stats *lane_stats(const struct lane *lane);

#endif

/* Purpose: the worker process without its main: one context, one rule watch, a number of lanes.
 * Threads: all of this is main's. */
#ifndef CASEMILL_WORKER_WORKER_H
#define CASEMILL_WORKER_WORKER_H

#include "base/diag.h"
#include "http/http.h"
#include "net/keys.h"

#include <stdbool.h>
#include <stdint.h>

enum { WORKER_LANES_MAX = 256 };

/* Borrowed until worker_stop. */
struct worker_options {
    const char *conninfo;
    int64_t sync_standbys;
    bool wait_for_postgres;
    int stop_fd;     /* readable: worker_start gives up waiting for PostgreSQL; -1: none */
    int64_t stale_s; /* rules.stale_s */
    const char *const *brokers;
    uint32_t broker_count;
    uint32_t lane_count;
    uint32_t cases_max;
    struct http_options http;   /* bind "": no pages */
    const char *const *secrets; /* files of the brokers: one for all, or one each */
    uint32_t secret_count;
    const char *secret_key;         /* a file; "": none */
    const char *const *broker_keys; /* files: one for all, or one each */
    uint32_t broker_key_count;
};

struct worker;

/* worker_read_keys fills one curve per broker from the key files, nothing when none are set.
 * Errors: as net_curve_read; ERR_INVALID the number of brokers or files. */
MUST_USE enum err worker_read_keys(const struct worker_options *options, struct net_curve *curves,
                                   struct diag *diag);
/* worker_try checks the conditions of worker_start: PostgreSQL, with its connect_timeout, and the
 * status page's address.  A broker that is away is a "# ..." line, since a lane would wait for it.
 * Errors: as worker_start. */
MUST_USE enum err worker_try(const struct worker_options *options, struct buf *out,
                             struct diag *diag);
/* worker_check_resources: whether there are descriptors and threads for so many lanes and brokers.
 * Call it before libzmq, which aborts without them.  Errors: ERR_SYSTEM. */
MUST_USE enum err worker_check_resources(const struct worker_options *options, struct diag *diag);
/* worker_start checks PostgreSQL with one connection, then starts the threads.
 * Errors, one clear line each: ERR_CONNECTION not reachable (unless wait_for_postgres), ERR_DENIED,
 * ERR_VERSION not migrated, ERR_INVALID an address, ERR_TIMEOUT stop_fd became readable. */
MUST_USE enum err worker_start(const struct worker_options *options, struct worker **worker,
                               struct diag *diag);
const char *worker_http(const struct worker *worker); /* "http://127.0.0.1:40003" or "off" */
/* worker_reload takes the token, hosts and public pages.  Errors: as http_reload. */
MUST_USE enum err worker_reload(struct worker *worker, const struct http_options *http,
                                struct diag *diag);
/* worker_wait returns when fd is readable, a lane has ended or a second has passed. */
void worker_wait(struct worker *worker, int fd);
bool worker_is_stalled(const struct worker *worker); /* a lane makes no turns any more */
bool worker_has_ended(const struct worker *worker);  /* all lanes have */
void worker_drain(struct worker *worker);
void worker_abandon(struct worker *worker); /* lanes return their work, at once */
void worker_stop(struct worker **worker);   /* joins all threads; abandons lanes that still run */

#endif

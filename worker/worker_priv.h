/* Purpose: the parts of a worker, for worker.c (threads) and page.c (its status page). */
#ifndef CASEMILL_WORKER_WORKER_PRIV_H
#define CASEMILL_WORKER_WORKER_PRIV_H

#include "http/http.h"
#include "worker/fold.h"
#include "worker/lane.h"
#include "worker/worker.h"

#include <stddef.h>

enum { HOST_NAME_BYTES = 65, NAME_BYTES = HOST_NAME_BYTES + 12 };

struct worker {
    struct worker_options options;
    struct net_curve curves[LANE_BROKERS_MAX]; /* one per broker, if there are keys */
    char name[NAME_BYTES];                     /* HOST:PID */
    struct net *net;
    struct rule_watch *watch;
    struct fold *fold;
    struct http *http;
    int ended_fd; /* poked by each lane that ends */
    int64_t started_ms;
    /* The rule watch runs before the lanes do. */
    _Atomic uint32_t lane_count;
    struct lane *lanes[WORKER_LANES_MAX];
};

/* --- worker_sum.c --- */
/* Over all lanes: the sum of a number of struct lane_stats, or how many have the flag set. */
uint64_t worker_sum(const struct worker *worker, size_t offset);
uint32_t worker_with_flag(const struct worker *worker, size_t offset);
/* worker_longest_turn_ms: since the last turn of the slowest lane. */
int64_t worker_longest_turn_ms(const struct worker *worker);
#define WITH_FLAG(worker, flag) worker_with_flag(worker, offsetof(struct lane_stats, flag))

/* --- page.c --- */
/* page_render is an http_render_fn; context is the worker.  Any thread. */
void page_render(const char *path, struct http_reply *reply, void *context);

#endif

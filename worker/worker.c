/* Starts and ends the threads of a worker process. */
#include "worker/worker_priv.h"

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/mem.h"
#include "base/thread.h"
#include "worker/try.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TICK_MS = 1000 };
enum {
    OWN_THREADS = 6,      /* libzmq's two, the rule watch, the fold, HTTP, and one in reserve */
    OWN_DESCRIPTORS = 96, /* HTTP's connections, libzmq, PostgreSQL, files */
    LANE_DESCRIPTORS = 4,
    BROKER_DESCRIPTORS = 4,
    WHAT_BYTES = 80
};

static void each_lane(const struct worker *worker, void (*act)(struct lane *lane)) {
    uint32_t count = atomic_load(&worker->lane_count);
    for (uint32_t i = 0; i < count; i++) {
        act(worker->lanes[i]);
    }
}

static void rules_changed(void *context) { each_lane(context, lane_poke); }

static bool has_page(const struct worker_options *options) { return options->http.bind[0] != '\0'; }

static enum err start_lanes(struct worker *worker, struct diag *diag) {
    const struct lane_options options = {
        .net = worker->net,
        .watch = worker->watch,
        .conninfo = worker->options.conninfo,
        .name = worker->name,
        .brokers = worker->options.brokers,
        .curves = worker->options.secret_key[0] == '\0' ? NULL : worker->curves,
        .secrets = worker->options.secrets,
        .secret_count = worker->options.secret_count,
        .broker_count = worker->options.broker_count,
        .cases_max = worker->options.cases_max,
        .sync_standbys = worker->options.sync_standbys,
        .stale_s = worker->options.stale_s,
        .drained_fd = worker->ended_fd};
    for (uint32_t i = 0; i < worker->options.lane_count; i++) {
        enum err err = lane_start(&options, i, &worker->lanes[i], diag);
        if (err != ERR_OK) {
            return err;
        }
        atomic_store(&worker->lane_count, i + 1);
    }
    return ERR_OK;
}

/* Of a lane: its connection to PostgreSQL, its wake, and of each broker a connection and the
 * mailboxes of three sockets. */
enum err worker_check_resources(const struct worker_options *options, struct diag *diag) {
    uint64_t of_lane = LANE_DESCRIPTORS + (uint64_t)BROKER_DESCRIPTORS * options->broker_count;
    char what[WHAT_BYTES];
    (void)snprintf(what, sizeof(what), "lanes.count %u with %u of broker.connect",
                   options->lane_count, options->broker_count);
    enum err err = descriptors_check(OWN_DESCRIPTORS + of_lane * options->lane_count, what, diag);
    return err == ERR_OK ? thread_probe(OWN_THREADS + options->lane_count, diag) : err;
}

enum err worker_start(const struct worker_options *options, struct worker **worker,
                      struct diag *diag) {
    struct net_curve curves[LANE_BROKERS_MAX] = {0};
    enum err err = worker_read_keys(options, curves, diag);
    err = err == ERR_OK ? try_postgres(options, diag) : err;
    if (err != ERR_OK) {
        return err;
    }
    int ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ended_fd < 0) {
        return diag_fail(diag, ERR_SYSTEM, "no more descriptors: %s", strerror(errno));
    }
    struct worker *made = mem_zero(1, sizeof(*made));
    memcpy(made->curves, curves, sizeof(curves));
    made->options = *options;
    made->started_ms = clock_mono_ms();
    made->ended_fd = ended_fd;
    char host[HOST_NAME_BYTES] = {0};
    bool has_host = gethostname(host, sizeof(host) - 1) == 0;
    (void)snprintf(made->name, sizeof(made->name), "%s:%d", has_host ? host : "worker",
                   (int)getpid());
    err = net_open(&made->net, diag);
    const struct rule_watch_options watch = {.conninfo = made->options.conninfo,
                                             .name = made->name,
                                             .stale_s = made->options.stale_s,
                                             .changed = rules_changed,
                                             .context = made};
    err = err == ERR_OK ? rule_watch_start(&watch, &made->watch, diag) : err;
    err = err == ERR_OK ? fold_start(made->options.conninfo, &made->fold, diag) : err;
    err = err == ERR_OK ? start_lanes(made, diag) : err;
    if (err == ERR_OK && has_page(options)) {
        err = http_start(&options->http, page_render, made, &made->http, diag);
    }
    if (err != ERR_OK) {
        worker_stop(&made);
        return err;
    }
    *worker = made;
    return ERR_OK;
}

const char *worker_http(const struct worker *worker) {
    return worker->http == NULL ? "off" : http_endpoint(worker->http);
}

enum err worker_reload(struct worker *worker, const struct http_options *http, struct diag *diag) {
    return http_reload(worker->http, http, diag);
}

void worker_wait(struct worker *worker, int fd) {
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                           {.fd = worker->ended_fd, .events = POLLIN}};
    if (poll(fds, COUNT_OF(fds), TICK_MS) > 0 && fds[1].revents != 0) {
        uint64_t count = 0;
        CHECK(read(worker->ended_fd, &count, sizeof(count)) == (ssize_t)sizeof(count));
    }
    rule_watch_tick(worker->watch);
}

bool worker_has_ended(const struct worker *worker) {
    return WITH_FLAG(worker, ended) == atomic_load(&worker->lane_count);
}

void worker_drain(struct worker *worker) { each_lane(worker, lane_drain); }

void worker_abandon(struct worker *worker) { each_lane(worker, lane_abandon); }

/* The page first, then the threads that poke lanes, then the lanes, then their shared parts. */
void worker_stop(struct worker **worker) {
    struct worker *gone = *worker;
    if (gone == NULL) {
        return;
    }
    http_stop(&gone->http);
    if (gone->watch != NULL) {
        rule_watch_end(gone->watch);
    }
    fold_end(&gone->fold);
    if (!worker_has_ended(gone)) {
        worker_abandon(gone);
    }
    uint32_t count = atomic_exchange(&gone->lane_count, 0U);
    for (uint32_t i = 0; i < count; i++) {
        lane_join(&gone->lanes[i]);
    }
    rule_watch_free(&gone->watch);
    net_close(&gone->net);
    CHECK(close(gone->ended_fd) == 0);
    mem_free(gone);
    *worker = NULL;
}

/* Starts and ends the threads of a worker process. */
#include "worker/worker.h"

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "http/http.h"
#include "worker/fold.h"
#include "worker/lane.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { HOST_NAME_BYTES = 65, NAME_BYTES = HOST_NAME_BYTES + 12 };
/* A lane's loop turns at least once per second, during any wait. */
enum { LANE_STALLED_MS = 10000, TICK_MS = 1000, CHECK_MS_MAX = 10000, CHECK_TURN_MS = 100 };
enum {
    OWN_THREADS = 6,      /* libzmq's two, the rule watch, the fold, HTTP, and one in reserve */
    OWN_DESCRIPTORS = 96, /* HTTP's connections, libzmq, PostgreSQL, files */
    LANE_DESCRIPTORS = 4,
    BROKER_DESCRIPTORS = 4,
    WHAT_BYTES = 80
};

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

static void each_lane(const struct worker *worker, void (*act)(struct lane *lane)) {
    uint32_t count = atomic_load(&worker->lane_count);
    for (uint32_t i = 0; i < count; i++) {
        act(worker->lanes[i]);
    }
}

static void rules_changed(void *context) { each_lane(context, lane_poke); }

struct patience {
    int64_t end_ms;
    int stop_fd;
};

static enum err wait_some(void *context, int fd, bool want_write) {
    const struct patience *patience = context;
    struct pollfd items[] = {{.fd = fd, .events = (short)(want_write ? POLLIN | POLLOUT : POLLIN)},
                             {.fd = patience->stop_fd, .events = POLLIN}};
    int ready = poll(items, patience->stop_fd < 0 ? 1 : 2, CHECK_TURN_MS);
    if (ready > 0 && patience->stop_fd >= 0 && items[1].revents != 0) {
        return ERR_TIMEOUT;
    }
    return clock_mono_ms() >= patience->end_ms ? ERR_CONNECTION : ERR_OK;
}

/* The conditions that lanes require; they check them again at each connection. */
static enum err check_session(const struct worker_options *options, struct diag *diag) {
    struct patience patience = {.end_ms = clock_mono_ms() + CHECK_MS_MAX,
                                .stop_fd = options->stop_fd};
    const struct db_lane_wait wait = {.wait = wait_some, .context = &patience};
    return db_check_session(options->conninfo, &wait, diag);
}

static enum err check_postgres(const struct worker_options *options, struct diag *diag) {
    const struct db_limits limits = {.wake_fd = options->stop_fd, .call_ms_max = CHECK_MS_MAX};
    struct db *db = NULL;
    enum err err = db_open_limited(options->conninfo, "casemill worker", &limits, &db, diag);
    if (err == ERR_OK) {
        err = db_check_migrated(db, diag);
    }
    db_close(&db);
    err = err == ERR_OK ? check_session(options, diag) : err;
    /* A server may be starting up, and a pooler may run without a server: lanes wait. */
    bool is_away = err == ERR_CONNECTION || err == ERR_BUSY;
    return err == ERR_AGAIN || (is_away && options->wait_for_postgres) ? ERR_OK : err;
}

static bool has_page(const struct worker_options *options) {
    return options->http_bind[0] != '\0' && strcmp(options->http_bind, "off") != 0;
}

enum err worker_try(const struct worker_options *options, struct buf *out, struct diag *diag) {
    enum err err = check_postgres(options, diag);
    for (uint32_t i = 0; err == ERR_OK && i < options->broker_count; i++) {
        char why[NET_WHY_BYTES];
        if (!net_is_reached(options->brokers[i], why)) {
            buf_printf(out, "# broker.connect %s: %s\n", options->brokers[i], why);
        }
    }
    return err == ERR_OK && has_page(options) ? http_bind_try(options->http_bind, diag) : err;
}

/* Over all lanes: the sum of a number, or how many have the flag set. */
static uint64_t sum(const struct worker *worker, size_t offset) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < atomic_load(&worker->lane_count); i++) {
        const char *stats = (const char *)lane_stats(worker->lanes[i]);
        total += atomic_load((const _Atomic uint64_t *)(const void *)(stats + offset));
    }
    return total;
}
#define SUM(worker, number) sum(worker, offsetof(struct lane_stats, number))

static uint32_t with_flag(const struct worker *worker, size_t offset) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < atomic_load(&worker->lane_count); i++) {
        const char *stats = (const char *)lane_stats(worker->lanes[i]);
        count += atomic_load((const atomic_bool *)(const void *)(stats + offset)) ? 1 : 0;
    }
    return count;
}
#define WITH_FLAG(worker, flag) with_flag(worker, offsetof(struct lane_stats, flag))

/* Milliseconds since the last turn of the slowest lane. */
static int64_t longest_turn(const struct worker *worker) {
    int64_t now = clock_mono_ms();
    int64_t longest = 0;
    for (uint32_t i = 0; i < atomic_load(&worker->lane_count); i++) {
        const struct lane_stats *stats = lane_stats(worker->lanes[i]);
        int64_t turn = now - atomic_load(&stats->turned_at);
        if (!atomic_load(&stats->ended) && turn > longest) {
            longest = turn;
        }
    }
    return longest;
}

bool worker_is_stalled(const struct worker *worker) {
    return longest_turn(worker) > LANE_STALLED_MS;
}

static const struct {
    const char *name;
    const char *help;
    size_t offset;
} COUNTERS[] = {
    {"casemill_worker_cases_total", "cases whose outcome or dead letter is committed",
     offsetof(struct lane_stats, cases_done)},
    {"casemill_worker_transactions_total", "transactions committed",
     offsetof(struct lane_stats, transactions)},
    {"casemill_worker_duplicates_total", "cases that were already stored",
     offsetof(struct lane_stats, duplicates)},
    {"casemill_worker_dead_letters_total", "cases that became dead letters",
     offsetof(struct lane_stats, dead)},
    {"casemill_worker_connections_total", "connections made to PostgreSQL",
     offsetof(struct lane_stats, reconnects)},
    {"casemill_worker_stale_total", "transactions that found their rule set superseded",
     offsetof(struct lane_stats, stale_found)},
    {"casemill_worker_frozen_ended_total", "frozen backends of other lanes that were ended",
     offsetof(struct lane_stats, frozen)},
};

static struct metric gauge(const char *name, double value, const char *help) {
    return (struct metric){
        .name = name, .help = help, .labels = "", .kind = METRIC_GAUGE, .value = value};
}

static struct metric counter(const char *name, uint64_t value, const char *help) {
    struct metric row = gauge(name, (double)value, help);
    row.kind = METRIC_COUNTER;
    return row;
}

static void render_metrics(const struct worker *worker, struct buf *out) {
    char refused[DIAG_TEXT_MAX];
    struct rule_watch_health watch;
    rule_watch_health(worker->watch, &watch);
    struct metric rows[COUNT_OF(COUNTERS) + 11];
    for (size_t i = 0; i < COUNT_OF(COUNTERS); i++) {
        rows[i] = counter(COUNTERS[i].name, sum(worker, COUNTERS[i].offset), COUNTERS[i].help);
    }
    struct metric *row = &rows[COUNT_OF(COUNTERS)];
    *row++ = gauge("casemill_worker_lanes_connected", WITH_FLAG(worker, connected),
                   "lanes with a connection to PostgreSQL");
    *row++ = gauge("casemill_worker_links_connected", (double)SUM(worker, links_up),
                   "connections of lanes to brokers");
    *row++ =
        gauge("casemill_worker_ruleset_refused", rule_watch_refused(worker->watch, refused) ? 1 : 0,
              "1 while the active rule set does not load and an older one decides");
    *row++ = gauge("casemill_worker_rules_stale",
                   rule_watch_is_stale(worker->watch) || WITH_FLAG(worker, stale) > 0 ? 1 : 0,
                   "1 while another rule set is due and does not load: no work is taken");
    *row++ = gauge("casemill_worker_rules_planned", watch.planned,
                   "planned rule sets that are loaded ahead of time");
    *row++ = gauge("casemill_worker_lane_turn_ms", (double)longest_turn(worker),
                   "since the last turn of the slowest lane, milliseconds");
    *row++ = gauge("casemill_worker_rules_looked_ms", (double)watch.looked_ms,
                   "since the active rule set was last read, milliseconds; -1: never yet");
    *row++ = gauge("casemill_worker_listen_notified_ms", (double)watch.notified_ms,
                   "since the last LISTEN notification, milliseconds; -1: never yet");
    *row++ = counter("casemill_worker_listen_deaf_total", watch.deaf,
                     "activations that a poll found and LISTEN had missed");
    *row++ = counter("casemill_worker_clock_jumps_total", watch.clock_jumps,
                     "times that the wall clock was set");
    *row++ = counter("casemill_worker_log_dropped_total", log_lost(), "dropped lines of the log");
    CHECK(row == &rows[COUNT_OF(rows)]);
    metrics_write(rows, COUNT_OF(rows), out);
}

/* The rule set that decides here, and why it is not the active one. */
static void render_rules(const struct worker *worker, struct json *json) {
    char refused[DIAG_TEXT_MAX];
    struct active_rules *rules = rule_watch_get(worker->watch);
    json_key(json, "ruleset");
    if (rules == NULL) {
        json_nil(json);
    } else {
        json_str(json, ruleset_id(rules->ruleset));
    }
    active_rules_unref(&rules);
    json_key(json, "ruleset_refused");
    if (rule_watch_refused(worker->watch, refused)) {
        json_str(json, refused);
    } else {
        json_nil(json);
    }
}

static void render_status(const struct worker *worker, struct buf *out) {
    struct json json;
    json_init(&json, out);
    json_object_open(&json);
    json_str(json_key(&json, "version"), CASEMILL_VERSION);
    json_int(json_key(&json, "uptime_ms"), clock_mono_ms() - worker->started_ms);
    json_uint(json_key(&json, "lanes"), atomic_load(&worker->lane_count));
    json_uint(json_key(&json, "lanes_connected"), WITH_FLAG(worker, connected));
    json_uint(json_key(&json, "links_connected"), SUM(worker, links_up));
    json_uint(json_key(&json, "cases"), SUM(worker, cases_done));
    struct rule_watch_health watch;
    rule_watch_health(worker->watch, &watch);
    json_int(json_key(&json, "lane_turn_ms"), longest_turn(worker));
    json_int(json_key(&json, "rules_looked_ms"), watch.looked_ms);
    json_int(json_key(&json, "listen_notified_ms"), watch.notified_ms);
    json_uint(json_key(&json, "listen_deaf"), watch.deaf);
    json_uint(json_key(&json, "clock_jumps"), watch.clock_jumps);
    render_rules(worker, &json);
    json_object_close(&json);
    buf_byte(out, '\n');
}

/* NULL: ready. */
static const char *why_unready(const struct worker *worker) {
    if (WITH_FLAG(worker, connected) == 0) {
        return "no lane is connected to PostgreSQL\n";
    }
    if (SUM(worker, links_up) == 0) {
        return "no lane is connected to a broker\n";
    }
    if (rule_watch_is_unchecked(worker->watch)) {
        return "the rules were not checked for 30 s\n";
    }
    if (rule_watch_is_stale(worker->watch) || WITH_FLAG(worker, stale) > 0) {
        return "the active rule set does not load here\n";
    }
    struct active_rules *rules = rule_watch_get(worker->watch);
    bool has_rules = rules != NULL;
    active_rules_unref(&rules);
    return has_rules ? NULL : "no rule set is active\n";
}

static void render(const char *path, struct http_reply *reply, void *context) {
    const struct worker *worker = context;
    if (strcmp(path, "/metrics") == 0) {
        render_metrics(worker, &reply->body);
    } else if (strcmp(path, "/status") == 0) {
        reply->content_type = "application/json";
        render_status(worker, &reply->body);
    } else if (strcmp(path, "/healthz") == 0) {
        bool stalled = worker_is_stalled(worker);
        reply->status = stalled ? 503 : 200;
        buf_str(&reply->body, stalled ? "a lane is stalled\n" : "ok\n");
    } else if (strcmp(path, "/readyz") == 0) {
        const char *missing = why_unready(worker);
        reply->status = missing == NULL ? 200 : 503;
        buf_str(&reply->body, missing == NULL ? "ready\n" : missing);
    } else {
        reply->status = 404;
    }
}

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
    err = err == ERR_OK ? check_postgres(options, diag) : err;
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
                                             .stale_s = made->options.stale_s,
                                             .changed = rules_changed,
                                             .context = made};
    err = err == ERR_OK ? rule_watch_start(&watch, &made->watch, diag) : err;
    err = err == ERR_OK ? fold_start(made->options.conninfo, &made->fold, diag) : err;
    err = err == ERR_OK ? start_lanes(made, diag) : err;
    if (err == ERR_OK && has_page(options)) {
        err = http_start(options->http_bind, render, made, &made->http, diag);
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

/* The state of the broker: JSON for operators, text for Prometheus, health for both. */
#include "broker/status.h"

#include "base/json.h"
#include "base/log.h"
#include "broker/stats_table.h"

#include <math.h>

#define DRAINING "draining: no batch is accepted"
#define PAUSED "paused"

enum { SNAPSHOT_MS = 250 };

struct all_stats {
    struct core_stats core;
    struct journal_stats disk;
    struct shell_counts counts;
    struct {
        uint64_t bytes_max, body_bytes, receipt_bytes, work_bytes, unread_bytes;
    } memory;
    struct {
        struct net_door_state of[WIRE_SOCKET_COUNT];
        uint64_t full, cut, heavy, taken_over, mute;
    } sockets;
    uint64_t log_lost, peers_refused;
};

/* The words of keys.sources, keys.workers and keys.operators. */
static const char *const ROLES[WIRE_SOCKET_COUNT] = {
    [WIRE_INTAKE] = "source", [WIRE_WORKER] = "worker", [WIRE_CONTROL_SOCKET] = "operator"};

#define STATS_FAMILY(member, name, kind, unit, where, help) {name, METRIC_##kind, "", help},
static const struct metric_family STATS[] = {STATS_TABLE(STATS_FAMILY)};
#undef STATS_FAMILY

#define METRICS_ID(id, name, kind, labels, help) METRICS_##id,
enum { METRICS_TABLE(METRICS_ID) METRICS_COUNT };
#undef METRICS_ID
#define METRICS_FAMILY(id, name, kind, labels, help) {name, METRIC_##kind, labels, help},
static const struct metric_family METRICS[METRICS_COUNT] = {METRICS_TABLE(METRICS_FAMILY)};
#undef METRICS_FAMILY

static bool is_in_metrics_table(const struct metric_family *family) {
    return family->name[0] == '\0';
}

static void gather(struct shell *shell, struct all_stats *all) {
    *all = (struct all_stats){.counts = shell->counts,
                              .memory = {.bytes_max = shell->memory_bytes_max,
                                         .body_bytes = atomic_load(&shell->bodies.bytes),
                                         .receipt_bytes = atomic_load(&shell->receipts.all.bytes),
                                         .work_bytes = atomic_load(&shell->work.bytes)},
                              .log_lost = log_lost()};
    core_stats(shell->core, shell->now, &all->core);
    journal_stats(shell->journal, &all->disk);
    all->core.batches_refused += shell->counts.batches_refused;
    for (int which = 0; which < WIRE_SOCKET_COUNT; which++) {
        struct net_door_state door;
        struct net_peers_state peers;
        net_door_state(shell->sockets[which], &door);
        net_peers_look(shell->sockets[which], &peers);
        all->sockets.of[which] = door;
        all->peers_refused += shell->counts.peers_refused[which];
        all->sockets.full += door.full_count;
        all->sockets.cut += door.cut_count;
        all->sockets.heavy += door.heavy_count;
        all->sockets.taken_over += peers.taken_over;
        all->sockets.mute += peers.mute;
        all->memory.unread_bytes += door.unread_bytes;
    }
}

static bool is_accepting(const struct all_stats *all) {
    return all->core.accepting && !all->core.stopped;
}

static const char *unready_reason(const struct all_stats *all) {
    if (all->disk.failed) {
        return "the journal has failed: nothing is confirmed until a restart";
    }
    if (all->disk.commit_runs_ms > JOURNAL_STALLED_MS) {
        return "the journal's disk does not answer: nothing is confirmed until it does";
    }
    if (!all->core.accepting) {
        return DRAINING;
    }
    if (all->disk.full) {
        return "the journal's budget is spent";
    }
    if (!all->core.dispatching) {
        return PAUSED;
    }
    if (all->core.lanes == 0) {
        return "no lane is connected";
    }
    if (all->core.queued_rows > 0 && all->core.lanes_rows == 0) {
        return "batches of rows wait, and no connected lane takes rows: update the workers";
    }
    if (all->core.success_proved) {
        return "";
    }
    if (all->core.lanes_open == 0) {
        return "no lane is ready for work: PostgreSQL or a rule set is missing there";
    }
    return all->core.success_ms < 0 ? "no canary has returned yet"
                                    : "nothing was committed lately, not even a canary";
}

/* For operators also who paused or drained the broker; not for PONG, which intake systems read. */
static void unready_text(const struct shell *shell, const struct all_stats *all, struct buf *out) {
    const char *reason = unready_reason(all);
    buf_str(out, reason);
    const struct operator_stop *stops = shell->operators.stops;
    if (strcmp(reason, DRAINING) == 0 && stops[OPERATOR_DRAIN].is_on) {
        operator_stop_text(&stops[OPERATOR_DRAIN], out);
    } else if (strcmp(reason, PAUSED) == 0 && stops[OPERATOR_PAUSE].is_on) {
        operator_stop_text(&stops[OPERATOR_PAUSE], out);
    }
}

void status_json(struct shell *shell, struct buf *out) {
    struct all_stats all;
    gather(shell, &all);
    struct json json;
    json_init(&json, out);
    json_object_open(&json);
    json_str(json_key(&json, "version"), CASEMILL_VERSION);
    json_key(&json, "journal");
    char uuid[UUID_TEXT_BYTES];
    struct uuid journal = journal_uuid(shell->journal);
    uuid_format(&journal, uuid);
    json_str(&json, uuid);
    json_bool(json_key(&json, "accepting"), is_accepting(&all));
    json_bool(json_key(&json, "dispatching"), all.core.dispatching);
    json_bool(json_key(&json, "stopping"), shell->stopping);
    struct buf unready = BUF_EMPTY;
    unready_text(shell, &all, &unready);
    json_str(json_key(&json, "unready"), buf_cstr(&unready));
    buf_free(&unready);
    operator_stop_json(&shell->operators.stops[OPERATOR_PAUSE], json_key(&json, "paused"));
    operator_stop_json(&shell->operators.stops[OPERATOR_DRAIN], json_key(&json, "draining"));
    json_uint(json_key(&json, "low_water"), all.core.low_water);
#define STATS_JSON(member, name, kind, unit, where, help)                                          \
    json_int(json_key(&json, #member), (int64_t)all.where);
    STATS_TABLE(STATS_JSON)
#undef STATS_JSON
    json_object_close(&json);
}

void status_lanes_json(const struct shell *shell, struct buf *out) {
    struct json json;
    json_init(&json, out);
    json_array_open(&json);
    struct core_lane_view view;
    for (uint32_t i = 0; core_lane_view(shell->core, i, shell->now, &view); i++) {
        char uuid[UUID_TEXT_BYTES];
        uuid_format(&view.uuid, uuid);
        json_object_open(&json);
        json_str(json_key(&json, "lane"), uuid);
        json_str(json_key(&json, "name"), view.name);
        json_str(json_key(&json, "phase"), view.phase);
        json_uint(json_key(&json, "credit_cases"), view.credit_cases);
        json_uint(json_key(&json, "credit_bytes"), view.credit_bytes);
        json_uint(json_key(&json, "held_cases"), view.held_cases);
        json_uint(json_key(&json, "held_bytes"), view.held_bytes);
        json_uint(json_key(&json, "done"), view.done);
        json_int(json_key(&json, "seen_ms"), view.seen_ms);
        json_bool(json_key(&json, "retiring"), view.retiring);
        json_object_close(&json);
    }
    json_array_close(&json);
}

void status_sources_json(const struct shell *shell, struct buf *out) {
    struct json json;
    json_init(&json, out);
    json_array_open(&json);
    struct core_source_view view;
    for (uint32_t i = 0; core_source_view(shell->core, i, &view); i++) {
        json_object_open(&json);
        json_str(json_key(&json, "source"), view.name);
        json_uint(json_key(&json, "weight"), view.weight);
        json_uint(json_key(&json, "accepted"), view.cases_accepted);
        json_uint(json_key(&json, "done"), view.cases_done);
        json_key(&json, "queued");
        json_object_open(&json);
        for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
            json_uint(json_key(&json, wire_priority_word((enum wire_priority)priority)),
                      view.queued_cases[priority]);
        }
        json_object_close(&json);
        json_object_close(&json);
    }
    json_array_close(&json);
}

/* Of a value in the unit of its row; a time below 0 is not known. */
static double in_ONE(double value) { return value; }
static double in_MS(double value) { return value < 0 ? (double)NAN : value / 1000; }

/* metrics_value with one label. */
static void put_labelled(const struct metric_family *family, const char *name, const char *word,
                         double value, struct buf *out) {
    struct buf label = BUF_EMPTY;
    metrics_label(&label, name, word);
    metrics_value(family, buf_cstr(&label), value, out);
    buf_free(&label);
}

static void put_stats(const struct all_stats *all, struct buf *out) {
    const double values[] = {
#define STATS_VALUE(member, name, kind, unit, where, help) in_##unit((double)all->where),
        STATS_TABLE(STATS_VALUE)
#undef STATS_VALUE
    };
    for (size_t i = 0; i < COUNT_OF(STATS); i++) {
        if (!is_in_metrics_table(&STATS[i])) {
            metrics_one(&STATS[i], values[i], out);
        }
    }
}

static void put_queued(const struct source_count *count, const char *source, struct buf *out) {
    struct buf labels = BUF_EMPTY;
    for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
        buf_clear(&labels);
        buf_str(&labels, source);
        metrics_label(&labels, "priority", wire_priority_word((enum wire_priority)priority));
        metrics_value(&METRICS[METRICS_SOURCE_QUEUED], buf_cstr(&labels),
                      (double)count->queued[priority], out);
    }
    buf_free(&labels);
}

static void put_sources(const struct source_metrics *sources, struct buf *out) {
    for (int id = METRICS_SOURCE_ACCEPTED; id <= METRICS_SOURCE_QUEUED; id++) {
        metrics_head(&METRICS[id], out);
        for (uint32_t i = 0; i <= SOURCE_LABELS_MAX; i++) {
            const struct source_count *count = &sources->counts[i];
            if (i >= sources->label_count && i < SOURCE_LABELS_MAX) {
                continue;
            }
            const char *label = source_metrics_label(sources, i);
            if (id == METRICS_SOURCE_QUEUED) {
                put_queued(count, label, out);
            } else {
                uint64_t cases = id == METRICS_SOURCE_DONE ? count->done : count->accepted;
                metrics_value(&METRICS[id], label, (double)cases, out);
            }
        }
    }
}

static void put_counts(const struct shell_counts *counts, struct buf *out) {
    metrics_head(&METRICS[METRICS_REFUSED], out);
    for (int reason = WIRE_REASON_NONE + 1; reason < SHELL_REASONS; reason++) {
        put_labelled(&METRICS[METRICS_REFUSED], "reason",
                     wire_reason_word((enum wire_reason)reason), (double)counts->refused[reason],
                     out);
    }
    metrics_head(&METRICS[METRICS_BUSY], out);
    for (int reason = 0; reason < SHELL_BUSY_REASONS; reason++) {
        put_labelled(&METRICS[METRICS_BUSY], "reason", wire_busy_word((enum wire_busy)reason),
                     (double)counts->busy[reason], out);
    }
}

static void put_roles(const struct all_stats *all, struct buf *out) {
    for (int id = METRICS_PEERS_REFUSED; id <= METRICS_CONNECTIONS_LIMIT; id++) {
        metrics_head(&METRICS[id], out);
        for (int which = 0; which < WIRE_SOCKET_COUNT; which++) {
            const struct net_door_state *door = &all->sockets.of[which];
            double value = id == METRICS_PEERS_REFUSED ? (double)all->counts.peers_refused[which]
                           : id == METRICS_CONNECTIONS ? door->connections
                                                       : door->connections_max;
            put_labelled(&METRICS[id], "role", ROLES[which], value, out);
        }
    }
}

static void put_times(const struct shell *shell, struct buf *out) {
    const struct {
        int id;
        const struct histogram *times;
    } rows[] = {{METRICS_ACCEPT, &shell->times.accept},
                {METRICS_QUEUE, &shell->times.queue},
                {METRICS_DONE, &shell->times.done},
                {METRICS_COMMIT, journal_commit_times(shell->journal)}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        metrics_histogram(&METRICS[rows[i].id], &histogram_seconds, &rows[i].times, 1, out);
    }
}

static void put_metrics(struct status *status, const struct shell *shell,
                        const struct all_stats *all, struct snapshot_page *page) {
    struct buf *out = &page->metrics;
    source_metrics_look(&status->sources, shell->core, &all->core);
    put_stats(all, out);
    metrics_one(&METRICS[METRICS_ACCEPTING], is_accepting(all) ? 1 : 0, out);
    metrics_one(&METRICS[METRICS_DISPATCHING], all->core.dispatching ? 1 : 0, out);
    put_sources(&status->sources, out);
    put_counts(&all->counts, out);
    put_roles(all, out);
    put_times(shell, out);
}

void status_publish(struct status *status, struct shell *shell) {
    struct all_stats all;
    gather(shell, &all);
    const char *reason = unready_reason(&all);
    status->unready = reason;
    status->queued_cases = all.core.queued_cases + all.core.delayed_cases;
    struct snapshot_page page = {.healthy = !all.disk.failed,
                                 .ready = reason[0] == '\0',
                                 .ready_metric = &METRICS[METRICS_READY]};
    unready_text(shell, &all, &page.reason);
    put_metrics(status, shell, &all, &page);
    status_json(shell, &page.status);
    buf_byte(&page.status, '\n');
    snapshot_publish(status->snapshot, &page, shell->now);
}

static void log_stall(struct status *status, const struct shell *shell) {
    struct journal_stats disk;
    journal_stats(shell->journal, &disk);
    bool is_stalled = disk.commit_runs_ms > JOURNAL_STALLED_MS;
    if (is_stalled && !status->is_stall_logged) {
        LOG(EV_JOURNAL_STALLED, "ms=%lld", (long long)disk.commit_runs_ms);
    }
    status->is_stall_logged = is_stalled;
}

void status_step(struct status *status, struct shell *shell) {
    if (shell->now >= status->due) {
        status->due = shell->now + SNAPSHOT_MS;
        log_stall(status, shell);
        status_publish(status, shell);
    }
}

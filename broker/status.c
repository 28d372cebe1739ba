/* The state of the broker: JSON for operators, text for Prometheus, health for both. */
#include "broker/status.h"

#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "broker/stats_table.h"

enum { SNAPSHOT_MS = 250 };

struct all_stats {
    struct core_stats core;
    struct journal_stats disk;
    struct shell_counts counts;
    struct {
        uint64_t bytes_max, body_bytes, receipt_bytes, work_bytes, unread_bytes;
    } memory;
    struct {
        uint32_t connections[WIRE_SOCKET_COUNT];
        uint64_t full, cut, heavy, taken_over, mute;
    } sockets;
    uint64_t log_lost;
};

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
        all->sockets.connections[which] = door.connections;
        all->sockets.full += door.full_count;
        all->sockets.cut += door.cut_count;
        all->sockets.heavy += door.heavy_count;
        all->sockets.taken_over += peers.taken_over;
        all->sockets.mute += peers.mute;
        all->memory.unread_bytes += door.unread_bytes;
    }
}

static const char *unready_reason(const struct all_stats *all) {
    if (all->disk.failed) {
        return "the journal has failed: nothing is confirmed until a restart";
    }
    if (all->disk.commit_runs_ms > JOURNAL_STALLED_MS) {
        return "the journal's disk does not answer: nothing is confirmed until it does";
    }
    if (!all->core.accepting) {
        return "draining: no batch is accepted";
    }
    if (all->disk.full) {
        return "the journal's budget is spent";
    }
    if (!all->core.dispatching) {
        return "paused";
    }
    if (all->core.lanes == 0) {
        return "no lane is connected";
    }
    if (all->core.road_proved) {
        return "";
    }
    if (all->core.lanes_open == 0) {
        return "no lane is ready for work: PostgreSQL or a rule set is missing there";
    }
    return all->core.road_ms < 0 ? "no canary has returned yet"
                                 : "nothing was committed lately, not even a canary";
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
    json_bool(json_key(&json, "accepting"), all.core.accepting && !all.core.stopped);
    json_bool(json_key(&json, "dispatching"), all.core.dispatching);
    json_bool(json_key(&json, "stopping"), shell->stopping);
    json_str(json_key(&json, "unready"), unready_reason(&all));
    json_uint(json_key(&json, "low_water"), all.core.low_water);
#define STATS_JSON(name, kind, where, help) json_int(json_key(&json, #name), (int64_t)all.where);
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

void status_publish(struct status *status, struct shell *shell) {
    struct all_stats all;
    gather(shell, &all);
    const struct metric rows[] = {
#define STATS_ROW(name, kind, where, help)                                                         \
    {"casemill_broker_" #name, help, "", METRIC_##kind, (double)all.where},
        STATS_TABLE(STATS_ROW)
#undef STATS_ROW
    };
    const char *reason = unready_reason(&all);
    status->unready = reason;
    status->queued_cases = all.core.queued_cases + all.core.delayed_cases;
    struct snapshot_page page = {
        .healthy = !all.disk.failed, .ready = reason[0] == '\0', .reason = reason};
    metrics_write(rows, COUNT_OF(rows), &page.metrics);
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

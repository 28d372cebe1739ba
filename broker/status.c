/* The state of the broker: JSON for operators, text for Prometheus, health for both. */
#include "broker/broker.h"

#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "broker/stats_table.h"

struct shell_stats {
    uint64_t bytes_max, body_bytes, receipt_bytes, work_bytes, receipts_dropped, peers_refused,
        keys_refused, clock_jumps, log_lost, connections_full, connections_cut, taken_over, mute,
        lanes_refused, connections_heavy, unread_bytes;
    const struct net_door_state *doors;
};
struct all_stats {
    struct core_stats core;
    struct journal_stats disk;
    struct shell_stats shell;
};

static void gather(struct broker *broker, struct all_stats *all) {
    core_stats(broker->core, broker->now, &all->core);
    all->core.batches_refused += broker->batches_refused;
    journal_stats(broker->journal, &all->disk);
    all->shell = (struct shell_stats){.bytes_max = broker->memory_bytes_max,
                                      .body_bytes = atomic_load(&broker->account.bytes),
                                      .receipt_bytes = atomic_load(&broker->receipts.bytes),
                                      .work_bytes = atomic_load(&broker->flight.bytes),
                                      .receipts_dropped = broker->receipts_dropped,
                                      .peers_refused = broker->peers_refused,
                                      .clock_jumps = broker->clock_jumps,
                                      .log_lost = log_lost(),
                                      .keys_refused = keys_refused(broker),
                                      .lanes_refused = broker->proof.refused,
                                      .doors = broker->doors};
    struct net_socket *const sockets[KEYS_ROLES] = {broker->intake, broker->worker,
                                                    broker->control};
    for (int role = 0; role < KEYS_ROLES; role++) {
        struct net_peers_state peers;
        net_peers_look(sockets[role], &peers);
        all->shell.mute += peers.mute;
        all->shell.taken_over += peers.taken_over;
        all->shell.connections_full += broker->doors[role].full_count;
        all->shell.connections_cut += broker->doors[role].cut_count;
        all->shell.connections_heavy += broker->doors[role].heavy_count;
        all->shell.unread_bytes += broker->doors[role].unread_bytes;
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

void status_json(struct broker *broker, struct buf *out) {
    struct all_stats all;
    gather(broker, &all);
    struct json json;
    json_init(&json, out);
    json_object_open(&json);
    json_key(&json, "version");
    json_str(&json, CASEMILL_VERSION);
    json_key(&json, "journal");
    char uuid[UUID_TEXT_BYTES];
    struct uuid journal = journal_uuid(broker->journal);
    uuid_format(&journal, uuid);
    json_str(&json, uuid);
    json_key(&json, "accepting");
    json_bool(&json, all.core.accepting && !all.core.stopped);
    json_key(&json, "dispatching");
    json_bool(&json, all.core.dispatching);
    json_key(&json, "stopping");
    json_bool(&json, broker->stopping);
    json_key(&json, "unready");
    json_str(&json, unready_reason(&all));
    json_key(&json, "low_water");
    json_uint(&json, all.core.low_water);
#define STATS_JSON(name, kind, where, help)                                                        \
    json_key(&json, #name);                                                                        \
    json_int(&json, (int64_t)all.where);
    STATS_TABLE(STATS_JSON)
#undef STATS_JSON
    json_object_close(&json);
}

void status_lanes_json(struct broker *broker, struct buf *out) {
    struct json json;
    json_init(&json, out);
    json_array_open(&json);
    struct core_lane_view view;
    for (uint32_t i = 0; core_lane_view(broker->core, i, broker->now, &view); i++) {
        char uuid[UUID_TEXT_BYTES];
        uuid_format(&view.uuid, uuid);
        json_object_open(&json);
        json_key(&json, "lane");
        json_str(&json, uuid);
        json_key(&json, "name");
        json_str(&json, view.name);
        json_key(&json, "phase");
        json_str(&json, view.phase);
        json_key(&json, "credit_cases");
        json_uint(&json, view.credit_cases);
        json_key(&json, "credit_bytes");
        json_uint(&json, view.credit_bytes);
        json_key(&json, "held_cases");
        json_uint(&json, view.held_cases);
        json_key(&json, "held_bytes");
        json_uint(&json, view.held_bytes);
        json_key(&json, "done");
        json_uint(&json, view.done);
        json_key(&json, "heard_ms");
        json_int(&json, view.heard_ms);
        json_key(&json, "retiring");
        json_bool(&json, view.retiring);
        json_object_close(&json);
    }
    json_array_close(&json);
}

void status_sources_json(struct broker *broker, struct buf *out) {
    struct json json;
    json_init(&json, out);
    json_array_open(&json);
    struct core_source_view view;
    for (uint32_t i = 0; core_source_view(broker->core, i, &view); i++) {
        json_object_open(&json);
        json_key(&json, "source");
        json_str(&json, view.name);
        json_key(&json, "weight");
        json_uint(&json, view.weight);
        json_key(&json, "accepted");
        json_uint(&json, view.cases_accepted);
        json_key(&json, "done");
        json_uint(&json, view.cases_done);
        json_key(&json, "queued");
        json_object_open(&json);
        for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
            json_key(&json, wire_priority_word((enum wire_priority)priority));
            json_uint(&json, view.queued_cases[priority]);
        }
        json_object_close(&json);
        json_object_close(&json);
    }
    json_array_close(&json);
}

void status_render(struct broker *broker) {
    struct all_stats all;
    gather(broker, &all);
    const struct metric rows[] = {
#define STATS_ROW(name, kind, where, help)                                                         \
    {"casemill_broker_" #name, help, "", METRIC_##kind, (double)all.where},
        STATS_TABLE(STATS_ROW)
#undef STATS_ROW
    };
    const char *reason = unready_reason(&all);
    broker->unready = reason;
    broker->queued_cases = all.core.queued_cases + all.core.delayed_cases;
    struct snapshot_page page = {
        .healthy = !all.disk.failed, .ready = reason[0] == '\0', .reason = reason};
    metrics_write(rows, COUNT_OF(rows), &page.metrics);
    status_json(broker, &page.status);
    buf_byte(&page.status, '\n');
    snapshot_publish(broker->snapshot, &page, broker->now);
}

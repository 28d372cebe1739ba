/* Putting the broker together and taking it apart; what can go wrong at start is one line each. */
#include "broker/broker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/plain.h"
#include "base/thread.h"
#include "broker/coalesce.h"
#include "broker/weights.h"

#include <stdio.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    RECEIPTS_HWM = 100000,
    WORKER_HWM = 64, /* messages of a lane that wait to be read: they may be of 1 MiB */
    WORK_HWM = 10000,
    LINGER_MS = 2000,
    THREADS = 8 /* the journal, libzmq (2), a door for each socket, HTTP, the ready line */
};

static void poke(void *context) { net_wake_poke(context); }

/* Whether it can become a batch: a damaged header may hold any bytes. */
static bool can_be_named(const struct journal_record *record) {
    return record->source.len > 0 &&
           record->cut_count == (record->count + CORE_PART_CASES - 1) / CORE_PART_CASES &&
           memchr(record->source.ptr, 0, record->source.len) == NULL;
}

/* Damaged records are logged here, once; the broker uses the others. */
static void log_damaged(const struct journal_record *record) {
    char batch[UUID_TEXT_BYTES];
    uuid_format(&record->batch, batch);
    LOG(EV_JOURNAL_QUARANTINED, "seq=%llu batch=%s error=%s", (unsigned long long)record->seq,
        can_be_named(record) ? batch : "unreadable",
        record->damage == JOURNAL_DAMAGE_HEADER ? "header" : "body");
}

static void restore_record(const struct journal_record *record, void *context) {
    struct broker *broker = context;
    if (record->damage != JOURNAL_WHOLE) {
        log_damaged(record);
        if (!can_be_named(record)) {
            return;
        }
    }
    struct body *body = body_new(NULL, record->sums, record->cut_count);
    body_set_work(body, record->mode, record->extra);
    struct core_batch_meta meta = {.source = record->source,
                                   .batch = record->batch,
                                   .hash = record->hash,
                                   .work_hash = body_work_hash(body),
                                   .count = record->count,
                                   .bytes = record->bytes,
                                   .ack = record->ack,
                                   .priority = record->priority,
                                   .accepted_at = record->accepted_at,
                                   .cuts = record->cuts};
    if (body_is_plain(body)) {
        body_free(&body);
    }
    core_restore(broker->core, record->seq, &meta, broker->now);
    core_pack(broker->core, record->seq, body);
    if (record->damage != JOURNAL_WHOLE) {
        core_quarantine(broker->core, record->seq);
    }
}

static void make_core(struct broker *broker, const struct settings *settings) {
    struct core_options options = {
        .next_seq = UINT64_MAX, /* until the journal is open: core_set_journal */
        .batches_max = (uint32_t)settings_int(settings, "queue.batches_max"),
        .attempts_max = (uint32_t)settings_int(settings, "lanes.attempts_max"),
        .beat_ms = broker->beat_ms,
        .silent_ms = settings_int(settings, "lanes.silent_ms"),
        .lanes_unproved = proof_is_off(settings),
        .canary_ms = settings_int(settings, "health.canary_ms")};
    broker->core = core_new(&options);
    weights_take(broker->core, NULL, settings);
}

static enum err open_journal(struct broker *broker, const struct settings *settings,
                             struct diag *diag) {
    struct journal_options options = {.path = settings_str(settings, "journal.path"),
                                      .bytes_max = settings_int(settings, "journal.bytes_max"),
                                      .notify = poke,
                                      .context = broker->wake};
    make_core(broker, settings);
    enum err err = journal_open(&options, restore_record, broker, &broker->journal, diag);
    if (err == ERR_OK) {
        struct uuid journal = journal_uuid(broker->journal);
        struct core_stats stats;
        core_set_journal(broker->core, &journal, journal_next_seq(broker->journal));
        core_stats(broker->core, broker->now, &stats);
        if (stats.batches > 0) {
            LOG(EV_JOURNAL_OPENED, "batches=%u", stats.batches);
        }
    }
    return err;
}

static enum err bind_all(struct broker *broker, const struct settings *settings,
                         struct diag *diag) {
    struct broker_binds binds;
    broker_binds_read(settings, &binds);
    struct net_socket **const sockets[KEYS_ROLES] = {&broker->intake, &broker->worker,
                                                     &broker->control};
    const struct net_options usual[KEYS_ROLES] = {
        [KEYS_SOURCES] = {.hwm = INTAKE_HWM,
                          .send_hwm = RECEIPTS_HWM,
                          .message_bytes_max = broker->body_bytes_max + WIRE_FRAME_SLACK,
                          .connections_max = broker_connections_max(settings, KEYS_SOURCES)},
        [KEYS_WORKERS] = {.hwm = WORKER_HWM,
                          .send_hwm = WORK_HWM,
                          .message_bytes_max = WIRE_HEAD_BYTES_MAX + WIRE_FRAME_SLACK,
                          .connections_max = broker_connections_max(settings, KEYS_WORKERS)},
        [KEYS_OPERATORS] = {.hwm = INTAKE_HWM,
                            .message_bytes_max = WIRE_CONTROL_BODY_BYTES_MAX + WIRE_FRAME_SLACK,
                            .connections_max = broker_connections_max(settings, KEYS_OPERATORS)}};
    enum err err = ERR_OK;
    for (int role = 0; err == ERR_OK && role < KEYS_ROLES; role++) {
        struct net_options options = usual[role];
        options.linger_ms = LINGER_MS;
        options.curve = keys_curve(broker, (enum keys_role)role, binds.of[role]);
        options.takes_over = role == KEYS_SOURCES && options.curve == NULL;
        err = net_router_bind(broker->net, binds.of[role], &options, sockets[role], diag);
    }
    return err;
}

static enum err open_sockets(struct broker *broker, const struct settings *settings,
                             struct diag *diag) {
    enum err err = net_open(&broker->net, diag);
    err = err == ERR_OK ? keys_open(broker, settings, diag) : err;
    err = err == ERR_OK ? proof_open(broker, settings, diag) : err;
    return err == ERR_OK ? bind_all(broker, settings, diag) : err;
}

enum err broker_open(const struct settings *settings, struct broker **held, struct diag *diag) {
    struct broker *broker = NULL;
    struct net_wake *wake = NULL;
    enum err err = thread_probe(THREADS, diag);
    err = err == ERR_OK ? net_wake_open(&wake, diag) : err;
    if (err != ERR_OK) {
        return err;
    }
    broker = mem_zero(1, sizeof(*broker));
    broker_take_memory(broker, settings);
    broker->beat_ms = settings_int(settings, "lanes.beat_ms");
    broker->body_bytes_max = (size_t)settings_int(settings, "intake.message_bytes_max");
    broker->now = clock_mono_ms();
    broker->wake = wake;
    broker->flight.wake = broker->wake;
    broker->coalesced = coalesced_new();
    broker->sending = dispatch_new();
    broker->snapshot = snapshot_new();
    arena_init(&broker->arena, ARENA_BYTES_MAX);
    /* The journal first: its check forks, and no thread may run by then. */
    err = open_journal(broker, settings, diag);
    err = err != ERR_OK ? err : open_sockets(broker, settings, diag);
    if (err == ERR_OK) {
        intake_watch(broker);
    }
    const char *http = settings_str(settings, "http.bind");
    if (err == ERR_OK && strcmp(http, "off") != 0) {
        err = http_start(http, snapshot_serve, broker->snapshot, &broker->http, diag);
    }
    if (err != ERR_OK) {
        broker_close(&broker);
        return err;
    }
    status_render(broker);
    *held = broker;
    return ERR_OK;
}

static void free_tag(void *tag, void *context) {
    struct body *body = tag;
    (void)context;
    body_free(&body);
}

void broker_close(struct broker **held) {
    struct broker *broker = *held;
    if (broker == NULL) {
        return;
    }
    http_stop(&broker->http);
    net_socket_close(&broker->intake);
    net_socket_close(&broker->worker);
    net_socket_close(&broker->control);
    net_guard_close(&broker->guard);
    net_close(&broker->net);
    journal_close(&broker->journal);
    if (broker->core != NULL) {
        core_each_tag(broker->core, free_tag, NULL);
    }
    core_free(&broker->core);
    net_wake_free(&broker->wake);
    snapshot_free(&broker->snapshot);
    coalesced_free(&broker->coalesced);
    dispatch_free(&broker->sending);
    arena_free(&broker->arena);
    buf_free(&broker->head);
    mem_free(broker->damaged);
    net_route_drop(&broker->online.route);
    mem_free(broker);
    *held = NULL;
}

void broker_ready_line(const struct broker *broker, struct buf *out) {
    const struct {
        const char *name;
        const char *endpoint;
    } rows[] = {{"ready intake=", net_endpoint(broker->intake)},
                {" worker=", net_endpoint(broker->worker)},
                {" control=", net_endpoint(broker->control)},
                {" http=", broker->http == NULL ? "off" : http_endpoint(broker->http)}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buf_str(out, rows[i].name);
        plain_text(out, rows[i].endpoint); /* a path of ipc may hold anything */
    }
    buf_byte(out, '\n');
}

/* Putting the broker together and taking it apart; what can go wrong at start is one line each. */
#include "broker/broker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/plain.h"
#include "base/thread.h"
#include "broker/check_settings.h"
#include "broker/weights.h"
#include "http/http_settings.h"

#include <stdio.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    INTAKE_HWM = 256,      /* messages of one connection that libzmq holds until they are read */
    LARGE_HWM = 16,        /* of them of the largest size */
    HWM_BYTES = 256 << 10, /* of memory.bytes_max, for each of INTAKE_HWM */
    RECEIPTS_HWM = 100000,
    WORKER_HWM = 64, /* messages of a lane that wait to be read: they may be of 1 MiB */
    WORK_HWM = 10000,
    LINGER_MS = 2000,
    RECEIPTS_SHARE = 4, /* of memory.bytes_max, beside it: receipts that are not read yet */
    RESULTS_SHARE = 8,  /* likewise: results of single cases, until their batch is done */
    WORK_SHARE = 4,     /* likewise: WORK that has not left yet */
    THREADS = 8         /* the journal, libzmq (2), a door for each socket, HTTP, the ready line */
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
    LOG(EV_JOURNAL_QUARANTINED, "seq=%llu batch=%s source=\"%.*s\" error=%s",
        (unsigned long long)record->seq, can_be_named(record) ? batch : "unreadable",
        SPAN_ARG(can_be_named(record) && record->damage != JOURNAL_DAMAGE_HEADER ? record->source
                                                                                 : SPAN_LIT("")),
        record->damage == JOURNAL_DAMAGE_HEADER ? "header" : "body");
}

static void restore_record(const struct journal_record *record, void *context) {
    struct shell *shell = context;
    if (record->damage != JOURNAL_WHOLE) {
        log_damaged(record);
        if (!can_be_named(record)) {
            return;
        }
    }
    struct body *body = body_new(NULL, record->sums, record->cut_count);
    body_set_work(body, record->mode, record->extra);
    body->names_bytes = record->names_bytes;
    body->names_sum = record->names_sum;
    struct core_batch_meta meta = {.source = record->source,
                                   .batch = record->batch,
                                   .hash = record->hash,
                                   .work_hash = body_work_hash(body),
                                   .count = record->count,
                                   .bytes = record->bytes,
                                   .ack = record->ack,
                                   .priority = record->priority,
                                   .accepted_at = record->accepted_at,
                                   .is_rows = record->names_bytes > 0,
                                   .cuts = record->cuts};
    if (body_is_plain(body)) {
        body_free(&body);
    }
    core_restore(shell->core, record->seq, &meta, shell->now);
    core_pack(shell->core, record->seq, body);
    if (record->damage != JOURNAL_WHOLE) {
        core_quarantine(shell->core, record->seq);
    }
}

static void make_core(struct shell *shell, const struct settings *settings) {
    struct core_options options = {
        .next_seq = UINT64_MAX, /* until the journal is open: core_set_journal */
        .batches_max = (uint32_t)settings_int(settings, "queue.batches_max"),
        .attempts_max = (uint32_t)settings_int(settings, "lanes.attempts_max"),
        .beat_ms = settings_int(settings, "lanes.beat_ms"),
        .silent_ms = settings_int(settings, "lanes.silent_ms"),
        .lanes_unproved = proof_is_off(settings),
        .results_bytes_max = (uint64_t)settings_int(settings, "memory.bytes_max") / RESULTS_SHARE,
        .canary_ms = settings_int(settings, "health.canary_ms")};
    shell->core = core_new(&options);
    weights_take(shell->core, NULL, settings);
}

static enum err open_journal(struct shell *shell, const struct settings *settings,
                             struct diag *diag) {
    struct journal_options options = {.path = settings_str(settings, "journal.path"),
                                      .bytes_max = settings_int(settings, "journal.bytes_max"),
                                      .notify = poke,
                                      .context = shell->wake};
    make_core(shell, settings);
    enum err err = journal_open(&options, restore_record, shell, &shell->journal, diag);
    if (err == ERR_OK) {
        struct uuid journal = journal_uuid(shell->journal);
        struct core_stats stats;
        core_set_journal(shell->core, &journal, journal_next_seq(shell->journal));
        core_stats(shell->core, shell->now, &stats);
        if (stats.batches > 0) {
            LOG(EV_JOURNAL_OPENED, "batches=%u", stats.batches);
        }
    }
    return err;
}

/* With little memory fewer: otherwise few connections exceed their share, and clients get BUSY
 * where TCP would slow them down. */
static int intake_hwm(const struct settings *settings) {
    int64_t messages = settings_int(settings, "memory.bytes_max") / HWM_BYTES;
    messages = messages < INTAKE_HWM ? messages : INTAKE_HWM;
    return messages > LARGE_HWM ? (int)messages : LARGE_HWM;
}

static enum err bind_all(struct broker *broker, const struct settings *settings,
                         struct diag *diag) {
    struct broker_binds binds;
    broker_binds_read(settings, &binds);
    const struct net_options usual[WIRE_SOCKET_COUNT] = {
        [WIRE_INTAKE] = {.hwm = intake_hwm(settings),
                         .large_hwm = LARGE_HWM,
                         .send_hwm = RECEIPTS_HWM,
                         .message_bytes_max = broker->intake.body_bytes_max + WIRE_FRAME_SLACK,
                         .connections_max = broker_connections_max(settings, WIRE_INTAKE)},
        [WIRE_WORKER] = {.hwm = WORKER_HWM,
                         .send_hwm = WORK_HWM,
                         .message_bytes_max = WIRE_HEAD_BYTES_MAX + WIRE_FRAME_SLACK,
                         .connections_max = broker_connections_max(settings, WIRE_WORKER)},
        [WIRE_CONTROL_SOCKET] = {
            .hwm = LARGE_HWM,
            .message_bytes_max = WIRE_CONTROL_BODY_BYTES_MAX + WIRE_FRAME_SLACK,
            .connections_max = broker_connections_max(settings, WIRE_CONTROL_SOCKET)}};
    enum err err = ERR_OK;
    for (int which = 0; err == ERR_OK && which < WIRE_SOCKET_COUNT; which++) {
        struct net_options options = usual[which];
        options.linger_ms = LINGER_MS;
        options.curve = keys_curve(&broker->keys, (enum wire_socket)which, binds.of[which]);
        options.takes_over = which == WIRE_INTAKE && options.curve == NULL;
        err = net_router_bind(broker->net, binds.of[which], &options, &broker->shell.sockets[which],
                              diag);
    }
    return err;
}

static enum err open_sockets(struct broker *broker, const struct settings *settings,
                             struct diag *diag) {
    enum err err = net_open(&broker->net, diag);
    err = err == ERR_OK ? keys_open(&broker->keys, broker->net, settings, diag) : err;
    err = err == ERR_OK ? proof_open(&broker->lanes.proof, settings, diag) : err;
    return err == ERR_OK ? bind_all(broker, settings, diag) : err;
}

static void take_memory(struct shell *shell, const struct settings *settings) {
    shell->memory_bytes_max = (uint64_t)settings_int(settings, "memory.bytes_max");
    atomic_store(&shell->receipts.all.bytes_max, shell->memory_bytes_max / RECEIPTS_SHARE);
    atomic_store(&shell->work.bytes_max, shell->memory_bytes_max / WORK_SHARE);
}

static struct broker *broker_new(const struct settings *settings, struct net_wake *wake) {
    struct broker *broker = mem_zero(1, sizeof(*broker));
    struct shell *shell = &broker->shell;
    shell->now = clock_mono_ms();
    shell->now_us = shell->now * 1000;
    shell->wall_us = clock_wall_us();
    shell->wake = wake;
    shell->work.wake = wake;
    take_memory(shell, settings);
    arena_init(&shell->arena, ARENA_BYTES_MAX);
    broker->intake = (struct intake){
        .keys = &broker->keys,
        .status = &broker->status,
        .body_bytes_max = (size_t)settings_int(settings, "intake.message_bytes_max")};
    broker->lanes.keys = &broker->keys;
    broker->actions = (struct actions){.dispatch = dispatch_new(),
                                       .coalesced = coalesced_new(),
                                       .beat_ms = settings_int(settings, "lanes.beat_ms")};
    broker->status.snapshot = snapshot_new();
    broker->settings = settings;
    return broker;
}

enum err broker_open(const struct settings *settings, struct broker **held, struct diag *diag) {
    struct net_wake *wake = NULL;
    enum err err = thread_probe(THREADS, diag);
    err = err == ERR_OK ? net_wake_open(&wake, diag) : err;
    if (err != ERR_OK) {
        return err;
    }
    struct broker *broker = broker_new(settings, wake);
    /* The journal first: its check forks, and no thread may run by then. */
    err = open_journal(&broker->shell, settings, diag);
    err = err != ERR_OK
              ? err
              : control_open(&broker->shell, settings_str(settings, "journal.path"), diag);
    err = err != ERR_OK ? err : open_sockets(broker, settings, diag);
    if (err == ERR_OK) {
        intake_watch(&broker->shell);
    }
    if (err == ERR_OK && http_is_on(settings)) {
        struct http_options http;
        http_settings_read(settings, &http);
        err = http_start(&http, snapshot_serve, broker->status.snapshot, &broker->http, diag);
    }
    if (err != ERR_OK) {
        broker_close(&broker);
        return err;
    }
    status_publish(&broker->status, &broker->shell);
    *held = broker;
    return ERR_OK;
}

enum err broker_reload(struct broker *broker, const struct settings *fresh, struct diag *diag) {
    struct http_options http;
    enum err err = broker_check_values(fresh, diag);
    http_settings_read(fresh, &http);
    err = err == ERR_OK ? http_reload_check(broker->http, &http, diag) : err;
    err = err == ERR_OK ? keys_reload(&broker->keys, fresh, diag) : err;
    err = err == ERR_OK ? http_reload(broker->http, &http, diag) : err;
    if (err != ERR_OK) {
        return err;
    }
    take_memory(&broker->shell, fresh);
    intake_watch(&broker->shell);
    weights_take(broker->shell.core, broker->settings, fresh);
    log_set_json(settings_bool(fresh, "log.json"));
    broker->settings = fresh;
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
    struct shell *shell = &broker->shell;
    http_stop(&broker->http);
    for (int which = 0; which < WIRE_SOCKET_COUNT; which++) {
        net_socket_close(&shell->sockets[which]);
    }
    net_guard_close(&broker->keys.guard);
    net_close(&broker->net);
    journal_close(&shell->journal);
    if (shell->core != NULL) {
        core_each_tag(shell->core, free_tag, NULL);
    }
    core_free(&shell->core);
    net_wake_free(&shell->wake);
    snapshot_free(&broker->status.snapshot);
    source_metrics_fini(&broker->status.sources);
    coalesced_free(&broker->actions.coalesced);
    dispatch_free(&broker->actions.dispatch);
    arena_free(&shell->arena);
    buf_free(&shell->head);
    net_route_drop(&broker->verify.route);
    mem_free(broker);
    *held = NULL;
}

void broker_log_ready(const struct broker *broker) {
    const struct shell *shell = &broker->shell;
    LOG(EV_PROGRAM_READY, "version=%s intake=\"%s\" worker=\"%s\" control=\"%s\" http=\"%s\"",
        CASEMILL_VERSION, net_endpoint(shell->sockets[WIRE_INTAKE]),
        net_endpoint(shell->sockets[WIRE_WORKER]),
        net_endpoint(shell->sockets[WIRE_CONTROL_SOCKET]),
        broker->http == NULL ? "off" : http_endpoint(broker->http));
}

void broker_ready_line(const struct broker *broker, struct buf *out) {
    const struct {
        const char *name;
        const char *endpoint;
    } rows[] = {{"ready intake=", net_endpoint(broker->shell.sockets[WIRE_INTAKE])},
                {" worker=", net_endpoint(broker->shell.sockets[WIRE_WORKER])},
                {" control=", net_endpoint(broker->shell.sockets[WIRE_CONTROL_SOCKET])},
                {" http=", broker->http == NULL ? "off" : http_endpoint(broker->http)}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buf_str(out, rows[i].name);
        plain_text(out, rows[i].endpoint); /* a path of ipc may hold anything */
    }
    buf_byte(out, '\n');
}

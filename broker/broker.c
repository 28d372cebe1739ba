/* Putting the broker together and taking it apart; what can go wrong at start is one line each. */
#include "broker/broker.h"

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/plain.h"
#include "base/thread.h"
#include "broker/coalesce.h"

#include <stdio.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    RECEIPTS_HWM = 100000,
    WORKER_HWM = 64, /* messages of a lane that wait to be read: they may be of 1 MiB */
    WORK_HWM = 10000,
    LINGER_MS = 2000,
    SOCKET_PATH_MAX = 100,
    OPERATORS_MAX = 32,       /* connections of the control socket */
    RESERVE_DESCRIPTORS = 64, /* the journal, libzmq's own, the log, files that are read */
    WHAT_BYTES = 96,
    THREADS = 8 /* the journal, libzmq (2), a door for each socket, HTTP, the ready line */
};

enum { ENDPOINT_BYTES_MAX = 512 };
/* Where each role's socket is bound; those that are private by default lie beside the journal. */
struct binds {
    const char *of[KEYS_ROLES];
    char worker[ENDPOINT_BYTES_MAX], control[ENDPOINT_BYTES_MAX];
};

static const char *bind_or_beside(const struct settings *settings, const char *key,
                                  const char *file, char endpoint[ENDPOINT_BYTES_MAX]) {
    const char *set = settings_str(settings, key);
    if (set[0] != '\0') {
        return set;
    }
    (void)snprintf(endpoint, ENDPOINT_BYTES_MAX, "ipc://%s/%s",
                   settings_str(settings, "journal.path"), file);
    return endpoint;
}

static void binds_read(const struct settings *settings, struct binds *binds) {
    binds->of[KEYS_SOURCES] = settings_str(settings, "intake.bind");
    binds->of[KEYS_WORKERS] = bind_or_beside(settings, "worker.bind", "lanes.sock", binds->worker);
    binds->of[KEYS_OPERATORS] =
        bind_or_beside(settings, "control.bind", "control.sock", binds->control);
}

/* A path that is cut short would be another one. */
static enum err check_length(const struct settings *settings, const char *key, const char *endpoint,
                             struct diag *diag) {
    return strlen(endpoint) <= SOCKET_PATH_MAX
               ? ERR_OK
               : settings_fail(settings, key, ERR_INVALID, diag,
                               "\"%s\" is too long for a socket: set a shorter one", endpoint);
}

static enum err check_trust(const struct settings *settings, struct diag *diag) {
    const char *trust = settings_str(settings, "worker.trust");
    return trust[0] == '\0' || strcmp(trust, "loopback") == 0
               ? ERR_OK
               : settings_fail(settings, "worker.trust", ERR_INVALID, diag,
                               "\"%s\" is not loopback, nor empty", trust);
}

static enum err check_http(const struct settings *settings, struct diag *diag) {
    const char *http = settings_str(settings, "http.bind");
    struct diag why = {0};
    return strcmp(http, "off") == 0 || http_bind_check(http, &why) == ERR_OK
               ? ERR_OK
               : settings_fail(settings, "http.bind", why.err, diag, "%s", why.text);
}

static enum err check_lanes(const struct settings *settings, struct diag *diag) {
    if (settings_int(settings, "lanes.silent_ms") > settings_int(settings, "lanes.beat_ms")) {
        return ERR_OK;
    }
    return settings_is_default(settings, "lanes.silent_ms")
               ? settings_fail(settings, "lanes.beat_ms", ERR_INVALID, diag,
                               "must be below lanes.silent_ms")
               : settings_fail(settings, "lanes.silent_ms", ERR_INVALID, diag,
                               "must be above lanes.beat_ms");
}

static uint32_t connections_max(const struct settings *settings, enum keys_role role) {
    static const char *const KEYS[KEYS_ROLES] = {
        [KEYS_SOURCES] = "intake.connections_max", [KEYS_WORKERS] = "worker.connections_max"};
    return KEYS[role] == NULL ? OPERATORS_MAX : (uint32_t)settings_int(settings, KEYS[role]);
}

/* Connections may be above their limits by a backlog for a moment, and then there must still be
 * descriptors for the journal, HTTP and operators: libzmq aborts without one for an ipc path. */
static enum err check_descriptors(const struct settings *settings, struct diag *diag) {
    uint64_t need = RESERVE_DESCRIPTORS + HTTP_CONNECTIONS_MAX;
    for (int role = 0; role < KEYS_ROLES; role++) {
        need += connections_max(settings, (enum keys_role)role) + NET_BACKLOG;
    }
    char what[WHAT_BYTES];
    (void)snprintf(what, sizeof(what), "intake.connections_max %u and worker.connections_max %u",
                   connections_max(settings, KEYS_SOURCES),
                   connections_max(settings, KEYS_WORKERS));
    return descriptors_check(need, what, diag);
}

enum err broker_check_settings(const struct settings *settings, struct diag *diag) {
    enum err err = broker_check_values(settings, diag);
    err = err == ERR_OK ? check_descriptors(settings, diag) : err;
    return err == ERR_OK ? keys_check(settings, NULL, diag) : err;
}

enum err broker_check_values(const struct settings *settings, struct diag *diag) {
    struct binds binds;
    enum err err = ERR_OK;
    binds_read(settings, &binds);
    for (int role = 0; err == ERR_OK && role < KEYS_ROLES; role++) {
        err = keys_check_endpoint(settings, (enum keys_role)role, binds.of[role], diag);
    }
    err = err == ERR_OK ? check_length(settings, "control.bind", binds.of[KEYS_OPERATORS], diag)
                        : err;
    err = err == ERR_OK ? check_length(settings, "worker.bind", binds.of[KEYS_WORKERS], diag) : err;
    err = err == ERR_OK ? check_trust(settings, diag) : err;
    err = err == ERR_OK ? check_http(settings, diag) : err;
    err = err == ERR_OK ? check_lanes(settings, diag) : err;
    return err == ERR_OK ? weights_check(settings, diag) : err;
}

static void poke(void *context) { net_wake_poke(context); }

/* Whether a batch can be made of it: a damaged header may say anything. */
static bool can_be_named(const struct journal_record *record) {
    return record->source.len > 0 &&
           record->cut_count == (record->count + CORE_PART_CASES - 1) / CORE_PART_CASES &&
           memchr(record->source.ptr, 0, record->source.len) == NULL;
}

/* What is damaged is named here, once; the rest goes on. */
static void say_damaged(const struct journal_record *record) {
    char batch[UUID_TEXT_BYTES];
    uuid_format(&record->batch, batch);
    LOG(EV_JOURNAL_QUARANTINED, "seq=%llu batch=%s error=%s", (unsigned long long)record->seq,
        can_be_named(record) ? batch : "unreadable",
        record->damage == JOURNAL_DAMAGE_HEADER ? "header" : "body");
}

static void restore_record(const struct journal_record *record, void *context) {
    struct broker *broker = context;
    if (record->damage != JOURNAL_WHOLE) {
        say_damaged(record);
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
    if (body_is_told(body)) {
        body_free(&body);
    }
    core_restore(broker->core, record->seq, &meta, broker->now);
    core_rest(broker->core, record->seq, body);
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
    weights_take(broker, NULL, settings);
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
    struct binds binds;
    binds_read(settings, &binds);
    struct net_socket **const sockets[KEYS_ROLES] = {&broker->intake, &broker->worker,
                                                     &broker->control};
    const struct net_options usual[KEYS_ROLES] = {
        [KEYS_SOURCES] = {.hwm = INTAKE_HWM,
                          .send_hwm = RECEIPTS_HWM,
                          .message_bytes_max = broker->body_bytes_max + WIRE_FRAME_SLACK,
                          .connections_max = connections_max(settings, KEYS_SOURCES)},
        [KEYS_WORKERS] = {.hwm = WORKER_HWM,
                          .send_hwm = WORK_HWM,
                          .message_bytes_max = WIRE_HEAD_BYTES_MAX + WIRE_FRAME_SLACK,
                          .connections_max = connections_max(settings, KEYS_WORKERS)},
        [KEYS_OPERATORS] = {.hwm = INTAKE_HWM,
                            .message_bytes_max = WIRE_CONTROL_BODY_BYTES_MAX + WIRE_FRAME_SLACK,
                            .connections_max = connections_max(settings, KEYS_OPERATORS)}};
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
    memory_take(broker, settings);
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

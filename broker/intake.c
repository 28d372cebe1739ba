/* SUBMIT, ROWS, QUERY and PING.  What one turn reads is bounded, so that a flood never delays
 * lanes. It pauses while enough bodies are on their way to disk: TCP then slows the clients down.
 * When libzmq holds more than memory allows, intake is read all the same and answered BUSY; that
 * wakes the loop. */
#include "broker/intake.h"

#include "base/log.h"
#include "broker/admit.h"
#include "broker/receive.h"
#include "broker/reply.h"

/* {results: true}: lanes get it with each delivery. */
#define RESULTS_EXTRA "\x81\xa7results\xc3"
enum {
    TURN_MESSAGES_MAX = 256,
    TURN_BYTES_MAX = 16 << 20,
    PENDING_BYTES_MAX = 32 << 20, /* handed to the journal, not yet durable */
    PENDING_COUNT_MAX = 16384,
    PENDING_SHARE = 2, /* of memory.bytes_max */
    WAITING_SHARE = 4, /* likewise, of what is not read yet */
    RETRY_MS_MIN = 10,
    RETRY_MS_MAX = 5000
};

bool intake_is_open(const struct shell *shell) {
    uint64_t bytes = 0;
    uint64_t count = 0;
    journal_pending(shell->journal, &bytes, &count);
    uint64_t share = shell->memory_bytes_max / PENDING_SHARE;
    return bytes < (share < PENDING_BYTES_MAX ? share : PENDING_BYTES_MAX) &&
           count < PENDING_COUNT_MAX;
}

void intake_watch(struct shell *shell) {
    net_wake_above(shell->sockets[WIRE_INTAKE], shell->wake,
                   shell->memory_bytes_max / WAITING_SHARE);
}

static bool may_wait(const struct shell *shell) {
    return net_waiting_bytes(shell->sockets[WIRE_INTAKE]) <=
           shell->memory_bytes_max / WAITING_SHARE;
}

bool intake_is_read(const struct shell *shell) { return !may_wait(shell) || intake_is_open(shell); }

static uint64_t bytes_of(const struct net_message *message) {
    uint64_t bytes = 0;
    for (uint32_t part = 0; part < message->part_count; part++) {
        bytes += net_part_span(&message->parts[part]).len;
    }
    return bytes;
}

/* There will be room when the commit under way and the one after it are over. */
static void turn_away(struct shell *shell, const struct net_route *route,
                      const struct uuid *batch) {
    struct journal_stats stats;
    journal_stats(shell->journal, &stats);
    int64_t retry_ms = (int64_t)stats.commit_us_last / 500;
    retry_ms = retry_ms > RETRY_MS_MIN ? retry_ms : RETRY_MS_MIN;
    core_turn_away(shell->core, route, batch, retry_ms < RETRY_MS_MAX ? retry_ms : RETRY_MS_MAX);
}

/* The source of a message: on a keyed socket the key's name, and no header may differ; else the
 * header's. False after a refusal. */
static bool is_from(const struct intake *intake, struct shell *shell, const struct uuid *batch,
                    struct span *source) {
    struct span name;
    bool is_admitted = keys_admit(intake->keys, shell, WIRE_INTAKE, &name);
    bool is_own = name.len == 0 || source->len == 0 || span_eq(name, *source);
    if (is_admitted && !is_own) {
        shell->counts.peers_refused[WIRE_INTAKE]++;
        LOG(EV_KEY_REFUSED, "socket=intake reason=another_source key_of=\"%.*s\"",
            SPAN_ARG(name)); /* a keyring's name is plain; the one claimed may be anything */
    }
    if (!is_admitted || !is_own) {
        reply_refused(shell, WIRE_INTAKE, &shell->message.route, batch, WIRE_REASON_NOT_ALLOWED);
        return false;
    }
    if (source->len == 0) {
        *source = name.len > 0 ? name : SPAN_LIT("local");
    }
    return true;
}

/* A REQ gets one reply to each request, whatever it asks for. */
static void note_channel(struct net_route *route, bool coalesce, bool results) {
    route->channel = results                         ? CORE_CHANNEL_RESULTS
                     : coalesce && !route->delimited ? CORE_CHANNEL_COALESCING
                                                     : CORE_CHANNEL_INTAKE;
}

static void take_submit(const struct intake *intake, struct shell *shell,
                        struct wire_submit *submit, bool is_rows) {
    struct net_route *route = &shell->message.route;
    if (!is_from(intake, shell, &submit->batch, &submit->source)) {
        return;
    }
    note_channel(route, submit->coalesce, submit->results);
    const struct admission asked = {.socket = WIRE_INTAKE,
                                    .route = *route,
                                    .batch = submit->batch,
                                    .count = submit->count,
                                    .ack = submit->ack,
                                    .priority = submit->priority,
                                    .source = submit->source,
                                    .body_bytes_max = intake->body_bytes_max,
                                    .mode = WORK_INTAKE,
                                    .extra =
                                        submit->results ? SPAN_LIT(RESULTS_EXTRA) : SPAN_LIT(""),
                                    .is_rows = is_rows};
    if (intake_is_open(shell)) {
        admit_batch(shell, &asked);
    } else {
        turn_away(shell, route, &submit->batch);
    }
}

/* How the broker is comes from the last snapshot: asking costs nothing, however often. */
static void take_ping(const struct intake *intake, struct shell *shell) {
    struct span unready = span_str(intake->status->unready);
    struct wire_message reply = {.command = WIRE_PONG,
                                 .pong = {.version = SPAN_LIT(CASEMILL_VERSION),
                                          .message_bytes_max = (uint32_t)intake->body_bytes_max,
                                          .ready = unready.len == 0,
                                          .unready = unready,
                                          .queued_cases = intake->status->queued_cases}};
    reply_send(shell, WIRE_INTAKE, &shell->message.route, &reply);
}

static void take_message(const struct intake *intake, struct shell *shell) {
    struct wire_message request;
    if (!receive_head(shell, WIRE_INTAKE, &request)) {
        return;
    }
    if (request.command == WIRE_SUBMIT || request.command == WIRE_ROWS) {
        take_submit(intake, shell, &request.submit, request.command == WIRE_ROWS);
    } else if (request.command == WIRE_QUERY) {
        struct wire_query *query = &request.query;
        if (is_from(intake, shell, &query->batch, &query->source)) {
            struct net_route *route = &shell->message.route;
            note_channel(route, query->coalesce, query->results);
            core_query(shell->core, route, query->source, &query->batch);
        }
    } else {
        struct span source = SPAN_LIT("");
        CHECK(request.command == WIRE_PING);
        if (is_from(intake, shell, NULL, &source)) {
            take_ping(intake, shell);
        }
    }
}

void intake_receive(const struct intake *intake, struct shell *shell) {
    size_t bytes = 0;
    for (int i = 0; bytes < TURN_BYTES_MAX && intake_is_read(shell); i++) {
        if (i == TURN_MESSAGES_MAX) {
            break;
        }
        if (!receive_next(shell, WIRE_INTAKE)) {
            return;
        }
        bytes += bytes_of(&shell->message);
        take_message(intake, shell);
        net_message_close(&shell->message);
    }
    shell->more = intake_is_read(shell);
}

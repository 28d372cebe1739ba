/* The intake socket: SUBMIT, QUERY and PING.  A drain is bounded, so that a flood never delays
 * lanes. It pauses while enough bodies are on their way to disk: TCP then slows the clients down.
 * When libzmq holds more than memory allows, intake is read all the same and answered BUSY; that
 * wakes the loop. */
#include "broker/admit.h"

#include "base/log.h"

enum {
    DRAIN_MESSAGES_MAX = 256,
    DRAIN_BYTES_MAX = 16 << 20,
    PENDING_BYTES_MAX = 32 << 20, /* handed to the journal, not yet durable */
    PENDING_COUNT_MAX = 16384,
    PENDING_SHARE = 2, /* of memory.bytes_max */
    WAITING_SHARE = 4, /* likewise, of what is not read yet */
    RETRY_MS_MIN = 10,
    RETRY_MS_MAX = 5000
};

bool intake_is_open(struct broker *broker) {
    struct journal_stats stats;
    journal_stats(broker->journal, &stats);
    uint64_t share = broker->memory_bytes_max / PENDING_SHARE;
    return stats.pending_bytes < (share < PENDING_BYTES_MAX ? share : PENDING_BYTES_MAX) &&
           stats.pending_count < PENDING_COUNT_MAX;
}

void intake_watch(struct broker *broker) {
    net_wake_above(broker->intake, broker->wake, broker->memory_bytes_max / WAITING_SHARE);
}

static bool may_wait(const struct broker *broker) {
    return net_waiting_bytes(broker->intake) <= broker->memory_bytes_max / WAITING_SHARE;
}

bool intake_is_read(struct broker *broker) { return !may_wait(broker) || intake_is_open(broker); }

static uint64_t bytes_of(const struct net_message *message) {
    uint64_t bytes = 0;
    for (uint32_t part = 0; part < message->part_count; part++) {
        bytes += net_part_span(&message->parts[part]).len;
    }
    return bytes;
}

/* There will be room when the commit under way and the one after it are over. */
static void turn_away(struct broker *broker, const struct net_route *route,
                      const struct uuid *batch) {
    struct journal_stats stats;
    journal_stats(broker->journal, &stats);
    int64_t retry_ms = (int64_t)stats.commit_us_last / 500;
    retry_ms = retry_ms > RETRY_MS_MIN ? retry_ms : RETRY_MS_MIN;
    core_turn_away(broker->core, route, batch, retry_ms < RETRY_MS_MAX ? retry_ms : RETRY_MS_MAX);
}

/* The source of a message: on a keyed socket the key's name, and no header may differ; else the
 * header's. False after a refusal. */
static bool is_from(struct broker *broker, struct net_message *message, const struct uuid *batch,
                    struct span *source) {
    struct span name;
    bool is_admitted = keys_admit(broker, KEYS_SOURCES, message, &name);
    bool is_own = name.len == 0 || source->len == 0 || span_eq(name, *source);
    if (is_admitted && !is_own) {
        broker->peers_refused++;
        LOG(EV_KEY_REFUSED, "socket=intake reason=another_source key_of=\"%.*s\"",
            SPAN_ARG(name)); /* a keyring's name is plain; the one claimed may be anything */
    }
    if (!is_admitted || !is_own) {
        keys_refuse(broker, KEYS_SOURCES, &message->route, batch);
        return false;
    }
    if (source->len == 0) {
        *source = name.len > 0 ? name : SPAN_LIT("local");
    }
    return true;
}

/* A REQ gets one reply to each request, whatever it asks for. */
static void note_channel(struct net_route *route, bool coalesce) {
    route->channel = coalesce && !route->delimited ? CORE_CHANNEL_COALESCING : CORE_CHANNEL_INTAKE;
}

static void take_submit(struct broker *broker, struct net_message *message,
                        struct wire_submit *submit) {
    if (!is_from(broker, message, &submit->batch, &submit->source)) {
        return;
    }
    note_channel(&message->route, submit->coalesce);
    const struct admission asked = {.socket = broker->intake,
                                    .route = message->route,
                                    .batch = submit->batch,
                                    .count = submit->count,
                                    .ack = submit->ack,
                                    .priority = submit->priority,
                                    .source = submit->source,
                                    .body_bytes_max = broker->body_bytes_max,
                                    .mode = WORK_INTAKE,
                                    .extra = SPAN_LIT("")};
    if (intake_is_open(broker)) {
        admit_batch(broker, message, &asked);
    } else {
        turn_away(broker, &message->route, &submit->batch);
    }
}

/* How the broker is comes from the last snapshot: asking costs nothing, however often. */
static void take_ping(struct broker *broker, const struct net_route *route) {
    struct span unready = span_str(broker->unready);
    struct wire_message reply = {.command = WIRE_PONG,
                                 .pong = {.version = SPAN_LIT(CASEMILL_VERSION),
                                          .message_bytes_max = (uint32_t)broker->body_bytes_max,
                                          .ready = unready.len == 0,
                                          .unready = unready,
                                          .queued_cases = broker->queued_cases}};
    if (reply_send(broker, broker->intake, route, &reply) != ERR_OK) {
        broker->receipts_dropped++;
    }
}

static void take_message(struct broker *broker, struct net_message *message) {
    struct wire_message request;
    struct wire_decode_fault fault = {.reason = WIRE_REASON_BAD_HEAD};
    struct span head = message->part_count == 0 ? SPAN_LIT("") : net_part_span(&message->parts[0]);
    if (wire_decode(head, WIRE_INTAKE, WIRE_TO_BROKER, &broker->arena, &request, &fault) !=
        ERR_OK) {
        reply_unreadable(broker, broker->intake, &message->route, &fault);
        return;
    }
    if (request.command == WIRE_SUBMIT) {
        take_submit(broker, message, &request.submit);
    } else if (request.command == WIRE_QUERY) {
        struct wire_query *query = &request.query;
        if (is_from(broker, message, &query->batch, &query->source)) {
            note_channel(&message->route, query->coalesce);
            core_query(broker->core, &message->route, query->source, &query->batch);
        }
    } else {
        struct span source = SPAN_LIT("");
        CHECK(request.command == WIRE_PING);
        if (is_from(broker, message, NULL, &source)) {
            take_ping(broker, &message->route);
        }
    }
}

void intake_drain(struct broker *broker) {
    size_t bytes = 0;
    for (int i = 0; bytes < DRAIN_BYTES_MAX && intake_is_read(broker); i++) {
        if (i == DRAIN_MESSAGES_MAX) {
            break;
        }
        struct net_message *message = &broker->message;
        if (net_recv(broker->intake, message) != ERR_OK) {
            return;
        }
        bytes += bytes_of(message);
        arena_reset(&broker->arena);
        take_message(broker, message);
        net_message_close(message);
    }
    broker->more = intake_is_read(broker);
}

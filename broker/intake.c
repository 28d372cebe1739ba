/* From a message on the intake socket to core_submit: bounds, well-formedness, hashes, copy.
 * Never looks inside a case beyond its framing.  A drain is bounded, so that lanes are never kept
 * waiting by a flood, and pauses while enough bodies are on their way to disk. */
#include "broker/broker.h"

#include "base/clock.h"
#include "base/log.h"
#include "wire/walk.h"

enum {
    DRAIN_MESSAGES_MAX = 256,
    DRAIN_BYTES_MAX = 16 << 20,
    PENDING_BYTES_MAX = 32 << 20, /* handed to the journal, not yet durable */
    PENDING_COUNT_MAX = 16384
};

bool intake_is_open(struct broker *broker) {
    struct journal_stats stats;
    journal_stats(broker->journal, &stats);
    return stats.pending_bytes < PENDING_BYTES_MAX && stats.pending_count < PENDING_COUNT_MAX;
}

static void refuse(struct broker *broker, const struct net_route *route,
                   const struct wire_submit *submit, const struct walk_fault *fault,
                   bool has_place) {
    struct wire_message reply = {.command = WIRE_REFUSED,
                                 .refused = {.has_batch = true,
                                             .batch = submit->batch,
                                             .reason = fault->reason,
                                             .has_index = has_place,
                                             .has_offset = has_place,
                                             .index = fault->index,
                                             .offset = fault->offset}};
    LOG(EV_BATCH_REFUSED, "reason=%s index=%u offset=%llu", wire_reason_word(fault->reason),
        fault->index, (unsigned long long)fault->offset);
    if (send_head(broker, broker->intake, route, &reply) != ERR_OK) {
        broker->receipts_dropped++;
    }
}

/* Bounds and framing of the body; cuts where the parts begin. */
static bool body_is_sound(struct broker *broker, const struct net_message *message,
                          const struct wire_submit *submit, uint32_t *cuts) {
    struct walk_fault fault = {.reason = WIRE_REASON_NONE};
    if (message->part_count != 2 || message->too_many) {
        fault.reason = WIRE_REASON_BAD_HEADER;
        refuse(broker, &message->route, submit, &fault, false);
        return false;
    }
    struct span body = net_part_span(&message->parts[1]);
    if (body.len > WIRE_BODY_BYTES_MAX || submit->count > WIRE_CASES_MAX) {
        fault.reason = WIRE_REASON_TOO_LARGE;
        refuse(broker, &message->route, submit, &fault, false);
        return false;
    }
    /* A NUL would end the source's name in PostgreSQL, and make it another source's. */
    if (submit->count == 0 || submit->source.len > WIRE_NAME_MAX ||
        (submit->source.len > 0 && memchr(submit->source.ptr, 0, submit->source.len) != NULL)) {
        fault.reason = WIRE_REASON_BAD_HEADER;
        refuse(broker, &message->route, submit, &fault, false);
        return false;
    }
    if (walk_body(body, submit->count, CORE_PART_CASES, cuts, CORE_PARTS_MAX, &fault) != ERR_OK) {
        refuse(broker, &message->route, submit, &fault, true);
        return false;
    }
    return true;
}

static struct body *copy_body(struct broker *broker, struct span bytes, const uint32_t *cuts,
                              uint32_t part_count) {
    struct blob *blob = blob_new(&broker->account, bytes.len);
    memcpy(blob->bytes, bytes.ptr, bytes.len);
    uint64_t sums[CORE_PARTS_MAX];
    for (uint32_t i = 0; i < part_count; i++) {
        size_t end = i + 1 < part_count ? cuts[i + 1] : bytes.len;
        sums[i] = hash64(span_make(bytes.ptr + cuts[i], end - cuts[i]));
    }
    return body_new(blob, sums, part_count);
}

static void take_submit(struct broker *broker, const struct net_message *message,
                        const struct wire_submit *submit) {
    uint32_t cuts[CORE_PARTS_MAX] = {0};
    if (!body_is_sound(broker, message, submit, cuts)) {
        return;
    }
    struct span bytes = net_part_span(&message->parts[1]);
    uint32_t parts = (submit->count + CORE_PART_CASES - 1) / CORE_PART_CASES;
    struct body *body = copy_body(broker, bytes, cuts, parts);
    struct core_batch_meta meta = {.source =
                                       submit->source.len > 0 ? submit->source : SPAN_LIT("local"),
                                   .batch = submit->batch,
                                   .hash = hash128(bytes),
                                   .count = submit->count,
                                   .bytes = (uint32_t)bytes.len,
                                   .ack = submit->ack,
                                   .priority = submit->priority,
                                   .accepted_at = clock_wall_us(),
                                   .cuts = cuts,
                                   .tag = body};
    if (!core_submit(broker->core, &message->route, &meta, broker->now)) {
        body_free(&body);
        return;
    }
    /* The core's PUT names only the sequence number; the record is complete here. */
    size_t count = 0;
    const struct core_action *actions = core_actions(broker->core, &count);
    CHECK(count > 0 && actions[count - 1].kind == CORE_PUT);
    struct journal_record record = {.seq = actions[count - 1].seq,
                                    .batch = meta.batch,
                                    .hash = meta.hash,
                                    .count = meta.count,
                                    .bytes = meta.bytes,
                                    .ack = meta.ack,
                                    .priority = meta.priority,
                                    .accepted_at = meta.accepted_at,
                                    .source = meta.source,
                                    .cut_count = parts};
    memcpy(record.cuts, cuts, sizeof(cuts));
    memcpy(record.sums, body->sums, parts * sizeof(body->sums[0]));
    journal_put(broker->journal, &record, blob_ref(body->blob));
}

static void take_ping(struct broker *broker, const struct net_route *route) {
    struct wire_message reply = {.command = WIRE_PONG,
                                 .pong = {.version = SPAN_LIT(CASEMILL_VERSION)}};
    if (send_head(broker, broker->intake, route, &reply) != ERR_OK) {
        broker->receipts_dropped++;
    }
}

static void take_message(struct broker *broker, const struct net_message *message) {
    struct wire_message request;
    struct wire_decode_fault fault = {.reason = WIRE_REASON_BAD_HEAD};
    struct span head = message->part_count == 0 ? SPAN_LIT("") : net_part_span(&message->parts[0]);
    if (wire_decode(head, WIRE_INTAKE, WIRE_TO_BROKER, &broker->arena, &request, &fault) !=
        ERR_OK) {
        refuse_unreadable(broker, broker->intake, &message->route, &fault);
        return;
    }
    if (request.command == WIRE_SUBMIT) {
        take_submit(broker, message, &request.submit);
    } else if (request.command == WIRE_QUERY) {
        struct span source =
            request.query.source.len > 0 ? request.query.source : SPAN_LIT("local");
        core_query(broker->core, &message->route, source, &request.query.batch);
    } else {
        CHECK(request.command == WIRE_PING);
        take_ping(broker, &message->route);
    }
}

void intake_drain(struct broker *broker) {
    size_t bytes = 0;
    for (int i = 0; bytes < DRAIN_BYTES_MAX && intake_is_open(broker); i++) {
        if (i == DRAIN_MESSAGES_MAX) {
            break;
        }
        struct net_message *message = &broker->message;
        if (net_recv(broker->intake, message) != ERR_OK) {
            return;
        }
        for (uint32_t part = 0; part < message->part_count; part++) {
            bytes += net_part_span(&message->parts[part]).len;
        }
        arena_reset(&broker->arena);
        take_message(broker, message);
        net_message_close(message);
    }
    broker->more = intake_is_open(broker);
}

/* From a message on the worker socket to the core's inputs. */
#include "broker/broker.h"

#include "base/log.h"

enum { DRAIN_MESSAGES_MAX = 256, LOG_FULL_MS = 10000 };

static void refuse_place(struct broker *broker, const struct net_route *route) {
    const struct wire_message refused = {.command = WIRE_REFUSED,
                                         .refused = {.reason = WIRE_REASON_TOO_MANY_LANES}};
    if (reply_send(broker, broker->worker, route, &refused) != ERR_OK) {
        broker->receipts_dropped++;
    }
}

/* A refused lane asks again with every beat, so not every refusal is logged. */
static void log_full(struct broker *broker, const struct core_stats *stats) {
    if (broker->now >= broker->lanes_full_due) {
        broker->lanes_full_due = broker->now + LOG_FULL_MS;
        LOG(EV_LANES_FULL, "lanes=%u replaced=%llu turned_away=%llu", stats->lanes,
            (unsigned long long)stats->lanes_replaced,
            (unsigned long long)stats->lanes_turned_away);
    }
}

static void take_ready(struct broker *broker, const struct net_route *route,
                       const struct wire_ready *ready) {
    if (!proof_holds(broker, route, ready)) {
        return;
    }
    struct core_stats before;
    core_stats(broker->core, broker->now, &before);
    bool has_place = core_ready(broker->core, route, ready, broker->now);
    struct core_stats after;
    core_stats(broker->core, broker->now, &after);
    if (after.lanes > before.lanes || after.lanes_replaced > before.lanes_replaced) {
        char lane[UUID_TEXT_BYTES];
        uuid_format(&ready->uuid, lane);
        LOG(EV_LANE_READY, "lane=%s cases=%u bytes=%llu holds=%u", lane, ready->credit_cases,
            (unsigned long long)ready->credit_bytes, ready->hold_count);
    }
    if (!has_place) {
        refuse_place(broker, route);
    }
    if (!has_place || after.lanes_replaced > before.lanes_replaced) {
        log_full(broker, &after);
    }
}

static void log_failed(const struct wire_failed *failed) {
    if (failed->range_count > 0) {
        LOG(EV_DELIVERY_FAILED, "seq=%llu first=%u count=%u ranges=%u",
            (unsigned long long)failed->ranges[0].seq, failed->ranges[0].first,
            failed->ranges[0].count, failed->range_count);
    }
}

static void take_message(struct broker *broker, const struct net_message *message) {
    struct wire_message received;
    struct wire_decode_fault fault = {.reason = WIRE_REASON_BAD_HEAD};
    const struct net_route *route = &message->route;
    struct span head = message->part_count == 0 ? SPAN_LIT("") : net_part_span(&message->parts[0]);
    if (wire_decode(head, WIRE_WORKER, WIRE_TO_BROKER, &broker->arena, &received, &fault) !=
        ERR_OK) {
        reply_unreadable(broker, broker->worker, route, &fault);
        return;
    }
    bool is_result = received.command == WIRE_LANE_DONE || received.command == WIRE_FAILED ||
                     received.command == WIRE_RETURN;
    if (received.command != WIRE_READY && received.command != WIRE_BYE &&
        !proof_is_given(broker, route, is_result)) {
        return;
    }
    if (received.command == WIRE_READY) {
        take_ready(broker, route, &received.ready);
    } else if (received.command == WIRE_LANE_DONE) {
        core_done(broker->core, route, &received.lane_done, broker->now);
    } else if (received.command == WIRE_FAILED) {
        log_failed(&received.failed);
        core_failed(broker->core, route, &received.failed, broker->now);
    } else if (received.command == WIRE_RETURN) {
        core_returned(broker->core, route, &received.returned, broker->now);
    } else if (received.command == WIRE_LANE_BEAT) {
        core_beat(broker->core, route, &received.lane_beat, broker->now);
    } else {
        CHECK(received.command == WIRE_BYE);
        LOG(EV_LANE_GONE, "reason=bye");
        core_bye(broker->core, route);
    }
}

void lanes_drain(struct broker *broker) {
    for (int i = 0; i < DRAIN_MESSAGES_MAX; i++) {
        if (net_recv(broker->worker, &broker->message) != ERR_OK) {
            return;
        }
        arena_reset(&broker->arena);
        struct span name;
        /* A revoked lane gets no answer: it is lost and fenced, and its work goes to others. */
        if (keys_admit(broker, KEYS_WORKERS, &broker->message, &name)) {
            take_message(broker, &broker->message);
        }
        net_message_close(&broker->message);
    }
    broker->more = true;
}

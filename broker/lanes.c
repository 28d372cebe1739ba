/* From a message on the worker socket to the core's inputs. */
#include "broker/broker.h"

#include "base/log.h"

enum { DRAIN_MESSAGES_MAX = 256 };

static void take_ready(struct broker *broker, const struct net_route *route,
                       const struct wire_ready *ready) {
    struct core_stats before;
    core_stats(broker->core, broker->now, &before);
    core_ready(broker->core, route, ready, broker->now);
    struct core_stats after;
    core_stats(broker->core, broker->now, &after);
    if (after.lanes > before.lanes) {
        char lane[UUID_TEXT_BYTES];
        uuid_format(&ready->uuid, lane);
        LOG(EV_LANE_READY, "lane=%s cases=%u bytes=%llu holds=%u", lane, ready->credit_cases,
            (unsigned long long)ready->credit_bytes, ready->hold_count);
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
    struct wire_message said;
    struct wire_decode_fault fault = {.reason = WIRE_REASON_BAD_HEAD};
    const struct net_route *route = &message->route;
    struct span head = message->part_count == 0 ? SPAN_LIT("") : net_part_span(&message->parts[0]);
    if (wire_decode(head, WIRE_WORKER, WIRE_TO_BROKER, &broker->arena, &said, &fault) != ERR_OK) {
        refuse_unreadable(broker, broker->worker, route, &fault);
        return;
    }
    if (said.command == WIRE_READY) {
        take_ready(broker, route, &said.ready);
    } else if (said.command == WIRE_LANE_DONE) {
        core_done(broker->core, route, &said.lane_done, broker->now);
    } else if (said.command == WIRE_FAILED) {
        log_failed(&said.failed);
        core_failed(broker->core, route, &said.failed, broker->now);
    } else if (said.command == WIRE_RETURN) {
        core_returned(broker->core, route, &said.returned, broker->now);
    } else if (said.command == WIRE_LANE_BEAT) {
        core_beat(broker->core, route, &said.lane_beat, broker->now);
    } else {
        CHECK(said.command == WIRE_BYE);
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
        /* A revoked lane is not answered: it falls silent, and its work is fenced and goes on. */
        if (keys_admit(broker, KEYS_WORKERS, &broker->message, &name)) {
            take_message(broker, &broker->message);
        }
        net_message_close(&broker->message);
    }
    broker->more = true;
}

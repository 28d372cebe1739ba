/* From a message on the worker socket to the core's inputs. */
#include "broker/lanes.h"

#include "base/log.h"
#include "broker/receive.h"
#include "broker/reply.h"

#include <stdio.h>

enum { TURN_MESSAGES_MAX = 256, LOG_FULL_MS = 10000 };

/* A refused lane asks again with every beat, so not every refusal is logged. */
static void log_full(struct lanes *lanes, int64_t now, const struct core_stats *stats) {
    if (now >= lanes->full_due) {
        lanes->full_due = now + LOG_FULL_MS;
        LOG(EV_LANES_FULL, "lanes=%u replaced=%llu turned_away=%llu", stats->lanes,
            (unsigned long long)stats->lanes_replaced,
            (unsigned long long)stats->lanes_turned_away);
    }
}

static void take_ready(struct lanes *lanes, struct shell *shell, const struct net_route *route,
                       const struct wire_ready *ready) {
    if (!proof_holds(&lanes->proof, shell, route, ready)) {
        return;
    }
    struct core_stats before;
    core_stats(shell->core, shell->now, &before);
    bool has_slot = core_ready(shell->core, route, ready, shell->now);
    struct core_stats after;
    core_stats(shell->core, shell->now, &after);
    if (after.lanes > before.lanes || after.lanes_replaced > before.lanes_replaced) {
        char lane[UUID_TEXT_BYTES];
        uuid_format(&ready->uuid, lane);
        LOG(EV_LANE_READY, "lane=%s worker=\"%.*s\" cases=%u bytes=%llu holds=%u", lane,
            SPAN_ARG(ready->name), ready->credit_cases, (unsigned long long)ready->credit_bytes,
            ready->hold_count);
    }
    if (!has_slot) {
        reply_refused(shell, WIRE_WORKER, route, NULL, WIRE_REASON_TOO_MANY_LANES);
    }
    if (!has_slot || after.lanes_replaced > before.lanes_replaced) {
        log_full(lanes, shell->now, &after);
    }
}

static void format_sender(const struct shell *shell, char text[UUID_TEXT_BYTES]) {
    struct uuid lane;
    if (core_lane_of(shell->core, &shell->message.route, &lane)) {
        uuid_format(&lane, text);
    } else {
        (void)snprintf(text, UUID_TEXT_BYTES, "unknown");
    }
}

static void log_failed(const struct shell *shell, const struct wire_failed *failed) {
    char lane[UUID_TEXT_BYTES];
    char batch[UUID_TEXT_BYTES] = "unknown";
    struct core_label label = {.source = ""};
    if (failed->range_count == 0) {
        return;
    }
    format_sender(shell, lane);
    if (core_label(shell->core, failed->ranges[0].seq, &label)) {
        uuid_format(&label.batch, batch);
    }
    LOG(EV_DELIVERY_FAILED, "lane=%s batch=%s source=\"%s\" seq=%llu first=%u count=%u ranges=%u",
        lane, batch, label.source, (unsigned long long)failed->ranges[0].seq,
        failed->ranges[0].first, failed->ranges[0].count, failed->range_count);
}

static void log_bye(const struct shell *shell) {
    char lane[UUID_TEXT_BYTES];
    format_sender(shell, lane);
    LOG(EV_LANE_GONE, "lane=%s reason=bye", lane);
}

static void take_message(struct lanes *lanes, struct shell *shell) {
    struct wire_message received;
    const struct net_route *route = &shell->message.route;
    if (!receive_head(shell, WIRE_WORKER, &received)) {
        return;
    }
    bool is_result = received.command == WIRE_LANE_DONE || received.command == WIRE_FAILED ||
                     received.command == WIRE_RETURN;
    if (received.command != WIRE_READY && received.command != WIRE_BYE &&
        !proof_is_given(&lanes->proof, shell, route, is_result)) {
        return;
    }
    if (received.command == WIRE_READY) {
        take_ready(lanes, shell, route, &received.ready);
    } else if (received.command == WIRE_LANE_DONE) {
        if (shell->message.part_count > 1) {
            received.lane_done.body = net_part_span(&shell->message.parts[1]);
        }
        core_done(shell->core, route, &received.lane_done, shell->now);
    } else if (received.command == WIRE_FAILED) {
        log_failed(shell, &received.failed);
        core_failed(shell->core, route, &received.failed, shell->now);
    } else if (received.command == WIRE_RETURN) {
        core_returned(shell->core, route, &received.returned, shell->now);
    } else if (received.command == WIRE_LANE_BEAT) {
        core_beat(shell->core, route, &received.lane_beat, shell->now);
    } else {
        CHECK(received.command == WIRE_BYE);
        log_bye(shell);
        core_bye(shell->core, route);
    }
}

void lanes_receive(struct lanes *lanes, struct shell *shell) {
    for (int i = 0; i < TURN_MESSAGES_MAX; i++) {
        struct span name;
        if (!receive_next(shell, WIRE_WORKER)) {
            return;
        }
        /* A revoked lane gets no answer: it is lost and fenced, and its work goes to others. */
        if (keys_admit(lanes->keys, shell, WIRE_WORKER, &name)) {
            take_message(lanes, shell);
        }
        net_message_close(&shell->message);
    }
    shell->more = true;
}

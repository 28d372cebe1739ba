/* The operator's socket: a verb in, JSON out; REAPPLY and RETRY have a body and a way of their own
 * (reapply.c).
 */
#include "broker/broker.h"

#include "base/log.h"

enum { DRAIN_MESSAGES_MAX = 16 };

/* The text between the quotes of a JSON string; a name has no escapes. */
static struct span quoted(struct span text) {
    bool is_name = text.len > 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"' &&
                   memchr(text.ptr, '\\', text.len) == NULL;
    return is_name ? span_make(text.ptr + 1, text.len - 2) : SPAN_LIT("");
}

/* RETIRE takes a lane's uuid or a worker's name, which is that of all its lanes. */
static bool retire(struct broker *broker, struct span arguments, struct buf *json) {
    struct span who = quoted(arguments);
    struct core_lane_view view;
    uint32_t lanes = 0;
    for (uint32_t i = 0; core_lane_view(broker->core, i, broker->now, &view); i++) {
        char uuid[UUID_TEXT_BYTES];
        uuid_format(&view.uuid, uuid);
        if (span_is(who, uuid) || span_is(who, view.name)) {
            lanes += core_retire(broker->core, &view.uuid) ? 1 : 0;
            LOG(EV_LANE_RETIRING, "lane=%s", uuid);
        }
    }
    buf_printf(json, lanes > 0 ? "{\"retiring\":%u}" : "{\"error\":\"no such lane or worker\"}",
               lanes);
    return lanes > 0;
}

static bool run_verb(struct broker *broker, const struct wire_control *control, struct buf *json) {
    struct span verb = control->verb;
    if (span_is(verb, "STATUS")) {
        status_json(broker, json);
    } else if (span_is(verb, "WORKERS")) {
        status_lanes_json(broker, json);
    } else if (span_is(verb, "SOURCES")) {
        status_sources_json(broker, json);
    } else if (span_is(verb, "PAUSE")) {
        core_set_dispatching(broker->core, false);
        buf_str(json, "{\"dispatching\":false}");
    } else if (span_is(verb, "RESUME") && !broker->stopping) {
        core_set_dispatching(broker->core, true);
        core_set_accepting(broker->core, true);
        buf_str(json, "{\"dispatching\":true,\"accepting\":true}");
    } else if (span_is(verb, "DRAIN")) {
        /* What is queued is worked off; RESUME accepts again. */
        core_set_accepting(broker->core, false);
        buf_str(json, "{\"accepting\":false}");
    } else if (span_is(verb, "RETIRE")) {
        return retire(broker, control->arguments, json);
    } else {
        buf_str(json, broker->stopping ? "{\"error\":\"the broker is stopping\"}"
                                       : "{\"error\":\"unknown verb\"}");
        return false;
    }
    return true;
}

static void take_message(struct broker *broker, const struct net_message *message) {
    struct wire_message request;
    struct wire_decode_fault fault = {.reason = WIRE_REASON_BAD_HEAD};
    struct span head = message->part_count == 0 ? SPAN_LIT("") : net_part_span(&message->parts[0]);
    if (wire_decode(head, WIRE_CONTROL_SOCKET, WIRE_TO_BROKER, &broker->arena, &request, &fault) !=
        ERR_OK) {
        reply_unreadable(broker, broker->control, &message->route, &fault);
        return;
    }
    if (request.command == WIRE_REAPPLY) {
        reapply_take(broker, message, &request.reapply);
        return;
    }
    if (request.command == WIRE_RETRY) {
        retry_take(broker, message, &request.retry);
        return;
    }
    if (span_is(request.control.verb, "VERIFY")) {
        online_verify_start(broker, &message->route); /* answers when it is through */
        return;
    }
    struct buf json = BUF_EMPTY;
    struct wire_message reply = {.command = WIRE_CONTROL_REPLY};
    reply.control_reply.ok = run_verb(broker, &request.control, &json);
    reply.control_reply.json = buf_span(&json);
    if (reply_send(broker, broker->control, &message->route, &reply) != ERR_OK) {
        broker->receipts_dropped++;
    }
    buf_free(&json);
}

void control_drain(struct broker *broker) {
    for (int i = 0; i < DRAIN_MESSAGES_MAX; i++) {
        if (net_recv(broker->control, &broker->message) != ERR_OK) {
            return;
        }
        arena_reset(&broker->arena);
        struct span name;
        if (keys_admit(broker, KEYS_OPERATORS, &broker->message, &name)) {
            take_message(broker, &broker->message);
        } else {
            keys_refuse(broker, KEYS_OPERATORS, &broker->message.route, NULL);
        }
        net_message_close(&broker->message);
    }
    broker->more = true;
}

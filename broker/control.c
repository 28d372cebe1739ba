/* The operator's socket: a verb in, JSON out; REAPPLY and RETRY have a body and a way of their own
 * (reapply.c).
 */
#include "broker/control.h"

#include "base/log.h"
#include "broker/reapply.h"
#include "broker/receive.h"
#include "broker/reply.h"
#include "broker/status.h"
#include "broker/trace.h"

enum { TURN_MESSAGES_MAX = 16 };

/* The text between the quotes of a JSON string; a name has no escapes. */
static struct span quoted(struct span text) {
    bool is_name = text.len > 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"' &&
                   memchr(text.ptr, '\\', text.len) == NULL;
    return is_name ? span_make(text.ptr + 1, text.len - 2) : SPAN_LIT("");
}

/* RETIRE takes a lane's uuid or a worker's name, which is that of all its lanes. */
static bool retire(struct shell *shell, struct span arguments, struct buf *json) {
    struct span who = quoted(arguments);
    struct core_lane_view view;
    uint32_t lanes = 0;
    for (uint32_t i = 0; core_lane_view(shell->core, i, shell->now, &view); i++) {
        char uuid[UUID_TEXT_BYTES];
        uuid_format(&view.uuid, uuid);
        if (span_is(who, uuid) || span_is(who, view.name)) {
            lanes += core_retire(shell->core, &view.uuid) ? 1 : 0;
            LOG(EV_LANE_RETIRING, "lane=%s", uuid);
        }
    }
    buf_printf(json, lanes > 0 ? "{\"retiring\":%u}" : "{\"error\":\"no such lane or worker\"}",
               lanes);
    return lanes > 0;
}

static bool run_verb(struct shell *shell, const struct wire_control *control, struct buf *json) {
    struct span verb = control->verb;
    if (span_is(verb, "STATUS")) {
        status_json(shell, json);
    } else if (span_is(verb, "WORKERS")) {
        status_lanes_json(shell, json);
    } else if (span_is(verb, "SOURCES")) {
        status_sources_json(shell, json);
    } else if (span_is(verb, "PAUSE")) {
        core_set_dispatching(shell->core, false);
        buf_str(json, "{\"dispatching\":false}");
    } else if (span_is(verb, "RESUME") && !shell->stopping) {
        core_set_dispatching(shell->core, true);
        core_set_accepting(shell->core, true);
        buf_str(json, "{\"dispatching\":true,\"accepting\":true}");
    } else if (span_is(verb, "DRAIN")) {
        /* What is queued is worked off; RESUME accepts again. */
        core_set_accepting(shell->core, false);
        buf_str(json, "{\"accepting\":false}");
    } else if (span_is(verb, "RETIRE")) {
        return retire(shell, control->arguments, json);
    } else if (span_is(verb, "TRACE")) {
        return trace_json(shell, quoted(control->arguments), json);
    } else {
        buf_str(json, shell->stopping ? "{\"error\":\"the broker is stopping\"}"
                                      : "{\"error\":\"unknown verb\"}");
        return false;
    }
    return true;
}

static void take_message(struct shell *shell, struct online_verify *verify) {
    struct wire_message request;
    if (!receive_head(shell, WIRE_CONTROL_SOCKET, &request)) {
        return;
    }
    if (request.command == WIRE_REAPPLY) {
        reapply_take(shell, &request.reapply);
    } else if (request.command == WIRE_RETRY) {
        reapply_take_retry(shell, &request.retry);
    } else if (span_is(request.control.verb, "VERIFY")) {
        online_verify_start(verify, shell); /* answers when it is through */
    } else {
        struct buf json = BUF_EMPTY;
        bool ok = run_verb(shell, &request.control, &json);
        reply_control(shell, &shell->message.route, ok, buf_span(&json));
        buf_free(&json);
    }
}

void control_receive(struct shell *shell, const struct keys *keys, struct online_verify *verify) {
    for (int i = 0; i < TURN_MESSAGES_MAX; i++) {
        struct span name;
        if (!receive_next(shell, WIRE_CONTROL_SOCKET)) {
            return;
        }
        if (keys_admit(keys, shell, WIRE_CONTROL_SOCKET, &name)) {
            take_message(shell, verify);
        } else {
            reply_refused(shell, WIRE_CONTROL_SOCKET, &shell->message.route, NULL,
                          WIRE_REASON_NOT_ALLOWED);
        }
        net_message_close(&shell->message);
    }
    shell->more = true;
}

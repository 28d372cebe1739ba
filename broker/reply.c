/* A message of a head frame, or of two frames, to any socket. */
#include "broker/reply.h"

/* False: there is no room for it. */
static bool make_part(struct shell *shell, enum wire_socket which, const struct net_route *route,
                      struct span bytes, struct net_part *part) {
    if (which == WIRE_INTAKE) {
        return outgoing_receipt(&shell->receipts, route, bytes, part) == ERR_OK;
    }
    net_part_copy(part, bytes);
    return true;
}

bool reply_send_with(struct shell *shell, enum wire_socket which, const struct net_route *route,
                     const struct wire_message *message, struct span body) {
    struct net_part parts[2];
    buf_clear(&shell->head);
    wire_encode(message, &shell->head);
    bool is_sent = make_part(shell, which, route, buf_span(&shell->head), &parts[0]);
    bool has_body = is_sent && body.len > 0 && make_part(shell, which, route, body, &parts[1]);
    is_sent = is_sent && net_send(shell->sockets[which], route, parts, has_body ? 2 : 1) == ERR_OK;
    shell->counts.receipts_dropped += is_sent ? 0 : 1;
    return is_sent;
}

bool reply_send(struct shell *shell, enum wire_socket which, const struct net_route *route,
                const struct wire_message *message) {
    return reply_send_with(shell, which, route, message, SPAN_LIT(""));
}

void reply_refused(struct shell *shell, enum wire_socket which, const struct net_route *route,
                   const struct uuid *batch, enum wire_reason reason) {
    struct wire_message reply = {.command = WIRE_REFUSED,
                                 .refused = {.has_batch = batch != NULL, .reason = reason}};
    if (batch != NULL) {
        reply.refused.batch = *batch;
    }
    reply_send(shell, which, route, &reply);
}

void reply_control(struct shell *shell, const struct net_route *route, bool ok, struct span json) {
    const struct wire_message reply = {.command = WIRE_CONTROL_REPLY,
                                       .control_reply = {.ok = ok, .json = json}};
    reply_send(shell, WIRE_CONTROL_SOCKET, route, &reply);
}

void reply_accepted_fill(const struct shell *shell, const struct uuid *batch, bool duplicate,
                         struct wire_accepted *accepted) {
    const struct core_stats *stats = &shell->stats;
    *accepted = (struct wire_accepted){.batch = *batch,
                                       .duplicate = duplicate,
                                       .queue_cases = stats->queued_cases + stats->delayed_cases +
                                                      stats->out_cases,
                                       .queue_oldest_ms = stats->oldest_ms,
                                       .queue_retry_ms = stats->retry_ms};
}

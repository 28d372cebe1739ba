/* A message of one frame, to any socket. */
#include "broker/reply.h"

bool reply_send(struct shell *shell, enum wire_socket which, const struct net_route *route,
                const struct wire_message *message) {
    struct net_part part;
    enum err err = ERR_OK;
    buf_clear(&shell->head);
    wire_encode(message, &shell->head);
    if (which == WIRE_INTAKE) {
        err = outgoing_receipt(&shell->receipts, route, buf_span(&shell->head), &part);
    } else {
        net_part_copy(&part, buf_span(&shell->head));
    }
    err = err == ERR_OK ? net_send(shell->sockets[which], route, &part, 1) : err;
    shell->counts.receipts_dropped += err == ERR_OK ? 0 : 1;
    return err == ERR_OK;
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

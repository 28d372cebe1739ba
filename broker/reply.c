/* Answers that every socket's file sends. */
#include "broker/broker.h"

#include "base/log.h"

enum err reply_send(struct broker *broker, struct net_socket *socket, const struct net_route *route,
                    const struct wire_message *message) {
    struct net_part part;
    buf_clear(&broker->head);
    wire_encode(message, &broker->head);
    if (socket == broker->intake) {
        enum err err = receipt_part(&broker->receipts, route, buf_span(&broker->head), &part);
        if (err != ERR_OK) {
            return err;
        }
    } else {
        net_part_copy(&part, buf_span(&broker->head));
    }
    return net_send(socket, route, &part, 1);
}

void reply_unreadable(struct broker *broker, struct net_socket *socket,
                      const struct net_route *route, const struct wire_decode_fault *fault) {
    struct wire_message reply = {
        .command = WIRE_REFUSED,
        .refused = {.has_batch = fault->has_batch, .batch = fault->batch, .reason = fault->reason}};
    broker->peers_refused++;
    if (fault->reason == WIRE_REASON_UNKNOWN_VERSION) {
        reply.refused.version = SPAN_LIT(WIRE_VERSION);
        LOG(EV_PEER_VERSION, "it_speaks=%.*s this_speaks=%s", SPAN_ARG(fault->version),
            WIRE_VERSION);
    } else {
        LOG(EV_PEER_REFUSED, "reason=%s", wire_reason_word(fault->reason));
    }
    if (reply_send(broker, socket, route, &reply) != ERR_OK) {
        broker->receipts_dropped++;
    }
}

void reply_accepted_fill(const struct broker *broker, const struct uuid *batch, bool duplicate,
                         struct wire_accepted *accepted) {
    const struct core_stats *stats = &broker->stats;
    *accepted = (struct wire_accepted){.batch = *batch,
                                       .duplicate = duplicate,
                                       .queue_cases = stats->queued_cases + stats->delayed_cases +
                                                      stats->out_cases,
                                       .queue_oldest_ms = stats->oldest_ms,
                                       .queue_retry_ms = stats->retry_ms};
}

/* A message that waits, and its head; a head that cannot be decoded is refused here. */
#include "broker/receive.h"

#include "base/log.h"
#include "broker/reply.h"

bool receive_next(struct shell *shell, enum wire_socket which) {
    arena_reset(&shell->arena);
    return net_recv(shell->sockets[which], &shell->message) == ERR_OK;
}

static void refuse(struct shell *shell, enum wire_socket which,
                   const struct wire_decode_fault *fault) {
    struct wire_message reply = {
        .command = WIRE_REFUSED,
        .refused = {.has_batch = fault->has_batch, .batch = fault->batch, .reason = fault->reason}};
    shell->counts.peers_refused[which]++;
    if (fault->reason == WIRE_REASON_UNKNOWN_VERSION) {
        reply.refused.version = SPAN_LIT(WIRE_VERSION);
        LOG(EV_PEER_VERSION, "it_speaks=%.*s this_speaks=%s", SPAN_ARG(fault->version),
            WIRE_VERSION);
    } else {
        LOG(EV_PEER_REFUSED, "reason=%s", wire_reason_word(fault->reason));
    }
    reply_send(shell, which, &shell->message.route, &reply);
}

bool receive_head(struct shell *shell, enum wire_socket which, struct wire_message *decoded) {
    const struct net_message *message = &shell->message;
    struct wire_decode_fault fault = {.reason = WIRE_REASON_BAD_HEAD};
    struct span head = message->part_count == 0 ? SPAN_LIT("") : net_part_span(&message->parts[0]);
    enum err err = wire_decode(head, which, WIRE_TO_BROKER, &shell->arena, decoded, &fault);
    if (err != ERR_OK) {
        refuse(shell, which, &fault);
    }
    return err == ERR_OK;
}

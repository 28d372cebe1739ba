/* A DEALER that lives for one question. */
#include "cli/control_ask.h"

#include "base/clock.h"
#include "net/net.h"
#include "wire/wire.h"

static enum err send_question(struct net_socket *socket, const char *verb, const char *arguments) {
    struct wire_message message = {
        .command = WIRE_CONTROL,
        .control = {.verb = span_str(verb), .arguments = span_str(arguments)}};
    struct buf head = BUF_EMPTY;
    struct net_part part;
    wire_encode(&message, &head);
    net_part_copy(&part, buf_span(&head));
    buf_free(&head);
    return net_send(socket, NULL, &part, 1);
}

static enum err read_answer(struct span head, struct buf *reply, struct diag *diag) {
    struct arena arena;
    struct wire_message message;
    struct wire_decode_fault fault;
    arena_init(&arena, WIRE_HEAD_BYTES_MAX);
    enum err err =
        wire_decode(head, WIRE_CONTROL_SOCKET, WIRE_FROM_BROKER, &arena, &message, &fault);
    if (err != ERR_OK) {
        err = diag_fail(diag, ERR_VERSION, "the answer is not one of a casemill broker's: %s",
                        wire_reason_word(fault.reason));
    } else if (message.command == WIRE_REFUSED) {
        err = diag_fail(diag, ERR_DENIED, "the broker refused: %s",
                        wire_reason_word(message.refused.reason));
    } else if (!message.control_reply.ok) {
        err = diag_fail(diag, ERR_DENIED, "the broker said no: %.*s",
                        SPAN_ARG(message.control_reply.json));
    } else {
        buf_append(reply, message.control_reply.json);
    }
    arena_free(&arena);
    return err;
}

static enum err wait_answer(struct net_socket *socket, int64_t wait_ms, struct buf *reply,
                            struct diag *diag) {
    int64_t end_ms = clock_mono_ms() + wait_ms;
    for (;;) {
        int64_t left_ms = end_ms - clock_mono_ms();
        if (left_ms <= 0) {
            return diag_fail(diag, ERR_TIMEOUT, "no answer from %s: is the broker running?",
                             net_endpoint(socket));
        }
        struct net_poll_item item = {.socket = socket};
        if (net_poll(&item, 1, left_ms) != ERR_OK) {
            return diag_fail(diag, ERR_SYSTEM, "cannot wait for %s", net_endpoint(socket));
        }
        struct net_message message;
        if (item.ready && net_recv(socket, &message) == ERR_OK) {
            enum err err = read_answer(net_part_span(&message.parts[0]), reply, diag);
            net_message_close(&message);
            return err;
        }
    }
}

enum err control_ask(const char *endpoint, const char *verb, const char *arguments, int64_t wait_ms,
                     struct buf *reply, struct diag *diag) {
    struct net *net = NULL;
    struct net_socket *socket = NULL;
    struct net_options limits = {.message_bytes_max = WIRE_HEAD_BYTES_MAX};
    enum err err = net_open(&net, diag);
    if (err == ERR_OK) {
        err = net_dealer_connect(net, endpoint, &limits, &socket, diag);
    }
    if (err == ERR_OK && send_question(socket, verb, arguments) != ERR_OK) {
        err = diag_fail(diag, ERR_CONNECTION, "cannot send to %s", endpoint);
    }
    if (err == ERR_OK) {
        err = wait_answer(socket, wait_ms, reply, diag);
    }
    net_socket_close(&socket);
    net_close(&net);
    return err;
}

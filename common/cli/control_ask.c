/* A DEALER for one request. */
#include "cli/control_ask.h"

#include "base/clock.h"
#include "cli/answer.h"

#include <stdio.h>

enum {
    DO_ASK_MS = 15000,   /* then it is sent again: a restarted broker has no waiter */
    DO_WAIT_MS = 600000, /* after all other work of the broker */
    BUSY_WAIT_MS = 500
};

static enum err send_question(struct net_socket *socket, const struct wire_message *question,
                              struct span body) {
    struct buf head = BUF_EMPTY;
    struct net_part parts[2];
    wire_encode(question, &head);
    net_part_copy(&parts[0], buf_span(&head));
    buf_free(&head);
    if (body.len > 0) {
        net_part_copy(&parts[1], body);
    }
    return net_send(socket, NULL, parts, body.len > 0 ? 2 : 1);
}

enum err control_send(struct net_socket *socket, const char *verb, struct diag *diag) {
    const struct wire_message question = {.command = WIRE_CONTROL,
                                          .control = {.verb = span_str(verb)}};
    return send_question(socket, &question, SPAN_LIT("")) == ERR_OK
               ? ERR_OK
               : diag_fail(diag, ERR_CONNECTION, "cannot send to %s", net_endpoint(socket));
}

enum err control_read(struct span head, struct buf *reply, struct diag *diag) {
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
        bool has_version = message.refused.version.len > 0;
        err = diag_fail(diag, ERR_DENIED, "the broker refused: %s%s%.*s",
                        wire_reason_word(message.refused.reason),
                        has_version ? "; its version is " : "", SPAN_ARG(message.refused.version));
    } else if (!message.control_reply.ok && span_starts(message.control_reply.json, "{\"busy\":")) {
        err = diag_fail(diag, ERR_BUSY, "the broker is busy: %.*s",
                        SPAN_ARG(message.control_reply.json));
    } else if (!message.control_reply.ok) {
        err = diag_fail(diag, ERR_DENIED, "the broker denied this: %.*s",
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
            const char *fault = net_connect_fault(socket);
            char why[NET_WHY_BYTES];
            if (fault == NULL) {
                net_why_away(net_endpoint(socket), why);
            }
            return diag_fail(diag, ERR_TIMEOUT, "no answer from %s: %s", net_endpoint(socket),
                             fault == NULL ? why : fault);
        }
        struct net_poll_item item = {.socket = socket};
        if (net_poll(&item, 1, left_ms) != ERR_OK) {
            return diag_fail(diag, ERR_SYSTEM, "cannot wait for %s", net_endpoint(socket));
        }
        struct net_message message;
        if (item.ready && net_recv(socket, &message) == ERR_OK) {
            enum err err = control_read(net_part_span(&message.parts[0]), reply, diag);
            net_message_close(&message);
            return err;
        }
    }
}

struct control_peer control_peer(const struct options *options) {
    return (struct control_peer){.endpoint = option_control(options),
                                 .key = option_key(options),
                                 .broker_key = option_broker_key(options)};
}

static enum err ask(const struct control_peer *peer, const struct wire_message *question,
                    struct span body, int64_t wait_ms, struct buf *reply, struct diag *diag) {
    struct net *net = NULL;
    struct net_socket *socket = NULL;
    struct net_options limits = {.message_bytes_max = WIRE_HEAD_BYTES_MAX};
    struct net_curve curve = {0};
    bool has_keys = strncmp(peer->endpoint, "tcp://", 6) == 0 &&
                    (peer->key[0] != '\0' || peer->broker_key[0] != '\0');
    enum err err = has_keys ? net_curve_read(peer->key, peer->broker_key, &curve, diag) : ERR_OK;
    limits.curve = has_keys ? &curve : NULL;
    err = err == ERR_OK ? net_open(&net, diag) : err;
    if (err == ERR_OK) {
        err = net_dealer_connect(net, peer->endpoint, &limits, &socket, diag);
    }
    if (err == ERR_OK && send_question(socket, question, body) != ERR_OK) {
        err = diag_fail(diag, ERR_CONNECTION, "cannot send to %s", peer->endpoint);
    }
    if (err == ERR_OK) {
        err = wait_answer(socket, wait_ms, reply, diag);
    }
    net_socket_close(&socket);
    net_close(&net);
    return err;
}

enum err control_order(const struct control_peer *peer, const struct wire_control *order,
                       struct buf *reply, struct diag *diag) {
    const struct wire_message question = {.command = WIRE_CONTROL, .control = *order};
    return ask(peer, &question, SPAN_LIT(""), CONTROL_WAIT_MS, reply, diag);
}

enum err control_ask(const struct control_peer *peer, const char *verb, const char *arguments,
                     int64_t wait_ms, struct buf *reply, struct diag *diag) {
    const struct wire_message question = {
        .command = WIRE_CONTROL,
        .control = {.verb = span_str(verb), .arguments = span_str(arguments)}};
    return ask(peer, &question, SPAN_LIT(""), wait_ms, reply, diag);
}

void control_print_json(const struct buf *reply) {
    struct buf text = BUF_EMPTY;
    buf_append(&text, buf_span(reply));
    answer_print_json(NULL, &text);
}

int control_show(const struct options *options, const char *verb, int64_t wait_ms,
                 control_print_fn print) {
    struct buf reply = BUF_EMPTY;
    struct diag diag = {0};
    const struct control_peer peer = control_peer(options);
    enum err err = control_ask(&peer, verb, "", wait_ms, &reply, &diag);
    if (err == ERR_OK && option_flag(options, "--json")) {
        control_print_json(&reply);
    } else if (err == ERR_OK) {
        err = print(buf_span(&reply), &diag);
    }
    buf_free(&reply);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
}

enum err control_reach(const struct control_peer *peer, struct diag *diag) {
    struct buf reply = BUF_EMPTY;
    enum err err = control_ask(peer, "STATUS", "", CONTROL_WAIT_MS, &reply, diag);
    buf_free(&reply);
    return err;
}

enum err control_do(const struct control_peer *peer, const struct wire_message *asked,
                    struct span body, struct buf *reply, struct diag *diag) {
    int64_t end_ms = clock_mono_ms() + DO_WAIT_MS;
    CHECK(asked->command == WIRE_REAPPLY || asked->command == WIRE_RETRY);
    uint32_t count = asked->command == WIRE_RETRY ? asked->retry.count : asked->reapply.count;
    CHECK(count >= 1 && count <= WIRE_CASES_MAX);
    CHECK(body.len >= 1 && body.len <= WIRE_CONTROL_BODY_BYTES_MAX);
    for (;;) {
        buf_clear(reply);
        enum err err = ask(peer, asked, body, DO_ASK_MS, reply, diag);
        bool is_later = err == ERR_BUSY || err == ERR_TIMEOUT;
        if (!is_later || clock_mono_ms() >= end_ms) {
            return err;
        }
        clock_sleep_ms(err == ERR_BUSY ? BUSY_WAIT_MS : 0);
    }
}

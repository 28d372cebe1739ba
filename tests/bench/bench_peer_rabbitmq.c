/* A RabbitMQ quorum queue through librabbitmq: persistent messages with publisher confirms, and per
 * lane one consumer whose prefetch is the lane's credit. */
#include "bench_peer.h"

#include "base/mem.h"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

enum { BURST_CASES = 64, CHANNEL = 1, FRAME_BYTES = 131072, PER_STEP = 256 };
static const char QUEUE[] = "cases";

/* A server that starts refuses some requests, so a refusal counts as a lost connection, too. */
static enum err fault_of(amqp_connection_state_t conn) {
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(conn);
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
        return ERR_OK;
    }
    return ERR_CONNECTION;
}

static enum err log_in(amqp_connection_state_t conn, const char *address) {
    const char *colon = strrchr(address, ':');
    char host[64];
    CHECK(colon != NULL);
    (void)snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
    amqp_socket_t *socket = amqp_tcp_socket_new(conn);
    CHECK(socket != NULL);
    if (amqp_socket_open(socket, host, (int)strtoul(colon + 1, NULL, 10)) != AMQP_STATUS_OK) {
        return ERR_CONNECTION;
    }
    amqp_rpc_reply_t reply =
        amqp_login(conn, "/", 0, FRAME_BYTES, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        return ERR_CONNECTION; /* also while the server starts */
    }
    (void)amqp_channel_open(conn, CHANNEL);
    return fault_of(conn);
}

static enum err declare(amqp_connection_state_t conn) {
    amqp_table_entry_t kind = {.key = amqp_cstring_bytes("x-queue-type")};
    kind.value.kind = AMQP_FIELD_KIND_UTF8;
    kind.value.value.bytes = amqp_cstring_bytes("quorum");
    const amqp_table_t arguments = {.num_entries = 1, .entries = &kind};
    (void)amqp_queue_declare(conn, CHANNEL, amqp_cstring_bytes(QUEUE), 0, 1, 0, 0, arguments);
    return fault_of(conn);
}

static void disconnect(amqp_connection_state_t conn) {
    (void)amqp_destroy_connection(conn); /* closes the socket; the server notices */
}

static enum err connect_to(const char *address, amqp_connection_state_t *conn) {
    amqp_connection_state_t made = amqp_new_connection();
    CHECK(made != NULL);
    enum err err = log_in(made, address);
    err = err == ERR_OK ? declare(made) : err;
    if (err != ERR_OK) {
        disconnect(made);
        return err;
    }
    *conn = made;
    return ERR_OK;
}

struct push {
    amqp_connection_state_t conn;
    uint32_t *numbers;        /* by delivery tag */
    uint64_t confirmed_below; /* tags are from 1 */
    uint32_t count, cap;
};

static enum err push_open(const char *address, void **context) {
    amqp_connection_state_t conn = NULL;
    enum err err = connect_to(address, &conn);
    if (err != ERR_OK) {
        return err;
    }
    (void)amqp_confirm_select(conn, CHANNEL);
    err = fault_of(conn);
    if (err != ERR_OK) {
        disconnect(conn);
        return err;
    }
    struct push *push = mem_zero(1, sizeof(*push));
    push->conn = conn;
    push->confirmed_below = 1;
    *context = push;
    return ERR_OK;
}

static enum err push_send(void *context, uint32_t number, struct span message) {
    struct push *push = context;
    const amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
                                                .delivery_mode = AMQP_DELIVERY_PERSISTENT};
    const amqp_bytes_t body = {.len = message.len, .bytes = (void *)(uintptr_t)message.ptr};
    if (amqp_basic_publish(push->conn, CHANNEL, amqp_empty_bytes, amqp_cstring_bytes(QUEUE), 0, 0,
                           &properties, body) != AMQP_STATUS_OK) {
        return ERR_CONNECTION;
    }
    MEM_ROOM(push->numbers, push->count, push->cap, 1024);
    push->numbers[push->count++] = number;
    return ERR_OK;
}

static void confirm(struct push *push, struct pushed *pushed, const amqp_basic_ack_t *ack) {
    uint64_t from = ack->multiple ? push->confirmed_below : ack->delivery_tag;
    CHECK(ack->delivery_tag <= push->count);
    for (uint64_t tag = from; tag <= ack->delivery_tag; tag++) {
        pushed_confirm(pushed, push->numbers[tag - 1]);
    }
    if (from <= push->confirmed_below) {
        push->confirmed_below = ack->delivery_tag + 1;
    }
}

static enum err push_settle(void *context, struct pushed *pushed, bool wait) {
    struct push *push = context;
    const struct timeval soon = {0};
    bool is_waiting = wait && pushed->confirmed < pushed->count;
    for (;;) {
        amqp_frame_t frame;
        int status = amqp_simple_wait_frame_noblock(push->conn, &frame, is_waiting ? NULL : &soon);
        if (status == AMQP_STATUS_TIMEOUT) {
            amqp_maybe_release_buffers(push->conn);
            return ERR_OK;
        }
        if (status != AMQP_STATUS_OK) {
            return ERR_CONNECTION;
        }
        if (frame.frame_type != AMQP_FRAME_METHOD) {
            return ERR_INVALID;
        }
        if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD) { /* a nack, or the server stops */
            return ERR_CONNECTION;
        }
        confirm(push, pushed, frame.payload.method.decoded);
        is_waiting = false;
    }
}

static void push_close(void **context) {
    struct push *push = *context;
    disconnect(push->conn);
    mem_free(push->numbers);
    mem_free(push);
    *context = NULL;
}

struct take {
    amqp_connection_state_t conn;
};

static enum err take_open(const struct peer_take_options *options, void **context) {
    amqp_connection_state_t conn = NULL;
    enum err err = connect_to(options->address, &conn);
    if (err != ERR_OK) {
        return err;
    }
    uint16_t prefetch = options->messages > UINT16_MAX ? UINT16_MAX : (uint16_t)options->messages;
    (void)amqp_basic_qos(conn, CHANNEL, 0, prefetch, 0);
    err = fault_of(conn);
    if (err == ERR_OK) {
        (void)amqp_basic_consume(conn, CHANNEL, amqp_cstring_bytes(QUEUE), amqp_empty_bytes, 0, 0,
                                 0, amqp_empty_table);
        err = fault_of(conn);
    }
    if (err != ERR_OK) {
        disconnect(conn);
        return err;
    }
    struct take *take = mem_zero(1, sizeof(*take));
    take->conn = conn;
    *context = take;
    return ERR_OK;
}

static bool has_buffered(amqp_connection_state_t conn) {
    return amqp_frames_enqueued(conn) != 0 || amqp_data_in_buffer(conn) != 0;
}

static uint32_t take_fds(void *context, struct pollfd *fds, int64_t *wait_ms) {
    const struct take *take = context;
    fds[0] = (struct pollfd){.fd = amqp_get_sockfd(take->conn), .events = POLLIN};
    if (has_buffered(take->conn)) {
        *wait_ms = 0;
    }
    return 1;
}

static enum err take_step(void *context, struct seat *seat, bool is_readable) {
    struct take *take = context;
    const struct timeval soon = {0};
    for (int i = 0; i < PER_STEP && (is_readable || has_buffered(take->conn)); i++) {
        amqp_envelope_t envelope;
        amqp_rpc_reply_t reply = amqp_consume_message(take->conn, &envelope, &soon, 0);
        if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
            bool is_empty = reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
                            reply.library_error == AMQP_STATUS_TIMEOUT;
            amqp_maybe_release_buffers(take->conn);
            return is_empty ? ERR_OK : ERR_CONNECTION;
        }
        const struct peer_mark mark = {.number = envelope.delivery_tag};
        seat_put(seat, span_make(envelope.message.body.bytes, envelope.message.body.len), &mark);
        amqp_destroy_envelope(&envelope);
    }
    amqp_maybe_release_buffers(take->conn);
    return ERR_OK;
}

/* Messages are finished in the order of their tags: one acknowledgement for all. */
static enum err take_acknowledge(void *context, const struct peer_mark *marks, uint32_t count) {
    struct take *take = context;
    return amqp_basic_ack(take->conn, CHANNEL, marks[count - 1].number, 1) == AMQP_STATUS_OK
               ? ERR_OK
               : ERR_CONNECTION;
}

/* The answer to the closing of the channel comes after all that was sent before. */
static enum err take_finish(void *context) {
    struct take *take = context;
    amqp_rpc_reply_t reply = amqp_channel_close(take->conn, CHANNEL, AMQP_REPLY_SUCCESS);
    return reply.reply_type == AMQP_RESPONSE_NORMAL ? ERR_OK : ERR_CONNECTION;
}

static void take_close(void **context) {
    struct take *take = *context;
    disconnect(take->conn);
    mem_free(take);
    *context = NULL;
}

const struct peer PEER_RABBITMQ = {.name = "rabbitmq",
                                   .burst_cases = BURST_CASES,
                                   .push_open = push_open,
                                   .push_send = push_send,
                                   .push_settle = push_settle,
                                   .push_close = push_close,
                                   .take_open = take_open,
                                   .take_fds = take_fds,
                                   .take_step = take_step,
                                   .take_acknowledge = take_acknowledge,
                                   .take_finish = take_finish,
                                   .take_close = take_close};

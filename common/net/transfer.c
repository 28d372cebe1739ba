/* Sending and receiving messages.  The routing id is sent first, because only it can fail to find
 * its peer. */
#include "net/net_priv.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>

enum {
    PROBES_MAX = 256, /* skipped in one call */
    /* ZMTP 3: a frame of more than 255 bytes has a length of 8 bytes; CURVE adds to each. */
    SHORT_FRAME_MAX = 255,
    SHORT_FRAME_BYTES = 2,
    LONG_FRAME_BYTES = 9,
    CURVE_FRAME_BYTES = 33,
};

void net_message_close(struct net_message *message) {
    for (uint32_t i = 0; i < message->part_count; i++) {
        net_part_close(&message->parts[i]);
    }
    message->part_count = 0;
    mem_free(message->route_far);
    route_begin(message);
}

/* Counts a frame as it was on the wire: flags, length, content and the bytes that CURVE adds. */
static void weigh_part(struct net_socket *socket, struct net_part *part) {
    uint64_t bytes = zmq_msg_size(part_msg(part)) + (socket->has_keys ? CURVE_FRAME_BYTES : 0U);
    socket->read_bytes += bytes + (bytes > SHORT_FRAME_MAX ? LONG_FRAME_BYTES : SHORT_FRAME_BYTES);
    if (socket->read_fd < 0) {
        socket->read_fd = zmq_msg_get(part_msg(part), ZMQ_SRCFD);
    }
}

/* Receives one frame.  Errors: ERR_AGAIN. */
static enum err recv_part(struct net_socket *socket, struct net_part *part, bool *more) {
    CHECK(zmq_msg_init(part_msg(part)) == 0);
    while (zmq_msg_recv(part_msg(part), socket->socket, ZMQ_DONTWAIT) < 0) {
        if (errno == EINTR) {
            continue;
        }
        CHECK(errno == EAGAIN);
        net_part_close(part);
        return ERR_AGAIN;
    }
    *more = zmq_msg_more(part_msg(part)) != 0;
    if (socket->door != NULL) {
        weigh_part(socket, part);
    }
    return ERR_OK;
}

/* Receives the frames after the first.  Parts are never copied: each is received in its place. */
static void recv_rest(struct net_socket *socket, struct net_message *message) {
    bool more = true;
    bool is_first = socket->is_router;
    while (more) {
        struct net_part beyond;
        bool fits = message->part_count < NET_PARTS_MAX;
        struct net_part *part = fits ? &message->parts[message->part_count] : &beyond;
        /* A message arrives whole or not at all, so after its first frame the rest is there. */
        CHECK(recv_part(socket, part, &more) == ERR_OK);
        if (is_first && more && net_part_span(part).len == 0) {
            message->route.delimited = true;
            net_part_close(part);
        } else if (fits) {
            message->part_count++;
        } else {
            message->too_many = true;
            net_part_close(part);
        }
        is_first = false;
    }
}

static enum err recv_message(struct net_socket *socket, struct net_message *message) {
    bool more = false;
    route_begin(message);
    message->part_count = 0;
    message->too_many = false;
    socket->read_fd = -1;
    enum err err = recv_part(socket, &message->parts[0], &more);
    if (err != ERR_OK) {
        door_is_empty(socket);
        return err;
    }
    socket->read_bytes = 0; /* the routing id was not on the wire */
    if (socket->is_router) {
        route_add(message, net_part_span(&message->parts[0])); /* ZeroMQ's are 255 bytes at most */
        net_part_close(&message->parts[0]);
    } else {
        message->part_count = 1;
    }
    if (more) {
        recv_rest(socket, message);
    }
    if (socket->door != NULL) {
        door_note_read(socket, socket->read_fd, socket->read_bytes);
    }
    if (socket->is_router && message->part_count > 0) {
        events_received(socket, route_first(&message->route), &message->parts[0]);
    }
    if (socket->is_router && !message->route.delimited) {
        route_take_envelope(message);
    }
    return ERR_OK;
}

static bool is_probe(const struct net_socket *socket, const struct net_message *message) {
    return socket->is_router && !message->route.delimited && message->part_count == 1 &&
           net_part_span(&message->parts[0]).len == 0;
}

enum err net_recv(struct net_socket *socket, struct net_message *message) {
    enum err err = recv_message(socket, message);
    for (int i = 0; err == ERR_OK && is_probe(socket, message); i++) {
        net_message_close(message);
        err = i < PROBES_MAX ? recv_message(socket, message) : ERR_AGAIN;
    }
    return err;
}

static enum err send_error(int error) {
    if (error == EHOSTUNREACH) {
        return ERR_NOT_FOUND;
    }
    return error == EAGAIN ? ERR_AGAIN : ERR_CONNECTION;
}

static enum err send_part(struct net_socket *socket, struct net_part *part, bool more) {
    int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
    while (zmq_msg_send(part_msg(part), socket->socket, flags) < 0) {
        if (errno != EINTR) {
            return send_error(errno);
        }
    }
    return ERR_OK;
}

static enum err send_bytes(struct net_socket *socket, const void *bytes, size_t len) {
    while (zmq_send(socket->socket, bytes, len, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0) {
        if (errno != EINTR) {
            return send_error(errno);
        }
    }
    return ERR_OK;
}

enum err net_send(struct net_socket *socket, const struct net_route *route, struct net_part *parts,
                  uint32_t count) {
    CHECK(count > 0);
    CHECK(socket->is_router == (route != NULL));
    enum err err = ERR_OK;
    struct span frame;
    for (uint16_t at = 0; err == ERR_OK && route != NULL && route_next(route, &at, &frame);) {
        err = send_bytes(socket, frame.ptr, frame.len);
    }
    if (err == ERR_OK && route != NULL && route->delimited) {
        err = send_bytes(socket, "", 0);
    }
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        err = send_part(socket, &parts[i], i + 1 < count);
    }
    for (uint32_t i = 0; i < count; i++) {
        net_part_close(&parts[i]); /* sent parts are empty by now */
    }
    return err;
}

/* The meaning of a socket's connection events: how often it connected, why it did not (one line),
 * and which of its peers have sent a message.  One table maps fault numbers to texts.  If the
 * socket has a door, the door's thread reads the events. */
#include "net/net_priv.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>

enum { REDIAL_MS = 500 };

static const char *fault_text(const struct net_socket *socket, uint16_t event, uint32_t value) {
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        return "the broker does not allow this key there";
    }
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL &&
        value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) {
        return socket->has_keys ? "keys are configured, but the broker uses none"
                                : "the broker requires keys, and none are configured";
    }
    /* The side that finds a wrong greeting hangs up, and the other side may not get the reason. */
    return socket->has_keys
               ? "the handshake failed: wrong public key of the broker, or a broker without keys"
               : "the handshake failed: a broker that requires keys, or no casemill broker";
}

static void take_event(struct net_socket *socket, uint16_t event, uint32_t value) {
    if (event == ZMQ_EVENT_CLOSED) { /* no peer answered the attempt: an earlier fault is past */
        socket->fault[0] = '\0';
        return;
    }
    socket->is_connected = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    if (event == ZMQ_EVENT_ACCEPTED) {
        peers_accepted(socket->peers, value);
        return;
    }
    if (event == ZMQ_EVENT_DISCONNECTED) {
        if (socket->peers != NULL) {
            peers_gone(socket->peers, value);
        }
        return;
    }
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        /* Messages queued for an abandoned connection are lost, as with a broken one. */
        socket->connect_count += socket->was_redialed ? 2 : 1;
        socket->was_redialed = false;
        socket->redial_ms = 0;
        socket->fault[0] = '\0';
        return;
    }
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH && socket->is_router) {
        return; /* counted by the guard */
    }
    socket->fault_count++;
    (void)snprintf(socket->fault, sizeof(socket->fault), "%s", fault_text(socket, event, value));
    if (!socket->is_router && event != ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
        socket->redial_ms = clock_mono_ms() + REDIAL_MS;
    }
}

/* libzmq abandons a connection when the other side refuses it.  The key may be allowed later, so
 * the socket connects again. */
static void redial_if_due(struct net_socket *socket) {
    if (socket->redial_ms == 0 || clock_mono_ms() < socket->redial_ms) {
        return;
    }
    socket->redial_ms = 0;
    socket->was_redialed = true;
    if (zmq_disconnect(socket->socket, socket->endpoint) != 0) {
        CHECK(errno == ENOENT || errno == EINVAL); /* it is gone already */
    }
    if (zmq_connect(socket->socket, socket->endpoint) != 0) {
        socket->redial_ms = clock_mono_ms() + REDIAL_MS; /* out of descriptors, perhaps */
    }
}

static void events_read(struct net_socket *socket) {
    struct monitor_event event;
    CHECK(socket->door == NULL); /* its thread reads them */
    while (monitor_next(socket, &event)) {
        take_event(socket, event.id, event.value);
    }
    redial_if_due(socket);
}

uint32_t net_connect_count(struct net_socket *socket) {
    events_read(socket);
    return socket->connect_count;
}

bool net_is_connected(struct net_socket *socket) {
    events_read(socket);
    return socket->is_connected;
}

const char *net_connect_fault(struct net_socket *socket) {
    events_read(socket);
    return socket->fault[0] == '\0' ? NULL : socket->fault;
}

uint64_t net_fault_count(struct net_socket *socket) {
    struct net_door_state state;
    if (socket->door != NULL) {
        net_door_state(socket, &state);
        return state.fault_count;
    }
    events_read(socket);
    return socket->fault_count;
}

void events_received(struct net_socket *socket, struct span routing_id,
                     const struct net_part *part) {
    if (peers_knows(socket->peers, routing_id)) {
        return;
    }
    union {
        const struct net_part *in;
        struct net_part *out;
    } unqualified = {.in = part};
    int fd = zmq_msg_get(part_msg(unqualified.out), ZMQ_SRCFD);
    if (fd < 0) {
        return;
    }
    if (socket->door == NULL) {
        events_read(socket);
    }
    peers_received(socket->peers, routing_id, (uint32_t)fd);
}

void net_peers_look(struct net_socket *socket, struct net_peers_state *state) {
    if (socket->door == NULL) {
        events_read(socket);
    }
    struct peers_found found = peers_look(socket->peers);
    if (found.taken_new > 0) {
        LOG(EV_ROUTING_ID_TAKEN, "socket=%s connections=%llu taken_over=%llu", socket->endpoint,
            (unsigned long long)found.taken_new, (unsigned long long)found.taken_over);
    }
    if (found.mute_new > 0) {
        LOG(EV_PEER_MUTE, "socket=%s connections=%u mute=%u", socket->endpoint, found.mute_new,
            found.mute);
    }
    *state = (struct net_peers_state){.mute = found.mute, .taken_over = found.taken_over};
}

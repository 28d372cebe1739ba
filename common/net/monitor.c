/* Connection events of a socket, through a PAIR of its own: how often it came up, and in one line
 * why it did not.  What a fault's numbers mean to a person stands in one table. */
#include "net/net_priv.h"

#include "base/check.h"
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>

enum { EVENT_BYTES = 6 /* uint16 event, uint32 value */, REDIAL_MS = 500 };

#define EVENTS                                                                                     \
    (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |                 \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |                       \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)

enum err monitor_open(struct net_socket *socket, struct diag *diag) {
    char name[64];
    (void)snprintf(name, sizeof(name), "inproc://monitor-%u", socket->net->monitor_next++);
    if (zmq_socket_monitor(socket->socket, name, EVENTS) != 0) {
        return diag_fail(diag, ERR_SYSTEM, "no more sockets: %s", zmq_strerror(errno));
    }
    socket->monitor = zmq_socket(socket->net->context, ZMQ_PAIR);
    if (socket->monitor == NULL) {
        return diag_fail(diag, ERR_SYSTEM, "no more sockets: %s", zmq_strerror(errno));
    }
    /* Unbounded: at its bound libzmq would stop its own thread until somebody reads.  A peer that
     * is refused comes back at most once a reconnect interval. */
    int none = 0;
    CHECK(zmq_setsockopt(socket->monitor, ZMQ_RCVHWM, &none, sizeof(none)) == 0);
    CHECK(zmq_setsockopt(socket->monitor, ZMQ_LINGER, &none, sizeof(none)) == 0);
    CHECK(zmq_connect(socket->monitor, name) == 0);
    return ERR_OK;
}

void monitor_close(struct net_socket *socket) {
    CHECK(zmq_socket_monitor(socket->socket, NULL, 0) == 0);
    if (socket->monitor != NULL) {
        CHECK(zmq_close(socket->monitor) == 0);
    }
}

static const char *fault_text(const struct net_socket *socket, uint16_t event, uint32_t value) {
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        return "the broker does not allow this key there";
    }
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL &&
        value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) {
        return socket->has_keys ? "keys were given, but the broker speaks without"
                                : "the broker wants keys, and none were given";
    }
    /* Whoever finds the greeting wrong hangs up, and the other side may not learn why. */
    return socket->has_keys
               ? "the handshake failed: is the broker's public key the right one, and has it keys?"
               : "the handshake failed: a broker that wants keys, or no casemill broker at all";
}

bool monitor_is_fault(const struct monitor_event *event) {
    return event->id == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
           event->id == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
}

static void take_event(struct net_socket *socket, uint16_t event, uint32_t value) {
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
        /* What was queued for a connection that was given up is gone, as with one that broke. */
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

/* libzmq gives a connection up for good when the other side says no.  The key may be allowed
 * later, so it is tried again. */
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

bool monitor_next(struct net_socket *socket, struct monitor_event *event) {
    uint8_t bytes[EVENT_BYTES];
    char address[ENDPOINT_BYTES];
    int got = -1;
    do {
        got = zmq_recv(socket->monitor, bytes, sizeof(bytes), ZMQ_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return false;
    }
    CHECK(got == EVENT_BYTES);
    CHECK(zmq_recv(socket->monitor, address, sizeof(address), 0) >= 0);
    memcpy(&event->id, bytes, sizeof(event->id));
    memcpy(&event->value, bytes + sizeof(event->id), sizeof(event->value));
    return true;
}

void monitor_read(struct net_socket *socket) {
    struct monitor_event event;
    CHECK(socket->door == NULL); /* its thread reads them */
    while (monitor_next(socket, &event)) {
        take_event(socket, event.id, event.value);
    }
    redial_if_due(socket);
}

uint32_t net_connect_count(struct net_socket *socket) {
    monitor_read(socket);
    return socket->connect_count;
}

bool net_is_connected(struct net_socket *socket) {
    monitor_read(socket);
    return socket->is_connected;
}

const char *net_connect_fault(struct net_socket *socket) {
    monitor_read(socket);
    return socket->fault[0] == '\0' ? NULL : socket->fault;
}

uint64_t net_fault_count(struct net_socket *socket) {
    struct net_door_state state;
    if (socket->door != NULL) {
        net_door_state(socket, &state);
        return state.fault_count;
    }
    monitor_read(socket);
    return socket->fault_count;
}

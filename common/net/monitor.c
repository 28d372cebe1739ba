/* Connection events of a socket; libzmq sends them through a PAIR of their own.  events.c and the
 * door's thread read them. */
#include "net/net_priv.h"

#include "base/check.h"

#include <errno.h>
#include <stdio.h>

enum { EVENT_BYTES = 6 /* uint16 event, uint32 value */ };

#define EVENTS                                                                                     \
    (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |                 \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |                       \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)

enum err monitor_open(struct net_socket *socket, struct diag *diag) {
    char name[64];
    (void)snprintf(name, sizeof(name), "inproc://monitor-%u", socket->net->monitor_next++);
    int events = EVENTS | (socket->is_router ? 0 : ZMQ_EVENT_CLOSED);
    if (zmq_socket_monitor(socket->socket, name, events) != 0) {
        return diag_fail(diag, ERR_SYSTEM, "no more sockets: %s", zmq_strerror(errno));
    }
    socket->monitor = zmq_socket(socket->net->context, ZMQ_PAIR);
    if (socket->monitor == NULL) {
        return diag_fail(diag, ERR_SYSTEM, "no more sockets: %s", zmq_strerror(errno));
    }
    /* Unbounded: at a bound libzmq would stop its own thread until somebody reads.  A refused peer
     * returns, and an attempt fails, at most once per reconnect interval. */
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

bool monitor_is_fault(const struct monitor_event *event) {
    return event->id == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
           event->id == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
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

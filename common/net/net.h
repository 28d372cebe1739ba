/* Purpose: ZeroMQ sockets with every limit set: MAXMSGSIZE, HANDSHAKE_IVL, heartbeats, LINGER, HWM,
 * ROUTER_MANDATORY.  The only user of zmq.h.
 * Threads: a socket belongs to the thread that made it; wake (an eventfd) may be poked from any.
 * Ownership: a received message owns its parts until net_message_close; a part sent is taken. */
#ifndef CASEMILL_NET_NET_H
#define CASEMILL_NET_NET_H

#include "base/diag.h"
#include "base/span.h"
#include "net/keys.h"

#include <stdbool.h>
#include <stdint.h>

struct net; /* the context: one per program */
struct net_socket;

enum { NET_POLL_MAX = 32 };
/* Connections that the kernel completes before libzmq takes them: for a moment, so many may exceed
 * a limit. */
enum { NET_BACKLOG = 64 };
enum { NET_PARTS_MAX = 64, NET_PART_STORAGE = 64 };
enum {
    NET_FRAME_BYTES_MAX = 255, /* of an envelope's frame; ZeroMQ's own limit for a routing id */
    NET_ENVELOPE_MAX = 8,      /* frames between the routing id and the empty one */
    NET_ROUTE_BYTES_MAX = (NET_ENVELOPE_MAX + 1) * (NET_FRAME_BYTES_MAX + 1),
    NET_ROUTE_NEAR = 24 /* a route up to so many bytes needs no memory of its own */
};

struct net_part { /* a zmq_msg_t inside; do not copy */
    _Alignas(16) uint8_t storage[NET_PART_STORAGE];
};
struct span net_part_span(const struct net_part *part);
void net_part_copy(struct net_part *part, struct span bytes); /* allocates */
/* net_part_share sends bytes without copying: release(hint) is called, from any thread, when done.
 */
void net_part_share(struct net_part *part, struct span bytes,
                    void (*release)(void *bytes, void *hint), void *hint);

/* Where a message came from or goes to on a ROUTER: its envelope.  A frame is a length byte and so
 * many bytes; the first is the routing id.  Up to NET_ROUTE_NEAR bytes are in the struct, enough
 * for a client that connects directly.  A longer route is a view of its owner's bytes, until the
 * message is closed.  delimited: an empty frame followed (REQ); channel: the caller's own number
 * for the socket, 0 unless it sets one. */
struct net_route {
    union {
        uint8_t near[NET_ROUTE_NEAR];
        const uint8_t *far;
    };
    uint16_t len;
    bool delimited;
    uint8_t channel;
};
static inline bool net_route_is_near(const struct net_route *route) {
    return route->len <= NET_ROUTE_NEAR;
}
static inline struct span net_route_span(const struct net_route *route) {
    return span_make(net_route_is_near(route) ? route->near : route->far, route->len);
}
/* net_route_keep copies the bytes, too.  Ownership: *kept is the caller's, freed by net_route_drop,
 * which accepts a zeroed one. */
void net_route_keep(struct net_route *kept, const struct net_route *route);
void net_route_drop(struct net_route *kept);
bool net_route_eq(const struct net_route *a, const struct net_route *b); /* of the bytes */

struct net_message {
    struct net_route route; /* empty on a DEALER */
    uint8_t *route_far;     /* owns the bytes of a route that is not near; else NULL */
    uint32_t part_count;    /* without the envelope; parts beyond NET_PARTS_MAX are dropped, */
    bool too_many;          /* which sets this */
    struct net_part parts[NET_PARTS_MAX];
};
void net_message_close(struct net_message *message);

/* net_check_room: whether enough descriptors are left for a program with so many DEALERs; call it
 * before net_open, which checks for one.  Errors: ERR_SYSTEM with one line. */
MUST_USE enum err net_check_room(uint32_t dealers, struct diag *diag);
/* Errors: ERR_SYSTEM the system has no thread or descriptor left. */
MUST_USE enum err net_open(struct net **net, struct diag *diag);
void net_close(struct net **net); /* all sockets closed before */

struct net_options {
    size_t message_bytes_max; /* MAXMSGSIZE */
    int hwm;      /* messages each way; 0 = library default; a DEALER receives without a bound */
    int send_hwm; /* messages to each peer, when it differs from hwm; 0 = hwm */
    /* Messages of the largest size that one connection alone may have unread, where hwm is meant
     * for small ones; 0 = hwm. */
    int large_hwm;
    int linger_ms;
    uint32_t connections_max; /* of a ROUTER: further ones wait or are shut down; 0: no limit */
    const struct net_curve *curve; /* copied; NULL: no keys */
    /* Of a ROUTER.  A connection whose peer chose a routing id in use takes it over, and the other
     * connection receives and sends nothing more; else the new one never does.  Not with keys:
     * messages to one peer would reach the other. */
    bool takes_over;
    int64_t mute_ms; /* see net_peers_look; 0: 15 s */
};
/* net_endpoint_fault: what is wrong with an endpoint, to be written after its name; NULL: it is
 * tcp://HOST:PORT or ipc://PATH (the host is not looked up).  ipc://@NAME is refused: it has no
 * file and so no owner, and every user of the host can open it. */
const char *net_endpoint_fault(const char *endpoint);
/* bind: HOST is a name, an address, [IPv6], or * for every interface; all addresses of a name are
 * bound, at the same port.  "tcp://127.0.0.1:0" takes a port from the kernel; net_endpoint then has
 * the real one, of the first address.  ipc paths get mode 0600, and never replace a file or the
 * socket of another program.
 * Errors: ERR_BUSY port taken, ERR_DENIED, ERR_INVALID, ERR_SYSTEM no thread or descriptor left;
 * one clear line in diag. */
MUST_USE enum err net_router_bind(struct net *net, const char *endpoint,
                                  const struct net_options *options, struct net_socket **socket,
                                  struct diag *diag);
/* net_bind_check tries net_router_bind and releases the address again.  Errors: as that. */
MUST_USE enum err net_bind_check(const char *endpoint, struct diag *diag);
MUST_USE enum err net_dealer_connect(struct net *net, const char *endpoint,
                                     const struct net_options *options, struct net_socket **socket,
                                     struct diag *diag);
/* net_why_away tries once to connect to an address that does not answer, and reports the cause in
 * one line: the name, the network, the path's owner.  It waits up to a second, longer if a name
 * server does not answer: use it before an exit, or in a thread of its own. */
enum { NET_WHY_BYTES = 160 };
void net_why_away(const char *endpoint, char text[NET_WHY_BYTES]);
/* net_is_reached: whether something listens there; if not, text has the cause. */
bool net_is_reached(const char *endpoint, char text[NET_WHY_BYTES]);
void net_socket_close(struct net_socket **socket);
/* net_connect_count returns how often a DEALER's connection has come up since it was made.  When it
 * has grown, the peer may be another process, and receipts for earlier messages may be lost. */
uint32_t net_connect_count(struct net_socket *socket);
bool net_is_connected(struct net_socket *socket); /* a DEALER's connection is up now */
/* net_connect_fault: why the last handshake of a DEALER failed, in one line; NULL when none has
 * since it last came up.  Both this call and net_connect_count retry the connection: call one of
 * them regularly. */
const char *net_connect_fault(struct net_socket *socket);
/* net_fault_count: handshakes of a keyed ROUTER that failed before the peer showed a key: it has no
 * keys, or those of another broker. */
uint64_t net_fault_count(struct net_socket *socket);
/* How many connections a ROUTER has; all 0 without connections_max. */
struct net_door_state {
    uint32_t connections, connections_max;
    bool is_shut;         /* at its limit: new ones wait */
    uint64_t full_count;  /* times that the limit was reached */
    uint64_t cut_count;   /* connections shut down because of the limit */
    uint64_t heavy_count; /* connections shut down because of their unread bytes */
    /* Bytes of incomplete or unread messages on all tcp connections; the maximum is connections_max
     * messages of message_bytes_max. */
    uint64_t unread_bytes, unread_bytes_max;
    uint64_t fault_count; /* as net_fault_count */
};
void net_door_state(const struct net_socket *socket, struct net_door_state *state);
/* net_peers_look counts a ROUTER's connections that are older than mute_ms and never sent anything
 * (idle, or their routing id is taken).  It also counts routing ids that a second connection has
 * taken over.  It logs each once; call it about once per second. */
struct net_peers_state {
    uint32_t mute;
    uint64_t taken_over;
};
void net_peers_look(struct net_socket *socket, struct net_peers_state *state);
const char *net_endpoint(const struct net_socket *socket);

/* net_recv does not wait.  It skips probes: messages of one empty frame (ZMQ_PROBE_ROUTER), which
 * need no reply.
 * Errors: ERR_AGAIN no message.  The caller closes the message when ERR_OK was returned. */
MUST_USE enum err net_recv(struct net_socket *socket, struct net_message *message);
/* net_send does not wait.  route NULL on a DEALER.  It takes all parts, with any result.
 * Errors: ERR_AGAIN the peer's queue is full, ERR_NOT_FOUND the peer does not exist: nothing was
 * sent. */
MUST_USE enum err net_send(struct net_socket *socket, const struct net_route *route,
                           struct net_part *parts, uint32_t count);

/* An eventfd another thread may poke. */
struct net_wake;
MUST_USE enum err net_wake_open(struct net_wake **wake, struct diag *diag); /* Errors: ERR_SYSTEM */
void net_wake_free(struct net_wake **wake);
void net_wake_poke(struct net_wake *wake);
void net_wake_clear(struct net_wake *wake);

/* In a program with hangup.h, of a ROUTER with connections_max.
 * net_waiting_bytes: bytes that libzmq has taken from connections, also from ended ones, and
 * net_recv has not returned; of one connection never more than message_bytes_max.
 * net_wake_above: wake is poked when that rises above so many bytes.  Ownership: wake is freed
 * after the net. */
uint64_t net_waiting_bytes(const struct net_socket *socket);
void net_wake_above(struct net_socket *socket, struct net_wake *wake, uint64_t bytes);

/* net_poll waits for any of the items; timeout_ms -1: without limit.  ready is set per item.  EINTR
 * returns OK. */
struct net_poll_item {
    struct net_socket *socket; /* or NULL: */
    int fd;                    /* e.g. libpq's; with wake: its fd by net_wake_fd */
    bool want_write;           /* of an fd */
    bool ready, ready_write;
};
int net_wake_fd(const struct net_wake *wake);
MUST_USE enum err net_poll(struct net_poll_item *items, uint32_t count, int64_t timeout_ms);

#endif

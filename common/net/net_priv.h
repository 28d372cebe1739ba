/* Purpose: the inside of a socket.  net.c has sockets, transfer.c their messages, listen.c their
 * listening descriptors, door.c the connection limit, monitor.c and events.c the connection events,
 * guard.c the keys.  Insiders only: no other header shows zmq.h. */
#ifndef CASEMILL_NET_NET_PRIV_H
#define CASEMILL_NET_NET_PRIV_H

#include "net/net.h"

#include <zmq.h>

enum { ENDPOINT_BYTES = 256, FAULT_BYTES = 160, LISTENERS_MAX = 4 };

struct door;

/* Bytes that libzmq has taken from a ROUTER's connections, less those of the messages that net_recv
 * returned.  Lives until net_close: libzmq's threads count in it. */
struct net_meter {
    _Atomic int64_t standing; /* of present connections */
    _Atomic int64_t left; /* of connections that ended since the socket was last read to its end */
    int64_t each_max;     /* of one connection; above it libzmq reads no further */
    _Atomic int64_t wake_above;
    _Atomic(struct net_wake *) wake; /* poked when more waits; set before wake_above */
    struct net_meter *next;          /* of the net */
};
/* What hangup.c does for a door, in a program that has it.  fd: of a connection; bytes: as on the
 * wire.  limit: counts its bytes from now on; was_read: bytes in messages; forgive: bytes that are
 * no messages; none_left: net_recv finds nothing. */
struct net_limiter {
    void (*limit)(int fd, struct net_meter *meter);
    void (*was_read)(int fd, struct net_meter *meter, int64_t bytes);
    void (*forgive)(int fd, struct net_meter *meter, int64_t bytes);
    void (*none_left)(struct net_meter *meter);
};
void net_limiter_set(const struct net_limiter *limiter);
const struct net_limiter *net_limiter(void); /* NULL: the program has none */

struct net {
    void *context;
    /* Each lane opens and closes its sockets from its own thread. */
    _Atomic uint32_t socket_count;
    _Atomic uint32_t monitor_next; /* makes monitor names unique */
    /* Of the thread that has the guard: keyed ROUTERs are bound and closed while it is open. */
    bool has_guard;
    uint32_t keyed_count;
    struct net_meter *meters; /* likewise */
};

struct net_socket {
    struct net *net;
    void *socket;
    void *monitor;     /* a PAIR that reads its connection events; with a door, its thread does */
    struct door *door; /* of a ROUTER with a limit of connections, else NULL */
    struct net_meter *meter; /* likewise; the net's */
    uint64_t read_bytes;     /* of the present message, as it was on the wire; with a door */
    int read_fd;             /* its descriptor; -1: not known */
    uint32_t connect_count;
    uint64_t fault_count;    /* handshakes that failed before a key was known */
    char fault[FAULT_BYTES]; /* of a DEALER: the last failed handshake; "" since one succeeded */
    int64_t redial_ms; /* of a DEALER that was refused: when it connects again; 0: not refused */
    bool was_redialed; /* since it last came up */
    struct net_peers *peers; /* of a ROUTER */
    bool is_connected;       /* of a DEALER, as of the last events_read */
    bool is_router;
    bool has_keys;
    char endpoint[ENDPOINT_BYTES];
};

_Static_assert(sizeof(zmq_msg_t) <= NET_PART_STORAGE, "a part holds a zmq_msg_t");
static inline zmq_msg_t *part_msg(struct net_part *part) {
    return (zmq_msg_t *)(void *)part->storage;
}

/* route.c.  route_begin makes a message's route empty; route_add appends a frame; route_next reads
 * them, at begins at 0.  route_take_envelope moves the envelope of a ROUTER's message from its
 * parts to its route, if the route is empty. */
void route_begin(struct net_message *message);
struct span route_first(const struct net_route *route);
void route_add(struct net_message *message, struct span frame);
bool route_next(const struct net_route *route, uint16_t *at, struct span *frame);
void route_take_envelope(struct net_message *message);
bool route_is_made_id(struct span frame); /* by a ROUTER, for a peer that did not choose one */

/* message.c */
void net_part_close(struct net_part *part);

/* peers.c.  accepted and gone: of connections, by descriptor; `received`: a message came by it;
 * knows: further messages of that routing id add no information. */
struct net_peers *peers_new(int64_t mute_ms);
void peers_free(struct net_peers **peers);
void peers_accepted(struct net_peers *peers, uint32_t fd);
void peers_gone(struct net_peers *peers, uint32_t fd);
bool peers_knows(const struct net_peers *peers, struct span routing_id);
void peers_received(struct net_peers *peers, struct span routing_id, uint32_t fd);
/* peers_look counts mute connections and routing ids that were taken over; new: since the last
 * call. */
struct peers_found {
    uint32_t mute, mute_new;
    uint64_t taken_over, taken_new;
};
struct peers_found peers_look(struct net_peers *peers);

/* monitor.c.  monitor_open is called before the socket connects or binds.
 * Errors: ERR_SYSTEM no more sockets or descriptors. */
MUST_USE enum err monitor_open(struct net_socket *socket, struct diag *diag);
void monitor_close(struct net_socket *socket);
struct monitor_event {
    uint16_t id;    /* ZMQ_EVENT_... */
    uint32_t value; /* a descriptor, or a fault */
};
/* monitor_next takes one event; false when there is none. */
bool monitor_next(struct net_socket *socket, struct monitor_event *event);
/* monitor_is_fault: a handshake that failed before a key was known to the guard. */
bool monitor_is_fault(const struct monitor_event *event);

/* events.c.  events_received: a message came from that peer; part is any of it. */
void events_received(struct net_socket *socket, struct span routing_id,
                     const struct net_part *part);

/* listen.c.  net_fail_address reports that what (bind, connect to) failed, with errno's value.
 * Errors: it always returns one. */
MUST_USE enum err net_fail_address(struct diag *diag, const char *what, const char *endpoint,
                                   int error);
/* net_host_parse splits tcp://HOST:PORT, [IPv6] without its brackets. */
struct net_host {
    char name[256];
    char port[8];
};
bool net_host_parse(const char *endpoint, struct net_host *parsed);
bool net_wants_ipv6(const char *endpoint); /* whether its host has only IPv6 addresses */

/* listeners_open listens at tcp://HOST:PORT.  Ownership: the descriptors are the caller's until
 * libzmq takes them.  Errors: as net_router_bind. */
struct listeners {
    int fds[LISTENERS_MAX];
    uint32_t count;
};
MUST_USE enum err listeners_open(const char *endpoint, struct listeners *listeners,
                                 struct diag *diag);
void listeners_close(struct listeners *listeners);

/* door_open starts the thread that enforces a bound ROUTER's limit.  Errors: ERR_SYSTEM. */
MUST_USE enum err door_open(struct net_socket *socket, const struct listeners *listeners,
                            const struct net_options *options, struct diag *diag);
/* door_note_read: a message of so many bytes on the wire was read from the peer with that
 * descriptor. */
void door_note_read(struct net_socket *socket, int fd, uint64_t wire_bytes);
void door_close(struct net_socket *socket);    /* accepts a socket without one */
void door_is_empty(struct net_socket *socket); /* no message is left to be read; likewise */

#endif

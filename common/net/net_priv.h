/* Purpose: a socket's inside, shared by net.c (sockets), monitor.c (how connections came up or did
 * not) and guard.c (who may connect).  Insiders only: it alone shows zmq.h. */
#ifndef CASEMILL_NET_NET_PRIV_H
#define CASEMILL_NET_NET_PRIV_H

#include "net/net.h"

#include <zmq.h>

enum { ENDPOINT_BYTES = 256, FAULT_BYTES = 160 };

struct net {
    void *context;
    /* Lanes open and close their sockets each from its own thread. */
    _Atomic uint32_t socket_count;
    _Atomic uint32_t monitor_next; /* names monitors apart */
    /* Of the thread that has the guard: keyed ROUTERs are bound and closed while it is open. */
    bool has_guard;
    uint32_t keyed_count;
};

struct net_socket {
    struct net *net;
    void *socket;
    void *monitor; /* a PAIR that reads its connection events */
    uint32_t connect_count;
    uint64_t fault_count;    /* handshakes that failed before a key was known */
    char fault[FAULT_BYTES]; /* of a DEALER: the last failed handshake; "" since one succeeded */
    int64_t redial_ms;       /* of a DEALER that was told no: when it connects anew; 0: not */
    bool was_redialed;       /* since it last came up */
    uint32_t peer_count;     /* of a ROUTER, as of the last monitor_read */
    bool is_connected;       /* of a DEALER, as of the last monitor_read */
    bool is_router;
    bool has_keys;
    char endpoint[ENDPOINT_BYTES];
};

_Static_assert(sizeof(zmq_msg_t) <= NET_PART_STORAGE, "a part holds a zmq_msg_t");
static inline zmq_msg_t *part_msg(struct net_part *part) {
    return (zmq_msg_t *)(void *)part->storage;
}

/* monitor_open is called before the socket connects or binds; monitor_read takes what is there. */
void monitor_open(struct net_socket *socket);
void monitor_read(struct net_socket *socket);
void monitor_close(struct net_socket *socket);

#endif

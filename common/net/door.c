/* How many connections a ROUTER has, and no more than it may have.  A thread of its own reads the
 * socket's connection events, so that a loop that is busy or waits for its disk holds nothing up.
 *
 *   below the limit   the door is open
 *   at the limit      a filter that drops every packet is attached to the listening descriptors:
 *                     who stands is served, who comes waits in its own TCP
 *   above the limit   whoever came in before the filter took effect, from the backlog or over an
 *                     ipc path, which takes no filter, is shut down, the newest first
 *
 * libzmq cannot be told a limit, and zmq_unbind would end the connections that stand.  Invariants:
 * a peer is known from its ACCEPTED to its DISCONNECTED, which libzmq sends before it closes the
 * descriptor; so a descriptor that is still known when all events are read is still that peer's. */
#include "net/net_priv.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/thread.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

enum { NO_PEER = -1 };

/* By descriptor; a list in the order of arrival runs through it. */
struct peer {
    int older, newer;
    bool is_here;
    bool is_cut; /* shut down; its DISCONNECTED is on its way */
};

struct door {
    struct net_socket *socket;
    pthread_t thread;
    struct net_wake *wake;
    uint32_t connections_max;
    struct listeners listeners; /* libzmq's own by now: never closed here */
    _Atomic bool stopping;
    _Atomic uint32_t count; /* connections that stand */
    _Atomic uint32_t left;  /* that ended since the socket was last read to its end */
    _Atomic uint64_t fault_count;
    _Atomic uint64_t full_count; /* times that the limit was reached */
    _Atomic uint64_t cut_count;
    _Atomic bool is_shut;
    /* Of the thread alone: */
    struct peer *peers;
    size_t peers_cap;
    int newest; /* or NO_PEER */
    uint32_t peer_count, cut_pending;
};

static struct peer *peer_at(struct door *door, int fd) {
    CHECK(fd >= 0 && (size_t)fd < door->peers_cap);
    return &door->peers[fd];
}

static void grow(struct door *door, int fd) {
    size_t cap = door->peers_cap == 0 ? 64 : door->peers_cap;
    while (cap <= (size_t)fd) {
        cap *= 2;
    }
    if (cap > door->peers_cap) {
        door->peers = mem_grow(door->peers, cap, sizeof(*door->peers));
        memset(door->peers + door->peers_cap, 0, (cap - door->peers_cap) * sizeof(*door->peers));
        door->peers_cap = cap;
    }
}

static void remove_peer(struct door *door, int fd) {
    if (fd < 0 || (size_t)fd >= door->peers_cap || !door->peers[fd].is_here) {
        return;
    }
    struct peer *gone = &door->peers[fd];
    if (gone->newer == NO_PEER) {
        door->newest = gone->older;
    } else {
        peer_at(door, gone->newer)->older = gone->older;
    }
    if (gone->older != NO_PEER) {
        peer_at(door, gone->older)->newer = gone->newer;
    }
    door->peer_count--;
    door->cut_pending -= gone->is_cut ? 1 : 0;
    *gone = (struct peer){.is_here = false};
}

static void add_peer(struct door *door, int fd) {
    grow(door, fd);
    remove_peer(door, fd); /* the number was given out again, so who had it is gone */
    *peer_at(door, fd) = (struct peer){.is_here = true, .older = door->newest, .newer = NO_PEER};
    if (door->newest != NO_PEER) {
        peer_at(door, door->newest)->newer = fd;
    }
    door->newest = fd;
    door->peer_count++;
}

static void take_event(struct door *door, const struct monitor_event *event) {
    if (event->id == ZMQ_EVENT_ACCEPTED) {
        add_peer(door, (int)event->value);
        peers_accepted(door->socket->peers, event->value);
    } else if (event->id == ZMQ_EVENT_DISCONNECTED) {
        remove_peer(door, (int)event->value);
        atomic_fetch_add(&door->left, 1U);
        peers_gone(door->socket->peers, event->value);
    } else if (monitor_is_fault(event)) {
        atomic_fetch_add(&door->fault_count, 1U);
    }
}

/* The filter is also what a connection inherits that completes while it is attached; such a one is
 * deaf, and the handshake's deadline ends it. */
static void shut(struct door *door, bool is_shut) {
    struct sock_filter drop[] = {{.code = BPF_RET | BPF_K, .k = 0}};
    const struct sock_fprog program = {.len = COUNT_OF(drop), .filter = drop};
    const int unused = 0;
    for (uint32_t i = 0; i < door->listeners.count; i++) {
        int fd = door->listeners.fds[i];
        int result = is_shut
                         ? setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program))
                         : setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
        /* Without memory for it the excess is still shut down. */
        CHECK(result == 0 || errno == ENOMEM || errno == ENOENT);
    }
    if (is_shut) {
        atomic_fetch_add(&door->full_count, 1U);
    }
    atomic_store(&door->is_shut, is_shut);
}

static void cut_newest(struct door *door, uint32_t count) {
    for (int fd = door->newest; fd != NO_PEER && count > 0; fd = peer_at(door, fd)->older) {
        struct peer *peer = peer_at(door, fd);
        if (!peer->is_cut) {
            peer->is_cut = true;
            door->cut_pending++;
            count--;
            (void)shutdown(fd, SHUT_RDWR); /* it may have hung up by itself */
            atomic_fetch_add(&door->cut_count, 1U);
        }
    }
}

static void keep_limit(struct door *door) {
    uint32_t standing = door->peer_count - door->cut_pending;
    bool is_full = standing >= door->connections_max;
    if (is_full != atomic_load(&door->is_shut)) {
        shut(door, is_full);
    }
    if (standing > door->connections_max) {
        cut_newest(door, standing - door->connections_max);
    }
    atomic_store(&door->count, door->peer_count - door->cut_pending);
}

static void *run(void *argument) {
    struct door *door = argument;
    zmq_pollitem_t items[] = {{.socket = door->socket->monitor, .events = ZMQ_POLLIN},
                              {.fd = net_wake_fd(door->wake), .events = ZMQ_POLLIN}};
    while (!atomic_load(&door->stopping)) {
        struct monitor_event event;
        int ready = zmq_poll(items, COUNT_OF(items), -1);
        CHECK(ready >= 0 || errno == EINTR);
        while (monitor_next(door->socket, &event)) {
            take_event(door, &event);
        }
        keep_limit(door);
    }
    return NULL;
}

enum err door_open(struct net_socket *socket, const struct listeners *listeners,
                   uint32_t connections_max, struct diag *diag) {
    struct door *door = mem_zero(1, sizeof(*door));
    door->socket = socket;
    door->listeners = *listeners;
    door->connections_max = connections_max;
    door->newest = NO_PEER;
    enum err err = net_wake_open(&door->wake, diag);
    err = err == ERR_OK ? thread_start(&door->thread, run, door, "the limit of connections", diag)
                        : err;
    if (err != ERR_OK) {
        net_wake_free(&door->wake);
        mem_free(door);
        return err;
    }
    socket->door = door;
    return ERR_OK;
}

void door_close(struct net_socket *socket) {
    struct door *door = socket->door;
    if (door == NULL) {
        return;
    }
    atomic_store(&door->stopping, true);
    net_wake_poke(door->wake);
    CHECK(pthread_join(door->thread, NULL) == 0);
    net_wake_free(&door->wake);
    mem_free(door->peers);
    mem_free(door);
    socket->door = NULL;
}

void door_is_empty(struct net_socket *socket) {
    if (socket->door != NULL && atomic_load(&socket->door->left) != 0) {
        atomic_store(&socket->door->left, 0U);
    }
}

void net_door_state(const struct net_socket *socket, struct net_door_state *state) {
    const struct door *door = socket->door;
    *state = (struct net_door_state){.is_shut = false};
    if (door != NULL) {
        state->connections = atomic_load(&door->count);
        state->left_unread = atomic_load(&door->left);
        state->connections_max = door->connections_max;
        state->is_shut = atomic_load(&door->is_shut);
        state->full_count = atomic_load(&door->full_count);
        state->cut_count = atomic_load(&door->cut_count);
        state->fault_count = atomic_load(&door->fault_count);
    }
}

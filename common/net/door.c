/* Counts a ROUTER's connections and enforces their limit.  Its own thread reads the socket's
 * connection events, so a busy loop or a loop that waits for its disk delays nothing.
 *
 *   below the limit   new connections are accepted
 *   at the limit      a filter that drops every packet is attached to the listening descriptors:
 *                     present connections are served, new ones wait in their TCP
 *   above the limit   connections from before the filter took effect (from the backlog, or over an
 *                     ipc path, which has no filter) are shut down, the newest first
 *
 * libzmq bounds what it has received and nobody has read, but in complete messages.  A message uses
 * memory from its first byte, and endless frames count as no message.  So the door weighs tcp
 * connections: the bytes that each has received, by the kernel's count, less the messages read from
 * it.  If all together exceed their limit, the heaviest is shut down.
 *
 * libzmq has no setting for such a limit, and zmq_unbind would end present connections.
 * Invariants: a peer is known from its ACCEPTED to its DISCONNECTED, which libzmq sends before it
 * closes the descriptor.  So when all events are read, a known descriptor belongs to that peer. */
#include "net/net_priv.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/descriptors.h"
#include "base/mem.h"
#include "base/thread.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { NO_PEER = -1 };

enum {
    WEIGH_MS = 10,      /* while bytes arrive */
    WEIGH_IDLE_MS = 50, /* while none do */
    PEERS_A_MS = 100,   /* longer with many connections: weighing one takes microseconds */
    WEIGH_MS_MAX = 1000,
    TAKEN_MAX = 1 << 20,
    LIBZMQ_HWM = 1000, /* if none is set */
    HANDSHAKE_BYTES = 1024,
    HEARTBEAT_BYTES_A_S = 64 /* allowed: heartbeats are not messages */
};

/* Indexed by descriptor; linked in a list, oldest first. */
struct peer {
    int older, newer;
    bool is_here;
    bool is_cut;      /* shut down; its DISCONNECTED is on its way */
    bool is_new;      /* not weighed yet, and another peer had its descriptor just before */
    int64_t forgiven; /* bytes received that are not messages */
    int64_t unread;   /* as last weighed */
    /* Kept when the peer leaves, for the next peer on its descriptor: */
    uint64_t taken_before;
    uint64_t left_round; /* of read_events */
};

struct door {
    struct net_socket *socket;
    pthread_t thread;
    struct net_wake *wake;
    uint32_t connections_max;
    struct listeners listeners; /* owned by libzmq now: never closed here */
    _Atomic bool stopping;
    _Atomic uint32_t count; /* present connections */
    _Atomic uint64_t fault_count;
    _Atomic uint64_t full_count; /* times that the limit was reached */
    _Atomic uint64_t cut_count;
    _Atomic uint64_t heavy_count; /* shut down because of their unread bytes */
    _Atomic uint64_t unread_bytes;
    _Atomic bool is_shut;
    /* Bytes that were read from each descriptor's peer; the socket's thread adds to it. */
    _Atomic uint64_t *taken;
    size_t taken_cap;
    uint64_t unread_bytes_max;
    /* Only the thread uses: */
    struct peer *peers;
    size_t peers_cap;
    int newest; /* or NO_PEER */
    uint32_t peer_count, cut_pending;
    int64_t weighed_ms;
    uint64_t round;
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

/* Bytes of messages that were read from peers on this descriptor. */
static uint64_t taken_of(const struct door *door, int fd) {
    return (size_t)fd < door->taken_cap ? atomic_load(&door->taken[fd]) : 0;
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
    *gone = (struct peer){
        .is_here = false, .taken_before = taken_of(door, fd), .left_round = door->round};
}

/* Bytes of a peer may be read before its ACCEPTED.  If the previous peer on its descriptor left in
 * an earlier round, all bytes read since are the new peer's.  If both events came in one round, the
 * owner is unknown: then its first weight is 0. */
static void add_peer(struct door *door, int fd) {
    grow(door, fd);
    remove_peer(door, fd); /* the descriptor was reused, so its previous peer is gone */
    struct peer *peer = peer_at(door, fd);
    *peer = (struct peer){.is_here = true,
                          .is_new = peer->left_round == door->round,
                          .older = door->newest,
                          .newer = NO_PEER,
                          .forgiven = HANDSHAKE_BYTES,
                          .taken_before = peer->taken_before};
    if (door->newest != NO_PEER) {
        peer_at(door, door->newest)->newer = fd;
    }
    door->newest = fd;
    door->peer_count++;
}

static void take_event(struct door *door, const struct monitor_event *event) {
    if (event->id == ZMQ_EVENT_ACCEPTED) {
        add_peer(door, (int)event->value);
        const struct net_limiter *limiter = net_limiter();
        if (limiter != NULL) {
            limiter->limit((int)event->value, door->socket->meter);
        }
        peers_accepted(door->socket->peers, event->value);
    } else if (event->id == ZMQ_EVENT_DISCONNECTED) {
        remove_peer(door, (int)event->value);
        peers_gone(door->socket->peers, event->value);
    } else if (monitor_is_fault(event)) {
        atomic_fetch_add(&door->fault_count, 1U);
    }
}

/* A connection that completes while the filter is attached inherits it.  It receives nothing, and
 * the handshake's deadline ends it. */
static void shut(struct door *door, bool is_shut) {
    struct sock_filter drop[] = {{.code = BPF_RET | BPF_K, .k = 0}};
    const struct sock_fprog program = {.len = COUNT_OF(drop), .filter = drop};
    const int unused = 0;
    for (uint32_t i = 0; i < door->listeners.count; i++) {
        int fd = door->listeners.fds[i];
        int result = is_shut
                         ? setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program))
                         : setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
        /* Without memory for the filter the excess is still shut down. */
        CHECK(result == 0 || errno == ENOMEM || errno == ENOENT);
    }
    if (is_shut) {
        atomic_fetch_add(&door->full_count, 1U);
    }
    atomic_store(&door->is_shut, is_shut);
}

/* A reset, not an orderly close: a peer that does not read would keep its half in the kernel. */
static void cut(struct door *door, int fd) {
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    peer_at(door, fd)->is_cut = true;
    door->cut_pending++;
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    (void)shutdown(fd, SHUT_RDWR); /* it may have hung up by itself */
}

static void cut_newest(struct door *door, uint32_t count) {
    for (int fd = door->newest; fd != NO_PEER && count > 0; fd = peer_at(door, fd)->older) {
        if (!peer_at(door, fd)->is_cut) {
            cut(door, fd);
            count--;
            atomic_fetch_add(&door->cut_count, 1U);
        }
    }
}

/* Bytes that the kernel has received on a connection; 0 if it is gone. */
static int64_t received_bytes(int fd) {
    struct tcp_info info;
    socklen_t len = sizeof(info);
    memset(&info, 0, sizeof(info));
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0
               ? (int64_t)info.tcpi_bytes_received
               : 0;
}

/* The part of them that libzmq has not read yet. */
static int64_t waiting_bytes(int fd) {
    int waiting = 0;
    return ioctl(fd, FIONREAD, &waiting) == 0 ? waiting : 0;
}

/* This thread may be stopped at any point, while bytes arrive, libzmq takes them and messages are
 * read.  Waiting and read bytes counted before the received bytes give an upper bound of unread
 * bytes: only a bound below 0 proves that too much was allowed.  Counted after, they give a lower
 * bound: only that may end a connection. */
static void weigh_one(struct door *door, int fd, int64_t heartbeats) {
    struct peer *peer = peer_at(door, fd);
    int64_t read_before = (int64_t)(taken_of(door, fd) - peer->taken_before);
    int64_t waited_before = waiting_bytes(fd);
    int64_t received = received_bytes(fd);
    int64_t most = received - waited_before - read_before - peer->forgiven;
    peer->forgiven += most < heartbeats || peer->is_new ? most : heartbeats;
    peer->is_new = false;
    peer->unread = 0;
    if (most > heartbeats) {
        int64_t waits = waiting_bytes(fd);
        int64_t read = (int64_t)(taken_of(door, fd) - peer->taken_before);
        int64_t least = received - waits - read - peer->forgiven;
        peer->unread = least > 0 ? least : 0;
    }
}

static int heaviest(struct door *door) {
    int found = NO_PEER;
    for (int fd = door->newest; fd != NO_PEER; fd = peer_at(door, fd)->older) {
        const struct peer *peer = peer_at(door, fd);
        bool is_heavier = found == NO_PEER || peer->unread > peer_at(door, found)->unread;
        found = !peer->is_cut && is_heavier ? fd : found;
    }
    return found;
}

/* Heartbeats are counted as read, too. */
static void forgive(struct door *door, int fd, int64_t bytes) {
    const struct net_limiter *limiter = net_limiter();
    if (limiter != NULL) {
        limiter->forgive(fd, door->socket->meter, bytes);
    }
}

static void weigh(struct door *door) {
    int64_t now_ms = clock_mono_ms();
    int64_t heartbeats = ((now_ms - door->weighed_ms) * HEARTBEAT_BYTES_A_S + 999) / 1000;
    int64_t total = 0;
    bool is_tcp = door->listeners.count > 0;
    door->weighed_ms = now_ms;
    for (int fd = door->newest; fd != NO_PEER; fd = peer_at(door, fd)->older) {
        if (peer_at(door, fd)->is_cut) {
            continue;
        }
        forgive(door, fd, heartbeats);
        if (is_tcp) {
            weigh_one(door, fd, heartbeats);
            total += peer_at(door, fd)->unread;
        }
    }
    while (total > (int64_t)door->unread_bytes_max) {
        int fd = heaviest(door);
        CHECK(fd != NO_PEER);
        total -= peer_at(door, fd)->unread;
        cut(door, fd);
        atomic_fetch_add(&door->heavy_count, 1U);
    }
    atomic_store(&door->unread_bytes, (uint64_t)total);
}

/* -1: not before the next event. */
static long weigh_due_ms(const struct door *door, bool is_growing) {
    if (door->peer_count == 0) {
        return -1;
    }
    if (door->listeners.count == 0) {
        return WEIGH_MS_MAX;
    }
    long ms = (is_growing ? WEIGH_MS : WEIGH_IDLE_MS) + (long)door->peer_count / PEERS_A_MS;
    return ms < WEIGH_MS_MAX ? ms : WEIGH_MS_MAX;
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

static void read_events(struct door *door) {
    struct monitor_event event;
    door->round++;
    while (monitor_next(door->socket, &event)) {
        take_event(door, &event);
    }
}

static void *run(void *argument) {
    struct door *door = argument;
    long wait_ms = -1;
    zmq_pollitem_t items[] = {{.socket = door->socket->monitor, .events = ZMQ_POLLIN},
                              {.fd = net_wake_fd(door->wake), .events = ZMQ_POLLIN}};
    while (!atomic_load(&door->stopping)) {
        int ready = zmq_poll(items, COUNT_OF(items), wait_ms);
        CHECK(ready >= 0 || errno == EINTR);
        read_events(door);
        keep_limit(door);
        uint64_t before = atomic_load(&door->unread_bytes);
        weigh(door);
        wait_ms = weigh_due_ms(door, atomic_load(&door->unread_bytes) > before);
    }
    return NULL;
}

/* Never below what libzmq may hold of one connection, so that a single connection within its
 * high-water marks is not shut down. */
static uint64_t unread_max(const struct net_options *options) {
    int hwm = options->large_hwm > 0 ? options->large_hwm : options->hwm;
    uint64_t messages = (hwm > 0 ? (uint64_t)hwm : LIBZMQ_HWM) + 1;
    messages = messages > options->connections_max ? messages : options->connections_max;
    return messages * options->message_bytes_max;
}

static struct net_meter *meter_new(struct net *net, const struct net_options *options) {
    struct net_meter *meter = mem_zero(1, sizeof(*meter));
    meter->each_max = (int64_t)options->message_bytes_max;
    meter->wake_above = INT64_MAX;
    meter->next = net->meters;
    net->meters = meter;
    return meter;
}

enum err door_open(struct net_socket *socket, const struct listeners *listeners,
                   const struct net_options *options, struct diag *diag) {
    struct door *door = mem_zero(1, sizeof(*door));
    uint64_t descriptors = descriptors_max();
    const struct net_limiter *limiter = net_limiter();
    door->socket = socket;
    door->listeners = *listeners;
    door->connections_max = options->connections_max;
    door->unread_bytes_max = unread_max(options);
    door->newest = NO_PEER;
    door->weighed_ms = clock_mono_ms();
    door->taken_cap = descriptors < TAKEN_MAX ? (size_t)descriptors : TAKEN_MAX;
    door->taken =
        mem_zero(door->taken_cap, sizeof(*door->taken)); /* its pages are allocated on first use */
    enum err err = net_wake_open(&door->wake, diag);
    socket->meter = meter_new(socket->net, options);
    err = err == ERR_OK ? thread_start(&door->thread, run, door, "the limit of connections", diag)
                        : err;
    if (err != ERR_OK) {
        net_wake_free(&door->wake);
        mem_free(door->taken);
        mem_free(door);
        return err;
    }
    for (uint32_t i = 0; limiter != NULL && i < listeners->count; i++) {
        limiter->limit(listeners->fds[i], socket->meter);
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
    mem_free(door->taken);
    mem_free(door);
    socket->door = NULL;
}

void door_is_empty(struct net_socket *socket) {
    const struct net_limiter *limiter = net_limiter();
    if (socket->meter != NULL && limiter != NULL) {
        limiter->none_left(socket->meter);
    }
}

void door_note_read(struct net_socket *socket, int fd, uint64_t wire_bytes) {
    struct door *door = socket->door;
    const struct net_limiter *limiter = net_limiter();
    if (fd < 0) {
        return;
    }
    if ((size_t)fd < door->taken_cap) {
        atomic_fetch_add_explicit(&door->taken[fd], wire_bytes, memory_order_relaxed);
    }
    if (limiter != NULL) {
        limiter->was_read(fd, socket->meter, (int64_t)wire_bytes);
    }
}

uint64_t net_waiting_bytes(const struct net_socket *socket) {
    if (socket->meter == NULL) {
        return 0;
    }
    /* Never less than what ended connections left: while that is much, all others wait. */
    int64_t standing = atomic_load(&socket->meter->standing);
    int64_t bytes = (standing > 0 ? standing : 0) + atomic_load(&socket->meter->left);
    return bytes > 0 ? (uint64_t)bytes : 0;
}

void net_wake_above(struct net_socket *socket, struct net_wake *wake, uint64_t bytes) {
    CHECK(socket->meter != NULL);
    atomic_store(&socket->meter->wake, wake);
    atomic_store(&socket->meter->wake_above, (int64_t)bytes);
}

void net_door_state(const struct net_socket *socket, struct net_door_state *state) {
    const struct door *door = socket->door;
    *state = (struct net_door_state){.is_shut = false};
    if (door != NULL) {
        state->connections = atomic_load(&door->count);
        state->connections_max = door->connections_max;
        state->is_shut = atomic_load(&door->is_shut);
        state->full_count = atomic_load(&door->full_count);
        state->cut_count = atomic_load(&door->cut_count);
        state->heavy_count = atomic_load(&door->heavy_count);
        state->unread_bytes = atomic_load(&door->unread_bytes);
        state->unread_bytes_max = door->unread_bytes_max;
        state->fault_count = atomic_load(&door->fault_count);
    }
}

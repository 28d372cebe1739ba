/* How many connections a ROUTER has, and no more than it may have.  A thread of its own reads the
 * socket's connection events, so that a loop that is busy or waits for its disk holds nothing up.
 *
 *   below the limit   the door is open
 *   at the limit      a filter that drops every packet is attached to the listening descriptors:
 *                     who stands is served, who comes waits in its own TCP
 *   above the limit   whoever came in before the filter took effect, from the backlog or over an
 *                     ipc path, which takes no filter, is shut down, the newest first
 *
 * libzmq also bounds what it has received and nobody has read: by whole messages.  A message is in
 * memory from its first byte, and one of many frames without an end counts as none.  So the door
 * weighs the connections of tcp: what each has received, by the kernel's count, less the messages
 * that were read from it.  Where all together are above their limit, the heaviest is shut down.
 *
 * libzmq cannot be told a limit, and zmq_unbind would end the connections that stand.  Invariants:
 * a peer is known from its ACCEPTED to its DISCONNECTED, which libzmq sends before it closes the
 * descriptor; so a descriptor that is still known when all events are read is still that peer's. */
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
    WEIGH_MS = 10,      /* while bytes come in */
    WEIGH_IDLE_MS = 50, /* while none do */
    PEERS_A_MS = 100,   /* with many connections less often: weighing one takes microseconds */
    WEIGH_MS_MAX = 1000,
    TAKEN_MAX = 1 << 20,
    LIBZMQ_HWM = 1000, /* where none is set */
    HANDSHAKE_BYTES = 1024,
    HEARTBEAT_BYTES_A_S = 64 /* forgiven: they are no messages */
};

/* By descriptor; a list in the order of arrival runs through it. */
struct peer {
    int older, newer;
    bool is_here;
    bool is_cut;      /* shut down; its DISCONNECTED is on its way */
    bool is_new;      /* not weighed yet, and another had its number a moment ago */
    int64_t forgiven; /* bytes received that are no messages */
    int64_t unread;   /* as last weighed */
    /* Kept when the peer leaves, for the next with its number: */
    uint64_t taken_before;
    uint64_t left_round; /* of read_events */
};

struct door {
    struct net_socket *socket;
    pthread_t thread;
    struct net_wake *wake;
    uint32_t connections_max;
    struct listeners listeners; /* libzmq's own by now: never closed here */
    _Atomic bool stopping;
    _Atomic uint32_t count; /* connections that stand */
    _Atomic uint64_t fault_count;
    _Atomic uint64_t full_count; /* times that the limit was reached */
    _Atomic uint64_t cut_count;
    _Atomic uint64_t heavy_count; /* shut down because of what they held unread */
    _Atomic uint64_t unread_bytes;
    _Atomic bool is_shut;
    /* Bytes that were read from each descriptor's peer; added to by the socket's thread. */
    _Atomic uint64_t *taken;
    size_t taken_cap;
    uint64_t unread_bytes_max;
    /* Of the thread alone: */
    struct peer *peers;
    size_t peers_cap;
    int newest; /* or NO_PEER */
    uint32_t peer_count, cut_pending;
    int64_t weighed_ms;
    uint64_t round;
};

static _Atomic(const struct net_limiter *) net_limiter; /* NULL: the program has none */

void net_limiter_set(const struct net_limiter *limiter) { atomic_store(&net_limiter, limiter); }

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

/* Bytes of messages that were read from peers with this number. */
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

/* What the peer with this number says may have been read before its ACCEPTED is.  If the one before
 * it left in an earlier round, all that was read since is its own.  If both came at once, whose it
 * is cannot be known: then its first weight is 0. */
static void add_peer(struct door *door, int fd) {
    grow(door, fd);
    remove_peer(door, fd); /* the number was given out again, so who had it is gone */
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
        const struct net_limiter *limiter = atomic_load(&net_limiter);
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

/* Reset, not closed in order: a peer that does not read would else keep its half in the kernel. */
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

/* Bytes that the kernel has received on a connection; 0 where it is gone. */
static int64_t received_bytes(int fd) {
    struct tcp_info info;
    socklen_t len = sizeof(info);
    memset(&info, 0, sizeof(info));
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0
               ? (int64_t)info.tcpi_bytes_received
               : 0;
}

/* Of them those that libzmq has not taken yet. */
static int64_t waiting_bytes(int fd) {
    int waiting = 0;
    return ioctl(fd, FIONREAD, &waiting) == 0 ? waiting : 0;
}

/* This thread may be stopped at any point, and bytes come, are taken by libzmq and are read as
 * messages meanwhile.  What waited and what was read before the count of bytes received leaves at
 * most what is unread: only if that is below 0 was something forgiven too much.  What waits and
 * what is read after it leaves at least what is unread: only that may end a connection. */
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
    const struct net_limiter *limiter = atomic_load(&net_limiter);
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

/* Never below what libzmq may hold of one connection, so that one alone is not shut down for what
 * its marks allow. */
static uint64_t unread_max(const struct net_options *options) {
    uint64_t places = (options->hwm > 0 ? (uint64_t)options->hwm : LIBZMQ_HWM) + 1;
    places = places > options->connections_max ? places : options->connections_max;
    return places * options->message_bytes_max;
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
    door->socket = socket;
    door->listeners = *listeners;
    door->connections_max = options->connections_max;
    door->unread_bytes_max = unread_max(options);
    door->newest = NO_PEER;
    door->weighed_ms = clock_mono_ms();
    door->taken_cap = descriptors < TAKEN_MAX ? (size_t)descriptors : TAKEN_MAX;
    door->taken = mem_zero(door->taken_cap, sizeof(*door->taken)); /* its pages come when used */
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
    const struct net_limiter *limiter = atomic_load(&net_limiter);
    if (socket->meter != NULL && limiter != NULL) {
        limiter->none_left(socket->meter);
    }
}

void door_note_read(struct net_socket *socket, int fd, uint64_t wire_bytes) {
    struct door *door = socket->door;
    const struct net_limiter *limiter = atomic_load(&net_limiter);
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
    int64_t bytes = atomic_load(&socket->meter->standing) + atomic_load(&socket->meter->left);
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

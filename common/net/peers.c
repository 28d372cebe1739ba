/* Connections of a ROUTER: which of them have sent a message, and which routing id each has.
 * libzmq has no event for a routing id that is used twice.  Without handover nothing of the second
 * connection arrives, with it nothing of the first; neither peer is informed.  So this file
 * compares connection events with the descriptor that each message came by.
 *
 * Threads: events come from the door's thread, messages from the loop's, in either order.  A
 * message that arrived on a descriptor shortly before its ACCEPTED was read belongs to the new
 * connection.  A moved id counts as taken over only if its former owner is still connected a second
 * later. An id that libzmq made is never used twice.  Its messages are checked once and then known
 * by a small cache, so that a stream costs no lock. */
#include "net/net_priv.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

#include <pthread.h>

enum {
    MUTE_MS = 15000, /* above HANDSHAKE_MS */
    EARLY_MS = 2000, /* how late an event may be read */
    SETTLED_MS = 1000,
    CACHE = 256,
    CONNECTIONS_FIRST = 64
};

struct connection { /* of the descriptor that is its index */
    int64_t since_ms;
    int64_t received_ms; /* the last message that was checked; also of the connection before */
    int64_t lost_ms;     /* when another took its routing id; 0: none has */
    uint64_t id;         /* the hash of the routing id that its peer chose; 0: none */
    bool stands, spoke, mute_counted;
};
struct net_peers {
    pthread_mutex_t lock; /* guards all fields except `made_ids`, which is the loop's */
    struct connection *connections;
    uint32_t cap;
    uint64_t taken_over;
    int64_t mute_ms;
    uint64_t made_ids[CACHE]; /* hashes; the latest of each slot */
};

struct net_peers *peers_new(int64_t mute_ms) {
    struct net_peers *peers = mem_zero(1, sizeof(*peers));
    CHECK(pthread_mutex_init(&peers->lock, NULL) == 0);
    peers->mute_ms = mute_ms > 0 ? mute_ms : MUTE_MS;
    return peers;
}

void peers_free(struct net_peers **held) {
    struct net_peers *peers = *held;
    *held = NULL;
    if (peers != NULL) {
        CHECK(pthread_mutex_destroy(&peers->lock) == 0);
        mem_free(peers->connections);
        mem_free(peers);
    }
}

static struct connection *connection_at(struct net_peers *peers, uint32_t fd) {
    uint32_t cap = peers->cap == 0 ? CONNECTIONS_FIRST : peers->cap;
    while (cap <= fd) {
        cap *= 2;
    }
    if (cap > peers->cap) {
        peers->connections = mem_grow(peers->connections, cap, sizeof(*peers->connections));
        memset(peers->connections + peers->cap, 0,
               (cap - peers->cap) * sizeof(*peers->connections));
        peers->cap = cap;
    }
    return &peers->connections[fd];
}

/* A recent message on the descriptor may belong to a connection whose ACCEPTED is not read yet. */
static bool is_early(const struct connection *connection, int64_t now_ms) {
    return connection->received_ms != 0 && now_ms - connection->received_ms < EARLY_MS;
}

void peers_accepted(struct net_peers *peers, uint32_t fd) {
    int64_t now_ms = clock_mono_ms();
    (void)pthread_mutex_lock(&peers->lock);
    struct connection *connection = connection_at(peers, fd);
    bool early = is_early(connection, now_ms);
    *connection = (struct connection){.since_ms = now_ms,
                                      .received_ms = connection->received_ms,
                                      .lost_ms = early ? connection->lost_ms : 0,
                                      .id = early ? connection->id : 0,
                                      .stands = true,
                                      .spoke = early};
    (void)pthread_mutex_unlock(&peers->lock);
}

/* A recent message stays recorded: it may belong to the next connection. */
void peers_gone(struct net_peers *peers, uint32_t fd) {
    (void)pthread_mutex_lock(&peers->lock);
    struct connection *connection = connection_at(peers, fd);
    connection->stands = false;
    connection->lost_ms = 0;
    (void)pthread_mutex_unlock(&peers->lock);
}

static void take_id(struct net_peers *peers, struct connection *by, uint64_t id, int64_t now_ms) {
    for (uint32_t i = 0; by->id != id && i < peers->cap; i++) {
        struct connection *other = &peers->connections[i];
        if (other != by && other->id == id && (other->stands || is_early(other, now_ms))) {
            other->lost_ms = now_ms;
            other->id = 0;
        }
    }
    by->id = id;
}

bool peers_knows(const struct net_peers *peers, struct span routing_id) {
    uint64_t id = hash64(routing_id);
    return route_is_made_id(routing_id) && peers->made_ids[id % CACHE] == id;
}

void peers_received(struct net_peers *peers, struct span routing_id, uint32_t fd) {
    uint64_t id = hash64(routing_id);
    bool is_made = route_is_made_id(routing_id);
    int64_t now_ms = clock_mono_ms();
    (void)pthread_mutex_lock(&peers->lock);
    struct connection *connection = connection_at(peers, fd);
    connection->received_ms = now_ms;
    connection->spoke = true;
    if (is_made) {
        peers->made_ids[id % CACHE] = id;
        connection->id = 0;
    } else {
        take_id(peers, connection, id, now_ms);
    }
    (void)pthread_mutex_unlock(&peers->lock);
}

static bool is_mute(const struct net_peers *peers, const struct connection *connection,
                    int64_t now_ms) {
    return connection->stands && !connection->spoke &&
           now_ms - connection->since_ms >= peers->mute_ms;
}

struct peers_found peers_look(struct net_peers *peers) {
    struct peers_found found = {0};
    int64_t now_ms = clock_mono_ms();
    (void)pthread_mutex_lock(&peers->lock);
    for (uint32_t i = 0; i < peers->cap; i++) {
        struct connection *connection = &peers->connections[i];
        if (is_mute(peers, connection, now_ms)) {
            found.mute++;
            found.mute_new += connection->mute_counted ? 0 : 1;
            connection->mute_counted = true;
        }
        if (connection->lost_ms != 0 && now_ms - connection->lost_ms >= SETTLED_MS) {
            connection->lost_ms = 0;
            found.taken_new += connection->stands ? 1 : 0;
        }
    }
    peers->taken_over += found.taken_new;
    found.taken_over = peers->taken_over;
    (void)pthread_mutex_unlock(&peers->lock);
    return found;
}

/* A connection that is idle or slow must not block others.  A new one over a limit ends the oldest
 * of the client that has most.  So a client that opens many loses its own, and a client at another
 * address is served.  Only the server's thread calls these functions. */
#include "http/http_priv.h"

#include <sys/socket.h>

enum { KEPT_MAX = HTTP_CONNECTIONS_MAX / 2 }; /* the rest are ended but not closed yet */

void connections_init(struct connections *connections) {
    for (size_t i = 0; i < COUNT_OF(connections->of); i++) {
        connections->of[i].fd = -1;
    }
}

static bool is_kept(const struct connection *one) { return one->fd >= 0 && !one->is_cut; }

static void cut(struct connection *connection) {
    connection->is_cut = true;
    (void)shutdown(connection->fd, SHUT_RDWR); /* the server sees that and closes it */
}

static uint32_t kept_of(const struct connections *connections, const struct address *client) {
    uint32_t count = 0;
    for (size_t i = 0; i < COUNT_OF(connections->of); i++) {
        const struct connection *one = &connections->of[i];
        count += is_kept(one) && address_is_same_client(&one->client, client) ? 1 : 0;
    }
    return count;
}

/* The oldest of this client; NULL: of the client that has most, if too many are kept in all. */
static struct connection *oldest_of(struct connections *connections, const struct address *client) {
    struct connection *oldest = NULL;
    uint32_t most = 0;
    uint32_t kept = 0;
    for (size_t i = 0; i < COUNT_OF(connections->of); i++) {
        struct connection *one = &connections->of[i];
        if (!is_kept(one) || (client != NULL && !address_is_same_client(&one->client, client))) {
            continue;
        }
        kept++;
        uint32_t has = client != NULL ? 0 : kept_of(connections, &one->client);
        if (oldest == NULL || has > most || (has == most && one->since_ms < oldest->since_ms)) {
            oldest = one;
            most = has;
        }
    }
    return client != NULL || kept >= KEPT_MAX ? oldest : NULL;
}

struct connection *connections_add(struct connections *connections, int fd,
                                   const struct address *client, int64_t now_ms) {
    while (kept_of(connections, client) >= HTTP_CONNECTIONS_PER_CLIENT) {
        cut(oldest_of(connections, client));
    }
    for (struct connection *one = oldest_of(connections, NULL); one != NULL;
         one = oldest_of(connections, NULL)) {
        cut(one);
    }
    for (size_t i = 0; i < COUNT_OF(connections->of); i++) {
        struct connection *slot = &connections->of[i];
        if (slot->fd < 0) {
            *slot = (struct connection){.fd = fd, .since_ms = now_ms, .client = *client};
            return slot;
        }
    }
    return NULL;
}

void connections_drop(struct connection *connection) { connection->fd = -1; }

int64_t connections_cut_late(struct connections *connections, int64_t now_ms) {
    int64_t left = -1;
    for (size_t i = 0; i < COUNT_OF(connections->of); i++) {
        struct connection *one = &connections->of[i];
        if (!is_kept(one)) {
            continue;
        }
        int64_t of_this = one->since_ms + (int64_t)HTTP_DEADLINE_MS - now_ms;
        if (of_this <= 0) {
            cut(one);
        } else if (left < 0 || of_this < left) {
            left = of_this;
        }
    }
    return left;
}

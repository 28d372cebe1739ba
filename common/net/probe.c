/* Why nothing answers at an address: libzmq does not report it while it retries. */
#include "net/net_priv.h"

#include "base/check.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PROBE_MS = 1000 };

/* 0, or errno of one attempt to connect. */
static int try_connect(int family, const struct sockaddr *address, socklen_t len) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    int error = connect(fd, address, len) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        struct pollfd wanted = {.fd = fd, .events = POLLOUT};
        socklen_t bytes = sizeof(error);
        if (poll(&wanted, 1, PROBE_MS) <= 0) {
            error = ETIMEDOUT;
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) {
            error = errno;
        }
    }
    (void)close(fd);
    return error;
}

static bool say_path(const char *path, char text[NET_WHY_BYTES]) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat found;
    if (strlen(path) >= sizeof(address.sun_path)) {
        (void)snprintf(text, NET_WHY_BYTES, "the path is too long for a socket");
        return false;
    }
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int error = try_connect(AF_UNIX, (const struct sockaddr *)&address, sizeof(address));
    bool is_seen = stat(path, &found) == 0;
    if (error == 0 || error == EAGAIN) {
        (void)snprintf(text, NET_WHY_BYTES, "a program listens there and does not answer");
    } else if (error == EACCES && is_seen) {
        (void)snprintf(text, NET_WHY_BYTES, "permission denied: the socket belongs to user %u",
                       (unsigned)found.st_uid);
    } else if (error == EACCES) {
        (void)snprintf(text, NET_WHY_BYTES, "permission denied: its directory cannot be entered");
    } else {
        (void)snprintf(text, NET_WHY_BYTES, "%s: is the broker running?",
                       error == ENOENT ? "there is no such socket" : strerror(error));
    }
    return error == 0 || error == EAGAIN;
}

static bool say_host(const struct net_host *host, char text[NET_WHY_BYTES]) {
    struct addrinfo *found = NULL;
    const struct addrinfo wanted = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    int failed = getaddrinfo(host->name, host->port, &wanted, &found);
    if (failed != 0) {
        (void)snprintf(text, NET_WHY_BYTES, "the name does not resolve: %s",
                       failed == EAI_SYSTEM ? strerror(errno) : gai_strerror(failed));
        return false;
    }
    int error = ENOENT;
    for (const struct addrinfo *at = found; at != NULL && error != 0; at = at->ai_next) {
        error = try_connect(at->ai_family, at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(found);
    if (error == 0) {
        (void)snprintf(text, NET_WHY_BYTES, "a program listens there and does not answer");
    } else {
        (void)snprintf(text, NET_WHY_BYTES, "%s: is the broker running?", strerror(error));
    }
    return error == 0;
}

bool net_is_reached(const char *endpoint, char text[NET_WHY_BYTES]) {
    struct net_host host;
    if (strncmp(endpoint, "ipc://", 6) == 0) {
        return say_path(endpoint + 6, text);
    }
    if (net_host_parse(endpoint, &host)) {
        return say_host(&host, text);
    }
    (void)snprintf(text, NET_WHY_BYTES, "it is not tcp://HOST:PORT");
    return false;
}

void net_why_away(const char *endpoint, char text[NET_WHY_BYTES]) {
    bool is_reached = net_is_reached(endpoint, text);
    (void)is_reached; /* if so, something listens there and does not answer */
}

/* With ZMQ_IPV6 libzmq looks up only IPv6 addresses, without it only IPv4 addresses, at each
 * connection attempt.  A name that has both is reached by IPv4. */
bool net_wants_ipv6(const char *endpoint) {
    struct net_host host;
    struct addrinfo *found = NULL;
    const struct addrinfo wanted = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    if (!net_host_parse(endpoint, &host) ||
        getaddrinfo(host.name, host.port, &wanted, &found) != 0) {
        return false; /* a name that does not resolve now may later */
    }
    bool has_v4 = false;
    bool has_v6 = false;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        has_v4 = has_v4 || at->ai_family == AF_INET;
        has_v6 = has_v6 || at->ai_family == AF_INET6;
    }
    freeaddrinfo(found);
    return has_v6 && !has_v4;
}

/* Our own listening descriptors for tcp://HOST:PORT, which libzmq takes over (ZMQ_USE_FD).  A
 * filter needs a known descriptor (door.c), and names and IPv6 addresses bind like numbers.  HOST
 * is a name, an address, [IPv6], or * for every interface; a name with several addresses listens on
 * all of them at the same port. */
#include "net/net_priv.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT_TRIES = 16 };

/* A shortage of descriptors or memory is no fault of the address. */
static bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

enum err net_fail_address(struct diag *diag, const char *what, const char *endpoint, int error) {
    enum err err = is_shortage(error) ? ERR_SYSTEM : ERR_INVALID;
    if (error == EADDRINUSE) {
        err = ERR_BUSY;
    } else if (error == EACCES || error == EPERM) {
        err = ERR_DENIED;
    }
    return diag_fail(diag, err, "cannot %s %s: %s", what, endpoint, zmq_strerror(error));
}

bool net_host_parse(const char *endpoint, struct net_host *parsed) {
    const char *host = strncmp(endpoint, "tcp://", 6) == 0 ? endpoint + 6 : "";
    const char *colon = strrchr(host, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - host);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(parsed->name) || strlen(colon + 1) >= sizeof(parsed->port)) {
        return false;
    }
    memcpy(parsed->name, host, len);
    parsed->name[len] = '\0';
    (void)snprintf(parsed->port, sizeof(parsed->port), "%s", colon + 1);
    return true;
}

static void set_port(struct sockaddr *address, uint16_t port) {
    union {
        struct sockaddr *any;
        struct sockaddr_in *v4;
        struct sockaddr_in6 *v6;
    } to = {.any = address};
    *(address->sa_family == AF_INET6 ? &to.v6->sin6_port : &to.v4->sin_port) = htons(port);
}

static uint16_t port_of(int fd) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t len = sizeof(at);
    memset(&at, 0, sizeof(at));
    CHECK(getsockname(fd, &at.any, &len) == 0);
    return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

/* Alone, [::] also accepts IPv4; beside an IPv4 address of the same name it must not.  -1 with
 * errno. */
static int listen_at(const struct addrinfo *address, bool is_alone) {
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    int v6_only = is_alone ? 0 : 1;
    if (fd < 0) {
        return -1;
    }
    bool is_set = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
    if (address->ai_family == AF_INET6) {
        is_set =
            is_set && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only)) == 0;
    }
    if (is_set && bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(fd, NET_BACKLOG) == 0) {
        return fd;
    }
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

void listeners_close(struct listeners *listeners) {
    for (uint32_t i = 0; i < listeners->count; i++) {
        (void)close(listeners->fds[i]);
    }
    listeners->count = 0;
}

/* IPv4 first: the endpoint's line shows it. */
static uint32_t sort(struct addrinfo *found, struct addrinfo *sorted[LISTENERS_MAX]) {
    static const int families[] = {AF_INET, AF_INET6};
    uint32_t count = 0;
    for (size_t family = 0; family < COUNT_OF(families); family++) {
        for (struct addrinfo *at = found; at != NULL; at = at->ai_next) {
            if (at->ai_family == families[family] && count < LISTENERS_MAX) {
                sorted[count++] = at;
            }
        }
    }
    return count;
}

/* Skips an address that this host does not have (IPv6 switched off) if another one binds.  0, or
 * errno. */
static int listen_all(struct addrinfo *addresses[LISTENERS_MAX], uint32_t count, uint16_t port,
                      struct listeners *listeners) {
    int missing = EADDRNOTAVAIL;
    for (uint32_t i = 0; i < count; i++) {
        set_port(addresses[i]->ai_addr, port);
        int fd = listen_at(addresses[i], count == 1);
        int error = errno;
        if (fd < 0 && (error == EADDRNOTAVAIL || error == EAFNOSUPPORT)) {
            missing = error;
            continue;
        }
        if (fd < 0) {
            listeners_close(listeners);
            return error;
        }
        listeners->fds[listeners->count++] = fd;
        port = port == 0 ? port_of(fd) : port;
    }
    return listeners->count > 0 ? 0 : missing;
}

/* errno of a lookup that the system failed, 0 if the name is at fault.  Without a descriptor for
 * its files a resolver may report that the name does not exist. */
static int lookup_error(int failed) {
    int error = failed == EAI_SYSTEM ? errno : 0;
    if (failed == EAI_MEMORY) {
        error = ENOMEM;
    } else if (error == 0) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        error = fd < 0 ? errno : 0;
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    return error;
}

enum err listeners_open(const char *endpoint, struct listeners *listeners, struct diag *diag) {
    struct net_host target;
    struct addrinfo *found = NULL;
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    *listeners = (struct listeners){.count = 0};
    if (!net_host_parse(endpoint, &target)) {
        return diag_fail(diag, ERR_INVALID, "cannot bind %s: expected tcp://HOST:PORT", endpoint);
    }
    const char *host = strcmp(target.name, "*") == 0 ? NULL : target.name;
    int failed = getaddrinfo(host, target.port, &wanted, &found);
    int error = failed == 0 ? 0 : lookup_error(failed);
    if (error != 0) {
        return net_fail_address(diag, "bind", endpoint, error);
    }
    if (failed != 0) {
        return diag_fail(diag, ERR_INVALID, "cannot bind %s: %s", endpoint, gai_strerror(failed));
    }
    struct addrinfo *addresses[LISTENERS_MAX];
    uint32_t count = sort(found, addresses);
    uint16_t port = (uint16_t)strtoul(target.port, NULL, 10);
    error = EADDRINUSE;
    /* The port that the kernel chose for one address may be in use at the next. */
    for (int i = 0; error == EADDRINUSE && i < (port == 0 ? PORT_TRIES : 1); i++) {
        error = listen_all(addresses, count, port, listeners);
    }
    freeaddrinfo(found);
    return error == 0 ? ERR_OK : net_fail_address(diag, "bind", endpoint, error);
}

/* Sockets over libzmq.  Every socket gets every limit here, so that no caller can forget one. */
#include "net/net_priv.h"

#include "base/check.h"
#include "base/descriptors.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    HANDSHAKE_MS = 10000,
    HEARTBEAT_MS = 5000,
    HEARTBEAT_TIMEOUT_MS = 20000,
    RECONNECT_MS = 50,
    RECONNECT_MS_MAX = 1000,
    PORT_MAX = 65535,
    PORT_DIGITS_MAX = 5,
    START_THREADS = 2,
    /* libzmq's threads with their mailboxes and epolls; per DEALER its mailbox, two for its
     * monitor, its connection; files and name lookups of the program. */
    START_DESCRIPTORS = 6,
    DEALER_DESCRIPTORS = 4,
    BESIDE_DESCRIPTORS = 8
};

/* libzmq starts its threads with the first socket, and aborts if it gets none. */
static enum err start_threads(void *context, struct diag *diag) {
    void *first = zmq_socket(context, ZMQ_PAIR);
    if (first == NULL) {
        return diag_fail(diag, ERR_SYSTEM, "ZeroMQ does not start: %s", zmq_strerror(errno));
    }
    CHECK(zmq_close(first) == 0);
    return ERR_OK;
}

enum err net_check_room(uint32_t dealers, struct diag *diag) {
    return descriptors_check(START_DESCRIPTORS + BESIDE_DESCRIPTORS +
                                 (uint64_t)DEALER_DESCRIPTORS * dealers,
                             "connections", diag);
}

enum err net_open(struct net **net, struct diag *diag) {
    enum err err = net_check_room(1, diag);
    err = err == ERR_OK ? thread_probe(START_THREADS, diag) : err;
    if (err != ERR_OK) {
        return err;
    }
    void *context = zmq_ctx_new();
    if (context == NULL) {
        return diag_fail(diag, ERR_SYSTEM, "ZeroMQ does not start: %s", zmq_strerror(errno));
    }
    err = start_threads(context, diag);
    if (err != ERR_OK) {
        CHECK(zmq_ctx_term(context) == 0);
        return err;
    }
    *net = mem_zero(1, sizeof(**net));
    (*net)->context = context;
    return ERR_OK;
}

void net_close(struct net **net) {
    if (*net == NULL) {
        return;
    }
    CHECK((*net)->socket_count == 0);
    while (zmq_ctx_term((*net)->context) != 0) {
        CHECK(errno == EINTR);
    }
    for (struct net_meter *meter = (*net)->meters; meter != NULL;) {
        struct net_meter *next = meter->next;
        mem_free(meter);
        meter = next;
    }
    mem_free(*net);
    *net = NULL;
}

static void set_int(void *socket, int option, int value) {
    CHECK(zmq_setsockopt(socket, option, &value, sizeof(value)) == 0);
}

/* The domain names the keyring of a ROUTER's peers. */
static void set_curve(void *socket, int type, const struct net_curve *curve) {
    if (type == ZMQ_ROUTER) {
        set_int(socket, ZMQ_CURVE_SERVER, 1);
        CHECK(zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, curve->domain, strlen(curve->domain)) == 0);
    } else {
        CHECK(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, curve->server.text, NET_KEY_BYTES) == 0);
        CHECK(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, curve->own.public_key.text,
                             NET_KEY_BYTES) == 0);
    }
    CHECK(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, curve->own.secret.text, NET_KEY_BYTES) == 0);
}

static enum err socket_new(struct net *net, int type, const struct net_options *options,
                           struct net_socket **made, struct diag *diag) {
    void *socket = zmq_socket(net->context, type);
    if (socket == NULL) {
        return diag_fail(diag, ERR_SYSTEM, "no more sockets: %s", zmq_strerror(errno));
    }
    int64_t bytes_max = (int64_t)options->message_bytes_max;
    CHECK(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &bytes_max, sizeof(bytes_max)) == 0);
    set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
    set_int(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS);
    set_int(socket, ZMQ_LINGER, options->linger_ms);
    if (options->hwm > 0) {
        set_int(socket, ZMQ_SNDHWM, options->send_hwm > 0 ? options->send_hwm : options->hwm);
        set_int(socket, ZMQ_RCVHWM, options->hwm);
    }
    if (type == ZMQ_ROUTER) {
        set_int(socket, ZMQ_ROUTER_MANDATORY, 1);
        CHECK(!options->takes_over || options->curve == NULL);
        set_int(socket, ZMQ_ROUTER_HANDOVER, options->takes_over ? 1 : 0);
    } else {
        /* A DEALER never stops reading: libzmq aborts when a peer is lost meanwhile (hangup.h), or
         * when messages are taken after a reconnect.  The requests bound the replies: a client's
         * window, a lane's credit. */
        set_int(socket, ZMQ_RCVHWM, 0);
        set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
        set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MS_MAX);
    }
    if (options->curve != NULL) {
        set_curve(socket, type, options->curve);
    }
    *made = mem_zero(1, sizeof(**made));
    (*made)->net = net;
    (*made)->socket = socket;
    (*made)->is_router = type == ZMQ_ROUTER;
    (*made)->has_keys = options->curve != NULL;
    (*made)->peers = type == ZMQ_ROUTER ? peers_new(options->mute_ms) : NULL;
    net->socket_count++;
    if (type == ZMQ_ROUTER && options->curve != NULL) {
        /* Without a handler libzmq would accept every key. */
        CHECK(net->has_guard);
        net->keyed_count++;
    }
    enum err err = monitor_open(*made, diag);
    if (err != ERR_OK) {
        net_socket_close(made);
    }
    return err;
}

void net_socket_close(struct net_socket **socket) {
    if (*socket == NULL) {
        return;
    }
    door_close(*socket);
    monitor_close(*socket);
    CHECK(zmq_close((*socket)->socket) == 0);
    if ((*socket)->is_router && (*socket)->has_keys) {
        (*socket)->net->keyed_count--;
    }
    (*socket)->net->socket_count--;
    peers_free(&(*socket)->peers);
    mem_free(*socket);
    *socket = NULL;
}

static bool is_abstract(const char *endpoint) { return strncmp(endpoint, "ipc://@", 7) == 0; }

static bool is_endpoint(const char *endpoint) {
    if (strncmp(endpoint, "ipc://", 6) == 0) {
        return endpoint[6] != '\0' && !is_abstract(endpoint);
    }
    const char *host = strncmp(endpoint, "tcp://", 6) == 0 ? endpoint + 6 : "";
    const char *colon = strrchr(host, ':');
    size_t digits = colon == NULL ? 0 : strspn(colon + 1, "0123456789");
    return colon > host && digits >= 1 && digits <= PORT_DIGITS_MAX && colon[1 + digits] == '\0' &&
           strtoul(colon + 1, NULL, 10) <= PORT_MAX;
}

const char *net_endpoint_fault(const char *endpoint) {
    if (is_abstract(endpoint)) {
        return "is refused: an address without a file is open to every user of this host; use "
               "ipc://PATH";
    }
    return is_endpoint(endpoint) ? NULL : "is not tcp://HOST:PORT or ipc://PATH";
}

static enum err refuse_abstract(const char *endpoint, struct diag *diag) {
    return is_abstract(endpoint)
               ? diag_fail(diag, ERR_INVALID, "\"%s\" %s", endpoint, net_endpoint_fault(endpoint))
               : ERR_OK;
}

/* libzmq unlinks whatever is at an ipc path: a file, or the socket of a running program.  Only a
 * socket without a listener may be removed.  Errors: ERR_BUSY, ERR_INVALID. */
static enum err check_path(const char *endpoint, struct diag *diag) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat found;
    bool is_path = strncmp(endpoint, "ipc://", 6) == 0 && endpoint[6] != '*';
    if (!is_path || strlen(endpoint + 6) >= sizeof(address.sun_path) ||
        lstat(endpoint + 6, &found) != 0) {
        return ERR_OK; /* the bind reports what is wrong with it */
    }
    if (!S_ISSOCK(found.st_mode)) {
        return diag_fail(diag, ERR_INVALID, "cannot bind %s: there is a file that is no socket",
                         endpoint);
    }
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", endpoint + 6);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_left = fd >= 0 &&
                   connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
                   (errno == ECONNREFUSED || errno == ENOENT);
    int error = fd < 0 || errno == EACCES ? errno : EADDRINUSE;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_left ? ERR_OK : net_fail_address(diag, "bind", endpoint, error);
}

/* The mask restricts an ipc path to its owner from its first moment. */
static int bind_private(void *socket, const char *endpoint) {
    mode_t before = umask(0177);
    int result = zmq_bind(socket, endpoint);
    int error = errno;
    (void)umask(before);
    errno = error;
    return result;
}

static void read_endpoint(struct net_socket *socket) {
    size_t bytes = sizeof(socket->endpoint);
    CHECK(zmq_getsockopt(socket->socket, ZMQ_LAST_ENDPOINT, socket->endpoint, &bytes) == 0);
}

/* libzmq takes each descriptor over, and then ignores the endpoint's host. */
static enum err bind_listeners(struct net_socket *socket, const char *endpoint,
                               struct listeners *listeners, struct diag *diag) {
    for (uint32_t i = 0; i < listeners->count; i++) {
        set_int(socket->socket, ZMQ_USE_FD, listeners->fds[i]);
        if (zmq_bind(socket->socket, endpoint) != 0) {
            enum err err = net_fail_address(diag, "bind", endpoint, errno);
            for (uint32_t left = i; left < listeners->count; left++) {
                (void)close(listeners->fds[left]);
            }
            return err;
        }
        if (i == 0) {
            read_endpoint(socket);
        }
    }
    set_int(socket->socket, ZMQ_USE_FD, -1);
    return ERR_OK;
}

static enum err bind_path(struct net_socket *socket, const char *endpoint, struct diag *diag) {
    if (bind_private(socket->socket, endpoint) != 0) {
        return net_fail_address(diag, "bind", endpoint, errno);
    }
    read_endpoint(socket);
    return ERR_OK;
}

enum err net_router_bind(struct net *net, const char *endpoint, const struct net_options *options,
                         struct net_socket **socket, struct diag *diag) {
    struct net_socket *made = NULL;
    struct listeners listeners = {.count = 0};
    bool is_tcp = strncmp(endpoint, "tcp://", 6) == 0;
    enum err err = refuse_abstract(endpoint, diag);
    if (err == ERR_OK) {
        err = is_tcp ? listeners_open(endpoint, &listeners, diag) : check_path(endpoint, diag);
    }
    if (err != ERR_OK) {
        return err;
    }
    err = socket_new(net, ZMQ_ROUTER, options, &made, diag);
    if (err != ERR_OK) {
        listeners_close(&listeners);
        return err;
    }
    err =
        is_tcp ? bind_listeners(made, endpoint, &listeners, diag) : bind_path(made, endpoint, diag);
    if (err == ERR_OK && options->connections_max > 0) {
        err = door_open(made, &listeners, options, diag);
    }
    if (err != ERR_OK) {
        net_socket_close(&made);
        return err;
    }
    *socket = made;
    return ERR_OK;
}

enum err net_bind_check(const char *endpoint, struct diag *diag) {
    struct listeners listeners = {.count = 0};
    enum err err = refuse_abstract(endpoint, diag);
    if (err == ERR_OK) {
        err = strncmp(endpoint, "tcp://", 6) == 0 ? listeners_open(endpoint, &listeners, diag)
                                                  : check_path(endpoint, diag);
    }
    listeners_close(&listeners);
    return err;
}

enum err net_dealer_connect(struct net *net, const char *endpoint,
                            const struct net_options *options, struct net_socket **socket,
                            struct diag *diag) {
    struct net_socket *made = NULL;
    enum err err = refuse_abstract(endpoint, diag);
    err = err == ERR_OK ? socket_new(net, ZMQ_DEALER, options, &made, diag) : err;
    if (err != ERR_OK) {
        return err;
    }
    set_int(made->socket, ZMQ_IPV6, net_wants_ipv6(endpoint) ? 1 : 0);
    if (zmq_connect(made->socket, endpoint) != 0) {
        err = net_fail_address(diag, "connect to", endpoint, errno);
        net_socket_close(&made);
        return err;
    }
    (void)snprintf(made->endpoint, sizeof(made->endpoint), "%s", endpoint);
    *socket = made;
    return ERR_OK;
}

const char *net_endpoint(const struct net_socket *socket) { return socket->endpoint; }

enum err net_poll(struct net_poll_item *items, uint32_t count, int64_t timeout_ms) {
    CHECK(count <= NET_POLL_MAX);
    zmq_pollitem_t polled[NET_POLL_MAX];
    for (uint32_t i = 0; i < count; i++) {
        short events = ZMQ_POLLIN;
        if (items[i].socket == NULL && items[i].want_write) {
            events |= ZMQ_POLLOUT;
        }
        polled[i] =
            (zmq_pollitem_t){.socket = items[i].socket != NULL ? items[i].socket->socket : NULL,
                             .fd = items[i].socket != NULL ? -1 : items[i].fd,
                             .events = events};
        items[i].ready = false;
        items[i].ready_write = false;
    }
    int result = zmq_poll(polled, (int)count, (long)timeout_ms);
    if (result < 0) {
        return errno == EINTR ? ERR_OK : ERR_SYSTEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        items[i].ready = (polled[i].revents & (ZMQ_POLLIN | ZMQ_POLLERR)) != 0;
        items[i].ready_write = (polled[i].revents & ZMQ_POLLOUT) != 0;
    }
    return ERR_OK;
}

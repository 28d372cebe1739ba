/* One polling thread of libmicrohttpd.  Connections are few and bounded, and none can block the
 * others: a new one over the limit ends the oldest, and also each one past its deadline.  Only
 * browsers of this host may read a page.  A request whose Host is not a loopback name comes from a
 * foreign page whose name resolves to this host (DNS rebinding). */
#include "http/http.h"

#include "base/clock.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    KEPT_MAX = HTTP_CONNECTIONS_MAX / 2, /* the rest are ended but not closed yet */
    TIMEOUT_SECONDS = 10,                /* without a byte */
    DEADLINE_MS = 10000,                 /* in total */
    HOST_MAX = 64,
    BACKLOG = 128,
    PORT_MAX = 65535
};

/* A page in a browser may only load and request resources of this server. */
static const struct {
    const char *name, *value;
} HEADERS[] = {
    {"Cache-Control", "no-store"},
    {"Connection", "close"},
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
};

struct connection {
    int fd; /* -1: a free slot */
    int64_t since_ms;
    bool is_cut;
};

struct http {
    struct MHD_Daemon *daemon;
    http_render_fn render;
    void *context;
    struct connection connections[HTTP_CONNECTIONS_MAX]; /* of the server's thread */
    char endpoint[HOST_MAX + 32];
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static enum err parse(const char *bind, union address *address, socklen_t *len, struct diag *diag) {
    char host[HOST_MAX];
    const char *colon = strrchr(bind, ':');
    size_t host_len = colon == NULL ? 0 : (size_t)(colon - bind);
    const char *start = bind;
    if (host_len >= 2 && bind[0] == '[' && bind[host_len - 1] == ']') {
        start++;
        host_len -= 2;
    }
    char *end = NULL;
    unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);
    if (colon == NULL || host_len == 0 || host_len >= sizeof(host) || colon[1] < '0' ||
        colon[1] > '9' || *end != '\0' || port > PORT_MAX) {
        return diag_fail(diag, ERR_INVALID, "http address \"%s\": wanted HOST:PORT", bind);
    }
    memcpy(host, start, host_len);
    host[host_len] = '\0';
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    memset(address, 0, sizeof(*address));
    bool loopback = false;
    if (inet_pton(AF_INET, numeric, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        *len = sizeof(address->v4);
        loopback = ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
    } else if (inet_pton(AF_INET6, numeric, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
        *len = sizeof(address->v6);
        loopback = IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    } else {
        return diag_fail(diag, ERR_INVALID, "http address \"%s\": the host must be numeric", bind);
    }
    return loopback
               ? ERR_OK
               : diag_fail(diag, ERR_DENIED, "http address \"%s\": only loopback is served", bind);
}

enum err http_bind_check(const char *bind, struct diag *diag) {
    union address address;
    socklen_t len = 0;
    return parse(bind, &address, &len, diag);
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct http_reply *reply) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.len, reply->body.ptr, MHD_RESPMEM_MUST_COPY);
    buf_free(&reply->body);
    if (response == NULL) {
        return MHD_NO;
    }
    enum MHD_Result result = MHD_add_response_header(response, "Content-Type", reply->content_type);
    for (size_t i = 0; result == MHD_YES && i < COUNT_OF(HEADERS); i++) {
        result = MHD_add_response_header(response, HEADERS[i].name, HEADERS[i].value);
    }
    if (result == MHD_YES) {
        result = MHD_queue_response(connection, reply->status, response);
    }
    MHD_destroy_response(response);
    return result;
}

/* NAME, NAME:PORT, [IPv6], [IPv6]:PORT; with any port, since a tunnel may use another. */
static bool is_loopback_host(const char *text) {
    char host[HOST_MAX];
    struct in_addr v4;
    struct in6_addr v6;
    bool is_v6 = text[0] == '[';
    size_t len = is_v6 ? strcspn(text + 1, "]") : strcspn(text, ":");
    const char *after = text + len + (is_v6 ? 2 : 0);
    if (len >= sizeof(host) || (is_v6 && text[len + 1] != ']') ||
        (*after != '\0' && (*after != ':' || after[1 + strspn(after + 1, "0123456789")] != '\0'))) {
        return false;
    }
    memcpy(host, text + (is_v6 ? 1 : 0), len);
    host[len] = '\0';
    if (is_v6) {
        return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
    }
    return strcasecmp(host, "localhost") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

/* A browser always sends it; HTTP/1.0 need not. */
static bool is_host_ours(struct MHD_Connection *connection) {
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    return host == NULL || is_loopback_host(host);
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request) {
    struct http *http = context;
    (void)version;
    (void)upload;
    if (*request == NULL) {
        *request = http; /* the first call has the headers only */
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0; /* a body is read and ignored */
        return MHD_YES;
    }
    struct http_reply reply = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    if (!is_host_ours(connection)) {
        reply.status = MHD_HTTP_MISDIRECTED_REQUEST;
        buf_str(&reply.body, "the Host must be this machine: localhost or 127.0.0.1\n");
    } else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        reply.status = MHD_HTTP_METHOD_NOT_ALLOWED;
        buf_str(&reply.body, "only GET and HEAD\n");
    } else {
        http->render(url, &reply, http->context);
    }
    if (reply.status == MHD_HTTP_NOT_FOUND && reply.body.len == 0) {
        buf_str(&reply.body, "no such page\n");
    }
    return send_reply(connection, &reply);
}

static void cut(struct connection *connection) {
    connection->is_cut = true;
    (void)shutdown(connection->fd, SHUT_RDWR); /* the server sees that and closes it */
}

/* Ends connections past the deadline, then the oldest while too many are left. */
static void make_room(struct http *http, int64_t now_ms) {
    for (;;) {
        struct connection *oldest = NULL;
        uint32_t kept = 0;
        for (size_t i = 0; i < COUNT_OF(http->connections); i++) {
            struct connection *one = &http->connections[i];
            if (one->fd < 0 || one->is_cut) {
                continue;
            }
            kept++;
            oldest = oldest == NULL || one->since_ms < oldest->since_ms ? one : oldest;
        }
        if (oldest == NULL ||
            (kept < KEPT_MAX && now_ms - oldest->since_ms <= (int64_t)DEADLINE_MS)) {
            return;
        }
        cut(oldest);
    }
}

/* Only the server's thread calls this, before it closes a descriptor. */
static void note_connection(void *context, struct MHD_Connection *connection, void **slot,
                            enum MHD_ConnectionNotificationCode what) {
    struct http *http = context;
    struct connection *noted = *slot;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (noted != NULL) {
            noted->fd = -1;
        }
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int64_t now_ms = clock_mono_ms();
    make_room(http, now_ms);
    for (size_t i = 0; info != NULL && i < COUNT_OF(http->connections); i++) {
        if (http->connections[i].fd < 0) {
            http->connections[i] = (struct connection){.fd = info->connect_fd, .since_ms = now_ms};
            *slot = &http->connections[i];
            return;
        }
    }
}

static enum err listen_on(const union address *address, socklen_t len, const char *bind_text,
                          int *listener, struct diag *diag) {
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, &address->any, len) != 0 || listen(fd, BACKLOG) != 0) {
        int reason = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return diag_fail(diag, reason == EADDRINUSE ? ERR_BUSY : ERR_IO, "http address \"%s\": %s",
                         bind_text, strerror(reason));
    }
    *listener = fd;
    return ERR_OK;
}

static void name_endpoint(struct http *http, int listener) {
    union address real;
    socklen_t len = sizeof(real);
    memset(&real, 0, sizeof(real));
    char host[HOST_MAX] = "";
    CHECK(getsockname(listener, &real.any, &len) == 0);
    if (real.any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &real.v6.sin6_addr, host, sizeof(host));
        (void)snprintf(http->endpoint, sizeof(http->endpoint), "http://[%s]:%u", host,
                       ntohs(real.v6.sin6_port));
    } else {
        (void)inet_ntop(AF_INET, &real.v4.sin_addr, host, sizeof(host));
        (void)snprintf(http->endpoint, sizeof(http->endpoint), "http://%s:%u", host,
                       ntohs(real.v4.sin_port));
    }
}

/* Errors: as http_start. */
static enum err open_listener(const char *bind, int *listener, struct diag *diag) {
    union address address;
    socklen_t len = 0;
    enum err err = parse(bind, &address, &len, diag);
    return err == ERR_OK ? listen_on(&address, len, bind, listener, diag) : err;
}

enum err http_bind_try(const char *bind, struct diag *diag) {
    int listener = -1;
    enum err err = open_listener(bind, &listener, diag);
    if (err == ERR_OK) {
        (void)close(listener);
    }
    return err;
}

enum err http_start(const char *bind, http_render_fn render, void *context, struct http **held,
                    struct diag *diag) {
    int listener = -1;
    enum err err = open_listener(bind, &listener, diag);
    if (err != ERR_OK) {
        return err;
    }
    struct http *http = mem_zero(1, sizeof(*http));
    http->render = render;
    http->context = context;
    name_endpoint(http, listener);
    for (size_t i = 0; i < COUNT_OF(http->connections); i++) {
        http->connections[i].fd = -1;
    }
    http->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, NULL, NULL, answer, http,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_SECONDS,
        MHD_OPTION_NOTIFY_CONNECTION, note_connection, http, MHD_OPTION_END);
    if (http->daemon == NULL) {
        (void)close(listener);
        mem_free(http);
        return diag_fail(diag, ERR_IO, "http address \"%s\": the server does not start", bind);
    }
    *held = http;
    return ERR_OK;
}

const char *http_endpoint(const struct http *http) { return http->endpoint; }

void http_stop(struct http **held) {
    if (*held != NULL) {
        MHD_stop_daemon((*held)->daemon);
        mem_free(*held);
        *held = NULL;
    }
}

/* One thread of ours runs libmicrohttpd: it waits for its epoll descriptor, a stop, or the deadline
 * of the oldest connection.  Each request passes three checks in this order: its Host is ours, its
 * method is GET or HEAD, its page is public or it has the token. */
#include "http/http_priv.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    TIMEOUT_SECONDS = HTTP_DEADLINE_MS / 1000, /* without a byte */
    BACKLOG = 128
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

struct http {
    struct MHD_Daemon *daemon;
    http_render_fn render;
    void *context;
    char *bind; /* owned: as it was given */
    pthread_t thread;
    bool has_thread;
    int stop_fd;                    /* readable: the thread ends */
    struct connections connections; /* of the server's thread */
    pthread_mutex_t lock;
    struct access *access; /* guarded by lock */
    char endpoint[INET6_ADDRSTRLEN + 32];
};

static enum MHD_Result add_headers(struct MHD_Response *response, const struct http_reply *reply) {
    enum MHD_Result result = MHD_add_response_header(response, "Content-Type", reply->content_type);
    if (result == MHD_YES) {
        result = MHD_add_response_header(response, "Server", program_invocation_short_name);
    }
    for (size_t i = 0; result == MHD_YES && i < COUNT_OF(HEADERS); i++) {
        result = MHD_add_response_header(response, HEADERS[i].name, HEADERS[i].value);
    }
    if (result == MHD_YES && reply->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        result = MHD_add_response_header(response, "Allow", "GET, HEAD");
    }
    if (result == MHD_YES && reply->status == MHD_HTTP_UNAUTHORIZED) { /* Basic: a browser asks */
        result = MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"casemill\"");
        result = result == MHD_YES ? MHD_add_response_header(response, "WWW-Authenticate",
                                                             "Basic realm=\"casemill\"")
                                   : result;
    }
    return result;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct http_reply *reply) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.len, reply->body.ptr, MHD_RESPMEM_MUST_COPY);
    buf_free(&reply->body);
    if (response == NULL) {
        return MHD_NO;
    }
    enum MHD_Result result = add_headers(response, reply);
    if (result == MHD_YES) {
        result = MHD_queue_response(connection, reply->status, response);
    }
    MHD_destroy_response(response);
    return result;
}

/* Our side of the connection: with a wildcard in http.bind it is one of this machine's addresses.
 */
static bool own_address(struct MHD_Connection *connection, struct address *own) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    union socket_address address;
    socklen_t len = sizeof(address);
    memset(&address, 0, sizeof(address));
    return info != NULL && getsockname(info->connect_fd, &address.any, &len) == 0 &&
           address_of(&address, own);
}

/* A browser always sends a Host; HTTP/1.0 need not. */
static bool is_host_ours(const struct access *access, struct MHD_Connection *connection) {
    struct address own;
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    return host == NULL || (own_address(connection, &own) && access_has_host(access, &own, host));
}

static void refuse(struct http_reply *reply, unsigned status, const char *line) {
    reply->status = status;
    buf_str(&reply->body, line);
}

/* False: the reply has the reason. */
static bool is_allowed(struct http *http, struct MHD_Connection *connection, const char *path,
                       const char *method, struct http_reply *reply) {
    const char *authorization =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    (void)pthread_mutex_lock(&http->lock);
    bool is_ours = is_host_ours(http->access, connection);
    enum access_answer answer = access_check(http->access, path, authorization);
    (void)pthread_mutex_unlock(&http->lock);
    if (!is_ours) {
        refuse(reply, MHD_HTTP_MISDIRECTED_REQUEST,
               "the Host must be this machine: its address, or a name of http.hosts\n");
        return false;
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        refuse(reply, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        return false;
    }
    switch (answer) {
    case ACCESS_ALLOWED:
        return true;
    case ACCESS_CLOSED:
        refuse(reply, MHD_HTTP_FORBIDDEN, "this page needs http.token in the settings\n");
        return false;
    case ACCESS_WRONG_TOKEN:
        LOG(EV_HTTP_TOKEN_REFUSED, "endpoint=%s", http->endpoint);
        break;
    case ACCESS_NO_TOKEN:
        break;
    }
    refuse(reply, MHD_HTTP_UNAUTHORIZED,
           "send the token of http.token: as Bearer, or as the password of any user\n");
    return false;
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
    if (is_allowed(http, connection, url, method, &reply)) {
        http->render(url, &reply, http->context);
    }
    if (reply.status == MHD_HTTP_NOT_FOUND && reply.body.len == 0) {
        buf_str(&reply.body, "no such page\n");
    }
    return send_reply(connection, &reply);
}

/* The server calls this before it closes a descriptor. */
static void note_connection(void *context, struct MHD_Connection *connection, void **slot,
                            enum MHD_ConnectionNotificationCode what) {
    struct http *http = context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*slot != NULL) {
            connections_drop(*slot);
        }
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    union socket_address address;
    socklen_t len = sizeof(address);
    struct address client = {0}; /* of one that is gone already */
    memset(&address, 0, sizeof(address));
    CHECK(info != NULL);
    if (getpeername(info->connect_fd, &address.any, &len) == 0) {
        (void)address_of(&address, &client);
    }
    *slot = connections_add(&http->connections, info->connect_fd, &client, clock_mono_ms());
}

/* Milliseconds until something is due; -1: nothing is. */
static int wait_ms(struct http *http) {
    MHD_UNSIGNED_LONG_LONG of_daemon = 0;
    int64_t left = connections_cut_late(&http->connections, clock_mono_ms());
    if (MHD_get_timeout(http->daemon, &of_daemon) == MHD_YES &&
        (left < 0 || of_daemon < (MHD_UNSIGNED_LONG_LONG)left)) {
        left = (int64_t)of_daemon;
    }
    return left > HTTP_DEADLINE_MS ? HTTP_DEADLINE_MS : (int)left;
}

static void *serve(void *argument) {
    struct http *http = argument;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    CHECK(info != NULL);
    struct pollfd fds[] = {{.fd = info->epoll_fd, .events = POLLIN},
                           {.fd = http->stop_fd, .events = POLLIN}};
    while (fds[1].revents == 0) {
        (void)poll(fds, COUNT_OF(fds), wait_ms(http)); /* EINTR: an early turn */
        (void)MHD_run(http->daemon);
    }
    return NULL;
}

static enum err listen_on(const union socket_address *address, socklen_t len, const char *bind_text,
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
    union socket_address real;
    socklen_t len = sizeof(real);
    memset(&real, 0, sizeof(real));
    char host[INET6_ADDRSTRLEN] = "";
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
    union socket_address address;
    socklen_t len = 0;
    enum err err = address_parse_bind(bind, &address, &len, diag);
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

/* Ends what http_start began. */
static void http_free(struct http *http) {
    if (http->has_thread) {
        const uint64_t one = 1;
        CHECK(io_write_all(http->stop_fd, span_make(&one, sizeof(one))) == ERR_OK);
        CHECK(pthread_join(http->thread, NULL) == 0);
    }
    if (http->daemon != NULL) {
        MHD_stop_daemon(http->daemon);
    }
    if (http->stop_fd >= 0) {
        (void)close(http->stop_fd);
    }
    access_free(&http->access);
    (void)pthread_mutex_destroy(&http->lock);
    mem_free(http->bind);
    mem_free(http);
}

/* The daemon, which owns the listener then, and the thread.  Errors: as http_start. */
static enum err start(struct http *http, int listener, struct diag *diag) {
    http->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (http->stop_fd >= 0) {
        http->daemon =
            MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, http, MHD_OPTION_LISTEN_SOCKET,
                             listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
                             MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_SECONDS,
                             MHD_OPTION_NOTIFY_CONNECTION, note_connection, http, MHD_OPTION_END);
    }
    if (http->daemon == NULL) {
        (void)close(listener);
        return diag_fail(diag, ERR_IO, "http address \"%s\": the server does not start",
                         http->bind);
    }
    enum err err = thread_start(&http->thread, serve, http, "HTTP", diag);
    http->has_thread = err == ERR_OK;
    return err;
}

enum err http_start(const struct http_options *options, http_render_fn render, void *context,
                    struct http **held, struct diag *diag) {
    int listener = -1;
    struct access *access = NULL;
    enum err err = access_new(options, &access, diag);
    err = err == ERR_OK ? open_listener(options->bind, &listener, diag) : err;
    if (err != ERR_OK) {
        access_free(&access);
        return err;
    }
    struct http *http = mem_zero(1, sizeof(*http));
    http->render = render;
    http->context = context;
    http->access = access;
    http->bind = mem_strdup(options->bind);
    (void)pthread_mutex_init(&http->lock, NULL);
    name_endpoint(http, listener);
    connections_init(&http->connections);
    err = start(http, listener, diag);
    if (err != ERR_OK) {
        http_free(http);
        return err;
    }
    *held = http;
    return ERR_OK;
}

/* Errors: as http_start. */
static enum err new_access(const struct http *http, const struct http_options *options,
                           struct access **fresh, struct diag *diag) {
    struct http_options running = *options;
    running.bind = http->bind;
    return access_new(&running, fresh, diag);
}

enum err http_reload_check(const struct http *http, const struct http_options *options,
                           struct diag *diag) {
    struct access *fresh = NULL;
    enum err err = http == NULL ? ERR_OK : new_access(http, options, &fresh, diag);
    access_free(&fresh);
    return err;
}

enum err http_reload(struct http *http, const struct http_options *options, struct diag *diag) {
    struct access *fresh = NULL;
    enum err err = http == NULL ? ERR_OK : new_access(http, options, &fresh, diag);
    if (err != ERR_OK || http == NULL) {
        return err;
    }
    (void)pthread_mutex_lock(&http->lock);
    struct access *old = http->access;
    http->access = fresh;
    (void)pthread_mutex_unlock(&http->lock);
    access_free(&old);
    return ERR_OK;
}

const char *http_endpoint(const struct http *http) { return http->endpoint; }

void http_stop(struct http **held) {
    if (*held != NULL) {
        http_free(*held);
        *held = NULL;
    }
}

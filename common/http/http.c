/* One polling thread of libmicrohttpd; connections are few and bounded. */
#include "http/http.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 32, TIMEOUT_SECONDS = 10, HOST_MAX = 64, BACKLOG = 16, PORT_MAX = 65535 };

struct http {
    struct MHD_Daemon *daemon;
    http_render_fn render;
    void *context;
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
    if (result == MHD_YES) {
        result = MHD_add_response_header(response, "Cache-Control", "no-store");
    }
    if (result == MHD_YES) {
        result = MHD_queue_response(connection, reply->status, response);
    }
    MHD_destroy_response(response);
    return result;
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
        *upload_size = 0; /* a body is read and thrown away */
        return MHD_YES;
    }
    struct http_reply reply = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
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

enum err http_bind_try(const char *bind, struct diag *diag) {
    union address address;
    socklen_t len = 0;
    int listener = -1;
    enum err err = parse(bind, &address, &len, diag);
    err = err != ERR_OK ? err : listen_on(&address, len, bind, &listener, diag);
    if (err == ERR_OK) {
        (void)close(listener);
    }
    return err;
}

enum err http_start(const char *bind, http_render_fn render, void *context, struct http **held,
                    struct diag *diag) {
    union address address;
    socklen_t len = 0;
    int listener = -1;
    enum err err = parse(bind, &address, &len, diag);
    err = err != ERR_OK ? err : listen_on(&address, len, bind, &listener, diag);
    if (err != ERR_OK) {
        return err;
    }
    struct http *http = mem_zero(1, sizeof(*http));
    http->render = render;
    http->context = context;
    name_endpoint(http, listener);
    http->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, NULL, NULL, answer, http,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_SECONDS, MHD_OPTION_END);
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

/* Purpose: a small read-only HTTP server for status, health and metrics.  The only user of
 * microhttpd.h.
 * Never: serves other methods than GET and HEAD, other addresses than loopback, or a request whose
 * Host is another machine's name (421); knows the content of the pages.
 * Limits: HTTP_CONNECTIONS_MAX connections, each for one request and at most 10 s.
 * Threads: the server's own thread calls `render`; the owner of the data guards it. */
#ifndef CASEMILL_HTTP_HTTP_H
#define CASEMILL_HTTP_HTTP_H

#include "base/buf.h"
#include "base/diag.h"

struct http;
/* At one time; when more than half are open, a new one ends the oldest. */
enum { HTTP_CONNECTIONS_MAX = 64 };

struct http_reply {
    unsigned status;          /* 200 unless set */
    const char *content_type; /* static; "text/plain; charset=utf-8" unless set */
    struct buf body;          /* freed by the server */
};
/* Fills the reply for a path ("/status"), or sets status 404. */
typedef void (*http_render_fn)(const char *path, struct http_reply *reply, void *context);

/* http_start listens on "127.0.0.1:5580", "[::1]:0" or "localhost:0"; port 0 takes a free one.
 * Errors: ERR_INVALID no such address; ERR_DENIED not loopback; ERR_BUSY port taken; ERR_IO. */
MUST_USE enum err http_start(const char *bind, http_render_fn render, void *context,
                             struct http **http, struct diag *diag);
const char *http_endpoint(const struct http *http); /* "http://127.0.0.1:40003" */
void http_stop(struct http **http);                 /* waits for replies in progress */
/* http_bind_check checks that http_start accepts the address. Errors: ERR_INVALID, ERR_DENIED. */
MUST_USE enum err http_bind_check(const char *bind, struct diag *diag);
/* http_bind_try binds the address and closes it.  Errors: ERR_BUSY the port is taken, as
 * http_start. */
MUST_USE enum err http_bind_try(const char *bind, struct diag *diag);

#endif

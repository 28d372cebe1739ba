/* Purpose: a small read-only HTTP server for status, health and metrics.  The only user of
 * microhttpd.h.
 * Never: serves other methods than GET and HEAD (405).  Never serves a request whose Host is
 * another machine's name (421).  Never shows a page beyond loopback without the token, except what
 * is public (401, 403).  It does not know the content of the pages.
 * Limits: HTTP_CONNECTIONS_MAX connections, each for one request and at most HTTP_DEADLINE_MS.
 * Threads: the server's own thread calls `render`; the owner of the data guards it.
 * Read next: http/http_settings.h, http/http_priv.h. */
#ifndef CASEMILL_HTTP_HTTP_H
#define CASEMILL_HTTP_HTTP_H

#include "base/buf.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stdint.h>

struct http;
enum {
    HTTP_CONNECTIONS_MAX = 64, /* at one time; half of them are kept, the others are being closed */
    HTTP_CONNECTIONS_PER_CLIENT = 16, /* kept from one address; a new one ends the oldest */
    HTTP_DEADLINE_MS = 10000,         /* of a connection, from its start to the end of its answer */
    HTTP_TOKEN_BYTES_MIN = 16,
    HTTP_TOKEN_BYTES_MAX = 256
};

/* What is readable without a token. */
enum {
    HTTP_PUBLIC_METRICS = 1, /* /metrics */
    HTTP_PUBLIC_HEALTH = 2   /* /healthz and /readyz */
};

/* All borrowed until the call returns. */
struct http_options {
    const char *bind;         /* "127.0.0.1:5580", "[::1]:0", "localhost:0"; port 0: a free one */
    const char *token_path;   /* a file; "": no token */
    const char *const *hosts; /* names that a request may have in Host, beside this machine's own */
    uint32_t host_count;
    unsigned public_pages; /* HTTP_PUBLIC_... */
};

struct http_reply {
    unsigned status;          /* 200 unless set */
    const char *content_type; /* static; "text/plain; charset=utf-8" unless set */
    struct buf body;          /* freed by the server */
};
/* Fills the reply for a path ("/status"), or sets status 404. */
typedef void (*http_render_fn)(const char *path, struct http_reply *reply, void *context);

/* http_start listens and starts the thread.
 * Errors: ERR_INVALID no such address, or no token in the file.  ERR_DENIED the address is beyond
 * loopback and nothing may be read, or others may read the token.  ERR_NOT_FOUND no token file.
 * ERR_BUSY the port is taken.  ERR_SYSTEM no thread.  ERR_IO. */
MUST_USE enum err http_start(const struct http_options *options, http_render_fn render,
                             void *context, struct http **http, struct diag *diag);
/* http_reload reads the token again and takes hosts and public pages; the address stays.  The
 * requests that follow are checked with the new ones.  http_reload_check checks that it would
 * succeed.  http is NULL: there are no pages.  Errors: as http_start; nothing changes. */
MUST_USE enum err http_reload(struct http *http, const struct http_options *options,
                              struct diag *diag);
MUST_USE enum err http_reload_check(const struct http *http, const struct http_options *options,
                                    struct diag *diag);
const char *http_endpoint(const struct http *http); /* "http://127.0.0.1:40003" */
void http_stop(struct http **http);                 /* ends open connections */
/* http_bind_check checks that http_start accepts the address with these options; it reads no file.
 * Errors: ERR_INVALID, ERR_DENIED. */
MUST_USE enum err http_bind_check(const struct http_options *options, struct diag *diag);
/* http_token_check checks that http_start accepts the file.  Errors: as http_start. */
MUST_USE enum err http_token_check(const char *path, struct diag *diag);
/* http_host_check checks that a name may be one of `hosts`.  Errors: ERR_INVALID. */
MUST_USE enum err http_host_check(const char *name, struct diag *diag);
/* http_bind_try binds the address and closes it.  Errors: ERR_BUSY the port is taken, as
 * http_start. */
MUST_USE enum err http_bind_try(const char *bind, struct diag *diag);
/* http_is_ours asks who has the address, at most some seconds: true when it is this program in
 * another process. */
bool http_is_ours(const char *bind);

#endif

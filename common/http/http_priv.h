/* Purpose: the parts of the server. address.c reads addresses and the Host of a request, access.c
 * decides what a request may read. connections.c bounds their number and age, probe.c finds who has
 * a port. */
#ifndef CASEMILL_HTTP_HTTP_PRIV_H
#define CASEMILL_HTTP_HTTP_PRIV_H

#include "http/http.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* --- address.c --- */
enum { HOST_MAX = 256 }; /* a name of DNS and a NUL */

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

/* An IPv4 address in IPv6 form (::ffff:192.0.2.1) is the IPv4 address. */
struct address {
    bool is_v6;
    uint8_t bytes[16]; /* the first 4 of IPv4; the others are 0 */
};

/* Errors: ERR_INVALID. */
MUST_USE enum err address_parse_bind(const char *bind, union socket_address *address,
                                     socklen_t *len, struct diag *diag);
/* False: neither IPv4 nor IPv6. */
bool address_of(const union socket_address *from, struct address *address);
bool address_parse(const char *text, struct address *address);
bool address_is_loopback(const struct address *address);
bool address_eq(const struct address *a, const struct address *b);
/* address_is_same_client: equal, or IPv6 of one network: a host has 2^64 addresses there. */
bool address_is_same_client(const struct address *a, const struct address *b);

/* The Host of a request: NAME, NAME:PORT, IPv4, [IPv6], each with any port, since a tunnel may use
 * another.  False: nothing of these. */
bool address_split_host(const char *text, char name[HOST_MAX]);

/* --- access.c --- */
struct access;
/* access_new reads the token.  Ownership: *access is the caller's, freed with access_free.
 * Errors: as http_start. */
MUST_USE enum err access_new(const struct http_options *options, struct access **access,
                             struct diag *diag);
void access_free(struct access **access);
/* access_has_host: whether a request to our address `own` may name this Host.  Another name leads
 * here only for a page of another site, whose name resolves to this machine (DNS rebinding). */
bool access_has_host(const struct access *access, const struct address *own, const char *host);
enum access_answer {
    ACCESS_ALLOWED,
    ACCESS_NO_TOKEN, /* the request has none, and needs one */
    ACCESS_WRONG_TOKEN,
    ACCESS_CLOSED /* there is no token, and the page is not public */
};
/* authorization: the header's value; NULL: none. */
enum access_answer access_check(const struct access *access, const char *path,
                                const char *authorization);

/* --- connections.c --- */
struct connection {
    int fd; /* -1: a free slot */
    int64_t since_ms;
    struct address client;
    bool is_cut;
};
struct connections {
    struct connection of[HTTP_CONNECTIONS_MAX];
};

void connections_init(struct connections *connections);
/* connections_add notes a new one and ends others until there is room.  NULL: there is no slot. */
struct connection *connections_add(struct connections *connections, int fd,
                                   const struct address *client, int64_t now_ms);
void connections_drop(struct connection *connection); /* its descriptor is about to be closed */
/* connections_cut_late ends those past their deadline.  It returns how long the oldest of the
 * others has left; -1: there is none. */
int64_t connections_cut_late(struct connections *connections, int64_t now_ms);

#endif

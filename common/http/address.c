/* Addresses as text and as bytes.  Names are never resolved: the host of http.bind is numeric. */
#include "http/http_priv.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535, V4_BYTES = 4, V6_BYTES = 16, NETWORK_BYTES = 8 };

enum err address_parse_bind(const char *bind, union socket_address *address, socklen_t *len,
                            struct diag *diag) {
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
    if (inet_pton(AF_INET, numeric, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        *len = sizeof(address->v4);
    } else if (inet_pton(AF_INET6, numeric, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
        *len = sizeof(address->v6);
    } else {
        return diag_fail(diag, ERR_INVALID, "http address \"%s\": the host must be numeric", bind);
    }
    return ERR_OK;
}

static void set_v6(const struct in6_addr *v6, struct address *address) {
    *address = (struct address){.is_v6 = !IN6_IS_ADDR_V4MAPPED(v6)};
    if (address->is_v6) {
        memcpy(address->bytes, v6->s6_addr, V6_BYTES);
    } else {
        memcpy(address->bytes, v6->s6_addr + V6_BYTES - V4_BYTES, V4_BYTES);
    }
}

bool address_of(const union socket_address *from, struct address *address) {
    *address = (struct address){0};
    if (from->any.sa_family == AF_INET) {
        memcpy(address->bytes, &from->v4.sin_addr, V4_BYTES);
    } else if (from->any.sa_family == AF_INET6) {
        set_v6(&from->v6.sin6_addr, address);
    }
    return from->any.sa_family == AF_INET || from->any.sa_family == AF_INET6;
}

bool address_parse(const char *text, struct address *address) {
    struct in6_addr v6;
    *address = (struct address){0};
    if (inet_pton(AF_INET, text, address->bytes) == 1) {
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6) != 1) {
        return false;
    }
    set_v6(&v6, address);
    return true;
}

bool address_is_loopback(const struct address *address) {
    struct address v6_loopback;
    return address->is_v6 ? address_parse("::1", &v6_loopback) && address_eq(address, &v6_loopback)
                          : address->bytes[0] == 127;
}

bool address_eq(const struct address *a, const struct address *b) {
    return a->is_v6 == b->is_v6 && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool address_is_same_client(const struct address *a, const struct address *b) {
    return a->is_v6 && b->is_v6 ? memcmp(a->bytes, b->bytes, NETWORK_BYTES) == 0 : address_eq(a, b);
}

bool address_split_host(const char *text, char name[HOST_MAX]) {
    bool is_v6 = text[0] == '[';
    size_t len = is_v6 ? strcspn(text + 1, "]") : strcspn(text, ":");
    const char *start = text + (is_v6 ? 1 : 0);
    const char *after = start + len;
    if (len == 0 || len >= (size_t)HOST_MAX || (is_v6 && *after++ != ']') ||
        (*after != '\0' && (*after != ':' || after[1 + strspn(after + 1, "0123456789")] != '\0'))) {
        return false;
    }
    memcpy(name, start, len);
    name[len] = '\0';
    struct address address;
    return !is_v6 || (address_parse(name, &address) && strchr(name, ':') != NULL);
}

/* What a request may read.  A token is compared in constant time, and its length does not show
 * either: both sides are padded to the same number of bytes. */
#include "http/http_priv.h"

#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { USER_BYTES_MAX = 256, ENCODED_BYTES_MAX = (USER_BYTES_MAX + HTTP_TOKEN_BYTES_MAX) / 3 * 4 };

/* Padded with NULs; a token has none. */
struct token {
    char text[HTTP_TOKEN_BYTES_MAX + 1];
};

struct access {
    bool has_token, is_open; /* open: each page is readable, as on loopback without a token */
    struct token token;
    unsigned public_pages;
    char **hosts; /* owned */
    uint32_t host_count;
};

static bool set_token(struct token *token, struct span text) {
    memset(token, 0, sizeof(*token));
    if (text.len > (size_t)HTTP_TOKEN_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') {
            return false;
        }
    }
    memcpy(token->text, text.ptr, text.len);
    return text.len > 0;
}

static enum err parse_token(const char *path, struct span text, struct token *token,
                            struct diag *diag) {
    if (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
    }
    if (text.len < (size_t)HTTP_TOKEN_BYTES_MIN || text.len > (size_t)HTTP_TOKEN_BYTES_MAX) {
        return diag_fail(diag, ERR_INVALID, "%s: a token has %d to %d characters", path,
                         HTTP_TOKEN_BYTES_MIN, HTTP_TOKEN_BYTES_MAX);
    }
    return set_token(token, text)
               ? ERR_OK
               : diag_fail(diag, ERR_INVALID,
                           "%s: a token is one line of ASCII characters without spaces", path);
}

static enum err read_token(const char *path, struct token *token, struct diag *diag) {
    char bytes[HTTP_TOKEN_BYTES_MAX + 2]; /* a newline, and one more of a longer file */
    size_t len = 0;
    enum err err = io_read_secret(path, bytes, sizeof(bytes), &len, diag);
    err = err == ERR_OK ? parse_token(path, span_make(bytes, len), token, diag) : err;
    explicit_bzero(bytes, sizeof(bytes));
    return err;
}

enum err http_token_check(const char *path, struct diag *diag) {
    struct token token;
    enum err err = read_token(path, &token, diag);
    explicit_bzero(&token, sizeof(token));
    return err;
}

enum err http_host_check(const char *name, struct diag *diag) {
    struct address address;
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    return address_parse(name, &address) || (len > 0 && len < (size_t)HOST_MAX && name[len] == '\0')
               ? ERR_OK
               : diag_fail(diag, ERR_INVALID, "\"%s\": wanted a name or an address, without a port",
                           name);
}

/* Errors: ERR_INVALID; ERR_DENIED. */
static enum err check_bind(const struct http_options *options, bool *is_loopback,
                           struct diag *diag) {
    union socket_address bind;
    struct address address;
    socklen_t len = 0;
    enum err err = address_parse_bind(options->bind, &bind, &len, diag);
    if (err != ERR_OK) {
        return err;
    }
    *is_loopback = address_of(&bind, &address) && address_is_loopback(&address);
    return *is_loopback || options->token_path[0] != '\0' || options->public_pages != 0
               ? ERR_OK
               : diag_fail(diag, ERR_DENIED,
                           "\"%s\" is beyond loopback: set http.token, or http.public: "
                           "[metrics, health]",
                           options->bind);
}

enum err http_bind_check(const struct http_options *options, struct diag *diag) {
    bool is_loopback = false;
    return check_bind(options, &is_loopback, diag);
}

enum err access_new(const struct http_options *options, struct access **access, struct diag *diag) {
    struct token token = {0};
    bool has_token = options->token_path[0] != '\0';
    bool is_loopback = false;
    enum err err = check_bind(options, &is_loopback, diag);
    err = err == ERR_OK && has_token ? read_token(options->token_path, &token, diag) : err;
    if (err != ERR_OK) {
        return err;
    }
    struct access *made = mem_zero(1, sizeof(*made));
    *made = (struct access){.has_token = has_token,
                            .is_open = is_loopback && !has_token,
                            .token = token,
                            .public_pages = options->public_pages,
                            .hosts = mem_zero(options->host_count, sizeof(char *)),
                            .host_count = options->host_count};
    explicit_bzero(&token, sizeof(token));
    for (uint32_t i = 0; i < options->host_count; i++) {
        made->hosts[i] = mem_strdup(options->hosts[i]);
    }
    *access = made;
    return ERR_OK;
}

void access_free(struct access **access) {
    struct access *gone = *access;
    if (gone == NULL) {
        return;
    }
    for (uint32_t i = 0; i < gone->host_count; i++) {
        mem_free(gone->hosts[i]);
    }
    mem_free(gone->hosts);
    explicit_bzero(&gone->token, sizeof(gone->token));
    mem_free(gone);
    *access = NULL;
}

static bool is_same_host(const char *name, const char *other) {
    struct address a;
    struct address b;
    return address_parse(name, &a) ? address_parse(other, &b) && address_eq(&a, &b)
                                   : strcasecmp(name, other) == 0;
}

bool access_has_host(const struct access *access, const struct address *own, const char *host) {
    char name[HOST_MAX];
    struct address address;
    if (!address_split_host(host, name)) {
        return false;
    }
    for (uint32_t i = 0; i < access->host_count; i++) {
        if (is_same_host(name, access->hosts[i])) {
            return true;
        }
    }
    if (!address_parse(name, &address)) {
        return address_is_loopback(own) && strcasecmp(name, "localhost") == 0;
    }
    return address_eq(&address, own) || (address_is_loopback(own) && address_is_loopback(&address));
}

static int digit_of(char c) {
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(DIGITS, c);
    return at == NULL ? -1 : (int)(at - DIGITS);
}

/* Base64 with or without its padding.  False: it is none, or too long. */
static bool decode(const char *encoded, char *out, size_t room, size_t *len) {
    size_t digits = strcspn(encoded, "=");
    if (digits > (size_t)ENCODED_BYTES_MAX || digits % 4 == 1 || digits / 4 * 3 + 2 > room ||
        encoded[digits + strspn(encoded + digits, "=")] != '\0') {
        return false;
    }
    uint32_t bits = 0;
    *len = 0;
    for (size_t i = 0; i < digits; i++) {
        int digit = digit_of(encoded[i]);
        if (digit < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 0) {
            out[(*len)++] = (char)(bits >> (6 - i % 4 * 2) & 0xFF);
        }
    }
    return true;
}

/* The token of "Bearer TOKEN", or the password of "Basic": a browser asks for one.  Any user. */
static bool read_authorization(const char *header, struct token *token) {
    static const char BEARER[] = "Bearer ";
    static const char BASIC[] = "Basic ";
    char decoded[USER_BYTES_MAX + HTTP_TOKEN_BYTES_MAX + 2];
    size_t len = 0;
    if (strncasecmp(header, BEARER, sizeof(BEARER) - 1) == 0) {
        return set_token(token, span_trim(span_str(header + sizeof(BEARER) - 1)));
    }
    if (strncasecmp(header, BASIC, sizeof(BASIC) - 1) != 0 ||
        !decode(header + sizeof(BASIC) - 1, decoded, sizeof(decoded), &len)) {
        return false;
    }
    const char *colon = memchr(decoded, ':', len);
    bool found = colon != NULL &&
                 set_token(token, span_make(colon + 1, len - (size_t)(colon + 1 - decoded)));
    explicit_bzero(decoded, sizeof(decoded));
    return found;
}

static bool is_public(const struct access *access, const char *path) {
    static const struct {
        const char *path;
        unsigned page;
    } PAGES[] = {{"/metrics", HTTP_PUBLIC_METRICS},
                 {"/healthz", HTTP_PUBLIC_HEALTH},
                 {"/readyz", HTTP_PUBLIC_HEALTH}};
    for (size_t i = 0; i < COUNT_OF(PAGES); i++) {
        if (strcmp(path, PAGES[i].path) == 0) {
            return (access->public_pages & PAGES[i].page) != 0;
        }
    }
    return false;
}

enum access_answer access_check(const struct access *access, const char *path,
                                const char *authorization) {
    struct token token;
    if (access->is_open || is_public(access, path)) {
        return ACCESS_ALLOWED;
    }
    if (!access->has_token) {
        return ACCESS_CLOSED;
    }
    if (authorization == NULL) {
        return ACCESS_NO_TOKEN;
    }
    bool is_right = read_authorization(authorization, &token) &&
                    secret_eq(token.text, access->token.text, sizeof(token.text));
    explicit_bzero(&token, sizeof(token));
    return is_right ? ACCESS_ALLOWED : ACCESS_WRONG_TOKEN;
}

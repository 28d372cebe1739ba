/* See bench_peer_lines.h. */
#include "bench_peer_lines.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024, HOST_BYTES = 64 };

enum err lines_open(struct lines *lines, const char *address) {
    const char *colon = strrchr(address, ':');
    char host[HOST_BYTES] = "";
    struct sockaddr_in to = {.sin_family = AF_INET};
    CHECK(colon != NULL);
    CHECK((size_t)(colon - address) < sizeof(host));
    memcpy(host, address, (size_t)(colon - address));
    to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    CHECK(inet_pton(AF_INET, host, &to.sin_addr) == 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    const int one = 1;
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        (void)close(fd);
        return ERR_CONNECTION;
    }
    *lines = (struct lines){.fd = fd};
    return ERR_OK;
}

void lines_close(struct lines *lines) {
    (void)close(lines->fd);
    buf_free(&lines->in);
    buf_free(&lines->out);
}

enum err lines_flush(struct lines *lines) {
    size_t at = 0;
    while (at < lines->out.len) {
        ssize_t wrote = send(lines->fd, lines->out.ptr + at, lines->out.len - at, MSG_NOSIGNAL);
        if (wrote < 0 && errno != EINTR) {
            return ERR_CONNECTION;
        }
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    buf_clear(&lines->out);
    return ERR_OK;
}

enum err lines_fill(struct lines *lines, bool wait) {
    size_t left = lines->in.len - lines->at;
    if (lines->at > 0) {
        memmove(lines->in.ptr, lines->in.ptr + lines->at, left);
        lines->in.len = left;
        lines->at = 0;
    }
    ssize_t got =
        recv(lines->fd, buf_room(&lines->in, READ_BYTES), READ_BYTES, wait ? 0 : MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return ERR_OK;
    }
    if (got <= 0) {
        return ERR_CONNECTION;
    }
    lines->in.len += (size_t)got;
    return ERR_OK;
}

bool lines_peek(const struct lines *lines, struct span *line) {
    size_t left = lines->in.len - lines->at;
    const uint8_t *start = lines->in.ptr + lines->at;
    const uint8_t *end = left == 0 ? NULL : memmem(start, left, "\r\n", 2);
    if (end == NULL) {
        return false;
    }
    *line = span_make(start, (size_t)(end - start));
    return true;
}

bool lines_take(struct lines *lines, struct span line, uint64_t count, struct span *bytes) {
    size_t need = line.len + 2 + (bytes == NULL ? 0 : count + 2);
    if (lines->in.len - lines->at < need) {
        return false;
    }
    if (bytes != NULL) {
        *bytes = span_make(line.ptr + line.len + 2, count);
    }
    lines->at += need;
    return true;
}

struct span lines_word(struct span line, uint32_t n) {
    size_t at = 0;
    for (;; n--) {
        while (at < line.len && line.ptr[at] == ' ') {
            at++;
        }
        size_t from = at;
        while (at < line.len && line.ptr[at] != ' ') {
            at++;
        }
        if (n == 0 || at == line.len) {
            return n == 0 ? span_make(line.ptr + from, at - from) : SPAN_LIT("");
        }
    }
}

uint64_t lines_number(struct span word) {
    uint64_t number = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] < '0' || word.ptr[i] > '9') {
            return 0;
        }
        number = number * 10 + (uint64_t)(word.ptr[i] - '0');
    }
    return number;
}

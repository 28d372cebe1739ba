/* Whether the program that has a port is this one: a check of the settings of a program that runs
 * finds its port taken.  Each answer names its program in the header Server. */
#include "http/http_priv.h"

#include "base/io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { PROBE_SECONDS = 2, ANSWER_BYTES = 2048 };

static bool ask(int fd, const char *bind) {
    char request[HOST_MAX + 128];
    char answer[ANSWER_BYTES + 1];
    size_t len = 0;
    ssize_t got = 1;
    (void)snprintf(request, sizeof(request),
                   "GET /healthz HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n", HOST_MAX,
                   bind);
    if (io_write_all(fd, span_str(request)) != ERR_OK) {
        return false;
    }
    while (got > 0 && len < ANSWER_BYTES) {
        got = read(fd, answer + len, ANSWER_BYTES - len);
        len += got > 0 ? (size_t)got : 0;
    }
    answer[len] = '\0';
    (void)snprintf(request, sizeof(request), "\r\nServer: %s\r\n", program_invocation_short_name);
    return strcasestr(answer, request) != NULL;
}

bool http_is_ours(const char *bind) {
    union socket_address address;
    socklen_t len = 0;
    struct diag diag = {0};
    const struct timeval limit = {.tv_sec = PROBE_SECONDS};
    if (address_parse_bind(bind, &address, &len, &diag) != ERR_OK) {
        return false;
    }
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_ours = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
                   connect(fd, &address.any, len) == 0 && ask(fd, bind);
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_ours;
}

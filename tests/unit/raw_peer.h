/* A peer that speaks ZMTP 3.0 without keys over a plain socket, so that a test decides what it
 * sends and how it hangs up. */
#ifndef CASEMILL_TESTS_UNIT_RAW_PEER_H
#define CASEMILL_TESTS_UNIT_RAW_PEER_H

#include <arpa/inet.h>
#include <check.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { RAW_GREETING = 64, RAW_READY_MAX = 80, RAW_WAIT_S = 10 };

static inline struct sockaddr_in raw_address(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static inline void raw_send(int fd, const void *bytes, size_t len) {
    ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void raw_read(int fd, void *bytes, size_t len) {
    ck_assert_int_eq(recv(fd, bytes, len, MSG_WAITALL), (ssize_t)len);
}

static inline size_t raw_put(uint8_t *at, const void *bytes, size_t len) {
    memcpy(at, bytes, len);
    return len;
}

/* Both sides' greeting and READY.  id "": none. */
static inline void raw_handshake(int fd, const char *type, const char *id) {
    const struct timeval patience = {.tv_sec = RAW_WAIT_S};
    const int now = 1; /* else what is not acknowledged holds back what a reset then throws away */
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &now, sizeof(now)), 0);
    uint8_t greeting[RAW_GREETING] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0};
    memcpy(greeting + 12, "NULL", 4);
    uint8_t ready[RAW_READY_MAX] = {4, 0};
    size_t len = 2;
    len += raw_put(ready + len, "\5READY\13Socket-Type\0\0\0", 21);
    ready[len++] = (uint8_t)strlen(type);
    len += raw_put(ready + len, type, strlen(type));
    len += raw_put(ready + len, "\10Identity\0\0\0", 12);
    ready[len++] = (uint8_t)strlen(id);
    len += raw_put(ready + len, id, strlen(id));
    ready[1] = (uint8_t)(len - 2);
    raw_send(fd, greeting, sizeof(greeting));
    raw_send(fd, ready, len);
    raw_read(fd, greeting, sizeof(greeting));
    raw_read(fd, ready, 2);
    uint8_t theirs[UINT8_MAX];
    raw_read(fd, theirs, ready[1]);
}

static inline int raw_connect(int port, const char *id) {
    struct sockaddr_in address = raw_address(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    raw_handshake(fd, "DEALER", id);
    return fd;
}

/* So many messages of one byte, in one write, with a PING in front of the one with the number ping;
 * ping -1: none. */
static inline void raw_flood(int fd, int messages, int ping) {
    uint8_t *bytes = malloc((size_t)messages * 3 + 16);
    size_t len = 0;
    for (int i = 0; i < messages; i++) {
        if (i == ping) {
            len += raw_put(bytes + len, "\4\7\4PING\0\0", 9);
        }
        len += raw_put(bytes + len, "\0\1x", 3);
    }
    raw_send(fd, bytes, len);
    free(bytes);
}

static inline void raw_reset(int fd) {
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), 0);
    ck_assert_int_eq(close(fd), 0);
}

#endif

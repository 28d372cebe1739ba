/* Purpose: a server that accepts libpq and then sends nothing, like a PostgreSQL whose processes
 * are stopped; or that refuses it with a SQLSTATE. */
#ifndef CASEMILL_TESTS_UNIT_MUTE_SERVER_H
#define CASEMILL_TESTS_UNIT_MUTE_SERVER_H

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MUTE_CLIENTS_MAX = 64 };

struct mute_server {
    int listener, port;
    unsigned lets_in;    /* so many of the first clients; what comes later gets no answer */
    const char *refuses; /* SQLSTATE for all of them; NULL: none */
    pthread_t thread;
    atomic_bool ending;
    atomic_uint came;
    int clients[MUTE_CLIENTS_MAX];
};

static inline void mute_send(int fd, const void *bytes, size_t len) {
    ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void mute_refuse(int fd, const char *sqlstate) {
    char fields[128];
    int len =
        snprintf(fields, sizeof(fields), "SFATAL%cC%s%cMa reason%cFsome.c%cL7%cRsome_function%c%c",
                 0, sqlstate, 0, 0, 0, 0, 0, 0);
    uint32_t size = htonl((uint32_t)len + 4);
    mute_send(fd, "E", 1);
    mute_send(fd, &size, 4);
    mute_send(fd, fields, (size_t)len);
    (void)shutdown(fd, SHUT_WR);
}

static inline void mute_take(struct mute_server *server, int fd) {
    unsigned number = atomic_fetch_add(&server->came, 1U);
    char startup[4096];
    ck_assert_uint_lt(number, MUTE_CLIENTS_MAX);
    server->clients[number] = fd;
    if (server->refuses == NULL && number >= server->lets_in) {
        return;
    }
    if (recv(fd, startup, sizeof(startup), 0) <= 0) { /* it has gone again */
        return;
    }
    if (server->refuses != NULL) {
        mute_refuse(fd, server->refuses);
    } else { /* AuthenticationOk, ReadyForQuery */
        mute_send(fd, "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", 15);
    }
}

static inline void *mute_run(void *argument) {
    struct mute_server *server = argument;
    while (!atomic_load(&server->ending)) {
        struct pollfd item = {.fd = server->listener, .events = POLLIN};
        if (poll(&item, 1, 50) > 0) {
            mute_take(server, accept(server->listener, NULL, NULL));
        }
    }
    return NULL;
}

static inline void mute_open(struct mute_server *server, unsigned lets_in, const char *refuses) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    *server = (struct mute_server){.lets_in = lets_in, .refuses = refuses};
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(server->listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(server->listener, 16), 0);
    ck_assert_int_eq(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
    server->port = ntohs(address.sin_port);
    ck_assert_int_eq(pthread_create(&server->thread, NULL, mute_run, server), 0);
}

static inline void mute_conninfo(const struct mute_server *server, const char *more, char *out,
                                 size_t size) {
    (void)snprintf(out, size,
                   "host=127.0.0.1 port=%d user=x dbname=x sslmode=disable gssencmode=disable %s",
                   server->port, more);
}

static inline void mute_close(struct mute_server *server) {
    atomic_store(&server->ending, true);
    ck_assert_int_eq(pthread_join(server->thread, NULL), 0);
    for (unsigned i = 0; i < atomic_load(&server->came); i++) {
        (void)close(server->clients[i]);
    }
    (void)close(server->listener);
}

#endif

/* libzmq survives peers that hang up while it has stopped reading from them, and reads no more
 * of them than allowed. Other uses of epoll, send and recv do not change. A broken guard shows
 * as an abort of libzmq. */
#include "net/hangup.h"
#include "net/net.h"
#include "net/net_priv.h"
#include "raw_peer.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <zmq.h>

enum { PEERS = 20, TWINS = 60, FLOOD = 40, MARK = 2, WAIT_MS = 20000 };
enum { BEAT_MS = 100, BEAT_TIMEOUT_MS = 400 };
enum { FDS_HIGH = 4200 /* beyond the first chunk of the table */ };

static void start(void) {
    struct diag diag = {0};
    ck_assert_msg(hangup_start(&diag) == ERR_OK, "%s", diag.text);
}

static struct hangup_counts counts_now(void) {
    struct hangup_counts counts;
    hangup_counts(&counts);
    return counts;
}

static int fds_open(void) {
    DIR *folder = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(folder);
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static void await_fds(int most) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (fds_open() > most && clock_mono_ms() < deadline) {
        clock_sleep_ms(10);
    }
    ck_assert_int_le(fds_open(), most);
}

struct router {
    void *context;
    void *socket;
    int port;
    int fds; /* open before any peer came */
};

static void set(void *socket, int option, int value) {
    ck_assert_int_eq(zmq_setsockopt(socket, option, &value, sizeof(value)), 0);
}

static struct router router_open(int beat_ms) {
    struct router router = {.context = zmq_ctx_new()};
    router.socket = zmq_socket(router.context, ZMQ_ROUTER);
    set(router.socket, ZMQ_RCVHWM, MARK);
    set(router.socket, ZMQ_LINGER, 0);
    set(router.socket, ZMQ_HEARTBEAT_IVL, beat_ms);
    set(router.socket, ZMQ_HEARTBEAT_TIMEOUT, BEAT_TIMEOUT_MS);
    ck_assert_int_eq(zmq_bind(router.socket, "tcp://127.0.0.1:0"), 0);
    char endpoint[64];
    size_t bytes = sizeof(endpoint);
    ck_assert_int_eq(zmq_getsockopt(router.socket, ZMQ_LAST_ENDPOINT, endpoint, &bytes), 0);
    router.port = atoi(strrchr(endpoint, ':') + 1);
    router.fds = fds_open();
    return router;
}

static void router_close(struct router *router) {
    ck_assert_int_eq(zmq_close(router->socket), 0);
    ck_assert_int_eq(zmq_ctx_term(router->context), 0);
}

/* Peers that flood and hang up; each is hidden before this returns. */
static void hang_up(const struct router *router, int ping) {
    uint64_t before = counts_now().hidden;
    for (int i = 0; i < PEERS; i++) {
        int fd = raw_connect(router->port, "");
        raw_flood(fd, FLOOD, ping);
        raw_reset(fd);
    }
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (counts_now().hidden < before + PEERS && clock_mono_ms() < deadline) {
        clock_sleep_ms(1);
    }
    ck_assert_uint_ge(counts_now().hidden, before + PEERS);
}

/* Each message has a routing id in front. */
static int receive_all(const struct router *router) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    int got = 0;
    char bytes[64];
    while (got < PEERS * FLOOD && clock_mono_ms() < deadline) {
        zmq_pollitem_t item = {.socket = router->socket, .events = ZMQ_POLLIN};
        (void)zmq_poll(&item, 1, 50);
        while (zmq_recv(router->socket, bytes, sizeof(bytes), ZMQ_DONTWAIT) >= 0) {
            int more = 0;
            size_t size = sizeof(more);
            ck_assert_int_eq(zmq_getsockopt(router->socket, ZMQ_RCVMORE, &more, &size), 0);
            got += !more;
        }
    }
    return got;
}

START_TEST(libzmq_calls_the_guard) {
    start();
    struct hangup_counts counts = counts_now();
    ck_assert_uint_gt(counts.ctl, 0);
    ck_assert_uint_gt(counts.wait, 0);
    start(); /* a second time does no harm */
}
END_TEST

/* The content of the buffers still arrives, and the PING in it does not cause an abort. */
START_TEST(what_was_sent_before_the_end_arrives) {
    start();
    const int pings[] = {-1, 0, FLOOD / 2, FLOOD - 1};
    struct router router = router_open(0);
    for (size_t i = 0; i < sizeof(pings) / sizeof(pings[0]); i++) {
        hang_up(&router, pings[i]);
        ck_assert_int_eq(receive_all(&router), PEERS * FLOOD);
        await_fds(router.fds);
    }
    router_close(&router);
}
END_TEST

START_TEST(heartbeats_go_on_while_peers_are_hung_up) {
    start();
    struct router router = router_open(BEAT_MS);
    hang_up(&router, -1);
    uint64_t hidden = counts_now().hidden;
    uint64_t waits = counts_now().wait;
    await_fds(router.fds); /* the heartbeat ends them, though nobody reads */
    /* Each change of an engine's wishes may show the end once more, and nothing spins. */
    ck_assert_uint_le(counts_now().hidden - hidden, PEERS * 20);
    ck_assert_uint_le(counts_now().wait - waits, PEERS * 100);
    router_close(&router);
}
END_TEST

/* libzmq never reads a second peer of one routing id.  Its answer to a PING fails when the peer is
 * gone, and a failed write keeps the heartbeat back. */
START_TEST(a_peer_that_is_never_read_ends_too) {
    start();
    struct router router = router_open(BEAT_MS);
    int first = raw_connect(router.port, "twin");
    for (int i = 0; i < TWINS; i++) {
        int fd = raw_connect(router.port, "twin");
        raw_flood(fd, FLOOD, 0);
        raw_reset(fd);
    }
    await_fds(router.fds + 1); /* the first's own end is this process's, too */
    (void)close(first);
    router_close(&router);
}
END_TEST

START_TEST(a_socket_closes_while_it_is_flooded) {
    start();
    for (int i = 0; i < PEERS; i++) {
        struct router router = router_open(BEAT_MS);
        hang_up(&router, i % FLOOD);
        int fd = raw_connect(router.port, "");
        raw_flood(fd, FLOOD, 0);
        router_close(&router);
        (void)close(fd);
    }
}
END_TEST

START_TEST(high_descriptors_are_guarded) {
    start();
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < FDS_HIGH + 500) {
        (void)printf("test_hangup: at most %llu descriptors here, high ones are left out\n",
                     (unsigned long long)limit.rlim_max);
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int fd = 0;
    while (fd < FDS_HIGH) {
        fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
        ck_assert_int_ge(fd, 0);
    }
    struct router router = router_open(0);
    hang_up(&router, FLOOD / 2);
    ck_assert_int_eq(receive_all(&router), PEERS * FLOOD);
    router_close(&router);
}
END_TEST

START_TEST(others_see_epoll_and_send_as_they_are) {
    start();
    struct hangup_counts before = counts_now();
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    int ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = 0, .data.u64 = UINT64_C(0x1122334455667788)};
    ck_assert_int_eq(epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &event), 0);
    ck_assert_int_eq(close(pair[1]), 0);
    for (int i = 0; i < 3; i++) { /* level-triggered: each time */
        struct epoll_event seen = {0};
        ck_assert_int_eq(epoll_wait(ep, &seen, 1, WAIT_MS), 1);
        ck_assert_uint_eq(seen.events, EPOLLHUP);
        ck_assert_uint_eq(seen.data.u64, UINT64_C(0x1122334455667788));
    }
    ck_assert_int_eq(send(pair[0], "x", 1, MSG_NOSIGNAL), -1);
    ck_assert_int_eq(errno, EPIPE);
    ck_assert_int_eq(epoll_ctl(ep, EPOLL_CTL_DEL, pair[0], NULL), 0);
    struct hangup_counts after = counts_now();
    ck_assert_uint_eq(after.ctl, before.ctl);
    ck_assert_uint_eq(after.hidden, before.hidden);
    (void)close(ep);
    (void)close(pair[0]);
}
END_TEST

/* --- what libzmq may read before it is read itself */
enum { LARGE = 10000, LARGE_WIRE = LARGE + 9, FULL = 28 /* 280 KB: the kernel holds the rest */ };
enum { EACH_MAX = 128 << 10, SETTLE_MS = 300, FORGIVEN = 1024 };

struct metered {
    struct net *net;
    struct net_wake *wake;
    struct net_socket *router;
    int port;
};

/* No mark of libzmq's is in the way. */
static struct metered metered_open(uint64_t wake_above) {
    const struct net_options options = {
        .message_bytes_max = EACH_MAX, .hwm = 1000, .linger_ms = 0, .connections_max = 8};
    struct metered made = {.net = NULL};
    struct diag diag = {0};
    ck_assert_int_eq(net_open(&made.net, &diag), ERR_OK);
    ck_assert_int_eq(net_wake_open(&made.wake, &diag), ERR_OK);
    ck_assert_int_eq(net_router_bind(made.net, "tcp://127.0.0.1:0", &options, &made.router, &diag),
                     ERR_OK);
    net_wake_above(made.router, made.wake, wake_above);
    made.port = atoi(strrchr(net_endpoint(made.router), ':') + 1);
    return made;
}

static void metered_close(struct metered *metered) {
    net_socket_close(&metered->router);
    net_close(&metered->net);
    net_wake_free(&metered->wake);
}

static void await_connections(const struct metered *metered, uint32_t count) {
    struct net_door_state state = {0};
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    do {
        ck_assert_int_lt(clock_mono_ms(), deadline);
        clock_sleep_ms(1);
        net_door_state(metered->router, &state);
    } while (state.connections != count);
}

/* A peer whose bytes are counted from now on, and who can send FULL messages without waiting. */
static int metered_peer(const struct metered *metered, uint32_t count) {
    int fd = raw_connect(metered->port, "");
    int room = 200000;
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    await_connections(metered, count);
    return fd;
}

static void send_large(int fd, int count) {
    static uint8_t bytes[LARGE_WIRE] = {2, 0, 0, 0, 0, 0, 0, LARGE >> 8, LARGE & 0xff};
    for (int i = 0; i < count; i++) {
        raw_send(fd, bytes, sizeof(bytes));
    }
}

/* What waits when it has not grown for a while; a little is forgiven all the time. */
static uint64_t settled(const struct metered *metered, uint64_t at_least) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    int64_t since = clock_mono_ms();
    uint64_t seen = 0;
    while (seen + FORGIVEN < at_least || clock_mono_ms() - since < SETTLE_MS) {
        ck_assert_int_lt(clock_mono_ms(), deadline);
        uint64_t now = net_waiting_bytes(metered->router);
        since = now <= seen ? since : clock_mono_ms();
        seen = now;
        clock_sleep_ms(1);
    }
    return seen;
}

static void read_all(const struct metered *metered, int count) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    struct net_message message;
    for (int got = 0; got < count;) {
        ck_assert_msg(clock_mono_ms() < deadline, "%d of %d messages", got, count);
        struct net_poll_item item = {.socket = metered->router};
        ck_assert_int_eq(net_poll(&item, 1, 10), ERR_OK);
        while (net_recv(metered->router, &message) == ERR_OK) {
            ck_assert_uint_eq(net_part_span(&message.parts[0]).len, LARGE);
            net_message_close(&message);
            got++;
        }
    }
    ck_assert_int_eq(net_recv(metered->router, &message), ERR_AGAIN);
}

static void read_until_gone(const struct metered *metered) {
    struct net_door_state state = {.connections = 1};
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (state.connections > 0) {
        struct net_message message;
        ck_assert_int_lt(clock_mono_ms(), deadline);
        if (net_recv(metered->router, &message) == ERR_OK) {
            net_message_close(&message);
        } else {
            clock_sleep_ms(1);
        }
        net_door_state(metered->router, &state);
    }
}

/* Nobody reads: more would be as much as the peer likes. */
START_TEST(a_connection_is_read_up_to_its_limit) {
    start();
    struct metered metered = metered_open(UINT32_MAX);
    int fd = metered_peer(&metered, 1);
    for (int i = 0; i < 3; i++) {
        send_large(fd, FULL);
        ck_assert_uint_le(settled(&metered, EACH_MAX - LARGE_WIRE), EACH_MAX);
        read_all(&metered, FULL); /* all of it comes, though libzmq had stopped */
        ck_assert_uint_le(net_waiting_bytes(metered.router), FORGIVEN);
    }
    send_large(fd, FULL);
    (void)settled(&metered, EACH_MAX - LARGE_WIRE);
    uint64_t waits = counts_now().wait;
    uint64_t hidden = counts_now().hidden;
    raw_reset(fd); /* while it is held */
    clock_sleep_ms(SETTLE_MS);
    ck_assert_uint_le(counts_now().hidden - hidden, 20);
    ck_assert_uint_le(counts_now().wait - waits, 200);
    read_until_gone(&metered);
    metered_close(&metered);
}
END_TEST

/* What ended connections leave is bounded, too, and wakes who is to read it. */
START_TEST(what_was_left_keeps_others_waiting) {
    start();
    enum { FEW = 6, LATER = 3, ABOVE = 5 * LARGE_WIRE };
    struct metered metered = metered_open(ABOVE);
    struct net_poll_item woken = {.fd = net_wake_fd(metered.wake)};
    int fd = metered_peer(&metered, 1);
    int other = metered_peer(&metered, 2);
    send_large(fd, FEW - 2);
    (void)settled(&metered, (FEW - 2) * LARGE_WIRE);
    ck_assert_int_eq(net_poll(&woken, 1, 0), ERR_OK);
    ck_assert(!woken.ready);
    send_large(fd, 2);
    ck_assert_int_eq(net_poll(&woken, 1, WAIT_MS), ERR_OK);
    ck_assert(woken.ready);
    (void)settled(&metered, FEW * LARGE_WIRE);
    raw_reset(fd);
    await_connections(&metered, 1);
    send_large(other, LATER);
    ck_assert_uint_lt(settled(&metered, FEW * LARGE_WIRE), (FEW + 1) * LARGE_WIRE);
    read_all(&metered, FEW + LATER);
    ck_assert_uint_le(net_waiting_bytes(metered.router), FORGIVEN);
    uint8_t half[LARGE_WIRE / 2] = {2, 0, 0, 0, 0, 0, 0, LARGE >> 8, LARGE & 0xff};
    raw_send(other, half, sizeof(half));
    (void)settled(&metered, sizeof(half));
    raw_reset(other);
    read_until_gone(&metered); /* of half a message nothing is left to be read */
    ck_assert_int_eq(net_recv(metered.router, &(struct net_message){.part_count = 0}), ERR_AGAIN);
    ck_assert_uint_le(net_waiting_bytes(metered.router), FORGIVEN);
    metered_close(&metered);
}
END_TEST

static void read_what_came(const struct metered *metered) {
    struct net_message message;
    while (net_recv(metered->router, &message) == ERR_OK) {
        net_message_close(&message);
    }
}

/* Descriptors move from one socket to another, and the event with the new owner comes late. The
 * bytes that wait at either socket are still counted correctly. */
START_TEST(descriptors_change_their_socket) {
    start();
    enum { ROUNDS = 300, FEW = 5 };
    struct metered sockets[2] = {metered_open(UINT32_MAX), metered_open(UINT32_MAX)};
    for (int i = 0; i < ROUNDS; i++) {
        for (int which = 0; which < 2; which++) {
            int fd = raw_connect(sockets[which].port, "");
            send_large(fd, 1 + (i + which) % 3);
            raw_reset(fd);
        }
        for (int which = 0; which < 2 && i % 4 == 0; which++) {
            read_what_came(&sockets[which]);
        }
    }
    for (int which = 0; which < 2; which++) {
        struct metered *metered = &sockets[which];
        await_connections(metered, 0);
        read_what_came(metered);
        ck_assert_uint_eq(net_waiting_bytes(metered->router), 0);
        int fd = metered_peer(metered, 1);
        send_large(fd, FEW);
        uint64_t waiting = settled(metered, FEW * LARGE_WIRE);
        ck_assert_uint_le(waiting, FEW * LARGE_WIRE + FORGIVEN);
        read_all(metered, FEW);
        (void)close(fd);
    }
    for (int which = 0; which < 2; which++) {
        metered_close(&sockets[which]);
    }
}
END_TEST

/* A door names a connection's socket late on a busy machine.  Here there is no door: a ROUTER of
 * libzmq alone, on a listener of ours. */
START_TEST(a_connection_is_limited_from_its_first_byte) {
    start();
    enum { MAX = 64 << 10, SENT = 64 };
    static uint8_t bytes[LARGE_WIRE] = {2, 0, 0, 0, 0, 0, 0, LARGE >> 8, LARGE & 0xff};
    struct net_meter meter = {.each_max = MAX, .wake_above = INT64_MAX};
    struct sockaddr_in address = raw_address(0);
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    net_limiter()->limit(listener, &meter);
    void *context = zmq_ctx_new();
    void *router = zmq_socket(context, ZMQ_ROUTER);
    set(router, ZMQ_LINGER, 0);
    set(router, ZMQ_USE_FD, listener);
    ck_assert_int_eq(zmq_bind(router, "tcp://127.0.0.1:*"), 0);
    int fd = raw_connect(ntohs(address.sin_port), "");
    int sent = 0;
    while (sent < SENT &&
           send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(bytes)) {
        sent++;
    }
    ck_assert_int_gt(sent * LARGE_WIRE, 2 * MAX);
    clock_sleep_ms(2 * SETTLE_MS);
    int received = 0;
    zmq_msg_t part;
    ck_assert_int_eq(zmq_msg_init(&part), 0);
    for (int got = 0; (got = zmq_msg_recv(&part, router, ZMQ_DONTWAIT)) >= 0;) {
        received += got;
    }
    ck_assert_int_le(received, MAX);
    ck_assert_int_gt(received, MAX / 2);
    ck_assert_int_eq(zmq_msg_close(&part), 0);
    (void)close(fd);
    ck_assert_int_eq(zmq_close(router), 0);
    ck_assert_int_eq(zmq_ctx_term(context), 0);
}
END_TEST

/* A message of many frames that is longer than the limit stops nobody for good. */
START_TEST(a_longer_message_comes_through) {
    start();
    struct metered metered = metered_open(UINT32_MAX);
    int fd = metered_peer(&metered, 1);
    static uint8_t frame[LARGE_WIRE] = {3, 0, 0, 0, 0, 0, 0, LARGE >> 8, LARGE & 0xff};
    for (int i = 0; i < FULL; i++) {
        frame[0] = i + 1 < FULL ? 3 : 2;
        raw_send(fd, frame, sizeof(frame));
    }
    struct net_message message;
    struct net_poll_item woken = {.fd = net_wake_fd(metered.wake)};
    ck_assert_int_eq(net_poll(&woken, 1, WAIT_MS), ERR_OK);
    ck_assert(woken.ready); /* to look whether a message is there */
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (net_recv(metered.router, &message) != ERR_OK) {
        ck_assert_int_lt(clock_mono_ms(), deadline);
        clock_sleep_ms(1);
    }
    ck_assert_uint_eq(message.part_count, FULL);
    net_message_close(&message);
    (void)close(fd);
    metered_close(&metered);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hangup");
    TCase *tests = tcase_create("hangup");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, libzmq_calls_the_guard);
    tcase_add_test(tests, what_was_sent_before_the_end_arrives);
    tcase_add_test(tests, heartbeats_go_on_while_peers_are_hung_up);
    tcase_add_test(tests, a_peer_that_is_never_read_ends_too);
    tcase_add_test(tests, a_socket_closes_while_it_is_flooded);
    tcase_add_test(tests, high_descriptors_are_guarded);
    tcase_add_test(tests, others_see_epoll_and_send_as_they_are);
    suite_add_tcase(suite, tests);
    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, a_connection_is_read_up_to_its_limit);
    tcase_add_test(limits, what_was_left_keeps_others_waiting);
    tcase_add_test(limits, descriptors_change_their_socket);
    tcase_add_test(limits, a_connection_is_limited_from_its_first_byte);
    tcase_add_test(limits, a_longer_message_comes_through);
    suite_add_tcase(suite, limits);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

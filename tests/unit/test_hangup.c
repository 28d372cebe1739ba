/* libzmq survives peers that hang up while it has stopped reading from them; what others do with
 * epoll and send stays as it is.  A broken guard shows as an abort of libzmq. */
#include "net/hangup.h"
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
static int drain(const struct router *router) {
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

/* What stood in the buffers still arrives, and the PING among it does not abort. */
START_TEST(what_was_sent_before_the_end_arrives) {
    start();
    const int pings[] = {-1, 0, FLOOD / 2, FLOOD - 1};
    struct router router = router_open(0);
    for (size_t i = 0; i < sizeof(pings) / sizeof(pings[0]); i++) {
        hang_up(&router, pings[i]);
        ck_assert_int_eq(drain(&router), PEERS * FLOOD);
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
    ck_assert_int_eq(drain(&router), PEERS * FLOOD);
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
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

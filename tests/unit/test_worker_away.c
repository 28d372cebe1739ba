/* worker/: a broker that does not answer is named in the log with the reason; a lane does not wait
 * for the name server that would have to give it. */
#include "lane_peer.h"

#include "base/log.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>

/* In place of libc's in the whole program: while is_silent, nobody gets an answer for slow.test but
 * the test's own thread and libzmq's, which also look names up. */
static atomic_bool is_silent;
static atomic_uint asking;
static pthread_t test_thread;

static bool may_wait(void) {
    char name[16] = "";
    return !pthread_equal(pthread_self(), test_thread) &&
           (pthread_getname_np(pthread_self(), name, sizeof(name)) != 0 ||
            strncmp(name, "ZMQ", 3) != 0);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&next, &symbol, sizeof(next));
    if (node == NULL || strcmp(node, "slow.test") != 0) {
        return next(node, service, hints, found);
    }
    atomic_fetch_add(&asking, 1U);
    while (may_wait() && atomic_load(&is_silent)) {
        clock_sleep_ms(10);
    }
    atomic_fetch_sub(&asking, 1U);
    return EAI_NONAME;
}

static int log_fd = -1;
static char logged[65536];

static void log_to_file(void) {
    char path[] = "/tmp/test_worker_away.XXXXXX";
    log_fd = mkstemp(path);
    ck_assert_int_ge(log_fd, 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_ge(dup2(log_fd, STDERR_FILENO), 0);
}

static bool is_logged(const char *text) {
    ssize_t got = pread(log_fd, logged, sizeof(logged) - 1, 0);
    ck_assert_int_ge(got, 0);
    logged[got] = '\0';
    return strstr(logged, text) != NULL;
}

/* The lane sends heartbeats until the log line is there. */
static void await_logged(struct peer *peer, const char *text) {
    int64_t until_ms = clock_mono_ms() + 20000;
    while (!is_logged(text)) {
        int64_t asked_ms = clock_mono_ms();
        ck_assert_msg(asked_ms < until_ms, "not in time: %s\n%s", text, logged);
        (void)expect(peer, WIRE_LANE_BEAT);
        ck_assert_int_lt(clock_mono_ms() - asked_ms, 4000);
    }
}

START_TEST(a_broker_that_is_away_is_named_with_the_reason) {
    struct peer peer = {.ended_fd = eventfd(0, EFD_NONBLOCK), .journal = uuid_random()};
    struct diag diag = {0};
    const struct net_options options = {.message_bytes_max = 1 << 20};
    const char *conninfo = "host=/nowhere connect_timeout=2";
    const struct rule_watch_options watch = {
        .name = "test", .conninfo = conninfo, .stale_s = 60, .changed = nothing};
    available = true; /* no database is needed */
    test_thread = pthread_self();
    atomic_store(&is_silent, true);
    log_to_file();
    arena_init(&peer.arena, 8 << 20);
    ck_assert_int_eq(net_open(&peer.net, &diag), ERR_OK);
    ck_assert_int_eq(net_router_bind(peer.net, "tcp://127.0.0.1:0", &options, &peer.router, &diag),
                     ERR_OK);
    ck_assert_int_eq(rule_watch_start(&watch, &peer.watch, &diag), ERR_OK);
    const char *const brokers[] = {"tcp://slow.test:5571", "tcp://no-such-host.invalid:5571",
                                   "ipc:///nowhere/lanes", "tcp://127.0.0.1:1",
                                   net_endpoint(peer.router)};
    const struct lane_options lane = {.net = peer.net,
                                      .watch = peer.watch,
                                      .conninfo = conninfo,
                                      .name = "unit",
                                      .brokers = brokers,
                                      .broker_count = COUNT_OF(brokers),
                                      .cases_max = 100,
                                      .stale_s = 60,
                                      .drained_fd = peer.ended_fd};
    ck_assert_msg(lane_start(&lane, 0, &peer.lane, &diag) == ERR_OK, "%s", diag.text);
    (void)expect(&peer, WIRE_READY);
    welcome(&peer);
    await_logged(&peer, "event=BROKER_AWAY broker=tcp://127.0.0.1:1 text=\"Connection refused: is "
                        "the broker running?\"");
    await_logged(&peer, "event=BROKER_AWAY broker=ipc:///nowhere/lanes text=\"there is no such "
                        "socket: is the broker running?\"");
    await_logged(&peer, "event=BROKER_AWAY broker=tcp://no-such-host.invalid:5571 text=\"the name "
                        "does not resolve");
    ck_assert(!is_logged("slow.test text"));
    ck_assert_uint_eq(atomic_load(&asking), 1); /* and it waits still */
    await_logged(&peer, "event=BROKER_AWAY broker=tcp://slow.test:5571 text=\"no reason was found "
                        "in 5 s: does the name server answer?\"");
    int64_t asked_ms = clock_mono_ms();
    drain(&peer);
    peer_close(&peer);
    ck_assert_int_lt(clock_mono_ms() - asked_ms, 5000); /* nobody waits for the answer */
    ck_assert_uint_eq(atomic_load(&asking), 1);
    atomic_store(&is_silent, false);
    while (atomic_load(&asking) > 0) {
        clock_sleep_ms(10);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_away");
    TCase *tests = tcase_create("away");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_broker_that_is_away_is_named_with_the_reason);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* Listening descriptors of our own, and the limit of connections that hangs on them. */
#include "net/net.h"

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/thread.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_MS = 10000, LIMIT = 3, STRANGERS = 40 };
enum { MESSAGE_BYTES = 1 << 20 };
static const struct net_options limited = {.message_bytes_max = MESSAGE_BYTES,
                                           .linger_ms = 0,
                                           .hwm = 64,
                                           .large_hwm = 2,
                                           .connections_max = LIMIT};

static struct net *open_net(void) {
    struct net *net = NULL;
    struct diag diag = {0};
    ck_assert_msg(net_open(&net, &diag) == ERR_OK, "%s", diag.text);
    return net;
}

static struct net_socket *bind_at(struct net *net, const char *endpoint) {
    struct net_socket *router = NULL;
    struct diag diag = {0};
    ck_assert_msg(net_router_bind(net, endpoint, &limited, &router, &diag) == ERR_OK, "%s",
                  diag.text);
    return router;
}

static uint16_t port_of(const struct net_socket *router) {
    return (uint16_t)strtoul(strrchr(net_endpoint(router), ':') + 1, NULL, 10);
}

/* A connection to a port of this host that is still to be completed; -1: refused. */
static int stranger(int family, uint16_t port) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to;
    memset(&to, 0, sizeof(to));
    to.any.sa_family = (sa_family_t)family;
    if (family == AF_INET6) {
        to.v6.sin6_port = htons(port);
        to.v6.sin6_addr = in6addr_loopback;
    } else {
        to.v4.sin_port = htons(port);
        to.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t len = family == AF_INET6 ? sizeof(to.v6) : sizeof(to.v4);
    if (fd >= 0 && connect(fd, &to.any, len) != 0 && errno != EINPROGRESS) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool is_refused(int family, uint16_t port) {
    int fd = stranger(family, port);
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof(error);
    if (fd < 0) {
        return true;
    }
    ck_assert_int_ge(poll(&poll_fd, 1, WAIT_MS), 0);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    (void)close(fd);
    return error == ECONNREFUSED;
}

static bool has_ipv6(void) {
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    union {
        const struct sockaddr_in6 *v6;
        const struct sockaddr *any;
    } at = {.v6 = &address};
    bool is_there = fd >= 0 && bind(fd, at.any, sizeof(address)) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_there;
}

START_TEST(names_and_addresses_are_bound) {
    struct net *net = open_net();
    static const char *const everywhere[] = {"tcp://127.0.0.1:0", "tcp://localhost:0",
                                             "tcp://0.0.0.0:0", "tcp://*:0"};
    for (size_t i = 0; i < COUNT_OF(everywhere); i++) {
        struct net_socket *router = bind_at(net, everywhere[i]);
        ck_assert_uint_ne(port_of(router), 0);
        ck_assert(!is_refused(AF_INET, port_of(router)));
        net_socket_close(&router);
    }
    static const char *const six[] = {"tcp://[::1]:0", "tcp://[::]:0", "tcp://*:0"};
    for (size_t i = 0; has_ipv6() && i < COUNT_OF(six); i++) {
        struct net_socket *router = bind_at(net, six[i]);
        ck_assert(!is_refused(AF_INET6, port_of(router)));
        net_socket_close(&router);
    }
    net_close(&net);
}
END_TEST

START_TEST(a_failed_bind_is_reported) {
    struct net *net = open_net();
    struct net_socket *second = NULL;
    struct net_socket *first = bind_at(net, "tcp://127.0.0.1:0");
    struct diag diag = {0};
    ck_assert_int_eq(net_router_bind(net, net_endpoint(first), &limited, &second, &diag), ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(diag.text, "Address already in use"));
    ck_assert_int_eq(net_bind_check(net_endpoint(first), &diag), ERR_BUSY);
    net_socket_close(&first);
    ck_assert_int_eq(net_bind_check("tcp://no-such-host.invalid:5570", &diag), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(diag.text, "no-such-host.invalid"));
    ck_assert_int_eq(net_bind_check("tcp://192.0.2.1:0", &diag), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(diag.text, "Cannot assign requested address"));
    ck_assert_int_eq(net_bind_check("tcp://127.0.0.1:0", &diag), ERR_OK);
    net_close(&net);
}
END_TEST

static bool has_settled(const struct net_socket *router, uint32_t connections, uint64_t cut) {
    struct net_door_state state;
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    do {
        net_door_state(router, &state);
        if (state.connections == connections && state.cut_count >= cut) {
            return true;
        }
        clock_sleep_ms(5);
    } while (clock_mono_ms() < deadline);
    return false;
}

/* One message there and back. */
static void expect_served(struct net_socket *router, struct net_socket *dealer) {
    struct net_message message;
    struct net_part part;
    net_part_copy(&part, SPAN_LIT("ask"));
    ck_assert_int_eq(net_send(dealer, NULL, &part, 1), ERR_OK);
    struct net_poll_item items[] = {{.socket = router}, {.socket = dealer}};
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (clock_mono_ms() < deadline) {
        ck_assert_int_eq(net_poll(items, 2, 50), ERR_OK);
        if (net_recv(router, &message) == ERR_OK) {
            struct net_route route = message.route;
            net_message_close(&message);
            net_part_copy(&part, SPAN_LIT("seen"));
            ck_assert_int_eq(net_send(router, &route, &part, 1), ERR_OK);
        }
        if (net_recv(dealer, &message) == ERR_OK) {
            net_message_close(&message);
            return;
        }
    }
    ck_abort_msg("not served");
}

static struct net_socket *dealer_to(struct net *net, const struct net_socket *router) {
    const struct net_options usual = {.message_bytes_max = 1 << 20, .linger_ms = 0};
    struct net_socket *dealer = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(net_dealer_connect(net, net_endpoint(router), &usual, &dealer, &diag), ERR_OK);
    return dealer;
}

/* A connected peer is served; one beyond the limit waits and is accepted when another leaves. */
START_TEST(new_ones_wait_at_the_limit) {
    struct net *net = open_net();
    struct net_socket *router = bind_at(net, "tcp://127.0.0.1:0");
    struct net_socket *standing = dealer_to(net, router);
    expect_served(router, standing);
    int fds[STRANGERS];
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = stranger(AF_INET, port_of(router));
        ck_assert_int_ge(fds[i], 0);
    }
    ck_assert(has_settled(router, LIMIT, 0));
    struct net_door_state state;
    net_door_state(router, &state);
    ck_assert(state.is_shut);
    ck_assert_uint_eq(state.connections_max, LIMIT);
    ck_assert_uint_ge(state.full_count, 1);
    ck_assert_uint_eq(state.connections, LIMIT);
    expect_served(router, standing);
    struct net_socket *waiting = dealer_to(net, router);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        (void)close(fds[i]);
    }
    expect_served(router, waiting);
    expect_served(router, standing);
    ck_assert(has_settled(router, 2, 0));
    net_door_state(router, &state);
    ck_assert(!state.is_shut);
    net_socket_close(&waiting);
    net_socket_close(&standing);
    net_socket_close(&router);
    net_close(&net);
}
END_TEST

/* An ipc path takes no filter: what is above the limit is shut down, and who stands stays. */
START_TEST(a_path_is_held_to_the_limit) {
    char folder[] = "/tmp/casemill-door-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    char endpoint[64];
    (void)snprintf(endpoint, sizeof(endpoint), "ipc://%s/s", folder);
    struct net *net = open_net();
    struct net_socket *router = bind_at(net, endpoint);
    struct net_socket *standing = dealer_to(net, router);
    expect_served(router, standing);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", endpoint + 6);
    int fds[STRANGERS];
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(connect(fds[i], (const struct sockaddr *)&address, sizeof(address)), 0);
    }
    ck_assert(has_settled(router, LIMIT, STRANGERS + 1 - LIMIT));
    expect_served(router, standing);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        (void)close(fds[i]);
    }
    net_socket_close(&standing);
    net_socket_close(&router);
    net_close(&net);
    (void)unlink(endpoint + 6);
    (void)rmdir(folder);
}
END_TEST

/* The first bytes of a ZMTP 3 peer without keys. */
static void greet(int fd) {
    uint8_t first[64 + 2 + 40] = {0xff, [9] = 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    static const char ready[] = "\5READY\13Socket-Type\0\0\0\6DEALER";
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    ck_assert_int_eq(poll(&poll_fd, 1, WAIT_MS), 1);
    first[64] = 4; /* a command */
    first[65] = sizeof(ready) - 1;
    memcpy(first + 66, ready, sizeof(ready) - 1);
    ck_assert_int_eq(write(fd, first, 66 + sizeof(ready) - 1), 66 + (ssize_t)sizeof(ready) - 1);
}

/* Sends frames that all announce another, until the connection is ended; false: so many were taken.
 */
static bool is_ended(int fd, size_t bytes_max) {
    static uint8_t frame[9 + MESSAGE_BYTES];
    frame[0] = 3; /* long, more follow */
    frame[6] = MESSAGE_BYTES >> 16;
    size_t sent = 0;
    while (sent < bytes_max) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
        ck_assert_int_eq(poll(&poll_fd, 1, WAIT_MS), 1);
        size_t at = sent % sizeof(frame);
        ssize_t wrote = send(fd, frame + at, sizeof(frame) - at, MSG_NOSIGNAL);
        if (wrote < 0 && errno != EAGAIN) {
            return true;
        }
        sent += wrote < 0 ? 0 : (size_t)wrote;
    }
    return false;
}

/* A message without a last frame counts for none of libzmq's marks. */
START_TEST(a_message_without_an_end_is_ended) {
    struct net *net = open_net();
    struct net_socket *router = bind_at(net, "tcp://127.0.0.1:0");
    struct net_socket *standing = dealer_to(net, router);
    expect_served(router, standing);
    int fd = stranger(AF_INET, port_of(router));
    greet(fd);
    ck_assert(is_ended(fd, (size_t)400 * MESSAGE_BYTES));
    (void)close(fd);
    ck_assert(has_settled(router, 1, 0));
    struct net_door_state state;
    net_door_state(router, &state);
    ck_assert_uint_eq(state.heavy_count, 1);
    ck_assert_uint_eq(state.unread_bytes_max, (uint64_t)LIMIT * MESSAGE_BYTES);
    expect_served(router, standing);
    net_socket_close(&standing);
    net_socket_close(&router);
    net_close(&net);
}
END_TEST

/* What is read is taken off again, to the byte: far more than the limit goes through. */
START_TEST(what_is_read_weighs_nothing) {
    struct net *net = open_net();
    struct net_socket *router = bind_at(net, "tcp://127.0.0.1:0");
    struct net_socket *dealer = dealer_to(net, router);
    static const size_t sizes[] = {0, 1, 255, 256, 100000, MESSAGE_BYTES};
    static uint8_t bytes[MESSAGE_BYTES];
    for (size_t i = 0; i < 120; i++) {
        struct net_part parts[3];
        struct net_message message;
        for (size_t part = 0; part < COUNT_OF(parts); part++) {
            net_part_copy(&parts[part], span_make(bytes, sizes[(i + part) % COUNT_OF(sizes)]));
        }
        ck_assert_int_eq(net_send(dealer, NULL, parts, COUNT_OF(parts)), ERR_OK);
        int64_t deadline = clock_mono_ms() + WAIT_MS;
        while (net_recv(router, &message) != ERR_OK) {
            struct net_poll_item item = {.socket = router};
            ck_assert_int_lt(clock_mono_ms(), deadline);
            ck_assert_int_eq(net_poll(&item, 1, 100), ERR_OK);
        }
        net_message_close(&message);
    }
    struct net_door_state state;
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    do { /* greeting, handshake and heartbeats may be left, or a little more be forgiven */
        ck_assert_int_lt(clock_mono_ms(), deadline);
        clock_sleep_ms(5);
        net_door_state(router, &state);
    } while (state.unread_bytes > 1024);
    ck_assert_uint_eq(state.heavy_count, 0);
    ck_assert_uint_eq(state.connections, 1);
    net_socket_close(&dealer);
    net_socket_close(&router);
    net_close(&net);
}
END_TEST

static void limit_descriptors(rlim_t count) {
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Each in a process of its own (CK_FORK): a limit does not come back. */
START_TEST(without_descriptors_there_is_one_line) {
    struct net *net = NULL;
    struct diag diag = {0};
    limit_descriptors(10);
    ck_assert_int_eq(net_open(&net, &diag), ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(diag.text, "file descriptors"));
    ck_assert_ptr_nonnull(strstr(diag.text, "ulimit -n"));
}
END_TEST

START_TEST(the_soft_limit_is_raised) {
    struct rlimit limit = {.rlim_cur = 100, .rlim_max = 200};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(descriptors_raise(), 200);
    ck_assert_uint_eq(descriptors_max(), 200);
    struct diag diag = {0};
    ck_assert_int_eq(descriptors_check(100, "tests", &diag), ERR_OK);
    ck_assert_int_eq(descriptors_check(200, "tests", &diag), ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(diag.text, "the limit is 200"));
}
END_TEST

static void expect_shortage(enum err err, const struct diag *diag) {
    ck_assert_msg(err == ERR_SYSTEM, "%s: %s", err_name(err), diag->text);
    ck_assert_msg(strstr(diag->text, "Too many open files") != NULL, "%s", diag->text);
}

/* Takes all numbers below the limit; how many. */
static uint32_t exhaust(int taken[], uint32_t room) {
    uint32_t count = 0;
    for (int fd = dup(STDIN_FILENO); fd >= 0; fd = dup(STDIN_FILENO)) {
        ck_assert_uint_lt(count, room);
        taken[count++] = fd;
    }
    ck_assert_int_eq(errno, EMFILE);
    return count;
}

/* From here on nothing more can be opened, in the middle of a program that runs.  libzmq may end
 * net_open's first socket late and free one more number than `left`: a socket needs three. */
START_TEST(sockets_without_descriptors_fail_in_order) {
    enum { ROOM = 64, LEFT_MAX = 1 };
    static const char *const endpoints[] = {"tcp://127.0.0.1:0", "tcp://*:0"};
    struct net *net = open_net();
    struct net_socket *socket = NULL;
    int taken[ROOM];
    struct diag diag = {0};
    limit_descriptors(ROOM);
    uint32_t count = exhaust(taken, ROOM);
    ck_assert_uint_gt(count, LEFT_MAX);
    for (uint32_t left = 0; left <= LEFT_MAX; left++) {
        for (size_t i = 0; i < COUNT_OF(endpoints); i++) {
            expect_shortage(net_router_bind(net, endpoints[i], &limited, &socket, &diag), &diag);
            ck_assert_ptr_null(socket);
        }
        expect_shortage(net_dealer_connect(net, "tcp://127.0.0.1:1", &limited, &socket, &diag),
                        &diag);
        ck_assert_ptr_null(socket);
        (void)close(taken[count - 1 - left]);
    }
    net_close(&net);
}
END_TEST

static enum err check_path(const char *path, struct diag *diag) {
    return net_bind_check(path, diag);
}

static enum err check_name(const char *path, struct diag *diag) {
    (void)path;
    return net_bind_check("tcp://localhost:0", diag);
}

static enum err check_no_name(const char *path, struct diag *diag) {
    (void)path;
    return net_bind_check("tcp://name.invalid:0", diag);
}

static enum err open_wake(const char *path, struct diag *diag) {
    struct net_wake *wake = NULL;
    enum err err = net_wake_open(&wake, diag);
    (void)path;
    net_wake_free(&wake);
    return err;
}

/* A call may find the one number that was freed late; the next one cannot. */
START_TEST(every_call_without_a_descriptor_fails_alike) {
    enum { ROOM = 64, TRIES = 3 };
    static enum err (*const calls[])(const char *, struct diag *) = {open_wake, check_path,
                                                                     check_name, check_no_name};
    char path[64];
    (void)snprintf(path, sizeof(path), "ipc:///tmp/casemill-door-%d", (int)getpid());
    struct net *net = open_net();
    struct net_socket *standing = bind_at(net, path);
    int taken[ROOM];
    struct diag diag = {0};
    limit_descriptors(ROOM);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        enum err err = ERR_OK;
        for (int tries = 0; tries < TRIES && err != ERR_SYSTEM; tries++) {
            (void)exhaust(taken, ROOM);
            err = calls[i](path, &diag);
        }
        expect_shortage(err, &diag);
    }
    net_socket_close(&standing);
    net_close(&net);
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void *nothing(void *argument) { return argument; }

/* root has no limit of processes; it is left without room for stacks, and so would be a sanitizer.
 */
START_TEST(without_threads_there_is_one_line) {
    struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};
    struct rlimit room = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
    ck_assert_int_eq(geteuid() == 0 ? setrlimit(RLIMIT_AS, &room) : setrlimit(RLIMIT_NPROC, &limit),
                     0);
    struct diag diag = {0};
    pthread_t thread;
    ck_assert_int_eq(thread_probe(4, &diag), ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(diag.text, "4 threads are needed"));
    ck_assert_int_eq(thread_start(&thread, nothing, NULL, "a test", &diag), ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(diag.text, "no thread for a test"));
}
END_TEST
#endif

int main(void) {
    Suite *suite = suite_create("net_door");
    TCase *tests = tcase_create("net_door");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, names_and_addresses_are_bound);
    tcase_add_test(tests, a_failed_bind_is_reported);
    tcase_add_test(tests, new_ones_wait_at_the_limit);
    tcase_add_test(tests, a_path_is_held_to_the_limit);
    tcase_add_test(tests, a_message_without_an_end_is_ended);
    tcase_add_test(tests, what_is_read_weighs_nothing);
    tcase_add_test(tests, without_descriptors_there_is_one_line);
    tcase_add_test(tests, the_soft_limit_is_raised);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    tcase_add_test(tests, without_threads_there_is_one_line);
#endif
    suite_add_tcase(suite, tests);
    TCase *none_left = tcase_create("none_left");
    tcase_set_timeout(none_left, 60);
    tcase_add_test(none_left, sockets_without_descriptors_fail_in_order);
    tcase_add_test(none_left, every_call_without_a_descriptor_fails_alike);
    suite_add_tcase(suite, none_left);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

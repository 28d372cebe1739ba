/* A DEALER as a library has it, without hangup.h: whatever a peer sends and however it is lost, its
 * input never stops, so that libzmq does not abort. */
#include "net/net.h"
#include "raw_peer.h"

#include "base/clock.h"

#include <poll.h>
#include <stdio.h>

enum { FLOOD = 3000, FLOODS = 3, WAIT_MS = 20000 };
static const struct net_options usual = {.message_bytes_max = 1 << 20, .linger_ms = 0};

static int accepted(int listener) {
    struct pollfd polled = {.fd = listener, .events = POLLIN};
    ck_assert_int_eq(poll(&polled, 1, WAIT_MS), 1);
    int fd = accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    raw_handshake(fd, "ROUTER", "");
    return fd;
}

static void until_fault(struct net_socket *dealer, bool is_there) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while ((net_connect_fault(dealer) != NULL) != is_there && clock_mono_ms() < deadline) {
        clock_sleep_ms(5);
    }
    ck_assert_int_eq(net_connect_fault(dealer) != NULL, is_there);
}

/* A handshake that failed is no longer the reason once no peer accepts connections. */
START_TEST(a_peer_that_hangs_up_and_goes_is_no_fault) {
    struct sockaddr_in address = raw_address(0);
    socklen_t bytes = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
    char endpoint[64];
    (void)snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    struct net *net = NULL;
    struct net_socket *dealer = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(net_open(&net, &diag), ERR_OK);
    ck_assert_int_eq(net_dealer_connect(net, endpoint, &usual, &dealer, &diag), ERR_OK);
    int fd = accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    close(fd);
    until_fault(dealer, true);
    close(listener);
    until_fault(dealer, false);
    net_socket_close(&dealer);
    net_close(&net);
}
END_TEST

/* The next accept proves that the DEALER has seen the end of this connection. */
START_TEST(an_unread_flood_and_a_lost_peer_do_no_harm) {
    struct sockaddr_in address = raw_address(0);
    socklen_t bytes = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(listener, FLOODS), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
    char endpoint[64];
    (void)snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    struct net *net = NULL;
    struct net_socket *dealer = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(net_open(&net, &diag), ERR_OK);
    ck_assert_int_eq(net_dealer_connect(net, endpoint, &usual, &dealer, &diag), ERR_OK);
    int fd = accepted(listener);
    for (int i = 0; i < FLOODS; i++) {
        raw_flood(fd, FLOOD, FLOOD / 2);
        /* Half of the flood is read when the PING is answered; the rest is in the same write. */
        uint8_t pong[7];
        raw_read(fd, pong, sizeof(pong));
        ck_assert_int_eq(memcmp(pong, "\4\5\4PONG", sizeof(pong)), 0);
        raw_reset(fd);
        fd = accepted(listener);
    }
    raw_flood(fd, 1, -1);
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    int got = 0;
    struct net_message message;
    while (got < FLOODS * FLOOD + 1 && clock_mono_ms() < deadline) {
        struct net_poll_item item = {.socket = dealer};
        ck_assert_int_eq(net_poll(&item, 1, 50), ERR_OK);
        while (net_recv(dealer, &message) == ERR_OK) {
            net_message_close(&message);
            got++;
        }
    }
    ck_assert_int_eq(got, FLOODS * FLOOD + 1);
    ck_assert_uint_eq(net_connect_count(dealer), FLOODS + 1);
    (void)close(fd);
    (void)close(listener);
    net_socket_close(&dealer);
    net_close(&net);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_dealer");
    TCase *tcase = tcase_create("dealer");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_peer_that_hangs_up_and_goes_is_no_fault);
    tcase_add_test(tcase, an_unread_flood_and_a_lost_peer_do_no_harm);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

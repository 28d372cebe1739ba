/* Real sockets over tcp and ipc: routes, the REQ delimiter, lost peers, limits, waking. */
#include "net/net.h"

#include "base/clock.h"
#include "base/io.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

enum { WAIT_MS = 5000 };
static const struct net_options usual = {.message_bytes_max = 1 << 20, .linger_ms = 0};

struct pair {
    struct net *net;
    struct net_socket *router;
    struct net_socket *dealer;
};

static struct pair pair_open(const struct net_options *options) {
    struct pair pair = {NULL, NULL, NULL};
    struct diag diag = {0};
    ck_assert_int_eq(net_open(&pair.net, &diag), ERR_OK);
    ck_assert_int_eq(net_router_bind(pair.net, "tcp://127.0.0.1:0", options, &pair.router, &diag),
                     ERR_OK);
    ck_assert_int_eq(
        net_dealer_connect(pair.net, net_endpoint(pair.router), options, &pair.dealer, &diag),
        ERR_OK);
    return pair;
}

static void pair_close(struct pair *pair) {
    net_socket_close(&pair->dealer);
    net_socket_close(&pair->router);
    net_close(&pair->net);
}

/* Polls and receives until something arrives; ERR_TIMEOUT after wait_ms. */
static enum err recv_within(struct net_socket *socket, struct net_message *message, int wait_ms) {
    int64_t deadline = clock_mono_ms() + wait_ms;
    while (clock_mono_ms() < deadline) {
        struct net_poll_item item = {.socket = socket};
        ck_assert_int_eq(net_poll(&item, 1, 50), ERR_OK);
        if (item.ready && net_recv(socket, message) == ERR_OK) {
            return ERR_OK;
        }
    }
    return ERR_TIMEOUT;
}

static enum err send_text(struct net_socket *socket, const struct net_route *route,
                          const char *first, const char *second) {
    struct net_part parts[2];
    net_part_copy(&parts[0], span_str(first));
    net_part_copy(&parts[1], span_str(second));
    return net_send(socket, route, parts, 2);
}

START_TEST(there_and_back) {
    struct pair pair = pair_open(&usual);
    struct net_message message;
    ck_assert_int_eq(send_text(pair.dealer, NULL, "head", "body"), ERR_OK);
    ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
    ck_assert_uint_eq(message.part_count, 2);
    ck_assert(!message.route.delimited);
    ck_assert(span_is(net_part_span(&message.parts[0]), "head"));
    ck_assert(span_is(net_part_span(&message.parts[1]), "body"));
    struct net_route route;
    net_route_keep(&route, &message.route);
    net_message_close(&message);
    ck_assert_int_eq(send_text(pair.router, &route, "answer", ""), ERR_OK);
    net_route_drop(&route);
    ck_assert_int_eq(recv_within(pair.dealer, &message, WAIT_MS), ERR_OK);
    ck_assert_uint_eq(message.part_count, 2);
    ck_assert(span_is(net_part_span(&message.parts[0]), "answer"));
    ck_assert_uint_eq(net_part_span(&message.parts[1]).len, 0);
    net_message_close(&message);
    ck_assert_uint_eq(net_connect_count(pair.dealer), 1);
    pair_close(&pair);
}
END_TEST

/* Answers a message with "seen" and closes it. */
static void tell(struct net_socket *router, struct net_message *message) {
    struct net_part part;
    net_part_copy(&part, SPAN_LIT("seen"));
    ck_assert_int_eq(net_send(router, &message->route, &part, 1), ERR_OK);
    net_message_close(message);
}

static void set_option(void *socket, int option, int value) {
    ck_assert_int_eq(zmq_setsockopt(socket, option, &value, sizeof(value)), 0);
}

/* A socket of somebody else's program. */
static void *peer_open(void *context, int type) {
    void *peer = zmq_socket(context, type);
    ck_assert_ptr_nonnull(peer);
    set_option(peer, ZMQ_RCVTIMEO, WAIT_MS);
    set_option(peer, ZMQ_LINGER, 0);
    return peer;
}

static void peer_close(void *context, void *peer) {
    ck_assert_int_eq(zmq_close(peer), 0);
    ck_assert_int_eq(zmq_ctx_term(context), 0);
}

/* Numbered, a REQ takes only the answer to its latest request. */
START_TEST(req_gets_its_delimiter_back) {
    struct pair pair = pair_open(&usual);
    void *context = zmq_ctx_new();
    void *req = peer_open(context, ZMQ_REQ);
    set_option(req, ZMQ_REQ_CORRELATE, _i);
    ck_assert_int_eq(zmq_connect(req, net_endpoint(pair.router)), 0);
    ck_assert_int_eq(zmq_send(req, "ask", 3, 0), 3);
    struct net_message message;
    ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
    ck_assert(message.route.delimited);
    ck_assert_uint_eq(message.part_count, 1);
    tell(pair.router, &message);
    char answer[8];
    ck_assert_int_eq(zmq_recv(req, answer, sizeof(answer), 0), sizeof("seen") - 1);
    peer_close(context, req);
    pair_close(&pair);
}
END_TEST

enum { FRAMES_MAX = 16, LONG = NET_FRAME_BYTES_MAX };
struct frames {
    struct span of[FRAMES_MAX];
    uint32_t count;
};

static void send_frames(void *socket, const struct frames *frames) {
    for (uint32_t i = 0; i < frames->count; i++) {
        int more = i + 1 < frames->count ? ZMQ_SNDMORE : 0;
        ck_assert_int_eq(zmq_send(socket, frames->of[i].ptr, frames->of[i].len, more),
                         (int)frames->of[i].len);
    }
}

static void expect_frame(void *socket, struct span wanted, bool is_last) {
    uint8_t bytes[LONG + 1];
    int more = 0;
    size_t size = sizeof(more);
    int got = zmq_recv(socket, bytes, sizeof(bytes), 0);
    ck_assert_int_eq(got, (int)wanted.len);
    ck_assert(span_eq(span_make(bytes, (size_t)got), wanted));
    ck_assert_int_eq(zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size), 0);
    ck_assert_int_eq(more, is_last ? 0 : 1);
}

/* What proxies put in front comes back in front, frame by frame, up to the bound. */
START_TEST(an_envelope_comes_back_as_it_was) {
    static uint8_t bytes[LONG];
    memset(bytes, 'e', sizeof(bytes));
    struct pair pair = pair_open(&usual);
    void *context = zmq_ctx_new();
    void *proxy = peer_open(context, ZMQ_DEALER);
    ck_assert_int_eq(zmq_setsockopt(proxy, ZMQ_ROUTING_ID, bytes, sizeof(bytes)), 0);
    ck_assert_int_eq(zmq_connect(proxy, net_endpoint(pair.router)), 0);
    for (uint32_t depth = 1; depth <= NET_ENVELOPE_MAX; depth++) {
        struct frames sent = {.count = depth + 3};
        for (uint32_t i = 0; i < depth; i++) {
            sent.of[i] = span_make(bytes, depth == 1 ? 4 : sizeof(bytes) - i);
        }
        sent.of[depth] = SPAN_LIT("");
        sent.of[depth + 1] = SPAN_LIT("head");
        sent.of[depth + 2] = SPAN_LIT("body");
        send_frames(proxy, &sent);
        struct net_message message;
        ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
        ck_assert(message.route.delimited);
        ck_assert_uint_eq(message.part_count, 2);
        ck_assert(span_is(net_part_span(&message.parts[0]), "head"));
        ck_assert(span_is(net_part_span(&message.parts[1]), "body"));
        tell(pair.router, &message);
        for (uint32_t i = 0; i <= depth; i++) {
            expect_frame(proxy, sent.of[i], false);
        }
        expect_frame(proxy, SPAN_LIT("seen"), true);
    }
    peer_close(context, proxy);
    pair_close(&pair);
}
END_TEST

/* A DEALER behind a proxy, which sends no empty frame: the proxy's own mark is enough. */
START_TEST(an_id_that_a_proxy_made_needs_no_delimiter) {
    static const uint8_t made[5] = {0, 1, 2, 3, 4};
    struct pair pair = pair_open(&usual);
    void *context = zmq_ctx_new();
    void *proxy = peer_open(context, ZMQ_DEALER);
    ck_assert_int_eq(zmq_connect(proxy, net_endpoint(pair.router)), 0);
    struct frames sent = {{span_make(made, 5), SPAN_LIT("head"), SPAN_LIT("body")}, 3};
    send_frames(proxy, &sent);
    struct net_message message;
    ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
    ck_assert(!message.route.delimited);
    ck_assert_uint_eq(message.part_count, 2);
    tell(pair.router, &message);
    expect_frame(proxy, sent.of[0], false);
    expect_frame(proxy, SPAN_LIT("seen"), true);
    peer_close(context, proxy);
    pair_close(&pair);
}
END_TEST

/* Beyond the bound it is no envelope: its parts are left for the caller to refuse. */
START_TEST(an_envelope_that_is_too_long_is_none) {
    static uint8_t bytes[LONG + 1];
    memset(bytes, 'e', sizeof(bytes));
    struct pair pair = pair_open(&usual);
    void *context = zmq_ctx_new();
    void *proxy = peer_open(context, ZMQ_DEALER);
    ck_assert_int_eq(zmq_connect(proxy, net_endpoint(pair.router)), 0);
    struct frames deep = {.count = NET_ENVELOPE_MAX + 3};
    for (uint32_t i = 0; i < deep.count; i++) {
        deep.of[i] = i == NET_ENVELOPE_MAX + 1 ? SPAN_LIT("") : SPAN_LIT("e");
    }
    struct frames wide = {{span_make(bytes, LONG + 1), SPAN_LIT(""), SPAN_LIT("head")}, 3};
    const struct frames *all[] = {&deep, &wide};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        struct net_message message;
        send_frames(proxy, all[i]);
        ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
        ck_assert(!message.route.delimited);
        ck_assert_uint_eq(message.part_count, all[i]->count);
        tell(pair.router, &message);
        expect_frame(proxy, SPAN_LIT("seen"), true);
    }
    peer_close(context, proxy);
    pair_close(&pair);
}
END_TEST

START_TEST(a_probe_is_passed_over) {
    struct pair pair = pair_open(&usual);
    void *context = zmq_ctx_new();
    void *dealer = peer_open(context, ZMQ_DEALER);
    set_option(dealer, ZMQ_PROBE_ROUTER, 1);
    ck_assert_int_eq(zmq_connect(dealer, net_endpoint(pair.router)), 0);
    ck_assert_int_eq(zmq_send(dealer, "ask", 3, 0), 3);
    struct net_message message;
    ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
    ck_assert_uint_eq(message.part_count, 1);
    ck_assert(span_is(net_part_span(&message.parts[0]), "ask"));
    tell(pair.router, &message);
    expect_frame(dealer, SPAN_LIT("seen"), true);
    peer_close(context, dealer);
    pair_close(&pair);
}
END_TEST

START_TEST(a_lost_peer_is_reported) {
    struct pair pair = pair_open(&usual);
    struct net_message message;
    ck_assert_int_eq(send_text(pair.dealer, NULL, "a", "b"), ERR_OK);
    ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
    struct net_route route;
    net_route_keep(&route, &message.route);
    net_message_close(&message);
    net_socket_close(&pair.dealer);
    enum err err = ERR_OK;
    for (int i = 0; err == ERR_OK && i < 500; i++) {
        clock_sleep_ms(10);
        err = send_text(pair.router, &route, "to", "nobody");
    }
    ck_assert_int_eq(err, ERR_NOT_FOUND);
    net_route_drop(&route);
    route = (struct net_route){.len = 3, .near = "\2ab"};
    ck_assert_int_eq(send_text(pair.router, &route, "to", "nobody"), ERR_NOT_FOUND);
    /* What failed left nothing behind: the next message to a real peer is whole. */
    struct diag diag = {0};
    ck_assert_int_eq(
        net_dealer_connect(pair.net, net_endpoint(pair.router), &usual, &pair.dealer, &diag),
        ERR_OK);
    ck_assert_int_eq(send_text(pair.dealer, NULL, "c", "d"), ERR_OK);
    ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
    ck_assert_int_eq(send_text(pair.router, &message.route, "e", "f"), ERR_OK);
    net_message_close(&message);
    ck_assert_int_eq(recv_within(pair.dealer, &message, WAIT_MS), ERR_OK);
    ck_assert(span_is(net_part_span(&message.parts[0]), "e"));
    net_message_close(&message);
    pair_close(&pair);
}
END_TEST

START_TEST(too_many_parts_are_reported) {
    struct pair pair = pair_open(&usual);
    struct net_part parts[NET_PARTS_MAX + 3];
    for (uint32_t i = 0; i < COUNT_OF(parts); i++) {
        net_part_copy(&parts[i], SPAN_LIT("x"));
    }
    ck_assert_int_eq(net_send(pair.dealer, NULL, parts, COUNT_OF(parts)), ERR_OK);
    struct net_message message;
    ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
    ck_assert_uint_eq(message.part_count, NET_PARTS_MAX);
    ck_assert(message.too_many);
    net_message_close(&message);
    pair_close(&pair);
}
END_TEST

START_TEST(an_oversized_message_never_arrives) {
    struct net_options small = {.message_bytes_max = 1000, .linger_ms = 0};
    struct pair pair = pair_open(&small);
    uint8_t big[1001] = {0};
    struct net_part part;
    net_part_copy(&part, span_make(big, sizeof(big)));
    ck_assert_int_eq(net_send(pair.dealer, NULL, &part, 1), ERR_OK);
    struct net_message message;
    ck_assert_int_eq(recv_within(pair.router, &message, 500), ERR_TIMEOUT);
    /* The peer was cut off and comes back. */
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (net_connect_count(pair.dealer) < 2 && clock_mono_ms() < deadline) {
        clock_sleep_ms(10);
    }
    ck_assert_uint_ge(net_connect_count(pair.dealer), 2);
    pair_close(&pair);
}
END_TEST

static void expect_peers(struct net_socket *router, const struct net_peers_state *wanted) {
    struct net_peers_state state;
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    do {
        clock_sleep_ms(10);
        net_peers_look(router, &state);
    } while ((state.mute != wanted->mute || state.taken_over != wanted->taken_over) &&
             clock_mono_ms() < deadline);
    ck_assert_uint_eq(state.mute, wanted->mute);
    ck_assert_uint_eq(state.taken_over, wanted->taken_over);
}

/* With a limit of connections another thread reads their events (_i / 2).  Two clients with one
 * routing id: _i % 2: the later one takes it over. */
START_TEST(a_routing_id_that_is_used_twice_is_counted) {
    struct net_options options = usual;
    options.takes_over = _i % 2 == 1;
    options.connections_max = _i / 2 == 1 ? 100 : 0;
    options.mute_ms = 300;
    struct pair pair = pair_open(&options);
    void *context = zmq_ctx_new();
    void *twins[2];
    for (int i = 0; i < 2; i++) {
        struct net_message message;
        twins[i] = peer_open(context, ZMQ_DEALER);
        ck_assert_int_eq(zmq_setsockopt(twins[i], ZMQ_ROUTING_ID, "north", 5), 0);
        ck_assert_int_eq(zmq_connect(twins[i], net_endpoint(pair.router)), 0);
        ck_assert_int_eq(zmq_send(twins[i], "ask", 3, 0), 3);
        if (i == 0 || options.takes_over) {
            ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
            tell(pair.router, &message);
            expect_frame(twins[i], SPAN_LIT("seen"), true);
        }
    }
    ck_assert_int_eq(send_text(pair.dealer, NULL, "a", "b"), ERR_OK); /* and others continue */
    struct net_message message;
    ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
    net_message_close(&message);
    struct net_peers_state wanted = {.mute = options.takes_over ? 0 : 1,
                                     .taken_over = options.takes_over ? 1 : 0};
    expect_peers(pair.router, &wanted);
    ck_assert_int_eq(zmq_close(twins[1]), 0);
    wanted.mute = 0;
    expect_peers(pair.router, &wanted);
    peer_close(context, twins[0]);
    pair_close(&pair);
}
END_TEST

static void count_release(void *bytes, void *hint) {
    (void)bytes;
    __atomic_add_fetch((uint32_t *)hint, 1, __ATOMIC_SEQ_CST);
}

START_TEST(shared_bytes_are_released_once) {
    struct pair pair = pair_open(&usual);
    static uint8_t bytes[4096];
    static uint32_t released; /* never written here: libzmq's hand-over is not seen by tsan */
    struct net_part part;
    net_part_share(&part, span_make(bytes, sizeof(bytes)), count_release, &released);
    ck_assert_int_eq(net_send(pair.dealer, NULL, &part, 1), ERR_OK);
    struct net_message message;
    ck_assert_int_eq(recv_within(pair.router, &message, WAIT_MS), ERR_OK);
    ck_assert_uint_eq(net_part_span(&message.parts[0]).len, sizeof(bytes));
    struct net_route nobody = {.len = 2, .near = "\1z"};
    net_message_close(&message);
    net_part_share(&part, span_make(bytes, sizeof(bytes)), count_release, &released);
    ck_assert_int_eq(net_send(pair.router, &nobody, &part, 1), ERR_NOT_FOUND);
    pair_close(&pair);
    ck_assert_uint_eq(__atomic_load_n(&released, __ATOMIC_SEQ_CST), 2);
}
END_TEST

START_TEST(addresses_that_cannot_be_used_give_the_reason) {
    struct pair pair = pair_open(&usual);
    struct net_socket *other = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(net_router_bind(pair.net, net_endpoint(pair.router), &usual, &other, &diag),
                     ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(diag.text, net_endpoint(pair.router)));
    ck_assert_int_eq(net_router_bind(pair.net, "nonsense", &usual, &other, &diag), ERR_INVALID);
    ck_assert_int_eq(net_dealer_connect(pair.net, "tcp://127.0.0.1:x", &usual, &other, &diag),
                     ERR_INVALID);
    ck_assert_ptr_null(other);
    pair_close(&pair);
}
END_TEST

START_TEST(addresses_are_distinguished_from_noise) {
    static const char *const good[] = {"tcp://127.0.0.1:0", "tcp://[::1]:65535", "tcp://a.b:1",
                                       "tcp://*:5570",      "ipc:///run/x",      "ipc://x"};
    static const char *const bad[] = {
        "",          "nonsense",      "tcp://",         "tcp://:1",   "tcp://a",
        "tcp://a:",  "tcp://a:65536", "tcp://a:123456", "tcp://a:1x", "tcp://a:-1",
        "udp://a:1", "ipc://",        "127.0.0.1:5570", "ipc://@a"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        ck_assert_msg(net_endpoint_fault(good[i]) == NULL, "%s", good[i]);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ck_assert_msg(net_endpoint_fault(bad[i]) != NULL, "%s", bad[i]);
    }
}
END_TEST

struct ipc_place { /* an ipc endpoint in a folder of its own */
    char folder[32];
    char path[64];
    char endpoint[80];
};

static void ipc_place_make(struct ipc_place *place) {
    (void)snprintf(place->folder, sizeof(place->folder), "/tmp/casemill-net-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(place->folder));
    (void)snprintf(place->path, sizeof(place->path), "%s/control", place->folder);
    (void)snprintf(place->endpoint, sizeof(place->endpoint), "ipc://%s", place->path);
}

static void ipc_place_drop(const struct ipc_place *place) {
    (void)unlink(place->path);
    ck_assert_int_eq(rmdir(place->folder), 0);
}

START_TEST(an_ipc_path_is_the_owners_alone) {
    struct net *net = NULL;
    struct net_socket *router = NULL;
    struct diag diag = {0};
    struct ipc_place place;
    ipc_place_make(&place);
    ck_assert_int_eq(net_open(&net, &diag), ERR_OK);
    ck_assert_int_eq(net_router_bind(net, place.endpoint, &usual, &router, &diag), ERR_OK);
    struct stat status;
    ck_assert_int_eq(stat(place.path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    net_socket_close(&router);
    net_close(&net);
    ipc_place_drop(&place);
}
END_TEST

/* No file, so no owner: whoever knows the name could open it. */
START_TEST(an_abstract_ipc_address_is_refused) {
    struct net *net = NULL;
    struct net_socket *socket = NULL;
    ck_assert_int_eq(net_open(&net, &(struct diag){0}), ERR_OK);
    for (int is_bind = 0; is_bind < 2; is_bind++) {
        struct diag diag = {0};
        enum err err = is_bind ? net_router_bind(net, "ipc://@casemill", &usual, &socket, &diag)
                               : net_dealer_connect(net, "ipc://@casemill", &usual, &socket, &diag);
        ck_assert_int_eq(err, ERR_INVALID);
        ck_assert_ptr_null(socket);
        ck_assert_ptr_nonnull(strstr(diag.text, "open to every user of this host"));
    }
    ck_assert_ptr_nonnull(strstr(net_endpoint_fault("ipc://@a"), "use ipc://PATH"));
    ck_assert_ptr_nonnull(strstr(net_endpoint_fault("udp://a:1"), "is not tcp"));
    ck_assert_ptr_null(net_endpoint_fault("ipc:///run/x"));
    net_close(&net);
}
END_TEST

static void *poke_later(void *wake) {
    clock_sleep_ms(50);
    net_wake_poke(wake);
    return NULL;
}

/* libzmq would unlink all of them. */
START_TEST(an_ipc_path_takes_only_a_place_that_was_left) {
    struct net *net = NULL;
    struct net_socket *router = NULL;
    struct net_socket *second = NULL;
    struct diag diag = {0};
    struct ipc_place place;
    ipc_place_make(&place);
    ck_assert_int_eq(net_open(&net, &diag), ERR_OK);
    ck_assert_int_eq(io_write_file(place.path, SPAN_LIT("precious"), &diag), ERR_OK);
    ck_assert_int_eq(net_router_bind(net, place.endpoint, &usual, &router, &diag), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(diag.text, "no socket"));
    struct stat status;
    ck_assert_int_eq(stat(place.path, &status), 0);
    ck_assert(S_ISREG(status.st_mode));
    ck_assert_int_eq(unlink(place.path), 0);
    /* A socket whose program was killed. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", place.path);
    int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(left, (const struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(left);
    ck_assert_int_eq(net_router_bind(net, place.endpoint, &usual, &router, &diag), ERR_OK);
    /* One whose program runs. */
    ck_assert_int_eq(net_router_bind(net, place.endpoint, &usual, &second, &diag), ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(diag.text, "in use"));
    net_socket_close(&router);
    net_close(&net);
    ipc_place_drop(&place);
}
END_TEST

START_TEST(a_wake_ends_a_poll) {
    struct net_wake *wake = NULL;
    ck_assert_int_eq(net_wake_open(&wake, NULL), ERR_OK);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, poke_later, wake), 0);
    struct net_poll_item item = {.fd = net_wake_fd(wake)};
    ck_assert_int_eq(net_poll(&item, 1, WAIT_MS), ERR_OK);
    ck_assert(item.ready);
    net_wake_clear(wake);
    ck_assert_int_eq(net_poll(&item, 1, 0), ERR_OK);
    ck_assert(!item.ready);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    net_wake_free(&wake);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net");
    TCase *tests = tcase_create("net");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, there_and_back);
    tcase_add_loop_test(tests, req_gets_its_delimiter_back, 0, 2);
    tcase_add_test(tests, a_lost_peer_is_reported);
    tcase_add_test(tests, too_many_parts_are_reported);
    tcase_add_test(tests, an_oversized_message_never_arrives);
    tcase_add_test(tests, an_envelope_comes_back_as_it_was);
    tcase_add_test(tests, an_id_that_a_proxy_made_needs_no_delimiter);
    tcase_add_test(tests, an_envelope_that_is_too_long_is_none);
    tcase_add_test(tests, a_probe_is_passed_over);
    tcase_add_loop_test(tests, a_routing_id_that_is_used_twice_is_counted, 0, 4);
    tcase_add_test(tests, shared_bytes_are_released_once);
    tcase_add_test(tests, addresses_that_cannot_be_used_give_the_reason);
    tcase_add_test(tests, addresses_are_distinguished_from_noise);
    tcase_add_test(tests, an_ipc_path_is_the_owners_alone);
    tcase_add_test(tests, an_ipc_path_takes_only_a_place_that_was_left);
    tcase_add_test(tests, an_abstract_ipc_address_is_refused);
    tcase_add_test(tests, a_wake_ends_a_poll);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

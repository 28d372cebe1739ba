/* Purpose: a ROUTER that plays a broker for one real lane, on a real PostgreSQL. */
#ifndef CASEMILL_TESTS_UNIT_LANE_PEER_H
#define CASEMILL_TESTS_UNIT_LANE_PEER_H

#include "base/clock.h"
#include "worker/lane.h"
#include "worker_fixture.h"

#include "wire/wire.h"
#include <sys/eventfd.h>

static struct fixture fixture;
static bool available;
static int64_t tables_ms_max; /* of lanes opened from now on */
/* Where lanes opened from now on connect, and their watches; NULL: to the fixture. */
static const char *lane_conninfo, *watch_conninfo;

/* The other end of the lane's socket. */
struct peer {
    struct net *net;
    struct net_socket *router;
    struct rule_watch *watch;
    struct lane *lane;
    struct net_route route;
    const char *brokers[1]; /* borrowed by the lane */
    struct uuid journal;
    struct arena arena;
    struct span body; /* of the last expected message; in the arena */
    int ended_fd;
    uint32_t stepped_over; /* messages of other kinds than expected */
};

static inline void nothing(void *context) { (void)context; }

static inline void peer_open_sized(struct peer *peer, uint32_t cases_max) {
    *peer = (struct peer){.ended_fd = eventfd(0, EFD_NONBLOCK), .journal = uuid_random()};
    struct diag diag = {0};
    const struct net_options options = {.message_bytes_max = 64 << 20};
    arena_init(&peer->arena, 8 << 20);
    ck_assert_int_eq(net_open(&peer->net, &diag), ERR_OK);
    ck_assert_msg(net_router_bind(peer->net, "tcp://127.0.0.1:0", &options, &peer->router, &diag) ==
                      ERR_OK,
                  "%s", diag.text);
    const struct rule_watch_options watch = {.name = "test",
                                             .conninfo = watch_conninfo == NULL ? fixture.conninfo
                                                                                : watch_conninfo,
                                             .stale_s = 60,
                                             .changed = nothing};
    ck_assert_int_eq(rule_watch_start(&watch, &peer->watch, &diag), ERR_OK);
    peer->brokers[0] = net_endpoint(peer->router);
    const struct lane_options lane = {.net = peer->net,
                                      .watch = peer->watch,
                                      .conninfo =
                                          lane_conninfo == NULL ? fixture.conninfo : lane_conninfo,
                                      .name = "unit",
                                      .brokers = peer->brokers,
                                      .broker_count = 1,
                                      .cases_max = cases_max,
                                      .stale_s = 60,
                                      .tables_ms_max = tables_ms_max,
                                      .drained_fd = peer->ended_fd};
    ck_assert_msg(lane_start(&lane, 0, &peer->lane, &diag) == ERR_OK, "%s", diag.text);
}

static inline void peer_open(struct peer *peer) { peer_open_sized(peer, 100); }

static inline void peer_close(struct peer *peer) {
    rule_watch_end(peer->watch);
    lane_join(&peer->lane);
    rule_watch_free(&peer->watch);
    net_socket_close(&peer->router);
    net_route_drop(&peer->route);
    net_close(&peer->net);
    arena_free(&peer->arena);
    (void)close(peer->ended_fd);
}

/* The next message of this kind; its spans live until the next call. */
static inline struct wire_message expect(struct peer *peer, enum wire_command command) {
    int64_t deadline_ms = clock_mono_ms() + 15000;
    while (clock_mono_ms() < deadline_ms) {
        struct net_poll_item item = {.socket = peer->router};
        struct net_message in = {0};
        ck_assert_int_eq(net_poll(&item, 1, 100), ERR_OK);
        if (net_recv(peer->router, &in) != ERR_OK) {
            continue;
        }
        struct wire_message message;
        struct wire_decode_fault fault;
        arena_reset(&peer->arena);
        struct span head = arena_copy(&peer->arena, net_part_span(&in.parts[0]));
        peer->body = in.part_count < 2 ? SPAN_LIT("")
                                       : arena_copy(&peer->arena, net_part_span(&in.parts[1]));
        net_route_drop(&peer->route);
        net_route_keep(&peer->route, &in.route);
        net_message_close(&in);
        ck_assert_int_eq(
            wire_decode(head, WIRE_WORKER, WIRE_TO_BROKER, &peer->arena, &message, &fault), ERR_OK);
        if (message.command == command) {
            return message;
        }
        peer->stepped_over++;
    }
    ck_abort_msg("no %s came", wire_command_name(command));
}

static inline void say(struct peer *peer, const struct wire_message *message, struct span body) {
    struct buf head = BUF_EMPTY;
    struct net_part parts[2];
    wire_encode(message, &head);
    net_part_copy(&parts[0], buf_span(&head));
    net_part_copy(&parts[1], body);
    ck_assert_int_eq(net_send(peer->router, &peer->route, parts, 2), ERR_OK);
    buf_free(&head);
}

static inline void welcome_with(struct peer *peer, int64_t beat_ms) {
    struct wire_message message = {.command = WIRE_WELCOME,
                                   .welcome = {.journal = peer->journal,
                                               .beat_ms = beat_ms,
                                               .cases_max = 100,
                                               .bytes_max = 1 << 20,
                                               .version = SPAN_LIT("unit")}};
    say(peer, &message, SPAN_LIT(""));
}

static inline void welcome(struct peer *peer) { welcome_with(peer, 100); }

static inline void await_credit(struct peer *peer) {
    while (expect(peer, WIRE_READY).ready.credit_cases == 0) {
        continue;
    }
}

/* peer_ready opens a peer whose lane has its rule set and credit. */
static inline void peer_ready(struct peer *peer, uint32_t cases_max, int64_t beat_ms) {
    peer_open_sized(peer, cases_max);
    (void)expect(peer, WIRE_READY);
    welcome_with(peer, beat_ms);
    await_credit(peer);
}

static inline struct wire_delivery a_delivery(uint64_t seq, uint32_t count, struct span body) {
    return (struct wire_delivery){.length = (uint32_t)body.len,
                                  .batch = uuid_random(),
                                  .seq = seq,
                                  .count = count,
                                  .attempt = 1,
                                  .accepted_at = INT64_C(1600000000000000),
                                  .source = SPAN_LIT("unit"),
                                  .priority = WIRE_NORMAL};
}

static inline void deal(struct peer *peer, enum wire_command command, const char *mode,
                        uint64_t seq, uint32_t count, struct span body) {
    struct wire_delivery delivery = a_delivery(seq, count, body);
    struct wire_message message = {.command = command,
                                   .work = {.mode = span_str(mode),
                                            .delivery_count = 1,
                                            .deliveries = &delivery,
                                            .low_water = seq}};
    say(peer, &message, body);
}

/* Of a case that nobody survived. */
static inline void deal_bury(struct peer *peer, uint64_t seq, struct span body,
                             struct span history) {
    struct wire_delivery delivery = a_delivery(seq, 1, body);
    delivery.extra = history;
    struct wire_message message = {
        .command = WIRE_BURY,
        .work = {.mode = SPAN_LIT("intake"), .delivery_count = 1, .deliveries = &delivery}};
    say(peer, &message, body);
}

static inline void drain(struct peer *peer) {
    lane_drain(peer->lane);
    (void)expect(peer, WIRE_BYE);
}

#endif

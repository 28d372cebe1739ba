/* Purpose: a broker's side that a test plays, frame by frame, on a real socket, for one client. */
#ifndef CASEMILL_TESTS_UNIT_CLIENT_PLAY_H
#define CASEMILL_TESTS_UNIT_CLIENT_PLAY_H

#include "client/casemill.h"

#include "base/buf.h"
#include "base/clock.h"
#include "net/net.h"
#include "wire/wire.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 5000, SEEN_MAX = 64 };

/* What the broker's side has read. */
struct seen {
    enum wire_command command;
    struct uuid batch;
    uint32_t count;
    size_t body_bytes;
    char source[16];
};

struct play {
    struct net *net;
    struct net_socket *router;
    struct net_route route;
    char endpoint[64];
    struct casemill *client;
    struct seen seen[SEEN_MAX];
    uint32_t seen_count;
    /* the events that the callback received, counted by kind, and the last of each */
    uint32_t told[4];
    struct casemill_receipt last[4];
    char dead_path[64];
    uint64_t done_positions;
};

static inline void on_receipt(void *user, const struct casemill_receipt *receipt) {
    struct play *play = user;
    play->told[receipt->event]++;
    play->last[receipt->event] = *receipt;
    if (receipt->event == CASEMILL_DONE) {
        play->done_positions += receipt->position;
    }
    if (receipt->dead_listed > 0) {
        memcpy(play->dead_path, receipt->dead[0].path.ptr, receipt->dead[0].path.len);
    }
}

static inline void play_bind(struct play *play, const char *endpoint) {
    struct net_options options = {.message_bytes_max = 1 << 24};
    struct diag diag = {0};
    enum err err = ERR_BUSY;
    for (int i = 0; err != ERR_OK && i < 100; i++) {
        err = net_router_bind(play->net, endpoint, &options, &play->router, &diag);
        if (err != ERR_OK) {
            clock_sleep_ms(20);
        }
    }
    ck_assert_msg(err == ERR_OK, "%s", diag.text);
}

static inline void play_open(struct play *play, struct casemill_options *options) {
    struct diag diag = {0};
    *play = (struct play){.net = NULL};
    ck_assert_int_eq(net_open(&play->net, &diag), ERR_OK);
    play_bind(play, "tcp://127.0.0.1:0");
    (void)snprintf(play->endpoint, sizeof(play->endpoint), "%s", net_endpoint(play->router));
    options->brokers = play->endpoint;
    options->on_receipt = on_receipt;
    options->user = play;
    char error[128] = "";
    ck_assert_msg(casemill_open(options, &play->client, error, sizeof(error)) == CASEMILL_OK, "%s",
                  error);
}

static inline void play_close(struct play *play) {
    casemill_close(&play->client);
    net_socket_close(&play->router);
    net_route_drop(&play->route);
    net_close(&play->net);
}

static inline void play_read(struct play *play) {
    struct net_message message;
    while (net_recv(play->router, &message) == ERR_OK) {
        struct arena arena;
        struct wire_message head;
        struct wire_decode_fault fault;
        arena_init(&arena, 1 << 20);
        ck_assert_uint_lt(play->seen_count, SEEN_MAX);
        struct seen *seen = &play->seen[play->seen_count++];
        *seen = (struct seen){0};
        ck_assert_int_eq(wire_decode(net_part_span(&message.parts[0]), WIRE_INTAKE, WIRE_TO_BROKER,
                                     &arena, &head, &fault),
                         ERR_OK);
        seen->command = head.command;

        if (head.command == WIRE_SUBMIT || head.command == WIRE_ROWS) {
            seen->batch = head.submit.batch;
            seen->count = head.submit.count;
            seen->body_bytes = net_part_span(&message.parts[1]).len;
            if (head.submit.source.len > 0) {
                memcpy(seen->source, head.submit.source.ptr, head.submit.source.len);
            }
        } else if (head.command == WIRE_QUERY) {
            seen->batch = head.query.batch;
        }
        net_route_drop(&play->route);
        net_route_keep(&play->route, &message.route);
        net_message_close(&message);
        arena_free(&arena);
    }
}

static inline void turn(struct play *play) {
    ck_assert_int_eq(casemill_step(play->client, 5), CASEMILL_OK);
    play_read(play);
}

static inline void until_seen(struct play *play, uint32_t count) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (play->seen_count < count && clock_mono_ms() < deadline) {
        turn(play);
    }
    ck_assert_uint_eq(play->seen_count, count);
}

static inline void until_told(struct play *play, enum casemill_event event, uint32_t count) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (play->told[event] < count && clock_mono_ms() < deadline) {
        turn(play);
    }
    ck_assert_uint_eq(play->told[event], count);
}

static inline void turns_for(struct play *play, int64_t ms) {
    int64_t end = clock_mono_ms() + ms;
    while (clock_mono_ms() < end) {
        turn(play);
    }
}

static inline void say(struct play *play, const struct wire_message *message) {
    struct buf head = BUF_EMPTY;
    struct net_part part;
    wire_encode(message, &head);
    net_part_copy(&part, buf_span(&head));
    ck_assert_int_eq(net_send(play->router, &play->route, &part, 1), ERR_OK);
    buf_free(&head);
}

static inline void say_accepted(struct play *play, uint32_t seen) {
    say(play, &(struct wire_message){.command = WIRE_ACCEPTED,
                                     .accepted = {.batch = play->seen[seen].batch}});
}

static inline void say_done(struct play *play, uint32_t seen) {
    say(play, &(struct wire_message){
                  .command = WIRE_DONE,
                  .done = {.batch = play->seen[seen].batch,
                           .count = play->seen[seen].count,
                           .counts = {.outcomes = {play->seen[seen].count, 0, 0, 0, 0}}}});
}

static inline void say_state(struct play *play, uint32_t seen, enum wire_state state) {
    say(play, &(struct wire_message){.command = WIRE_STATUS,
                                     .status = {.batch = play->seen[seen].batch, .state = state}});
}

/* A map of one pair, its value a str of `fill` bytes. */
static inline enum casemill_result submit_case(struct play *play, uint8_t fill) {
    struct buf bytes = BUF_EMPTY;
    buf_byte(&bytes, 0x81);
    buf_byte(&bytes, 0x01);
    buf_byte(&bytes, 0xd9);
    buf_byte(&bytes, fill);
    for (uint8_t i = 0; i < fill; i++) {
        buf_byte(&bytes, 'x');
    }
    enum casemill_result result = casemill_submit(play->client, bytes.ptr, bytes.len);
    buf_free(&bytes);
    return result;
}

static inline struct casemill_options options_for(uint32_t cases, int64_t linger_ms) {
    struct casemill_options options;
    casemill_options_default(&options);
    options.batch_cases_max = cases;
    options.linger_ms = linger_ms;
    return options;
}

#endif

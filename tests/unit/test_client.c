/* The client against a broker's side that the test itself plays, frame by frame, on a real socket:
 * only so can BUSY, REFUSED, silence and a new broker be had at will. */
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
    /* what the callback has been told, counted by event, and the last of each */
    uint32_t told[4];
    struct casemill_receipt last[4];
    char dead_path[64];
    uint64_t done_positions;
};

static void on_receipt(void *user, const struct casemill_receipt *receipt) {
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

static void play_bind(struct play *play, const char *endpoint) {
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

static void play_open(struct play *play, struct casemill_options *options) {
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

static void play_close(struct play *play) {
    casemill_close(&play->client);
    net_socket_close(&play->router);
    net_close(&play->net);
}

static void play_read(struct play *play) {
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

        if (head.command == WIRE_SUBMIT) {
            seen->batch = head.submit.batch;
            seen->count = head.submit.count;
            seen->body_bytes = net_part_span(&message.parts[1]).len;
            if (head.submit.source.len > 0) {
                memcpy(seen->source, head.submit.source.ptr, head.submit.source.len);
            }
        } else if (head.command == WIRE_QUERY) {
            seen->batch = head.query.batch;
        }
        play->route = message.route;
        net_message_close(&message);
        arena_free(&arena);
    }
}

static void turn(struct play *play) {
    ck_assert_int_eq(casemill_step(play->client, 5), CASEMILL_OK);
    play_read(play);
}

static void until_seen(struct play *play, uint32_t count) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (play->seen_count < count && clock_mono_ms() < deadline) {
        turn(play);
    }
    ck_assert_uint_eq(play->seen_count, count);
}

static void until_told(struct play *play, enum casemill_event event, uint32_t count) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (play->told[event] < count && clock_mono_ms() < deadline) {
        turn(play);
    }
    ck_assert_uint_eq(play->told[event], count);
}

static void turns_for(struct play *play, int64_t ms) {
    int64_t end = clock_mono_ms() + ms;
    while (clock_mono_ms() < end) {
        turn(play);
    }
}

static void say(struct play *play, const struct wire_message *message) {
    struct buf head = BUF_EMPTY;
    struct net_part part;
    wire_encode(message, &head);
    net_part_copy(&part, buf_span(&head));
    ck_assert_int_eq(net_send(play->router, &play->route, &part, 1), ERR_OK);
    buf_free(&head);
}

static void say_accepted(struct play *play, uint32_t seen) {
    say(play, &(struct wire_message){.command = WIRE_ACCEPTED,
                                     .accepted = {.batch = play->seen[seen].batch}});
}

static void say_done(struct play *play, uint32_t seen) {
    say(play, &(struct wire_message){
                  .command = WIRE_DONE,
                  .done = {.batch = play->seen[seen].batch,
                           .count = play->seen[seen].count,
                           .tally = {.outcomes = {play->seen[seen].count, 0, 0, 0, 0}}}});
}

static void say_state(struct play *play, uint32_t seen, enum wire_state state) {
    say(play, &(struct wire_message){.command = WIRE_STATUS,
                                     .status = {.batch = play->seen[seen].batch, .state = state}});
}

/* A map of one pair, its value a str of `fill` bytes. */
static enum casemill_result submit_case(struct play *play, uint8_t fill) {
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

static struct casemill_options options_for(uint32_t cases, int64_t linger_ms) {
    struct casemill_options options;
    casemill_options_default(&options);
    options.batch_cases_max = cases;
    options.linger_ms = linger_ms;
    return options;
}

START_TEST(batches_close_by_count_bytes_linger_and_flush) {
    struct casemill_options options = options_for(3, 50);
    options.batch_bytes_max = 100;
    options.source = "port-7";
    struct play play;
    play_open(&play, &options);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
    }
    until_seen(&play, 1); /* by count */
    ck_assert_uint_eq(play.seen[0].count, 3);
    ck_assert_str_eq(play.seen[0].source, "port-7");
    ck_assert_int_eq(submit_case(&play, 95), CASEMILL_OK);
    until_seen(&play, 2); /* by bytes: the open one had 5 */
    ck_assert_uint_eq(play.seen[1].count, 1);
    ck_assert_uint_eq(play.seen[1].body_bytes, 5);
    until_seen(&play, 3); /* by linger */
    ck_assert_uint_eq(play.seen[2].body_bytes, 99);
    ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
    ck_assert_int_eq(casemill_flush(play.client), CASEMILL_OK);
    ck_assert_uint_eq(casemill_unsettled(play.client), 4);
    until_seen(&play, 4);
    ck_assert(!uuid_eq(&play.seen[1].batch, &play.seen[3].batch)); /* same body, other position */
    play_close(&play);
}
END_TEST

START_TEST(an_outcome_is_settled_by_done) {
    struct casemill_options options = options_for(2, -1);
    struct play play;
    play_open(&play, &options);
    ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
    ck_assert_int_eq(submit_case(&play, 2), CASEMILL_OK);
    ck_assert_int_eq(casemill_flush(play.client), CASEMILL_OK);
    until_seen(&play, 1);
    say_accepted(&play, 0);
    until_told(&play, CASEMILL_ACCEPTED, 1);
    ck_assert_uint_eq(casemill_unsettled(play.client), 1);
    struct wire_dead dead = {1, SPAN_LIT("wrong_type"), SPAN_LIT("facts.married"), SPAN_LIT("bool"),
                             SPAN_LIT("int")};
    struct wire_message done = {.command = WIRE_DONE,
                                .done = {.batch = play.seen[0].batch,
                                         .count = 2,
                                         .tally = {.outcomes = {0, 0, 0, 1, 0},
                                                   .duplicates = 1,
                                                   .dead_count = 1,
                                                   .dead_listed = 1,
                                                   .dead = &dead}}};
    say(&play, &done);
    until_told(&play, CASEMILL_DONE, 1);
    ck_assert_uint_eq(casemill_unsettled(play.client), 0);
    const struct casemill_receipt *receipt = &play.last[CASEMILL_DONE];
    ck_assert(receipt->is_known);
    ck_assert_uint_eq(receipt->count, 2);
    ck_assert_uint_eq(receipt->outcomes[3], 1);
    ck_assert_uint_eq(receipt->duplicates, 1);
    ck_assert_uint_eq(receipt->dead_count, 1);
    ck_assert_str_eq(play.dead_path, "facts.married");
    say(&play, &done); /* said twice: told, but no longer ours */
    until_told(&play, CASEMILL_DONE, 2);
    ck_assert(!play.last[CASEMILL_DONE].is_known);
    play_close(&play);
}
END_TEST

/* Each is one number away from a true one; the caller would count wrong or read beyond its batch.
 */
START_TEST(a_done_that_does_not_add_up_is_no_brokers) {
    for (int fault = 0; fault < 5; fault++) {
        struct casemill_options options = options_for(2, -1);
        struct play play;
        play_open(&play, &options);
        ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
        ck_assert_int_eq(submit_case(&play, 2), CASEMILL_OK);
        ck_assert_int_eq(casemill_flush(play.client), CASEMILL_OK);
        until_seen(&play, 1);
        struct wire_dead dead = {fault == 0 ? 2 : 1, SPAN_LIT("x"), SPAN_LIT(""), SPAN_LIT(""),
                                 SPAN_LIT("")};
        struct wire_message done = {
            .command = WIRE_DONE,
            .done = {.batch = play.seen[0].batch,
                     .count = fault == 1 ? 3 : 2,
                     .tally = {.outcomes = {0, 0, 0, fault == 1 || fault == 2 ? 2 : 1, 0},
                               .duplicates = fault == 3 ? 3 : 0,
                               .dead_count = fault == 4 ? 0 : 1,
                               .dead_listed = 1,
                               .dead = &dead}}};
        say(&play, &done);
        enum casemill_result result = CASEMILL_OK;
        int64_t deadline = clock_mono_ms() + WAIT_MS;
        while (result == CASEMILL_OK && clock_mono_ms() < deadline) {
            result = casemill_step(play.client, 5);
        }
        ck_assert_msg(result == CASEMILL_FAILED && play.told[CASEMILL_DONE] == 0, "fault %d",
                      fault);
        play_close(&play);
    }
}
END_TEST

START_TEST(a_journal_ack_is_settled_by_accepted) {
    struct casemill_options options = options_for(1, -1);
    options.ack = CASEMILL_ACK_JOURNAL;
    struct play play;
    play_open(&play, &options);
    ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
    ck_assert_int_eq(casemill_flush(play.client), CASEMILL_OK);
    until_seen(&play, 1);
    say_accepted(&play, 0);
    ck_assert_int_eq(casemill_wait(play.client, WAIT_MS), CASEMILL_OK);
    play_close(&play);
}
END_TEST

START_TEST(busy_is_honoured) {
    struct casemill_options options = options_for(1, 0);
    struct play play;
    play_open(&play, &options);
    ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
    until_seen(&play, 1);
    say(&play, &(struct wire_message){.command = WIRE_BUSY,
                                      .busy = {play.seen[0].batch, 300, WIRE_BUSY_QUEUE_FULL}});
    until_told(&play, CASEMILL_BUSY, 1);
    ck_assert_str_eq(play.last[CASEMILL_BUSY].reason, "queue_full");
    int64_t told_ms = clock_mono_ms();
    ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK); /* waits as well */
    turns_for(&play, 150);
    ck_assert_uint_eq(play.seen_count, 1);
    until_seen(&play, 3);
    ck_assert_int_ge(clock_mono_ms() - told_ms, 250);
    ck_assert(uuid_eq(&play.seen[0].batch, &play.seen[1].batch));
    play_close(&play);
}
END_TEST

START_TEST(a_refusal_is_final) {
    struct casemill_options options = options_for(1, 0);
    struct play play;
    play_open(&play, &options);
    ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
    until_seen(&play, 1);
    say(&play, &(struct wire_message){.command = WIRE_REFUSED,
                                      .refused = {.has_batch = true,
                                                  .batch = play.seen[0].batch,
                                                  .reason = WIRE_REASON_TOO_DEEP,
                                                  .has_index = true,
                                                  .index = 0,
                                                  .has_offset = true,
                                                  .offset = 3}});
    until_told(&play, CASEMILL_REFUSED, 1);
    ck_assert_str_eq(play.last[CASEMILL_REFUSED].reason, "too_deep");
    ck_assert_int_eq(play.last[CASEMILL_REFUSED].body_offset, 3);
    ck_assert_uint_eq(casemill_unsettled(play.client), 0);
    say(&play, &(struct wire_message){.command = WIRE_REFUSED,
                                      .refused = {.reason = WIRE_REASON_UNKNOWN_VERSION}});
    enum casemill_result result = CASEMILL_OK;
    for (int i = 0; result == CASEMILL_OK && i < 100; i++) {
        result = casemill_step(play.client, 50);
    }
    ck_assert_int_eq(result, CASEMILL_FAILED);
    play_close(&play);
}
END_TEST

START_TEST(a_full_window_takes_nothing_and_loses_nothing) {
    struct casemill_options options = options_for(1, 0);
    options.window_batches = 2;
    struct play play;
    play_open(&play, &options);
    ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
    ck_assert_int_eq(submit_case(&play, 2), CASEMILL_OK);
    ck_assert_int_eq(submit_case(&play, 3), CASEMILL_OK);
    ck_assert_int_eq(submit_case(&play, 4), CASEMILL_AGAIN);
    ck_assert(!casemill_has_room(play.client));
    until_seen(&play, 2);
    turns_for(&play, 50);
    ck_assert_uint_eq(play.seen_count, 2);
    say_done(&play, 1);
    until_seen(&play, 3);
    ck_assert_uint_eq(play.seen[2].body_bytes, 7);
    say_done(&play, 0);
    say_done(&play, 2);
    ck_assert_int_eq(casemill_wait(play.client, WAIT_MS), CASEMILL_OK);
    ck_assert_uint_eq(play.done_positions, 0 + 1 + 2);
    play_close(&play);
}
END_TEST

START_TEST(a_new_broker_gets_all_that_has_no_done) {
    struct casemill_options options = options_for(1, 0);
    struct play play;
    play_open(&play, &options);
    for (uint8_t i = 1; i <= 3; i++) {
        ck_assert_int_eq(submit_case(&play, i), CASEMILL_OK);
    }
    until_seen(&play, 3);
    say_accepted(&play, 0);
    say_done(&play, 1);
    until_told(&play, CASEMILL_DONE, 1);
    until_told(&play, CASEMILL_ACCEPTED, 1);
    net_socket_close(&play.router);
    struct uuid first = play.seen[0].batch;
    struct uuid third = play.seen[2].batch;
    play.seen_count = 0;
    play_bind(&play, play.endpoint);
    until_seen(&play, 2);
    ck_assert(uuid_eq(&play.seen[0].batch, &first));
    ck_assert(uuid_eq(&play.seen[1].batch, &third));
    say_done(&play, 0);
    say_done(&play, 1);
    ck_assert_int_eq(casemill_wait(play.client, WAIT_MS), CASEMILL_OK);
    play_close(&play);
}
END_TEST

START_TEST(silence_is_asked_about) {
    struct casemill_options options = options_for(1, 0);
    options.quiet_ms = 100;
    struct play play;
    play_open(&play, &options);
    ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
    until_seen(&play, 2);
    ck_assert_int_eq(play.seen[1].command, WIRE_QUERY);
    ck_assert(uuid_eq(&play.seen[0].batch, &play.seen[1].batch));
    say_state(&play, 0, WIRE_STATE_WORKING);
    until_told(&play, CASEMILL_ACCEPTED, 1);
    until_seen(&play, 3);
    ck_assert_int_eq(play.seen[2].command, WIRE_QUERY);
    say_state(&play, 0, WIRE_STATE_UNKNOWN);
    until_seen(&play, 4);
    ck_assert_int_eq(play.seen[3].command, WIRE_SUBMIT);
    say_done(&play, 0);
    until_told(&play, CASEMILL_DONE, 1);
    ck_assert_uint_eq(casemill_unsettled(play.client), 0);
    play_close(&play);
}
END_TEST

START_TEST(a_batch_of_the_callers_own) {
    struct casemill_options options = options_for(10, -1);
    struct play play;
    play_open(&play, &options);
    uint8_t id[CASEMILL_BATCH_ID_BYTES] = "0123456789abcde";
    struct casemill_batch batch = {
        .body = "\x80\x80", .body_bytes = 2, .count = 2, .id = id, .position = 40, .tag = 7};
    ck_assert_int_eq(casemill_submit_batch(play.client, &batch), CASEMILL_OK);
    until_seen(&play, 1);
    ck_assert_mem_eq(play.seen[0].batch.bytes, id, sizeof(id));
    ck_assert_uint_eq(play.seen[0].count, 2);
    say_done(&play, 0);
    until_told(&play, CASEMILL_DONE, 1);
    ck_assert_uint_eq(play.last[CASEMILL_DONE].position, 40);
    ck_assert_uint_eq(play.last[CASEMILL_DONE].tag, 7);
    batch.count = 0;
    ck_assert_int_eq(casemill_submit_batch(play.client, &batch), CASEMILL_INVALID);
    play_close(&play);
}
END_TEST

static void say_pong(struct play *play, uint32_t message_bytes_max) {
    say(play, &(struct wire_message){
                  .command = WIRE_PONG,
                  .pong = {.version = SPAN_LIT("1"), .message_bytes_max = message_bytes_max}});
}

static void submit_body(struct play *play, const struct buf *body, size_t bytes, uint64_t tag) {
    struct casemill_batch batch = {
        .body = body->ptr, .body_bytes = bytes, .count = 1, .position = tag, .tag = tag};
    ck_assert_int_eq(casemill_submit_batch(play->client, &batch), CASEMILL_OK);
}

/* What every broker takes goes at once; before more the broker is asked, once a connection, and
 * what is over its limit is never sent: the frame could end the connection. */
START_TEST(a_large_batch_waits_for_the_brokers_limit) {
    struct casemill_options options = options_for(10, -1);
    struct play play;
    struct buf body = BUF_EMPTY;
    play_open(&play, &options);
    memset(buf_room(&body, WIRE_BODY_BYTES_MAX), 'x', WIRE_BODY_BYTES_MAX);
    submit_body(&play, &body, WIRE_BODY_BYTES_SURE, 1);
    until_seen(&play, 1);
    ck_assert_int_eq(play.seen[0].command, WIRE_SUBMIT);
    submit_body(&play, &body, WIRE_BODY_BYTES_SURE + 1, 2);
    submit_body(&play, &body, WIRE_BODY_BYTES_MAX, 3);
    until_seen(&play, 2);
    ck_assert_int_eq(play.seen[1].command, WIRE_PING);
    turns_for(&play, 50);
    ck_assert_uint_eq(play.seen_count, 2);
    say_pong(&play, WIRE_BODY_BYTES_SURE + 1);
    until_told(&play, CASEMILL_REFUSED, 1);
    ck_assert_uint_eq(play.last[CASEMILL_REFUSED].tag, 3);
    ck_assert_str_eq(play.last[CASEMILL_REFUSED].reason, "too_large");
    ck_assert_uint_eq(play.last[CASEMILL_REFUSED].message_bytes_max, WIRE_BODY_BYTES_SURE + 1);
    until_seen(&play, 3);
    ck_assert_int_eq(play.seen[2].command, WIRE_SUBMIT);
    ck_assert_uint_eq(play.seen[2].body_bytes, WIRE_BODY_BYTES_SURE + 1);
    ck_assert_uint_eq(casemill_unsettled(play.client), 2);
    play_close(&play);
    buf_free(&body);
}
END_TEST

/* It does not say its limit: then it takes what all brokers took before there was one. */
START_TEST(a_broker_of_before_takes_a_large_batch) {
    struct casemill_options options = options_for(10, -1);
    struct play play;
    struct buf body = BUF_EMPTY;
    play_open(&play, &options);
    memset(buf_room(&body, WIRE_BODY_BYTES_MAX), 'x', WIRE_BODY_BYTES_MAX);
    submit_body(&play, &body, WIRE_BODY_BYTES_MAX, 1);
    until_seen(&play, 1);
    say_pong(&play, 0);
    until_seen(&play, 2);
    ck_assert_uint_eq(play.seen[1].body_bytes, WIRE_BODY_BYTES_MAX);
    play_close(&play);
    buf_free(&body);
}
END_TEST

START_TEST(bytes_that_are_no_case_are_not_taken) {
    struct casemill_options options = options_for(10, -1);
    struct play play;
    play_open(&play, &options);
    ck_assert_int_eq(casemill_submit(play.client, "", 0), CASEMILL_INVALID);
    ck_assert_int_eq(casemill_submit(play.client, "\x90", 1), CASEMILL_INVALID);
    ck_assert_int_eq(casemill_submit(play.client, "\x81\x01", 2), CASEMILL_INVALID);
    ck_assert_int_eq(casemill_submit(play.client, "\x80\x80", 2), CASEMILL_INVALID);
    ck_assert_int_eq(casemill_wait(play.client, 0), CASEMILL_OK);
    play_close(&play);
}
END_TEST

START_TEST(options_are_checked_and_no_broker_is_a_timeout) {
    struct casemill_options options = options_for(1, 0);
    struct casemill *client = NULL;
    char error[64] = "";
    options.window_batches = 0;
    ck_assert_int_eq(casemill_open(&options, &client, error, sizeof(error)), CASEMILL_INVALID);
    ck_assert_ptr_nonnull(strstr(error, "window_batches"));
    options = options_for(1, 0);
    options.priority = (enum casemill_priority)7;
    ck_assert_int_eq(casemill_open(&options, &client, error, sizeof(error)), CASEMILL_INVALID);
    ck_assert_ptr_nonnull(strstr(error, "priority"));
    options = options_for(1, 0);
    options.brokers = "nowhere";
    ck_assert_int_eq(casemill_open(&options, &client, error, sizeof(error)), CASEMILL_INVALID);
    ck_assert_ptr_nonnull(strstr(error, "nowhere"));
    ck_assert_ptr_null(client);
    options.brokers = "ipc:///tmp/casemill-no-such-broker";
    ck_assert_int_eq(casemill_open(&options, &client, error, sizeof(error)), CASEMILL_OK);
    ck_assert_int_eq(casemill_submit(client, "\x80", 1), CASEMILL_OK);
    ck_assert_int_eq(casemill_wait(client, 100), CASEMILL_TIMEOUT);
    ck_assert_uint_eq(casemill_unsettled(client), 1);
    ck_assert(!casemill_was_connected(client));
    casemill_close(&client);
    casemill_close(&client);
}
END_TEST

START_TEST(ids_come_from_body_and_position) {
    uint8_t a[CASEMILL_BATCH_ID_BYTES];
    uint8_t b[CASEMILL_BATCH_ID_BYTES];
    casemill_batch_id("\x80", 1, 5, a);
    casemill_batch_id("\x80", 1, 5, b);
    ck_assert_mem_eq(a, b, sizeof(a));
    casemill_batch_id("\x80", 1, 6, b);
    ck_assert_mem_ne(a, b, sizeof(a));
    casemill_batch_id("\x81", 1, 5, b);
    ck_assert_mem_ne(a, b, sizeof(a));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client");
    TCase *tests = tcase_create("client");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, batches_close_by_count_bytes_linger_and_flush);
    tcase_add_test(tests, an_outcome_is_settled_by_done);
    tcase_add_test(tests, a_done_that_does_not_add_up_is_no_brokers);
    tcase_add_test(tests, a_journal_ack_is_settled_by_accepted);
    tcase_add_test(tests, busy_is_honoured);
    tcase_add_test(tests, a_refusal_is_final);
    tcase_add_test(tests, a_full_window_takes_nothing_and_loses_nothing);
    tcase_add_test(tests, a_new_broker_gets_all_that_has_no_done);
    tcase_add_test(tests, silence_is_asked_about);
    tcase_add_test(tests, a_batch_of_the_callers_own);
    tcase_add_test(tests, a_large_batch_waits_for_the_brokers_limit);
    tcase_add_test(tests, a_broker_of_before_takes_a_large_batch);
    tcase_add_test(tests, bytes_that_are_no_case_are_not_taken);
    tcase_add_test(tests, options_are_checked_and_no_broker_is_a_timeout);
    tcase_add_test(tests, ids_come_from_body_and_position);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

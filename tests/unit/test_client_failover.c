/* The client between two brokers that the test plays: each way in which one can fail, and that
 * nobody leaves one that serves. */
#include "client/casemill.h"

#include "base/buf.h"
#include "base/clock.h"
#include "net/net.h"
#include "wire/wire.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

/* Only one test waits for silence: in the others it must not be what heals. */
enum { WAIT_MS = 8000, BROKERS = 2, QUIET_MS = 150, QUIET_MS_LONG = 60000 };

struct side { /* a broker's side; NULL router: it is not there */
    struct net_socket *router;
    struct net_route route;
    char endpoint[64];
    uint32_t submits, queries;
    struct uuid last;
};
struct play {
    struct net *net;
    struct side sides[BROKERS];
    struct casemill *client;
    uint32_t told[4];
};

static void on_receipt(void *user, const struct casemill_receipt *receipt) {
    struct play *play = user;
    play->told[receipt->event] += receipt->is_known ? 1 : 0;
}

static void side_bind(struct play *play, struct side *side) {
    struct net_options options = {.message_bytes_max = 1 << 24};
    struct diag diag = {0};
    enum err err = ERR_BUSY;
    for (int i = 0; err != ERR_OK && i < 100; i++) {
        err = net_router_bind(play->net,
                              side->endpoint[0] != '\0' ? side->endpoint : "tcp://127.0.0.1:0",
                              &options, &side->router, &diag);
        if (err != ERR_OK) {
            clock_sleep_ms(20);
        }
    }
    ck_assert_msg(err == ERR_OK, "%s", diag.text);
    (void)snprintf(side->endpoint, sizeof(side->endpoint), "%s", net_endpoint(side->router));
}

static void play_open(struct play *play, enum casemill_ack ack, int64_t quiet_ms) {
    struct diag diag = {0};
    *play = (struct play){.net = NULL};
    ck_assert_int_eq(net_open(&play->net, &diag), ERR_OK);
    for (int i = 0; i < BROKERS; i++) {
        side_bind(play, &play->sides[i]);
    }
    char brokers[160];
    (void)snprintf(brokers, sizeof(brokers), "%s, %s", play->sides[0].endpoint,
                   play->sides[1].endpoint);
    struct casemill_options options;
    casemill_options_default(&options);
    options.brokers = brokers;
    options.ack = ack;
    options.batch_cases_max = 1;
    options.quiet_ms = quiet_ms;
    options.on_receipt = on_receipt;
    options.user = play;
    char error[128] = "";
    ck_assert_msg(casemill_open(&options, &play->client, error, sizeof(error)) == CASEMILL_OK, "%s",
                  error);
}

static void play_close(struct play *play) {
    casemill_close(&play->client);
    for (int i = 0; i < BROKERS; i++) {
        net_socket_close(&play->sides[i].router);
        net_route_drop(&play->sides[i].route);
    }
    net_close(&play->net);
}

static void side_read(struct side *side) {
    struct net_message message;
    while (side->router != NULL && net_recv(side->router, &message) == ERR_OK) {
        struct arena arena;
        struct wire_message head;
        struct wire_decode_fault fault;
        arena_init(&arena, 1 << 20);
        ck_assert_int_eq(wire_decode(net_part_span(&message.parts[0]), WIRE_INTAKE, WIRE_TO_BROKER,
                                     &arena, &head, &fault),
                         ERR_OK);
        bool is_submit = head.command == WIRE_SUBMIT;
        side->submits += is_submit ? 1 : 0;
        side->queries += is_submit ? 0 : 1;
        side->last = is_submit ? head.submit.batch : head.query.batch;
        net_route_drop(&side->route);
        net_route_keep(&side->route, &message.route);
        net_message_close(&message);
        arena_free(&arena);
    }
}

static void turn(struct play *play) {
    ck_assert_int_eq(casemill_step(play->client, 5), CASEMILL_OK);
    for (int i = 0; i < BROKERS; i++) {
        side_read(&play->sides[i]);
    }
}

static void until(struct play *play, const uint32_t *count, uint32_t wanted) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (*count < wanted && clock_mono_ms() < deadline) {
        turn(play);
    }
    ck_assert_uint_ge(*count, wanted);
}

static void turns_for(struct play *play, int64_t ms) {
    int64_t end = clock_mono_ms() + ms;
    while (clock_mono_ms() < end) {
        turn(play);
    }
}

static void say(struct side *side, const struct wire_message *message) {
    struct buf head = BUF_EMPTY;
    struct net_part part;
    wire_encode(message, &head);
    net_part_copy(&part, buf_span(&head));
    ck_assert_int_eq(net_send(side->router, &side->route, &part, 1), ERR_OK);
    buf_free(&head);
}

static void say_accepted(struct side *side) {
    say(side, &(struct wire_message){.command = WIRE_ACCEPTED, .accepted = {.batch = side->last}});
}

static void say_done(struct side *side) {
    say(side,
        &(struct wire_message){
            .command = WIRE_DONE,
            .done = {.batch = side->last, .count = 1, .counts = {.outcomes = {1, 0, 0, 0, 0}}}});
}

/* One batch of one case. */
static void submit_one(struct play *play, uint8_t key) {
    uint8_t bytes[] = {0x81, key, 0x01};
    ck_assert_int_eq(casemill_submit(play->client, bytes, sizeof(bytes)), CASEMILL_OK);
    ck_assert_int_eq(casemill_flush(play->client), CASEMILL_OK);
}

START_TEST(the_first_that_is_there_serves_and_is_not_left) {
    struct play play;
    play_open(&play, CASEMILL_ACK_OUTCOME, QUIET_MS);
    for (uint32_t i = 1; i <= 3; i++) {
        submit_one(&play, (uint8_t)i);
        until(&play, &play.sides[0].submits, i);
        say_accepted(&play.sides[0]);
        say_done(&play.sides[0]);
        until(&play, &play.told[CASEMILL_DONE], i);
    }
    turns_for(&play, 3 * QUIET_MS); /* nothing is waited for: silence is no fault */
    submit_one(&play, 4);
    until(&play, &play.sides[0].submits, 4);
    ck_assert_uint_eq(play.sides[1].submits, 0);
    play_close(&play);
}
END_TEST

START_TEST(a_broker_that_is_not_there_at_first) {
    struct play play;
    play_open(&play, CASEMILL_ACK_OUTCOME, QUIET_MS_LONG);
    net_socket_close(&play.sides[0].router);
    submit_one(&play, 1);
    until(&play, &play.sides[1].submits, 1);
    say_done(&play.sides[1]);
    until(&play, &play.told[CASEMILL_DONE], 1);
    ck_assert_str_eq(casemill_broker(play.client), play.sides[1].endpoint);
    side_bind(&play, &play.sides[0]); /* it comes, and nobody needs it */
    turns_for(&play, 300);
    submit_one(&play, 2);
    until(&play, &play.sides[1].submits, 2);
    ck_assert_uint_eq(play.sides[0].submits, 0);
    play_close(&play);
}
END_TEST

START_TEST(what_a_lost_broker_had_goes_to_the_other) {
    struct play play;
    play_open(&play, CASEMILL_ACK_OUTCOME, QUIET_MS_LONG);
    for (uint8_t i = 1; i <= 3; i++) {
        submit_one(&play, i);
    }
    until(&play, &play.sides[0].submits, 3);
    say_accepted(&play.sides[0]);
    until(&play, &play.told[CASEMILL_ACCEPTED], 1);
    net_socket_close(&play.sides[0].router);
    until(&play, &play.sides[1].submits, 3); /* the accepted one as well: its disk may be gone */
    say_done(&play.sides[1]);
    until(&play, &play.told[CASEMILL_DONE], 1);
    ck_assert_uint_eq(casemill_unsettled(play.client), 2);
    /* And back again, when the other goes. */
    side_bind(&play, &play.sides[0]);
    net_socket_close(&play.sides[1].router);
    until(&play, &play.sides[0].submits, 3 + 2);
    play_close(&play);
}
END_TEST

START_TEST(a_silent_broker_is_asked_and_then_left) {
    struct play play;
    play_open(&play, CASEMILL_ACK_OUTCOME, QUIET_MS);
    submit_one(&play, 1);
    until(&play, &play.sides[0].submits, 1); /* connected, and sends nothing */
    until(&play, &play.sides[1].submits, 1);
    ck_assert_uint_ge(play.sides[0].queries, 1);
    say_done(&play.sides[1]);
    until(&play, &play.told[CASEMILL_DONE], 1);
    play_close(&play);
}
END_TEST

START_TEST(a_stopping_broker_is_left_at_once_and_its_last_word_counts) {
    struct play play;
    play_open(&play, CASEMILL_ACK_OUTCOME, QUIET_MS_LONG);
    submit_one(&play, 1);
    until(&play, &play.sides[0].submits, 1);
    say_accepted(&play.sides[0]);
    struct uuid first = play.sides[0].last;
    submit_one(&play, 2);
    until(&play, &play.sides[0].submits, 2);
    say(&play.sides[0],
        &(struct wire_message){.command = WIRE_BUSY,
                               .busy = {play.sides[0].last, 60000, WIRE_BUSY_STOPPED}});
    until(&play, &play.sides[1].submits, 2);
    play.sides[0].last = first; /* what its lanes held comes to an end */
    say_done(&play.sides[0]);
    until(&play, &play.told[CASEMILL_DONE], 1);
    ck_assert_uint_eq(casemill_unsettled(play.client), 1);
    play_close(&play);
}
END_TEST

START_TEST(a_full_broker_is_waited_for) {
    struct play play;
    play_open(&play, CASEMILL_ACK_JOURNAL, QUIET_MS_LONG);
    submit_one(&play, 1);
    until(&play, &play.sides[0].submits, 1);
    say(&play.sides[0],
        &(struct wire_message){.command = WIRE_BUSY,
                               .busy = {play.sides[0].last, 100, WIRE_BUSY_QUEUE_FULL}});
    until(&play, &play.sides[0].submits, 2);
    say_accepted(&play.sides[0]);
    ck_assert_int_eq(casemill_wait(play.client, WAIT_MS), CASEMILL_OK);
    ck_assert_uint_eq(play.sides[1].submits, 0);
    play_close(&play);
}
END_TEST

START_TEST(nothing_waits_in_a_socket_without_a_peer) {
    struct play play;
    play_open(&play, CASEMILL_ACK_OUTCOME, QUIET_MS_LONG);
    net_socket_close(&play.sides[0].router);
    net_socket_close(&play.sides[1].router);
    submit_one(&play, 1);
    turns_for(&play, 1200); /* both are away for longer than any patience */
    side_bind(&play, &play.sides[1]);
    side_bind(&play, &play.sides[0]);
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (play.sides[0].submits + play.sides[1].submits == 0 && clock_mono_ms() < deadline) {
        turn(&play);
    }
    turns_for(&play, 100);
    ck_assert_uint_eq(play.sides[0].submits + play.sides[1].submits, 1);
    play_close(&play);
}
END_TEST

START_TEST(a_list_is_checked) {
    struct casemill_options options;
    struct casemill *client = NULL;
    char error[128] = "";
    casemill_options_default(&options);
    options.brokers = "tcp://127.0.0.1:5570,nowhere";
    ck_assert_int_eq(casemill_open(&options, &client, error, sizeof(error)), CASEMILL_INVALID);
    ck_assert_ptr_nonnull(strstr(error, "nowhere"));
    options.brokers = "tcp://127.0.0.1:5570,";
    ck_assert_int_eq(casemill_open(&options, &client, error, sizeof(error)), CASEMILL_INVALID);
    ck_assert_ptr_null(client);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client failover");
    TCase *tests = tcase_create("failover");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_first_that_is_there_serves_and_is_not_left);
    tcase_add_test(tests, a_broker_that_is_not_there_at_first);
    tcase_add_test(tests, what_a_lost_broker_had_goes_to_the_other);
    tcase_add_test(tests, a_silent_broker_is_asked_and_then_left);
    tcase_add_test(tests, a_stopping_broker_is_left_at_once_and_its_last_word_counts);
    tcase_add_test(tests, a_full_broker_is_waited_for);
    tcase_add_test(tests, nothing_waits_in_a_socket_without_a_peer);
    tcase_add_test(tests, a_list_is_checked);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

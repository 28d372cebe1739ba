/* What the client asks a broker: how it is, and how large a batch may be. */
#include "client_play.h"

static void until_state(struct play *play, struct casemill_state *state, bool is_told) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    do {
        turn(play);
        casemill_state(play->client, state);
    } while ((state->unready != NULL) != is_told && clock_mono_ms() < deadline);
    ck_assert_int_eq(state->unready != NULL, is_told);
}

START_TEST(no_broker_is_asked_without_a_connection) {
    struct casemill_options options = options_for(1, 0);
    struct casemill_state state;
    struct casemill *client = NULL;
    char error[128] = "";
    options.brokers = "tcp://127.0.0.1:1";
    ck_assert_int_eq(casemill_open(&options, &client, error, sizeof(error)), CASEMILL_OK);
    casemill_ask(client);
    casemill_state(client, &state);
    ck_assert(!state.is_connected && state.received_ms == -1 && state.unready == NULL);
    casemill_close(&client);
}
END_TEST

START_TEST(a_broker_is_asked_how_it_is) {
    struct casemill_options options = options_for(1, 0);
    struct casemill_state state;
    struct play play;
    play_open(&play, &options);
    ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
    until_seen(&play, 1);
    for (int i = 0; i < 3; i++) {
        casemill_ask(play.client); /* at most once per second */
    }
    until_seen(&play, 2);
    ck_assert_int_eq(play.seen[1].command, WIRE_PING);
    casemill_state(play.client, &state);
    ck_assert(state.is_connected && state.received_ms == -1);
    say(&play,
        &(struct wire_message){
            .command = WIRE_PONG,
            .pong = {.version = SPAN_LIT("1"), .unready = SPAN_LIT("paused"), .queued_cases = 7}});
    until_state(&play, &state, true);
    ck_assert_str_eq(state.unready, "paused");
    ck_assert_uint_eq(state.queued_cases, 7);
    ck_assert(state.received_ms >= 0 && state.busy == NULL);
    say(&play, &(struct wire_message){.command = WIRE_BUSY,
                                      .busy = {play.seen[0].batch, 60000, WIRE_BUSY_RATE}});
    until_told(&play, CASEMILL_BUSY, 1);
    casemill_state(play.client, &state);
    ck_assert_str_eq(state.busy, "rate");
    ck_assert(state.retry_ms > 0 && state.retry_ms <= 60000);
    /* An older broker reports nothing about itself, but it answers. */
    say(&play, &(struct wire_message){.command = WIRE_PONG, .pong = {.version = SPAN_LIT("1")}});
    until_state(&play, &state, false);
    ck_assert_int_ge(state.received_ms, 0);
    /* The answer applies to this connection only. */
    net_socket_close(&play.router);
    play_bind(&play, play.endpoint);
    until_seen(&play, 3);
    casemill_state(play.client, &state);
    ck_assert(state.is_connected && state.received_ms == -1 && state.busy == NULL);
    play_close(&play);
}
END_TEST

START_TEST(the_version_is_that_of_the_programs) {
    ck_assert_str_eq(casemill_version(), CASEMILL_VERSION);
}
END_TEST

/* What the broker sent last is the reason, also when that is long ago; silence is one only after a
 * question. */
START_TEST(why_a_batch_waits) {
    struct casemill_options options = options_for(1, 0);
    struct casemill_state state;
    struct play play;
    char line[160];
    char expected[160];
    play_open(&play, &options);
    ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
    until_seen(&play, 1);
    casemill_why(play.client, line, sizeof(line));
    (void)snprintf(expected, sizeof(expected), "%s: it is connected, and has not answered yet",
                   play.endpoint);
    ck_assert_str_eq(line, expected);
    until_seen(&play, 2);
    ck_assert_int_eq(play.seen[1].command, WIRE_PING);
    say(&play,
        &(struct wire_message){.command = WIRE_PONG,
                               .pong = {.version = SPAN_LIT("1"), .unready = SPAN_LIT("paused")}});
    until_state(&play, &state, true);
    casemill_why(play.client, line, sizeof(line));
    (void)snprintf(expected, sizeof(expected), "%s: paused", play.endpoint);
    ck_assert_str_eq(line, expected);
    say(&play, &(struct wire_message){.command = WIRE_BUSY,
                                      .busy = {play.seen[0].batch, 60000, WIRE_BUSY_QUEUE_FULL}});
    until_told(&play, CASEMILL_BUSY, 1);
    casemill_why(play.client, line, sizeof(line));
    (void)snprintf(expected, sizeof(expected),
                   "%s: BUSY queue_full: its limit of waiting batches is reached; paused",
                   play.endpoint);
    ck_assert_str_eq(line, expected);
    casemill_why(play.client, line, 4);
    ck_assert_str_eq(line, "tcp");
    casemill_why(play.client, NULL, 0);
    play_close(&play);
}
END_TEST

/* The reason stays while the batch is sent again: a broker that is still BUSY sends it once
 * more. */
START_TEST(busy_holds_until_a_batch_is_taken) {
    struct casemill_options options = options_for(1, 0);
    struct casemill_state state;
    struct play play;
    play_open(&play, &options);
    ck_assert_int_eq(submit_case(&play, 1), CASEMILL_OK);
    until_seen(&play, 1);
    say(&play, &(struct wire_message){.command = WIRE_BUSY,
                                      .busy = {play.seen[0].batch, 1, WIRE_BUSY_RATE}});
    until_seen(&play, 2);
    ck_assert_int_eq(play.seen[1].command, WIRE_SUBMIT);
    casemill_state(play.client, &state);
    ck_assert_str_eq(state.busy, "rate");
    ck_assert_int_eq(state.retry_ms, 0);
    say_accepted(&play, 1);
    until_told(&play, CASEMILL_ACCEPTED, 1);
    casemill_state(play.client, &state);
    ck_assert_ptr_null(state.busy);
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

/* Sizes that every broker accepts are sent at once. Before a larger batch the client asks for
 * the limit, once per connection. A batch over the limit is never sent: the frame could end the
 * connection. */
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

/* It does not report its limit: then the limit is the one of all brokers before there was a
 * setting. */
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

int main(void) {
    Suite *suite = suite_create("client ask");
    TCase *tests = tcase_create("client");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, no_broker_is_asked_without_a_connection);
    tcase_add_test(tests, a_broker_is_asked_how_it_is);
    tcase_add_test(tests, the_version_is_that_of_the_programs);
    tcase_add_test(tests, why_a_batch_waits);
    tcase_add_test(tests, busy_holds_until_a_batch_is_taken);
    tcase_add_test(tests, a_large_batch_waits_for_the_brokers_limit);
    tcase_add_test(tests, a_broker_of_before_takes_a_large_batch);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* The client against a broker that the test plays, frame by frame, on a real socket. Only so can
 * the test choose when BUSY, REFUSED, silence and a new broker occur. */
#include "client_play.h"

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
                                         .counts = {.outcomes = {0, 0, 0, 1, 0},
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
    say(&play, &done); /* received twice: reported, but no longer ours */
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
                     .counts = {.outcomes = {0, 0, 0, fault == 1 || fault == 2 ? 2 : 1, 0},
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

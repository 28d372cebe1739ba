/* worker/: while PostgreSQL works on one transaction, the lane decides what is to go into the next.
 */
#include "lane_peer.h"

static void open_database(void) { available = fixture_open(&fixture, "worker_ahead"); }
static void close_database(void) { fixture_close(&fixture); }

/* A lane whose transaction waits for a table that somebody holds. */
struct held {
    struct peer peer;
    struct db *db;
};

static void hold(struct held *held) {
    struct diag diag = {0};
    struct buf body = BUF_EMPTY;
    peer_open(&held->peer);
    (void)expect(&held->peer, WIRE_READY);
    welcome(&held->peer);
    await_credit(&held->peer);
    fixture_case(&body, "A0", 1, "US"); /* so that the lane knows the source's number */
    deal(&held->peer, WIRE_WORK, "intake", 1, 1, buf_span(&body));
    (void)expect(&held->peer, WIRE_LANE_DONE);
    ck_assert_int_eq(db_open(fixture.conninfo, "unit", &held->db, &diag), ERR_OK);
    fixture_exec(held->db, "BEGIN; LOCK TABLE cases IN EXCLUSIVE MODE");
    buf_clear(&body);
    fixture_case(&body, "A1", 1, "US");
    deal(&held->peer, WIRE_WORK, "intake", 2, 1, buf_span(&body));
    struct wire_message beat = expect(&held->peer, WIRE_LANE_BEAT);
    while (beat.lane_beat.hold_count == 0 || !span_is(beat.lane_beat.phase, "write")) {
        beat = expect(&held->peer, WIRE_LANE_BEAT);
    }
    buf_free(&body);
}

static void let_go(struct held *held) {
    drain(&held->peer);
    db_close(&held->db);
    peer_close(&held->peer);
}

/* A case that cannot be decided is reported while the first still waits; a decided one is
 * written after it. */
START_TEST(test_decided_while_the_last_is_written) {
    if (fixture_skips(available)) {
        return;
    }
    struct held held = {0};
    struct buf body = BUF_EMPTY;
    hold(&held);
    fixture_case(&body, "A2", 1, "US");
    fixture_case(&body, "A3", 1, "US");
    deal(&held.peer, WIRE_WORK, "intake", 3, 2, buf_span(&body));
    deal(&held.peer, WIRE_WORK, "intake", 4, 2, SPAN_LIT("\x80")); /* one case, two claimed */
    struct wire_message failed = expect(&held.peer, WIRE_FAILED);
    ck_assert_uint_eq(failed.failed.range_count, 1);
    ck_assert_uint_eq(failed.failed.ranges[0].seq, 4);
    struct wire_message beat = expect(&held.peer, WIRE_LANE_BEAT);
    ck_assert(span_is(beat.lane_beat.phase, "write"));
    ck_assert_uint_eq(beat.lane_beat.hold_count, 2);
    fixture_exec(held.db, "ROLLBACK");
    struct wire_message done = expect(&held.peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.range_count, 1);
    ck_assert_uint_eq(done.lane_done.ranges[0].seq, 2);
    done = expect(&held.peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.range_count, 1);
    ck_assert_uint_eq(done.lane_done.ranges[0].seq, 3);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(DISTINCT commit) FROM cases WHERE "
                                              "case_id IN ('A1', 'A2', 'A3')"),
                     2);
    let_go(&held);
    buf_free(&body);
}
END_TEST

/* The connection ends: what was decided ahead comes back too, and nothing of it was written. */
START_TEST(test_given_back_with_the_transaction) {
    if (fixture_skips(available)) {
        return;
    }
    struct held held = {0};
    struct buf body = BUF_EMPTY;
    hold(&held);
    fixture_case(&body, "A4", 1, "US");
    deal(&held.peer, WIRE_WORK, "intake", 5, 1, buf_span(&body));
    deal(&held.peer, WIRE_WORK, "intake", 6, 2, SPAN_LIT("\x80"));
    (void)expect(&held.peer, WIRE_FAILED); /* so the one before it is decided */
    fixture_exec(held.db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                          "application_name LIKE 'casemill/%' AND datname = current_database()");
    struct wire_message returned = expect(&held.peer, WIRE_RETURN);
    ck_assert_uint_eq(returned.returned.range_count, 2);
    ck_assert_uint_eq(returned.returned.ranges[0].seq, 2);
    ck_assert_uint_eq(returned.returned.ranges[1].seq, 5);
    fixture_exec(held.db, "ROLLBACK");
    await_credit(&held.peer);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM cases WHERE case_id = 'A4'"),
                     0);
    deal(&held.peer, WIRE_WORK, "intake", 5, 1, buf_span(&body));
    struct wire_message done = expect(&held.peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.range_count, 1);
    ck_assert_uint_eq(done.lane_done.verdicts[0].duplicates, 0);
    let_go(&held);
    buf_free(&body);
}
END_TEST

/* A delivery that was tried before is in nobody's company, ahead or not. */
START_TEST(test_suspects_are_not_decided_ahead) {
    if (fixture_skips(available)) {
        return;
    }
    struct held held = {0};
    struct buf body = BUF_EMPTY;
    hold(&held);
    struct wire_delivery delivery = a_delivery(7, 2, SPAN_LIT("\x80"));
    delivery.attempt = 2;
    struct wire_message suspect = {
        .command = WIRE_WORK,
        .work = {.mode = SPAN_LIT("intake"), .delivery_count = 1, .deliveries = &delivery}};
    say(&held.peer, &suspect, SPAN_LIT("\x80"));
    struct wire_message beat = expect(&held.peer, WIRE_LANE_BEAT);
    while (beat.lane_beat.hold_count < 2) {
        beat = expect(&held.peer, WIRE_LANE_BEAT);
    }
    beat = expect(&held.peer, WIRE_LANE_BEAT); /* still held, not FAILED, a beat later */
    ck_assert_uint_eq(beat.lane_beat.hold_count, 2);
    fixture_exec(held.db, "ROLLBACK");
    struct wire_message done = expect(&held.peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.ranges[0].seq, 2);
    struct wire_message failed = expect(&held.peer, WIRE_FAILED);
    ck_assert_uint_eq(failed.failed.ranges[0].seq, 7);
    let_go(&held);
    buf_free(&body);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_ahead");
    TCase *tests = tcase_create("ahead");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, open_database, close_database);
    tcase_add_test(tests, test_decided_while_the_last_is_written);
    tcase_add_test(tests, test_given_back_with_the_transaction);
    tcase_add_test(tests, test_suspects_are_not_decided_ahead);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* worker/: a whole lane with its rule watch on a real PostgreSQL, against a ROUTER that plays
 * the broker. */
#include "lane_peer.h"

#include "wire/mp_write.h"
#include <fcntl.h>
#include <sys/resource.h>

static void open_database(void) { available = fixture_open(&fixture, "worker_lane"); }
static void close_database(void) { fixture_close(&fixture); }

START_TEST(test_work_is_done) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    peer_ready(&peer, 100, 100);
    fixture_case(&body, "L1", 1, "US");
    fixture_case(&body, "L2", 1, "US");
    fixture_case(&body, "L3", 1, "??"); /* no such country */
    deal(&peer, WIRE_WORK, "intake", 5, 3, buf_span(&body));
    struct wire_message done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.range_count, 1);
    ck_assert_uint_eq(done.lane_done.ranges[0].seq, 5);
    ck_assert_uint_eq(done.lane_done.ranges[0].count, 3);
    ck_assert(uuid_eq(&done.lane_done.ranges[0].journal, &peer.journal));
    ck_assert_uint_eq(done.lane_done.verdicts[0].dead_count, 1);
    ck_assert_uint_eq(done.lane_done.verdicts[0].dead[0].index, 2);
    ck_assert(span_is(done.lane_done.verdicts[0].dead[0].path, "facts.claim_country"));
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM cases WHERE case_id IN ('L1', "
                                              "'L2')"),
                     2);
    /* A broker that missed the DONE dispatches it again. */
    deal(&peer, WIRE_WORK, "intake", 5, 3, buf_span(&body));
    done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.verdicts[0].duplicates, 2);
    ck_assert_uint_eq(done.lane_done.verdicts[0].dead_count, 1);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

START_TEST(test_bury) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    struct buf known = BUF_EMPTY;
    peer_ready(&peer, 100, 100);
    fixture_case(&known, "B1", 1, "US");
    fixture_case(&body, "B2", 1, "US");
    deal(&peer, WIRE_WORK, "intake", 7, 1, buf_span(&known));
    (void)expect(&peer, WIRE_LANE_DONE);
    deal(&peer, WIRE_BURY, "intake", 8, 1, buf_span(&body));
    struct wire_message done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.verdicts[0].dead_count, 1);
    ck_assert(span_is(done.lane_done.verdicts[0].dead[0].reason, "poison"));
    deal(&peer, WIRE_BURY, "intake", 9, 1, buf_span(&known)); /* it was written after all */
    done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.verdicts[0].dead_count, 0);
    ck_assert_uint_eq(done.lane_done.verdicts[0].duplicates, 1);
    buf_clear(&body);
    fixture_case(&body, "B1", 1, "MX"); /* another content is stored */
    deal(&peer, WIRE_BURY, "intake", 10, 1, buf_span(&body));
    done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.verdicts[0].dead_count, 1);
    ck_assert(span_is(done.lane_done.verdicts[0].dead[0].reason, "conflict"));
    ck_assert_uint_eq(done.lane_done.verdicts[0].duplicates, 0);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM dead_letters d JOIN cases c "
                                              "USING (source, case_id, revision) WHERE d.reason = "
                                              "'conflict' AND case_id = 'B1' AND d.expected = "
                                              "c.digest::text AND d.found <> d.expected"),
                     1);
    buf_clear(&body);
    fixture_case(&body, "B1", 1, "??"); /* it does not decode: nobody knows its content */
    deal(&peer, WIRE_BURY, "intake", 11, 1, buf_span(&body));
    done = expect(&peer, WIRE_LANE_DONE);
    ck_assert(span_is(done.lane_done.verdicts[0].dead[0].reason, "poison"));
    ck_assert_int_eq(fixture_number(&fixture,
                                    "SELECT count(*) FROM dead_letters WHERE reason = 'poison' AND "
                                    "case_id = 'B2' AND history ->> 'attempts' = '1'"),
                     1);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
    buf_free(&known);
}
END_TEST

/* No file descriptor, so no child that could evaluate it: the worker continues, the case is
 * buried. */
START_TEST(test_bury_without_a_child) {
    if (fixture_skips(available)) {
        return;
    }
    enum { FILES = 64 };
    struct peer peer;
    struct buf known = BUF_EMPTY;
    struct rlimit before;
    int last = 0;
    peer_ready(&peer, 100, 100);
    fixture_case(&known, "B4", 1, "US");
    deal(&peer, WIRE_WORK, "intake", 7, 1, buf_span(&known));
    (void)expect(&peer, WIRE_LANE_DONE);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {.rlim_cur = FILES, .rlim_max = before.rlim_max};
    while (last < FILES) { /* none is free below */
        last = open("/dev/null", O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(last, 0);
    }
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    deal(&peer, WIRE_BURY, "intake", 8, 1, buf_span(&known));
    struct wire_message done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_uint_eq(done.lane_done.verdicts[0].dead_count, 1);
    ck_assert(span_is(done.lane_done.verdicts[0].dead[0].reason, "poison"));
    drain(&peer);
    peer_close(&peer);
    buf_free(&known);
}
END_TEST

START_TEST(test_bury_with_history) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    struct buf history = BUF_EMPTY;
    peer_ready(&peer, 100, 100);
    fixture_case(&body, "B3", 1, "US");
    mp_write_map(&history, 1);
    mp_write_str(&history, SPAN_LIT("poison"));
    mp_write_map(&history, 4);
    mp_write_str(&history, SPAN_LIT("attempts"));
    mp_write_uint(&history, 6);
    mp_write_str(&history, SPAN_LIT("of a later version"));
    mp_write_array(&history, 1);
    mp_write_nil(&history);
    mp_write_str(&history, SPAN_LIT("silent"));
    mp_write_uint(&history, 4);
    mp_write_str(&history, SPAN_LIT("reason"));
    mp_write_str(&history, SPAN_LIT("it's \"bytes\""));
    deal_bury(&peer, 8, buf_span(&body), buf_span(&history));
    struct wire_message done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.verdicts[0].dead_count, 1);
    ck_assert_int_eq(fixture_number(&fixture,
                                    "SELECT count(*) FROM dead_letters WHERE case_id = 'B3' AND "
                                    "history = '{\"attempts\": 6, \"silent\": 4, "
                                    "\"reason\": \"it''s \\\"bytes\\\"\"}'"),
                     1);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
    buf_free(&history);
}
END_TEST

START_TEST(test_failed_and_canary) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    peer_ready(&peer, 100, 100);
    deal(&peer, WIRE_WORK, "intake", 11, 2, SPAN_LIT("\x80")); /* one case, two claimed */
    struct wire_message failed = expect(&peer, WIRE_FAILED);
    ck_assert_uint_eq(failed.failed.ranges[0].seq, 11);
    deal(&peer, WIRE_WORK, "no such mode", 12, 1, SPAN_LIT("\x80"));
    failed = expect(&peer, WIRE_FAILED);
    ck_assert_uint_eq(failed.failed.ranges[0].seq, 12);
    struct wire_message canary = {.command = WIRE_WORK, .work = {.mode = SPAN_LIT("canary")}};
    say(&peer, &canary, SPAN_LIT(""));
    struct wire_message done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.range_count, 0);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM commits WHERE mode = 'canary'"),
                     1);
    drain(&peer);
    peer_close(&peer);
}
END_TEST

/* The connection is cut inside a transaction: work comes back, and the lane is there again. */
static void say_bytes(struct peer *peer, struct span head) {
    struct net_part part;
    net_part_copy(&part, head);
    ck_assert_int_eq(net_send(peer->router, &peer->route, &part, 1), ERR_OK);
}

/* A broker of another version receives READY now and then, and nothing else, until its version
 * changes. */
START_TEST(test_another_version_is_left_alone) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    peer_open(&peer);
    (void)expect(&peer, WIRE_READY);
    welcome_with(&peer, 50);
    await_credit(&peer);
    const struct wire_message refused = {
        .command = WIRE_REFUSED,
        .refused = {.reason = WIRE_REASON_UNKNOWN_VERSION, .version = SPAN_LIT("CM2")}};
    say(&peer, &refused, SPAN_LIT(""));
    (void)expect(&peer, WIRE_READY);
    peer.stepped_over = 0;
    say_bytes(&peer, SPAN_LIT("\x93\xa3"
                              "CM2\xa7WELCOME\x80"));
    (void)expect(&peer, WIRE_READY);
    ck_assert_uint_eq(peer.stepped_over, 0);
    welcome_with(&peer, 50);
    deal(&peer, WIRE_WORK, "intake", 21, 1, SPAN_LIT("\x80"));
    ck_assert_uint_eq(expect(&peer, WIRE_LANE_DONE).lane_done.ranges[0].seq, 21);
    drain(&peer);
    peer_close(&peer);
}
END_TEST

START_TEST(test_connection_lost) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    struct db *db = NULL;
    struct diag diag = {0};
    peer_ready(&peer, 100, 100);
    fixture_case(&body, "R1", 1, "US");
    ck_assert_int_eq(db_open(fixture.conninfo, "unit", &db, &diag), ERR_OK);
    fixture_exec(db, "BEGIN; LOCK TABLE cases IN EXCLUSIVE MODE");
    deal(&peer, WIRE_WORK, "intake", 21, 1, buf_span(&body));
    struct wire_message beat = expect(&peer, WIRE_LANE_BEAT);
    while (beat.lane_beat.hold_count == 0 || !span_is(beat.lane_beat.phase, "write")) {
        beat = expect(&peer, WIRE_LANE_BEAT); /* it beats while it waits for the lock */
    }
    fixture_exec(db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                     "application_name LIKE 'casemill/%' AND datname = current_database()");
    struct wire_message returned = expect(&peer, WIRE_RETURN);
    ck_assert_uint_eq(returned.returned.ranges[0].seq, 21);
    fixture_exec(db, "ROLLBACK");
    await_credit(&peer);
    deal(&peer, WIRE_WORK, "intake", 21, 1, buf_span(&body));
    struct wire_message done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.verdicts[0].duplicates, 0);
    drain(&peer);
    db_close(&db);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

/* Nothing is active: no credit.  Then it is, and there is. */
static long temporary_tables(void) {
    return fixture_number(&fixture, "SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND "
                                    "relkind = 'r'");
}

/* An idle lane's, too: what it holds back is the whole database's. */
START_TEST(test_temporary_tables_do_not_get_old) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    tables_ms_max = _i == 0 ? 1 : 0;
    peer_ready(&peer, 100, 100);
    fixture_case(&body, "T1", 1, "US");
    for (uint64_t round = 0; round < 3; round++) {
        deal(&peer, WIRE_WORK, "intake", 20 + round, 1, buf_span(&body));
        (void)expect(&peer, WIRE_LANE_DONE);
        int64_t deadline_ms = clock_mono_ms() + 20000;
        while (_i == 0 && temporary_tables() > 0) {
            ck_assert_int_lt(clock_mono_ms(), deadline_ms);
            (void)expect(&peer, WIRE_LANE_BEAT);
        }
    }
    ck_assert_int_eq(temporary_tables(), _i); /* a young one is used again */
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

START_TEST(test_rules_come_later) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    fixture_do(&fixture, "CREATE TABLE kept AS SELECT ruleset FROM activations; "
                         "DELETE FROM activations");
    peer_open(&peer);
    struct wire_message ready = expect(&peer, WIRE_READY);
    ck_assert_uint_eq(ready.ready.credit_cases, 0);
    welcome(&peer);
    struct wire_message beat = expect(&peer, WIRE_LANE_BEAT);
    ck_assert_uint_eq(beat.lane_beat.hold_count, 0);
    fixture_do(&fixture, "INSERT INTO activations (ruleset, why) SELECT ruleset, 'late' FROM kept "
                         "LIMIT 1; DROP TABLE kept");
    await_credit(&peer);
    drain(&peer);
    peer_close(&peer);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_lane");
    TCase *tests = tcase_create("lane");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, open_database, close_database);
    tcase_add_test(tests, test_work_is_done);
    tcase_add_test(tests, test_bury);
    tcase_add_test(tests, test_bury_without_a_child);
    tcase_add_test(tests, test_bury_with_history);
    tcase_add_test(tests, test_failed_and_canary);
    tcase_add_test(tests, test_another_version_is_left_alone);
    tcase_add_test(tests, test_connection_lost);
    tcase_add_loop_test(tests, test_temporary_tables_do_not_get_old, 0, 2);
    tcase_add_test(tests, test_rules_come_later);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* worker/: dead letters: which outcome supersedes one, and for which day a retry decides its
 * case. */
#include "lane_peer.h"
#include "wire/mp_write.h"

static void open_database(void) { available = fixture_open(&fixture, "worker_letters"); }
static void close_database(void) { fixture_close(&fixture); }

static void refuse(const char *case_id) {
    struct buf sql = BUF_EMPTY;
    buf_printf(&sql, "ALTER TABLE cases ADD CONSTRAINT refused CHECK (case_id <> '%s')", case_id);
    fixture_do(&fixture, buf_cstr(&sql));
    buf_free(&sql);
}

static void send_case(struct peer *peer, uint64_t seq, const char *case_id, const char *country) {
    struct buf body = BUF_EMPTY;
    fixture_case(&body, case_id, 1, country);
    deal(peer, WIRE_WORK, "intake", seq, 1, buf_span(&body));
    ck_assert_uint_eq(expect(peer, WIRE_LANE_DONE).lane_done.ranges[0].seq, seq);
    buf_free(&body);
}

static long open_letters(const char *case_id) {
    struct buf sql = BUF_EMPTY;
    buf_printf(&sql, "SELECT count(*) FROM report.dead_letters WHERE case_id = '%s'", case_id);
    long count = fixture_number(&fixture, buf_cstr(&sql));
    buf_free(&sql);
    return count;
}

/* What the database refused and something else took its name: nobody has decided it. */
START_TEST(test_other_content_does_not_supersede) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    peer_ready(&peer, 100, 100);
    refuse("L1");
    send_case(&peer, 1, "L1", "US");
    ck_assert_int_eq(open_letters("L1"), 1);
    fixture_do(&fixture, "ALTER TABLE cases DROP CONSTRAINT refused");
    send_case(&peer, 2, "L1", "CA");
    ck_assert_int_eq(open_letters("L1"), 1);
    refuse("L2");
    send_case(&peer, 3, "L2", "US");
    fixture_do(&fixture, "ALTER TABLE cases DROP CONSTRAINT refused");
    send_case(&peer, 4, "L2", "US");
    ck_assert_int_eq(open_letters("L2"), 0);
    drain(&peer);
    peer_close(&peer);
}
END_TEST

static void deal_retry(struct peer *peer, uint64_t seq, long letter) {
    struct buf number = BUF_EMPTY;
    mp_write_uint(&number, (uint64_t)letter);
    deal(peer, WIRE_WORK, "retry", seq, 1, buf_span(&number));
    ck_assert_uint_eq(expect(peer, WIRE_LANE_DONE).lane_done.ranges[0].seq, seq);
    buf_free(&number);
}

/* A case may be old before a lane first receives it. If it has no date, its date is the day on
 * which the broker accepted it; this holds for a retry, too. */
START_TEST(test_a_retry_is_for_the_day_of_acceptance) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    peer_ready(&peer, 100, 100);
    refuse("L3");
    send_case(&peer, 10, "L3", "US"); /* it has no as_of */
    long letter = fixture_number(&fixture, "SELECT dead FROM dead_letters WHERE case_id = 'L3'");
    deal_retry(&peer, 11, letter);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM dead_letters WHERE case_id = "
                                              "'L3' AND seen = 2 AND received_at = "
                                              "to_timestamp(1600000000)"),
                     1);
    fixture_do(&fixture, "ALTER TABLE cases DROP CONSTRAINT refused");
    deal_retry(&peer, 12, letter);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM cases WHERE case_id = 'L3' AND "
                                              "received_at = to_timestamp(1600000000) AND "
                                              "as_of = '2020-09-13'"),
                     1);
    ck_assert_int_eq(open_letters("L3"), 0);
    drain(&peer);
    peer_close(&peer);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_letters");
    TCase *tests = tcase_create("letters");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, open_database, close_database);
    tcase_add_test(tests, test_other_content_does_not_supersede);
    tcase_add_test(tests, test_a_retry_is_for_the_day_of_acceptance);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

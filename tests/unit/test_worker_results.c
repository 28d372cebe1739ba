/* worker/: the results of single cases that a lane sends with DONE, on a real PostgreSQL. */
#include "lane_peer.h"

#include "wire/mp_write.h"
#include "wire/results.h"

static void open_database(void) { available = fixture_open(&fixture, "worker_results"); }
static void close_database(void) { fixture_close(&fixture); }

/* {results: true} */
static struct span wants(struct buf *extra) {
    buf_clear(extra);
    mp_write_map(extra, 1);
    mp_write_str(extra, SPAN_LIT("results"));
    mp_write_bool(extra, true);
    return buf_span(extra);
}

static void open_lane(struct peer *peer) {
    peer_open(peer);
    (void)expect(peer, WIRE_READY);
    welcome(peer);
    await_credit(peer);
}

static void send_work(struct peer *peer, enum wire_command command,
                      const struct wire_delivery *deliveries, uint32_t count, struct span body) {
    struct wire_message message = {
        .command = command,
        .work = {.mode = SPAN_LIT("intake"), .delivery_count = count, .deliveries = deliveries}};
    say(peer, &message, body);
}

/* Sends one delivery of `count` cases and reads its results. */
static struct wire_message decide(struct peer *peer, uint64_t seq, struct span body,
                                  struct wire_result *results, uint32_t count) {
    struct buf extra = BUF_EMPTY;
    struct wire_delivery delivery = a_delivery(seq, count, body);
    delivery.extra = wants(&extra);
    send_work(peer, WIRE_WORK, &delivery, 1, body);
    struct wire_message done = expect(peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.range_count, 1);
    ck_assert_uint_eq(done.lane_done.verdicts[0].results_bytes, peer->body.len);
    ck_assert(results_is_run(peer->body, 0, count));
    ck_assert_int_eq(results_read(peer->body, &peer->arena, results, count), ERR_OK);
    buf_free(&extra);
    return done;
}

static void check_stored(const struct wire_result *result, const char *case_id) {
    char sql[512];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM report.outcomes WHERE case_id = '%s' AND agreement = "
                   "'%.*s' AND reason = '%.*s' AND coalesce(array_length(missing, 1), 0) = %u AND "
                   "coalesce(missing[1], '') = '%.*s'",
                   case_id, SPAN_ARG(result->agreement), SPAN_ARG(result->reason),
                   result->missing_count,
                   SPAN_ARG(result->missing_count == 0 ? SPAN_LIT("") : result->missing[0].path));
    ck_assert_int_eq(fixture_number(&fixture, sql), 1);
}

START_TEST(test_each_case_has_its_result) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    struct wire_result results[4];
    open_lane(&peer);
    fixture_case(&body, "R3", 1, "US");
    fixture_case(&body, "R1", 1, "??"); /* no such country */
    fixture_case(&body, "R2", 1, "US");
    fixture_case(&body, "R3", 1, "US"); /* again in the same batch */
    struct wire_message done = decide(&peer, 5, buf_span(&body), results, 4);
    ck_assert_uint_eq(done.lane_done.verdicts[0].dead_count, 1);
    check_stored(&results[0], "R3");
    check_stored(&results[2], "R2");
    ck_assert_uint_gt(results[0].missing_count, 0);
    ck_assert_uint_gt(results[0].missing[0].question.len, 0);
    ck_assert(!results[0].duplicate && results[3].duplicate);
    ck_assert(span_eq(results[3].reason, results[0].reason));
    ck_assert(results[1].is_dead);
    ck_assert(span_is(results[1].path, "facts.claim_country"));
    ck_assert_uint_gt(results[1].reason.len, 0);
    ck_assert_uint_gt(results[1].expected.len, 0);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

/* The stored outcome is what counts, whatever the rules would decide now; it is read in words. */
START_TEST(test_duplicates_have_the_stored_result) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    struct wire_result results[3];
    open_lane(&peer);
    fixture_case(&body, "S1", 1, "US");
    deal(&peer, WIRE_WORK, "intake", 6, 1, buf_span(&body));
    struct wire_message done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.verdicts[0].results_bytes, 0); /* not asked for */
    ck_assert_uint_eq(peer.body.len, 0);
    fixture_do(&fixture,
               "UPDATE cases SET disposition = 0, missing = (SELECT array_agg(code ORDER BY label) "
               "FROM (SELECT code, label FROM codes WHERE kind = 'path' AND label IN "
               "('claim_country', 'entry_date')) p), "
               "reason = (SELECT code FROM codes WHERE kind = 'finding' AND disposition = "
               "'not_subject' ORDER BY code LIMIT 1) WHERE case_id = 'S1'");
    fixture_case(&body, "S2", 1, "US");
    fixture_case(&body, "S1", 1, "MX"); /* another content */
    (void)decide(&peer, 7, buf_span(&body), results, 3);
    ck_assert(results[0].duplicate && !results[0].is_dead);
    ck_assert_uint_eq(results[0].disposition, 0);
    ck_assert_uint_eq(results[0].missing_count, 2);
    ck_assert(span_is(results[0].missing[0].path, "claim_country"));
    ck_assert_uint_gt(results[0].missing[0].question.len, 0);
    check_stored(&results[0], "S1");
    ck_assert(!results[1].duplicate);
    check_stored(&results[1], "S2");
    ck_assert(results[2].is_dead && span_is(results[2].reason, "conflict"));
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

/* A lane without the right to read outcomes does its work; only results of duplicates are absent.
 */
START_TEST(test_without_the_right_to_outcomes) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    struct buf extra = BUF_EMPTY;
    struct buf roles = BUF_EMPTY;
    struct diag diag = {0};
    char narrow[700];
    ck_assert_msg(io_read_file("sql/roles.sql", 1 << 20, &roles, &diag) == ERR_OK, "%s", diag.text);
    fixture_do(&fixture, buf_cstr(&roles));
    fixture_do(&fixture,
               "DO $$ BEGIN CREATE ROLE unit_narrow LOGIN IN ROLE casemill_worker; EXCEPTION WHEN "
               "duplicate_object THEN NULL; END $$; REVOKE SELECT ON cases FROM casemill_worker; "
               "GRANT SELECT (source, case_id, revision, digest, disposition) ON cases TO "
               "casemill_worker");
    (void)snprintf(narrow, sizeof(narrow), "%s user=unit_narrow", fixture.conninfo);
    lane_conninfo = narrow;
    open_lane(&peer);
    fixture_case(&body, "N1", 1, "US");
    struct wire_result results[1];
    (void)decide(&peer, 8, buf_span(&body), results, 1);
    struct wire_delivery delivery = a_delivery(9, 1, buf_span(&body));
    delivery.extra = wants(&extra);
    send_work(&peer, WIRE_WORK, &delivery, 1, buf_span(&body));
    struct wire_message done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.verdicts[0].duplicates, 1);
    ck_assert_uint_eq(done.lane_done.verdicts[0].results_bytes, 0);
    drain(&peer);
    peer_close(&peer);
    lane_conninfo = NULL;
    buf_free(&roles);
    buf_free(&body);
    buf_free(&extra);
}
END_TEST

/* Several deliveries in one transaction: those that ask, and no others, have a part of the frame,
 * in order.  A burial that asks has its dead letter there. */
START_TEST(test_some_deliveries_ask) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    struct buf extra = BUF_EMPTY;
    struct wire_delivery deliveries[4];
    open_lane(&peer);
    for (uint32_t i = 0; i < 4; i++) {
        char case_id[8];
        size_t at = body.len;
        (void)snprintf(case_id, sizeof(case_id), "T%u", 9 - i);
        fixture_case(&body, case_id, 1, "US");
        deliveries[i] = a_delivery(20 + i, 1, span_make(body.ptr, body.len - at));
        deliveries[i].offset = (uint32_t)at;
        deliveries[i].extra = i % 2 == 0 ? SPAN_LIT("") : wants(&extra);
    }
    send_work(&peer, WIRE_WORK, deliveries, 4, buf_span(&body));
    for (uint32_t seen = 0; seen < 4;) {
        struct wire_message done = expect(&peer, WIRE_LANE_DONE);
        size_t at = 0;
        for (uint32_t i = 0; i < done.lane_done.range_count; i++) {
            const struct wire_counts *verdict = &done.lane_done.verdicts[i];
            struct span run = span_make(peer.body.ptr + at, verdict->results_bytes);
            bool asked = done.lane_done.ranges[i].seq % 2 == 1;
            ck_assert_uint_eq(run.len > 0, asked);
            ck_assert(!asked || results_is_run(run, 0, 1));
            at += run.len;
            seen++;
        }
        ck_assert_uint_eq(at, peer.body.len);
    }
    buf_clear(&extra);
    mp_write_map(&extra, 1);
    mp_write_str(&extra, SPAN_LIT("poison"));
    mp_write_map(&extra, 2);
    mp_write_str(&extra, SPAN_LIT("attempts"));
    mp_write_uint(&extra, 3);
    mp_write_str(&extra, SPAN_LIT("results"));
    mp_write_bool(&extra, true);
    buf_clear(&body);
    fixture_case(&body, "T99", 1, "US");
    deal_bury(&peer, 30, buf_span(&body), buf_span(&extra));
    (void)expect(&peer, WIRE_LANE_DONE);
    struct wire_result result;
    ck_assert_int_eq(results_read(peer.body, &peer.arena, &result, 1), ERR_OK);
    ck_assert(result.is_dead && span_is(result.reason, "poison"));
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
    buf_free(&extra);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_results");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_unchecked_fixture(tcase, open_database, close_database);
    tcase_add_test(tcase, test_each_case_has_its_result);
    tcase_add_test(tcase, test_duplicates_have_the_stored_result);
    tcase_add_test(tcase, test_without_the_right_to_outcomes);
    tcase_add_test(tcase, test_some_deliveries_ask);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

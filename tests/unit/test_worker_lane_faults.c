/* worker/: a lane under faults: work that comes too early or cannot be accepted, lists that
 * outgrow a frame, numbers that changed after a lost connection. */
#include "lane_peer.h"

static void open_database(void) { available = fixture_open(&fixture, "worker_lane_faults"); }
static void close_database(void) { fixture_close(&fixture); }

static void many_cases(struct buf *body, uint32_t count, const char *country) {
    for (uint32_t i = 0; i < count; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "M%05u", i);
        fixture_case(body, id, 1, country);
    }
}

static void say_work(struct peer *peer, const struct wire_delivery *deliveries, uint32_t count,
                     const struct uuid *fence, struct span body) {
    struct wire_message message = {.command = WIRE_WORK,
                                   .work = {.mode = SPAN_LIT("intake"),
                                            .delivery_count = count,
                                            .deliveries = deliveries,
                                            .fence_count = fence == NULL ? 0 : 1,
                                            .fence = fence}};
    say(peer, &message, body);
}

/* No rule set, so no credit; WORK that was on its way must not wait here for one. */
START_TEST(test_work_without_credit_goes_back) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    fixture_do(&fixture, "CREATE TABLE kept AS SELECT ruleset FROM activations; "
                         "DELETE FROM activations");
    peer_open(&peer);
    ck_assert_uint_eq(expect(&peer, WIRE_READY).ready.credit_cases, 0);
    welcome(&peer);
    fixture_case(&body, "E1", 1, "US");
    deal(&peer, WIRE_WORK, "intake", 5, 1, buf_span(&body));
    struct wire_message back = expect(&peer, WIRE_RETURN);
    ck_assert_uint_eq(back.returned.ranges[0].seq, 5);
    fixture_do(&fixture, "INSERT INTO activations (ruleset, why) SELECT ruleset, 'again' FROM kept "
                         "LIMIT 1; DROP TABLE kept");
    await_credit(&peer);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

/* A lost connection closes credit before it gives work back. */
START_TEST(test_credit_closes_before_work_goes_back) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    struct db *db = NULL;
    struct diag diag = {0};
    peer_ready(&peer, 100, 100);
    fixture_case(&body, "E2", 1, "US");
    ck_assert_int_eq(db_open(fixture.conninfo, "unit", &db, &diag), ERR_OK);
    fixture_exec(db, "BEGIN; LOCK TABLE cases IN EXCLUSIVE MODE");
    deal(&peer, WIRE_WORK, "intake", 6, 1, buf_span(&body));
    while (!span_is(expect(&peer, WIRE_LANE_BEAT).lane_beat.phase, "write")) {
        continue;
    }
    fixture_exec(db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                     "application_name LIKE 'casemill/%' AND datname = current_database()");
    struct wire_message ready = expect(&peer, WIRE_READY);
    ck_assert_uint_eq(ready.ready.credit_cases, 0);
    ck_assert_uint_eq(ready.ready.hold_count, 1);
    (void)expect(&peer, WIRE_RETURN);
    fixture_exec(db, "ROLLBACK");
    db_close(&db);
    await_credit(&peer);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

START_TEST(test_work_before_welcome) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    peer_open(&peer);
    await_credit(&peer);
    fixture_case(&body, "E3", 1, "US");
    deal(&peer, WIRE_WORK, "intake", 7, 1, buf_span(&body));
    (void)expect(&peer, WIRE_READY);
    welcome(&peer);
    deal(&peer, WIRE_WORK, "intake", 7, 1, buf_span(&body));
    struct wire_message done = expect(&peer, WIRE_LANE_DONE);
    ck_assert(uuid_eq(&done.lane_done.ranges[0].journal, &peer.journal));
    ck_assert_uint_eq(done.lane_done.verdicts[0].duplicates, 0);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

/* Sixteen thousand dead letters do not fit into one head frame; each DONE has to. */
START_TEST(test_a_flood_of_dead_letters_is_reported_in_pieces) {
    if (fixture_skips(available)) {
        return;
    }
    enum { DELIVERIES = 16, CASES = 1000 };
    struct peer peer;
    struct buf body = BUF_EMPTY;
    peer_ready(&peer, DELIVERIES * CASES, 1000);
    many_cases(&body, DELIVERIES * CASES, "??");
    struct wire_delivery deliveries[DELIVERIES];
    uint32_t bytes = (uint32_t)(body.len / DELIVERIES);
    for (uint32_t i = 0; i < DELIVERIES; i++) {
        deliveries[i] = a_delivery(30 + i, CASES, span_make(body.ptr, bytes));
        deliveries[i].offset = i * bytes;
    }
    say_work(&peer, deliveries, DELIVERIES, NULL, buf_span(&body));
    uint32_t ranges = 0;
    while (ranges < DELIVERIES) {
        struct wire_message done = expect(&peer, WIRE_LANE_DONE);
        for (uint32_t i = 0; i < done.lane_done.range_count; i++) {
            ck_assert_uint_eq(done.lane_done.verdicts[i].dead_count, CASES);
            ck_assert_uint_eq(done.lane_done.ranges[i].seq, 30 + ranges);
            ranges++;
        }
    }
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

/* The same fence comes with every WORK until the next transaction: it takes one place. */
START_TEST(test_repeated_fences_leave_room_for_others) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    struct db *db = NULL;
    struct db *frozen = NULL;
    struct diag diag = {0};
    const struct uuid other = {{1, 2, 3}};
    const struct uuid silent = {{4, 5, 6}};
    char uuid[UUID_TEXT_BYTES];
    char name[64];
    uuid_format(&silent, uuid);
    (void)snprintf(name, sizeof(name), "casemill/%s", uuid);
    peer_ready(&peer, 100, 100);
    ck_assert_int_eq(db_open(fixture.conninfo, "unit", &db, &diag), ERR_OK);
    ck_assert_int_eq(db_open(fixture.conninfo, name, &frozen, &diag), ERR_OK);
    fixture_exec(db, "BEGIN; LOCK TABLE cases IN EXCLUSIVE MODE");
    fixture_case(&body, "F1", 1, "US");
    deal(&peer, WIRE_WORK, "intake", 60, 1, buf_span(&body));
    while (!span_is(expect(&peer, WIRE_LANE_BEAT).lane_beat.phase, "write")) {
        continue;
    }
    for (int i = 0; i < 300; i++) {
        say_work(&peer, NULL, 0, &other, SPAN_LIT(""));
    }
    buf_clear(&body);
    fixture_case(&body, "F2", 1, "US");
    struct wire_delivery delivery = a_delivery(61, 1, buf_span(&body));
    say_work(&peer, &delivery, 1, &silent, buf_span(&body));
    while (expect(&peer, WIRE_LANE_BEAT).lane_beat.hold_count < 2) {
        continue;
    }
    fixture_exec(db, "ROLLBACK");
    while (expect(&peer, WIRE_LANE_DONE).lane_done.ranges[0].seq != 61) {
        continue;
    }
    ck_assert_int_eq(db_exec(frozen, "SELECT 1", 0, NULL, &diag), ERR_CONNECTION);
    db_close(&frozen);
    db_close(&db);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

/* There is no number left for a new source: its work fails with that reason, and that of other
 * sources continues. */
START_TEST(test_a_source_that_is_refused_fails_alone) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    peer_ready(&peer, 100, 100);
    fixture_do(&fixture, "SELECT source_for('unit'); INSERT INTO sources (source, name) "
                         "OVERRIDING SYSTEM VALUE VALUES (32767, 'last')");
    fixture_case(&body, "S1", 1, "US");
    struct wire_delivery deliveries[2] = {a_delivery(70, 1, buf_span(&body)),
                                          a_delivery(71, 1, buf_span(&body))};
    deliveries[0].source = SPAN_LIT("one too many");
    say_work(&peer, deliveries, 2, NULL, buf_span(&body));
    ck_assert_uint_eq(expect(&peer, WIRE_FAILED).failed.ranges[0].seq, 70);
    struct wire_message done = expect(&peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.range_count, 1);
    ck_assert_uint_eq(done.lane_done.ranges[0].seq, 71);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

/* Many lanes meet a new source at once: one gives it its number, the others take that. */
START_TEST(test_sources_burn_no_numbers) {
    if (fixture_skips(available)) {
        return;
    }
    long first = fixture_number(&fixture, "SELECT source_for('first')");
    fixture_do(&fixture, "BEGIN; SELECT source_for('given up'); ROLLBACK");
    ck_assert_int_eq(fixture_number(&fixture, "SELECT source_for('second')"), first + 1);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT source_for('first')"), first);
    struct db *other = NULL;
    struct diag diag = {0};
    ck_assert(db_open(fixture.conninfo, "unit", &other, &diag) == ERR_OK);
    fixture_exec(other, "BEGIN; SELECT source_for('both')");
    struct db *late = NULL;
    ck_assert(db_open(fixture.conninfo, "unit", &late, &diag) == ERR_OK);
    fixture_exec(late, "SET lock_timeout = 50");
    struct db_result *rows = NULL;
    ck_assert_int_ne(db_exec(late, "SELECT source_for('both')", 0, NULL, &diag), ERR_OK);
    fixture_exec(other, "COMMIT");
    ck_assert_int_eq(fixture_number(&fixture, "SELECT source_for('both')"), first + 2);
    db_result_free(&rows);
    db_close(&late);
    db_close(&other);
}
END_TEST

/* After a failover the same source may have another number. */
START_TEST(test_numbers_of_sources_end_with_the_connection) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    peer_ready(&peer, 100, 100);
    fixture_case(&body, "N1", 1, "US");
    deal(&peer, WIRE_WORK, "intake", 80, 1, buf_span(&body));
    (void)expect(&peer, WIRE_LANE_DONE);
    fixture_do(&fixture, "UPDATE sources SET name = 'another' WHERE name = 'unit'; "
                         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                         "application_name LIKE 'casemill/%' AND datname = current_database()");
    while (expect(&peer, WIRE_READY).ready.credit_cases > 0) {
        continue;
    }
    await_credit(&peer);
    buf_clear(&body);
    fixture_case(&body, "N2", 1, "US");
    deal(&peer, WIRE_WORK, "intake", 81, 1, buf_span(&body));
    (void)expect(&peer, WIRE_LANE_DONE);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM cases JOIN sources USING "
                                              "(source) WHERE case_id = 'N2' AND name = 'unit'"),
                     1);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

/* A burial decodes nothing, so the case's id may be anything; in SQL it would become another
 * case, which is stored already. */
START_TEST(test_a_case_with_a_broken_id_is_buried) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf stored = BUF_EMPTY;
    peer_ready(&peer, 100, 100);
    fixture_case(&stored, "ab", 1, "US");
    fixture_case(&stored, "??", 1, "US");
    deal(&peer, WIRE_WORK, "intake", 89, 2, buf_span(&stored));
    ck_assert_uint_eq(expect(&peer, WIRE_LANE_DONE).lane_done.verdicts[0].dead_count, 0);
    const struct span bodies[] = {SPAN_LIT("\x82\xa7"
                                           "case_id\xa2\xff\xfe\xa8revision\x01"),
                                  SPAN_LIT("\x82\xa7"
                                           "case_id\xa3"
                                           "a\0b\xa8revision\x01"),
                                  SPAN_LIT("\x05")};
    for (uint64_t i = 0; i < COUNT_OF(bodies); i++) {
        deal(&peer, WIRE_BURY, "intake", 90 + i, 1, bodies[i]);
        struct wire_message done = expect(&peer, WIRE_LANE_DONE);
        ck_assert_uint_eq(done.lane_done.ranges[0].seq, 90 + i);
        ck_assert_uint_eq(done.lane_done.verdicts[0].dead_count, 1);
    }
    drain(&peer);
    peer_close(&peer);
    buf_free(&stored);
}
END_TEST

/* A dead letter with an unreadable revision is not one of revision 0, which is stored: it would
 * count as superseded, and no operator would ever see it. */
START_TEST(test_a_revision_that_cannot_be_read_is_none) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf stored = BUF_EMPTY;
    const struct span bad[] = {SPAN_LIT("\x83\xa7"
                                        "case_id\xa2Z0\xa8revision\xa1x\xa5"
                                        "facts\x80"),
                               SPAN_LIT("\x82\xa7"
                                        "case_id\xa2Z0\xa5"
                                        "facts\x80")};
    peer_ready(&peer, 100, 100);
    fixture_case(&stored, "Z0", 0, "US");
    deal(&peer, WIRE_WORK, "intake", 100, 1, buf_span(&stored));
    (void)expect(&peer, WIRE_LANE_DONE);
    for (uint64_t i = 0; i < COUNT_OF(bad); i++) {
        deal(&peer, WIRE_WORK, "intake", 101 + i, 1, bad[i]);
        (void)expect(&peer, WIRE_LANE_DONE);
        deal(&peer, WIRE_BURY, "intake", 103 + i, 1, bad[i]);
        (void)expect(&peer, WIRE_LANE_DONE);
    }
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM report.dead_letters WHERE "
                                              "case_id = 'Z0' AND revision IS NULL"),
                     4);
    drain(&peer);
    peer_close(&peer);
    buf_free(&stored);
}
END_TEST

/* The broker restarted with an empty journal while its work was written: completeness must not
 * report the state of the old journal for the new one. */
START_TEST(test_marks_end_with_their_journal) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    struct db *db = NULL;
    struct diag diag = {0};
    const struct wire_message ask = {.command = WIRE_READY_ASK};
    peer_ready(&peer, 100, 100);
    ck_assert_int_eq(db_open(fixture.conninfo, "unit", &db, &diag), ERR_OK);
    fixture_exec(db, "BEGIN; LOCK TABLE cases IN EXCLUSIVE MODE");
    for (uint64_t i = 0; i < 2; i++) {
        buf_clear(&body);
        fixture_case(&body, i == 0 ? "J1" : "J2", 1, "US");
        deal(&peer, WIRE_WORK, "intake", 1000 + i, 1, buf_span(&body));
        while (!span_is(expect(&peer, WIRE_LANE_BEAT).lane_beat.phase, "write")) {
            continue;
        }
    }
    while (expect(&peer, WIRE_LANE_BEAT).lane_beat.hold_count < 2) {
        continue;
    }
    peer.journal = uuid_random();
    welcome(&peer);
    say(&peer, &ask, SPAN_LIT(""));
    (void)expect(&peer, WIRE_READY); /* it knows the new journal now */
    fixture_exec(db, "ROLLBACK");
    for (int done = 0; done < 2;) {
        done += (int)expect(&peer, WIRE_LANE_DONE).lane_done.range_count;
    }
    char uuid[UUID_TEXT_BYTES];
    uuid_format(&peer.journal, uuid);
    buf_clear(&body);
    buf_printf(&body, "SELECT max(done_below) FROM report.completeness WHERE journal = '%s'", uuid);
    ck_assert_int_eq(fixture_number(&fixture, buf_cstr(&body)), 0);
    db_close(&db);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_lane_faults");
    TCase *tests = tcase_create("faults");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, open_database, close_database);
    tcase_add_test(tests, test_work_without_credit_goes_back);
    tcase_add_test(tests, test_credit_closes_before_work_goes_back);
    tcase_add_test(tests, test_work_before_welcome);
    tcase_add_test(tests, test_a_flood_of_dead_letters_is_reported_in_pieces);
    tcase_add_test(tests, test_repeated_fences_leave_room_for_others);
    tcase_add_test(tests, test_sources_burn_no_numbers);
    tcase_add_test(tests, test_numbers_of_sources_end_with_the_connection);
    tcase_add_test(tests, test_a_case_with_a_broken_id_is_buried);
    tcase_add_test(tests, test_marks_end_with_their_journal);
    tcase_add_test(tests, test_a_revision_that_cannot_be_read_is_none);
    tcase_add_test(tests, test_a_source_that_is_refused_fails_alone);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

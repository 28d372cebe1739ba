/* worker/: cases that come as rows.  Each is the case that it would be as a map, and every dead
 * letter of one is a map that needs no names. */
#include "lane_peer.h"
#include "wire/mp_write.h"
#include "wire/rows.h"

static void open_database(void) { available = fixture_open(&fixture, "worker_rows"); }
static void close_database(void) { fixture_close(&fixture); }

static const char *const NAMES[] = {"no_such_fact", "nationalities", "stateless", "claim_country"};
enum { NAMES_COUNT = COUNT_OF(NAMES) };

static void put_names(struct buf *out, const char *const *names, size_t count) {
    mp_write_array(out, count);
    for (size_t i = 0; i < count; i++) {
        mp_write_str(out, span_str(names[i]));
    }
}

/* The row of fixture_case's case, under NAMES; with a value of the unknown fact or without. */
static void put_row(struct buf *out, const char *case_id, const char *country, bool is_unknown) {
    mp_write_array(out, ROWS_KEYS + NAMES_COUNT);
    mp_write_str(out, span_str(case_id));
    mp_write_int(out, 1);
    mp_write_str(out, SPAN_LIT("2020-01-10"));
    mp_write_nil(out);
    if (is_unknown) {
        mp_write_bool(out, true);
    } else {
        mp_write_nil(out);
    }
    buf_append(out, SPAN_LIT("\x92\xa2SV\xa2HN\xc2"));
    mp_write_str(out, span_str(country));
}

/* One delivery of rows: the names lie behind its cases in the same frame. */
static void deal_rows(struct peer *peer, enum wire_command command, uint64_t seq, uint32_t count,
                      struct span rows, struct span names) {
    struct buf body = BUF_EMPTY;
    buf_append(&body, rows);
    buf_append(&body, names);
    struct wire_delivery delivery = a_delivery(seq, count, rows);
    const struct wire_names where = {.offset = (uint32_t)rows.len, .length = (uint32_t)names.len};
    delivery.names = 1;
    struct wire_message message = {.command = command,
                                   .work = {.mode = SPAN_LIT("intake"),
                                            .delivery_count = 1,
                                            .deliveries = &delivery,
                                            .low_water = seq,
                                            .names_count = 1,
                                            .names = &where}};
    say(peer, &message, buf_span(&body));
    buf_free(&body);
}

static struct wire_counts send_row(struct peer *peer, enum wire_command command, uint64_t seq,
                                   const char *case_id, const char *country, bool is_unknown) {
    struct buf names = BUF_EMPTY;
    struct buf rows = BUF_EMPTY;
    put_names(&names, NAMES, NAMES_COUNT);
    put_row(&rows, case_id, country, is_unknown);
    deal_rows(peer, command, seq, 1, buf_span(&rows), buf_span(&names));
    struct wire_message done = expect(peer, WIRE_LANE_DONE);
    ck_assert_uint_eq(done.lane_done.ranges[0].seq, seq);
    buf_free(&names);
    buf_free(&rows);
    return done.lane_done.verdicts[0];
}

static struct wire_counts send_map(struct peer *peer, uint64_t seq, const char *case_id,
                                   const char *country) {
    struct buf body = BUF_EMPTY;
    fixture_case(&body, case_id, 1, country);
    deal(peer, WIRE_WORK, "intake", seq, 1, buf_span(&body));
    struct wire_message done = expect(peer, WIRE_LANE_DONE);
    buf_free(&body);
    return done.lane_done.verdicts[0];
}

static long count_where(const char *text) {
    struct buf sql = BUF_EMPTY;
    buf_printf(&sql, "SELECT count(*) FROM dead_letters WHERE %s", text);
    long count = fixture_number(&fixture, buf_cstr(&sql));
    buf_free(&sql);
    return count;
}

START_TEST(test_each_form_is_a_duplicate_of_the_other) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    peer_open_sized(&peer, 100);
    ck_assert_uint_eq(expect(&peer, WIRE_READY).ready.forms, WIRE_FORM_BIT(WIRE_FORM_ROWS));
    welcome(&peer);
    await_credit(&peer);
    ck_assert_uint_eq(send_row(&peer, WIRE_WORK, 1, "R1", "US", false).duplicates, 0);
    ck_assert_uint_eq(send_map(&peer, 2, "R1", "US").duplicates, 1);
    ck_assert_uint_eq(send_map(&peer, 3, "R2", "CA").duplicates, 0);
    struct wire_counts counts = send_row(&peer, WIRE_WORK, 4, "R2", "CA", false);
    ck_assert_uint_eq(counts.duplicates, 1);
    ck_assert_uint_eq(counts.dead_count, 0);
    drain(&peer);
    peer_close(&peer);
}
END_TEST

/* Deliveries of two arrays of names and one of maps in one message, in one transaction. */
START_TEST(test_deliveries_name_their_array) {
    if (fixture_skips(available)) {
        return;
    }
    static const char *const other[] = {"claim_country"};
    struct peer peer;
    struct buf body = BUF_EMPTY;
    struct wire_delivery deliveries[3];
    struct wire_names names[2];
    peer_ready(&peer, 100, 100);
    put_row(&body, "M1", "US", false);
    deliveries[0] = a_delivery(20, 1, buf_span(&body));
    deliveries[0].names = 2;
    size_t at = body.len;
    buf_append(&body, SPAN_LIT("\x95\xa2M2\x01\xc0\xc0\xa2US"));
    deliveries[1] = a_delivery(21, 1, span_make(body.ptr + at, body.len - at));
    deliveries[1].offset = (uint32_t)at;
    deliveries[1].names = 1;
    at = body.len;
    fixture_case(&body, "M3", 1, "US");
    deliveries[2] = a_delivery(22, 1, span_make(body.ptr + at, body.len - at));
    deliveries[2].offset = (uint32_t)at;
    at = body.len;
    put_names(&body, other, 1);
    names[0] = (struct wire_names){.offset = (uint32_t)at, .length = (uint32_t)(body.len - at)};
    at = body.len;
    put_names(&body, NAMES, NAMES_COUNT);
    names[1] = (struct wire_names){.offset = (uint32_t)at, .length = (uint32_t)(body.len - at)};
    struct wire_message message = {.command = WIRE_WORK,
                                   .work = {.mode = SPAN_LIT("intake"),
                                            .delivery_count = 3,
                                            .deliveries = deliveries,
                                            .names_count = 2,
                                            .names = names}};
    say(&peer, &message, buf_span(&body));
    for (uint32_t done = 0; done < 3;) {
        struct wire_message reply = expect(&peer, WIRE_LANE_DONE);
        for (uint32_t i = 0; i < reply.lane_done.range_count; i++, done++) {
            ck_assert_uint_eq(reply.lane_done.verdicts[i].dead_count, 0);
        }
    }
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM cases WHERE case_id IN ('M1', "
                                              "'M2', 'M3') AND claim_country = 'US'"),
                     3);
    drain(&peer);
    peer_close(&peer);
    buf_free(&body);
}
END_TEST

static void refuse(const char *case_id) {
    struct buf sql = BUF_EMPTY;
    buf_printf(&sql, "ALTER TABLE cases ADD CONSTRAINT refused CHECK (case_id <> '%s')", case_id);
    fixture_do(&fixture, buf_cstr(&sql));
    buf_free(&sql);
}

/* A fault of the decoder, of the database, and a conflict: each keeps a whole map. */
START_TEST(test_dead_letters_need_no_names) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    peer_ready(&peer, 100, 100);
    ck_assert_uint_eq(send_row(&peer, WIRE_WORK, 30, "D1", "US", true).dead_count, 1);
    ck_assert_int_eq(count_where("case_id = 'D1' AND reason = 'unknown_fact' AND "
                                 "path = 'facts.no_such_fact'"),
                     1);
    refuse("D2");
    ck_assert_uint_eq(send_row(&peer, WIRE_WORK, 31, "D2", "US", false).dead_count, 1);
    fixture_do(&fixture, "ALTER TABLE cases DROP CONSTRAINT refused");
    ck_assert_uint_eq(send_row(&peer, WIRE_WORK, 32, "D3", "US", false).dead_count, 0);
    ck_assert_uint_eq(send_row(&peer, WIRE_WORK, 33, "D3", "CA", false).dead_count, 1);
    ck_assert_int_eq(count_where("case_id = 'D3' AND reason = 'conflict'"), 1);
    /* The bytes of a map of four: case_id, revision, reference_date, facts. */
    ck_assert_int_eq(count_where("case_id IN ('D1', 'D2', 'D3') AND get_byte(body, 0) = 132"), 3);
    /* The same case in another batch, whose columns are others, is the same dead letter. */
    static const char *const turned[] = {"claim_country", "colour", "stateless", "nationalities"};
    struct buf names = BUF_EMPTY;
    refuse("D2");
    put_names(&names, turned, COUNT_OF(turned));
    deal_rows(&peer, WIRE_WORK, 34, 1,
              SPAN_LIT("\x98\xa2"
                       "D2\x01\xaa"
                       "2020-01-10\xc0\xa2US\xc0\xc2\x92\xa2SV\xa2HN"),
              buf_span(&names));
    ck_assert_uint_eq(expect(&peer, WIRE_LANE_DONE).lane_done.verdicts[0].dead_count, 1);
    buf_free(&names);
    fixture_do(&fixture, "ALTER TABLE cases DROP CONSTRAINT refused");
    ck_assert_int_eq(count_where("case_id = 'D2' AND seen = 2"), 1);
    struct buf number = BUF_EMPTY;
    long letter = fixture_number(&fixture, "SELECT dead FROM dead_letters WHERE case_id = 'D2'");
    mp_write_uint(&number, (uint64_t)letter);
    deal(&peer, WIRE_WORK, "retry", 35, 1, buf_span(&number));
    ck_assert_uint_eq(expect(&peer, WIRE_LANE_DONE).lane_done.verdicts[0].dead_count, 0);
    ck_assert_int_eq(count_where("case_id = 'D2' AND resolved_at IS NOT NULL"), 1);
    ck_assert_uint_eq(send_row(&peer, WIRE_WORK, 36, "D2", "US", false).duplicates, 1);
    drain(&peer);
    peer_close(&peer);
    buf_free(&number);
}
END_TEST

START_TEST(test_a_burial_needs_no_names) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    peer_ready(&peer, 100, 100);
    ck_assert_uint_eq(send_row(&peer, WIRE_BURY, 40, "B1", "US", false).dead_count, 1);
    ck_assert_int_eq(count_where("case_id = 'B1' AND reason = 'poison' AND revision = 1 AND "
                                 "get_byte(body, 0) = 132"),
                     1);
    /* One that is stored already is a duplicate, in either form. */
    ck_assert_uint_eq(send_map(&peer, 41, "B2", "US").dead_count, 0);
    ck_assert_uint_eq(send_row(&peer, WIRE_BURY, 42, "B2", "US", false).duplicates, 1);
    drain(&peer);
    peer_close(&peer);
}
END_TEST

/* What no broker sends is given back as failed; the lane continues. */
START_TEST(test_what_are_no_rows_fails_alone) {
    if (fixture_skips(available)) {
        return;
    }
    static const char *const twice[] = {"claim_country", "claim_country"};
    struct peer peer;
    struct buf names = BUF_EMPTY;
    struct buf rows = BUF_EMPTY;
    peer_ready(&peer, 100, 100);
    put_names(&names, twice, 2);
    put_row(&rows, "N1", "US", false);
    deal_rows(&peer, WIRE_WORK, 50, 1, buf_span(&rows), buf_span(&names));
    ck_assert_uint_eq(expect(&peer, WIRE_FAILED).failed.ranges[0].seq, 50);
    deal_rows(&peer, WIRE_BURY, 51, 1, buf_span(&rows), buf_span(&names));
    ck_assert_uint_eq(expect(&peer, WIRE_FAILED).failed.ranges[0].seq, 51);
    buf_clear(&names);
    put_names(&names, twice, 1); /* the row is longer */
    deal_rows(&peer, WIRE_WORK, 52, 1, buf_span(&rows), buf_span(&names));
    ck_assert_uint_eq(expect(&peer, WIRE_FAILED).failed.ranges[0].seq, 52);
    ck_assert_uint_eq(send_row(&peer, WIRE_WORK, 53, "N2", "US", false).dead_count, 0);
    drain(&peer);
    peer_close(&peer);
    buf_free(&names);
    buf_free(&rows);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_rows");
    TCase *tests = tcase_create("rows");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, open_database, close_database);
    tcase_add_test(tests, test_each_form_is_a_duplicate_of_the_other);
    tcase_add_test(tests, test_deliveries_name_their_array);
    tcase_add_test(tests, test_dead_letters_need_no_names);
    tcase_add_test(tests, test_a_burial_needs_no_names);
    tcase_add_test(tests, test_what_are_no_rows_fails_alone);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

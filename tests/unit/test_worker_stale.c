/* worker/: a lane with rules that are no longer in force, and the watch that should detect it.
 * The watch is late, at an old primary, at a server that does not answer, or before rules that
 * do not load. */
#include "lane_peer.h"
#include "mute_server.h"
#include "worker/fold.h"

static struct fixture old; /* the primary that was, in whose place the fixture is */

static void open_database(void) {
    available = fixture_open(&fixture, "worker_stale");
    if (available) {
        (void)fixture_open(&old, "worker_stale_old");
        fixture_publish_other(&fixture);
    }
}
static void close_database(void) {
    fixture_close(&fixture);
    fixture_close(&old);
}

/* The one activation that there is, of rule set 1 at first: its number does not change. */
static void activate(const char *sets) {
    struct buf sql = BUF_EMPTY;
    buf_printf(&sql,
               "SET session_replication_role = replica; DELETE FROM activations WHERE activation > "
               "1; UPDATE activations SET %s",
               sets);
    fixture_do(&fixture, buf_cstr(&sql));
    buf_free(&sql);
}

/* Sound for the database, nonsense for a worker. */
static void publish_nonsense(void) {
    fixture_do(&fixture,
               "INSERT INTO rulesets (id, engine, agreements) SELECT encode(sha256('nonsense'), "
               "'hex'), 1, '{}' ON CONFLICT DO NOTHING; INSERT INTO ruleset_texts SELECT ruleset, "
               "'nonsense' FROM rulesets WHERE id = encode(sha256('nonsense'), 'hex') ON CONFLICT "
               "DO NOTHING");
}
#define NONSENSE                                                                                   \
    "ruleset = (SELECT ruleset FROM rulesets WHERE id = encode(sha256('nonsense'), 'hex')), "      \
    "active_from = now() - interval '70 s'"

static void ready(struct peer *peer) {
    peer_open(peer);
    (void)expect(peer, WIRE_READY);
    welcome(peer);
    await_credit(peer);
}

static void deal_case(struct peer *peer, const char *id, uint64_t seq, struct buf *body) {
    buf_clear(body);
    fixture_case(body, id, 1, "US");
    deal(peer, WIRE_WORK, "intake", seq, 1, buf_span(body));
}

static void close_all(struct peer *peer, struct buf *body) {
    drain(peer);
    peer_close(peer);
    buf_free(body);
    watch_conninfo = NULL;
    lane_conninfo = NULL;
}

/* Credit is closed first, or what goes back would come straight back.  RETURN costs no attempt. */
static void expect_return(struct peer *peer, uint64_t seq) {
    ck_assert_uint_eq(expect(peer, WIRE_READY).ready.credit_cases, 0);
    struct wire_message message = expect(peer, WIRE_RETURN);
    ck_assert_uint_eq(message.returned.range_count, 1);
    ck_assert_uint_eq(message.returned.ranges[0].seq, seq);
}

/* The watch is fresh and wrong: the same activation is of another rule set here. */
START_TEST(a_lane_decides_again_under_the_rules_of_its_own_server) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    watch_conninfo = old.conninfo;
    activate("ruleset = 2, active_from = now() - interval '70 s'");
    ready(&peer);
    deal_case(&peer, "S1", 1, &body);
    expect_return(&peer, 1);
    await_credit(&peer);
    deal_case(&peer, "S1", 1, &body);
    ck_assert_uint_eq(expect(&peer, WIRE_LANE_DONE).lane_done.verdicts[0].duplicates, 0);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT ruleset FROM cases WHERE case_id = 'S1'"), 2);
    ck_assert_uint_eq(atomic_load(&lane_stats(peer.lane)->stale_found), 1);
    close_all(&peer, &body);
}
END_TEST

/* Due for less than the limit: nobody pauses. */
START_TEST(a_lane_goes_on_while_its_rules_may_decide) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    watch_conninfo = old.conninfo;
    activate("ruleset = 1, active_from = now() - interval '1 hour'");
    fixture_do(&fixture,
               "SET session_replication_role = replica; INSERT INTO activations (ruleset, "
               "active_from, why) VALUES (2, now() - interval '20 s', 'test')");
    ready(&peer);
    deal_case(&peer, "S2", 2, &body);
    (void)expect(&peer, WIRE_LANE_DONE);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT ruleset FROM cases WHERE case_id = 'S2'"), 1);
    ck_assert_uint_eq(atomic_load(&lane_stats(peer.lane)->stale_found), 0);
    close_all(&peer, &body);
}
END_TEST

/* What is in force does not load: no credit until something else is. */
START_TEST(a_lane_that_cannot_load_them_takes_no_work) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    watch_conninfo = old.conninfo;
    publish_nonsense();
    activate(NONSENSE);
    ready(&peer);
    deal_case(&peer, "S3", 3, &body);
    expect_return(&peer, 3);
    while (!atomic_load(&lane_stats(peer.lane)->stale)) {
        ck_assert_uint_eq(expect(&peer, WIRE_LANE_BEAT).lane_beat.hold_count, 0);
    }
    activate("ruleset = 2, active_from = now() - interval '70 s'");
    await_credit(&peer);
    ck_assert(!atomic_load(&lane_stats(peer.lane)->stale));
    deal_case(&peer, "S3", 3, &body);
    (void)expect(&peer, WIRE_LANE_DONE);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT ruleset FROM cases WHERE case_id = 'S3'"), 2);
    close_all(&peer, &body);
}
END_TEST

/* The watch finds that out by itself, without work. */
START_TEST(the_watch_closes_credit_when_the_old_rules_are_over) {
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    struct buf body = BUF_EMPTY;
    publish_nonsense();
    activate("ruleset = 1, active_from = now() - interval '1 hour'");
    ready(&peer);
    activate(NONSENSE);
    while (expect(&peer, WIRE_READY).ready.credit_cases > 0) {
        continue;
    }
    ck_assert(rule_watch_is_stale(peer.watch));
    activate("ruleset = 1, active_from = now() - interval '1 hour'");
    await_credit(&peer);
    ck_assert(!rule_watch_is_stale(peer.watch));
    close_all(&peer, &body);
}
END_TEST

static struct rule_watch *start_watch(const char *conninfo) {
    struct rule_watch *watch = NULL;
    struct diag diag = {0};
    const struct rule_watch_options options = {
        .name = "test", .conninfo = conninfo, .stale_s = 60, .changed = nothing};
    ck_assert_int_eq(rule_watch_start(&options, &watch, &diag), ERR_OK);
    return watch;
}

static int16_t decides(struct rule_watch *watch) {
    struct active_rules *rules = rule_watch_get(watch);
    int16_t number = rules == NULL ? 0 : rules->number;
    active_rules_unref(&rules);
    return number;
}

#define AWAIT(condition)                                                                           \
    for (int64_t until_ms = clock_mono_ms() + 20000; !(condition);) {                              \
        ck_assert_msg(clock_mono_ms() < until_ms, "not in time: %s", #condition);                  \
        clock_sleep_ms(20);                                                                        \
    }

static uint32_t planned(struct rule_watch *watch) {
    struct rule_watch_health health;
    rule_watch_health(watch, &health);
    return health.planned;
}

/* Nobody can be asked at the moment itself. */
START_TEST(a_planned_rule_set_is_taken_without_the_server) {
    if (fixture_skips(available)) {
        return;
    }
    struct buf sql = BUF_EMPTY;
    activate("ruleset = 1, active_from = now() - interval '1 hour'");
    fixture_do(&fixture, "INSERT INTO activations (ruleset, active_from, why) VALUES (2, now() + "
                         "interval '6 s', 'test')");
    struct rule_watch *watch = start_watch(fixture.conninfo);
    AWAIT(planned(watch) == 1);
    ck_assert_int_eq(decides(watch), 1);
    struct fixture server = {0};
    (void)snprintf(server.conninfo, sizeof(server.conninfo), "%s", fixture.base);
    buf_printf(&sql, "ALTER DATABASE %s ALLOW_CONNECTIONS false", fixture.name);
    fixture_do(&server, buf_cstr(&sql));
    buf_clear(&sql);
    buf_printf(&sql, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'",
               fixture.name);
    fixture_do(&server, buf_cstr(&sql));
    AWAIT(decides(watch) == 2);
    buf_clear(&sql);
    buf_printf(&sql, "ALTER DATABASE %s ALLOW_CONNECTIONS true", fixture.name);
    fixture_do(&server, buf_cstr(&sql));
    rule_watch_end(watch);
    rule_watch_free(&watch);
    buf_free(&sql);
}
END_TEST

static long watch_backend(void) {
    return fixture_number(&fixture,
                          "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE datname = "
                          "current_database() AND application_name = 'casemill rule watch'");
}

/* A server behind the same name may have given the same codes to other reasons. */
START_TEST(codes_end_with_their_connection) {
    if (fixture_skips(available)) {
        return;
    }
    activate("ruleset = 1, active_from = now() - interval '1 hour'");
    struct rule_watch *watch = start_watch(fixture.conninfo);
    AWAIT(decides(watch) == 1);
    uint32_t before = rule_watch_generation(watch);
    long backend = watch_backend();
    rule_watch_doubt(watch);
    AWAIT(watch_backend() != backend && watch_backend() != 0);
    AWAIT(planned(watch) == 0);
    ck_assert_uint_eq(rule_watch_generation(watch), before); /* all is as it was */
    fixture_do(
        &fixture,
        "UPDATE codes SET label = label || '-kept' WHERE code = (SELECT max(code) FROM codes "
        "WHERE kind = 'finding'); INSERT INTO codes (kind, agreement, disposition, label) "
        "SELECT kind, agreement, disposition, left(label, -5) FROM codes WHERE label LIKE "
        "'%-kept'; UPDATE ruleset_pairs p SET findings = array_replace(findings, k.code, n.code), "
        "projected = array_replace(projected, k.code, n.code) FROM codes k, codes n "
        "WHERE k.label = n.label || '-kept' AND (k.agreement, k.disposition) = "
        "(n.agreement, n.disposition)");
    rule_watch_doubt(watch);
    AWAIT(rule_watch_generation(watch) == before + 1);
    rule_watch_end(watch);
    rule_watch_free(&watch);
}
END_TEST

/* A stop does not wait for a server that does not answer: in connecting, in a call. */
START_TEST(a_stop_wakes_watch_and_fold) {
    struct mute_server server;
    char conninfo[256];
    struct fold *fold = NULL;
    struct diag diag = {0};
    mute_open(&server, _i == 0 ? 0 : 2, NULL);
    mute_conninfo(&server, "connect_timeout=600", conninfo, sizeof(conninfo));
    struct rule_watch *watch = start_watch(conninfo);
    ck_assert_int_eq(fold_start(conninfo, &fold, &diag), ERR_OK);
    AWAIT(atomic_load(&server.came) == 2);
    rule_watch_end(watch);
    rule_watch_free(&watch);
    fold_end(&fold);
    mute_close(&server);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_stale");
    TCase *tests = tcase_create("stale");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, open_database, close_database);
    tcase_add_test(tests, a_lane_decides_again_under_the_rules_of_its_own_server);
    tcase_add_test(tests, a_lane_goes_on_while_its_rules_may_decide);
    tcase_add_test(tests, a_lane_that_cannot_load_them_takes_no_work);
    tcase_add_test(tests, the_watch_closes_credit_when_the_old_rules_are_over);
    tcase_add_test(tests, a_planned_rule_set_is_taken_without_the_server);
    tcase_add_test(tests, codes_end_with_their_connection);
    tcase_add_loop_test(tests, a_stop_wakes_watch_and_fold, 0, 2);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

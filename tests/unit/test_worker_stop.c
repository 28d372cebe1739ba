/* worker/: a lane is stopped while PostgreSQL hangs, in each phase. Drained, it ends by itself
 * only without deliveries. Abandoned, it returns its deliveries and sends BYE, whatever it waits
 * for. */
#include "lane_peer.h"
#include "mute_server.h"

static void open_database(void) { available = fixture_open(&fixture, "worker_stop"); }
static void close_database(void) { fixture_close(&fixture); }

#define WAITS_FOR_LOCK                                                                             \
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name "   \
    "LIKE 'casemill/%' AND datname = current_database()"

/* Where the server's side of the lane hangs, and how that shows. */
static const struct phase {
    const char *name;
    const char *make;   /* makes it hang, before work is dispatched */
    const char *shows;  /* a number above 0 when it does */
    const char *remove; /* for the next */
    uint32_t cases;
    const char *mode; /* of the work; NULL: intake */
    const char *lock; /* what another session holds meanwhile; NULL: nothing */
} PHASES[] = {
    {"in the statement of a few rows",
     "CREATE TRIGGER hang BEFORE INSERT ON cases FOR EACH ROW EXECUTE FUNCTION hang()",
     "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = "
     "current_database()",
     "DROP TRIGGER hang ON cases", 1, NULL, NULL},
    {"in COPY", "CREATE TRIGGER hang BEFORE INSERT ON cases FOR EACH ROW EXECUTE FUNCTION hang()",
     "SELECT count(*) FROM pg_stat_progress_copy c JOIN pg_stat_activity a USING (pid) WHERE "
     "a.wait_event = 'PgSleep' AND a.datname = current_database()",
     "DROP TRIGGER hang ON cases", 60, NULL, NULL},
    {"in COMMIT",
     "CREATE CONSTRAINT TRIGGER hang AFTER INSERT ON commits DEFERRABLE INITIALLY DEFERRED FOR "
     "EACH ROW EXECUTE FUNCTION hang()",
     "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = "
     "current_database()",
     "DROP TRIGGER hang ON commits", 1, NULL, NULL},
    {"waiting for a lock", NULL, WAITS_FOR_LOCK, NULL, 1, NULL, "LOCK TABLE commits"},
    {"in the read of stored cases", NULL,
     WAITS_FOR_LOCK " AND query LIKE '%LATERAL (SELECT c.digest%'", NULL, 3, "reapply",
     "LOCK TABLE cases"},
    {"in the read of dead letters", NULL,
     WAITS_FOR_LOCK " AND query LIKE '%LEFT JOIN dead_letters%'", NULL, 3, "retry",
     "LOCK TABLE dead_letters"},
};

/* The rule set that cases are to be decided under again: the one in force. */
static void put_request(struct buf *extra) {
    struct db *db = NULL;
    struct db_result *rows = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(db_open(fixture.conninfo, "unit", &db, &diag), ERR_OK);
    ck_assert_int_eq(db_query(db, "SELECT id FROM rulesets", 0, NULL, &rows, &diag), ERR_OK);
    ck_assert_uint_eq(strlen(db_cell(rows, 0, 0)), 64);
    buf_str(extra, "\x81\xa7reapply\x81\xa7ruleset\xd9\x40");
    buf_str(extra, db_cell(rows, 0, 0));
    db_result_free(&rows);
    db_close(&db);
}

/* The cases, names of stored ones, or numbers of dead letters that the phase needs. */
static void deal_phase(struct peer *peer, uint64_t seq, const struct phase *phase, int number) {
    struct buf body = BUF_EMPTY;
    struct buf extra = BUF_EMPTY;
    bool is_reapply = phase->mode != NULL && strcmp(phase->mode, "reapply") == 0;
    for (uint32_t i = 0; i < phase->cases; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "P%d-%02u", number, i);
        if (phase->mode == NULL) {
            fixture_case(&body, id, 1, "US");
        } else if (is_reapply) {
            buf_str(&body, "\x93\xa4unit\xa5");
            buf_append(&body, span_str(id));
            buf_byte(&body, 1);
        } else {
            buf_byte(&body, (uint8_t)(i + 1));
        }
    }
    if (is_reapply) {
        put_request(&extra);
    }
    struct wire_delivery delivery = a_delivery(seq, phase->cases, buf_span(&body));
    delivery.extra = buf_span(&extra);
    struct wire_message message = {
        .command = WIRE_WORK,
        .work = {.mode = span_str(phase->mode == NULL ? "intake" : phase->mode),
                 .delivery_count = 1,
                 .deliveries = &delivery}};
    say(peer, &message, buf_span(&body));
    buf_free(&body);
    buf_free(&extra);
}

/* The lane waits for its COMMIT as long as the server reports that it works. */
static void end_backends(void) {
    fixture_do(&fixture, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                         "application_name LIKE 'casemill/%' AND datname = current_database()");
}

static void await_shown(const char *sql) {
    int64_t until_ms = clock_mono_ms() + 20000;
    while (fixture_number(&fixture, sql) == 0) {
        ck_assert_msg(clock_mono_ms() < until_ms, "not in time: %s", sql);
        clock_sleep_ms(20);
    }
}

START_TEST(work_is_given_back_in_each_phase) {
    if (fixture_skips(available)) {
        return;
    }
    const struct phase *phase = &PHASES[_i];
    struct peer peer;
    struct db *holder = NULL;
    struct diag diag = {0};
    peer_ready(&peer, 100, 100);
    ck_assert_int_eq(db_open(fixture.conninfo, "holder", &holder, &diag), ERR_OK);
    if (phase->lock != NULL) {
        fixture_exec(holder, "BEGIN");
        fixture_exec(holder, phase->lock);
    } else {
        fixture_exec(holder, "CREATE OR REPLACE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql "
                             "AS 'BEGIN PERFORM pg_sleep(600); RETURN NEW; END'");
        fixture_exec(holder, phase->make);
    }
    deal_phase(&peer, 7, phase, _i);
    await_shown(phase->shows);
    lane_drain(peer.lane);
    while (expect(&peer, WIRE_LANE_BEAT).lane_beat.hold_count !=
           1) { /* it still sends heartbeats */
        continue;
    }
    lane_abandon(peer.lane);
    struct wire_message message = expect(&peer, WIRE_RETURN);
    ck_assert_uint_eq(message.returned.ranges[0].seq, 7);
    ck_assert_uint_eq(message.returned.ranges[0].count, phase->cases);
    (void)expect(&peer, WIRE_BYE);
    peer_close(&peer);
    end_backends();
    fixture_exec(holder, phase->lock != NULL ? "ROLLBACK" : phase->remove);
    db_close(&holder);
}
END_TEST

/* It holds nothing: the first word is enough. */
static void drained_at(const char *conninfo) {
    struct peer peer;
    lane_conninfo = conninfo;
    peer_open(&peer);
    (void)expect(&peer, WIRE_READY);
    welcome(&peer);
    if (conninfo == NULL) {
        await_credit(&peer);
    } else {
        while (!span_is(expect(&peer, WIRE_LANE_BEAT).lane_beat.phase, "reconnect")) {
            continue;
        }
    }
    drain(&peer);
    peer_close(&peer);
    lane_conninfo = NULL;
}

START_TEST(an_idle_lane_ends_at_once) {
    if (!fixture_skips(available)) {
        drained_at(NULL);
    }
}
END_TEST

/* Not accepted, and accepted but never answered. */
START_TEST(a_lane_that_connects_ends_at_once) {
    if (fixture_skips(available)) {
        return;
    }
    struct mute_server server;
    char conninfo[256];
    mute_open(&server, _i == 0 ? 0 : 1, NULL);
    mute_conninfo(&server, "connect_timeout=600", conninfo, sizeof(conninfo));
    drained_at(conninfo);
    mute_close(&server);
}
END_TEST

START_TEST(a_lane_ends_when_its_broker_orders_it) {
    static const struct wire_message WORDS[] = {{.command = WIRE_DRAIN},
                                                {.command = WIRE_BEAT, .beat = {.retire = true}}};
    if (fixture_skips(available)) {
        return;
    }
    struct peer peer;
    peer_ready(&peer, 100, 100);
    say(&peer, &WORDS[_i], SPAN_LIT(""));
    (void)expect(&peer, WIRE_BYE);
    peer_close(&peer);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_stop");
    TCase *tests = tcase_create("stop");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, open_database, close_database);
    tcase_add_test(tests, an_idle_lane_ends_at_once);
    tcase_add_loop_test(tests, a_lane_ends_when_its_broker_orders_it, 0, 2);
    tcase_add_loop_test(tests, a_lane_that_connects_ends_at_once, 0, 2);
    tcase_add_loop_test(tests, work_is_given_back_in_each_phase, 0, (int)COUNT_OF(PHASES));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

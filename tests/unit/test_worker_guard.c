/* worker/: a transaction asks the server whether its rule set is still in force: when that
 * function fails, and that every write into the table calls it. */
#include "writer_bench.h"

static void open_database(void) {
    available = fixture_open(&fixture, "worker_guard");
    if (available) {
        fixture_publish_other(&fixture);
        fixture_do(&fixture, "UPDATE activations SET active_from = now() - interval '1 hour'");
    }
}
static void close_database(void) { fixture_close(&fixture); }

/* Rule set 1 asks, with a limit of 60 s.  Moments are in seconds from now. */
static const struct row {
    const char *what;
    const char *activations; /* (ruleset, seconds) */
    bool passes;
} ROWS[] = {
    {"in force for an hour", "(1, -3600)", true},
    {"in force for a second", "(2, -3600), (1, -1)", true},
    {"another is due for less", "(1, -3600), (2, -55)", true},
    {"another is due for longer", "(1, -3600), (2, -65)", false},
    {"two others, the second for less", "(1, -3600), (2, -65), (2, -5)", false},
    {"in force again", "(1, -3600), (2, -65), (1, -62)", true},
    {"in force again, and over for less", "(1, -3600), (2, -300), (1, -70), (2, -55)", true},
    {"in force again, and over for longer", "(1, -3600), (2, -300), (1, -90), (2, -65)", false},
    {"taken by a clock that is a little ahead", "(2, -3600), (1, 5)", true},
    {"planned for tomorrow", "(2, -3600), (1, 86400)", false},
    {"replaced at its own moment, in the limit", "(2, -3600), (1, -5), (2, -5)", false},
    {"none is active", "(1, 3600)", true},
    {"another is the first, for less", "(2, -55)", true},
    {"another is the first, for longer", "(2, -65)", false},
};

static enum err ask(struct db *db, const char *id) {
    struct diag diag = {0};
    const char *params[] = {id};
    return db_exec(db,
                   "SELECT rules_guard(1::smallint, coalesce($1, (SELECT id FROM rulesets "
                   "WHERE ruleset = 1)), interval '60 s')",
                   1, params, &diag);
}

START_TEST(the_guard_fails_when_another_is_due_for_too_long) {
    if (fixture_skips(available)) {
        return;
    }
    const struct row *row = &ROWS[_i];
    struct db *db = NULL;
    struct diag diag = {0};
    struct buf sql = BUF_EMPTY;
    ck_assert_int_eq(db_open(fixture.conninfo, "unit", &db, &diag), ERR_OK);
    buf_printf(&sql,
               "SET session_replication_role = replica; BEGIN; DELETE FROM activations; "
               "INSERT INTO activations (ruleset, active_from, why) SELECT r, now() + s * interval "
               "'1 s', 'test' FROM (VALUES %s) AS t (r, s)",
               row->activations);
    fixture_exec(db, buf_cstr(&sql));
    enum err err = ask(db, NULL);
    ck_assert_msg((err == ERR_OK) == row->passes, "%s", row->what);
    ck_assert_str_eq(db_sqlstate(db), row->passes ? "" : SQLSTATE_STALE_RULES);
    fixture_exec(db, "ROLLBACK");
    db_close(&db);
    buf_free(&sql);
}
END_TEST

/* A failover reused the number: not for a second. */
START_TEST(a_number_that_is_another_rule_set_fails_at_once) {
    if (fixture_skips(available)) {
        return;
    }
    static const char other[] = "0000000000000000000000000000000000000000000000000000000000000000";
    struct db *db = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(db_open(fixture.conninfo, "unit", &db, &diag), ERR_OK);
    /* The number is in force for an hour, or for a second. */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(db, NULL), ERR_OK);
        ck_assert_int_ne(ask(db, other), ERR_OK);
        ck_assert_str_eq(db_sqlstate(db), SQLSTATE_STALE_RULES);
        fixture_exec(db, "ROLLBACK; SET session_replication_role = replica; BEGIN; "
                         "UPDATE activations SET active_from = now() - interval '1 s'; "
                         "INSERT INTO activations (ruleset, active_from, why) VALUES (2, now() - "
                         "interval '1 hour', 'test'); SAVEPOINT a");
    }
    fixture_exec(db, "ROLLBACK");
    db_close(&db);
}
END_TEST

enum way { FEW, MANY, DUPLICATE, TOMBSTONES, RETRY, DEAD, CANARY, REAPPLY, WAY_COUNT };

static void prepare(struct bench *bench, enum way way) {
    bench_begin(bench);
    for (uint32_t i = 0; i < (way == MANY ? 40u : way >= DEAD ? 0u : 1u); i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "W%d-%u", (int)way, i);
        bench_add(bench, id, 1, "US");
    }
    bench_decide(bench);
    if (way == RETRY) {
        txn_note_letter(&bench->txn, 1);
    }
    if (way == DEAD) {
        (void)txn_add_dead(&bench->txn, 0, 0, "conflict", SPAN_LIT("\x80"));
    }
    bench->writer.resolves = way == RETRY;
    bench->writer.has_purged = way == TOMBSTONES;
    bench->writer.mode = way == CANARY    ? WRITER_CANARY
                         : way == REAPPLY ? WRITER_REAPPLY
                                          : WRITER_INTAKE;
}

static enum err write_all(struct bench *bench) {
    return bench->txn.case_count > 0 ? writer_write(&bench->writer, &bench->txn)
                                     : writer_write_dead(&bench->writer, &bench->txn);
}

START_TEST(every_way_of_writing_asks) {
    if (fixture_skips(available)) {
        return;
    }
    const enum way way = (enum way)_i;
    struct bench bench;
    bench_open(&bench, "guard");
    if (way == DUPLICATE) { /* from the fast way for new cases to the one for stored ones */
        prepare(&bench, way);
        ck_assert_int_eq(write_all(&bench), ERR_OK);
    }
    long before = fixture_number(&fixture, "SELECT count(*) FROM commits");
    fixture_do(&fixture,
               "SET session_replication_role = replica; INSERT INTO activations (ruleset, "
               "active_from, why) VALUES (2, now() - interval '70 s', 'test')");
    prepare(&bench, way);
    enum err err = write_all(&bench);
    fixture_do(&fixture, "DELETE FROM activations WHERE ruleset = 2");
    if (way == REAPPLY) { /* it names its rule set */
        ck_assert_int_eq(err, ERR_OK);
        bench_close(&bench);
        return;
    }
    ck_assert_int_eq(err, ERR_BUSY);
    ck_assert_str_eq(bench.writer.sqlstate, SQLSTATE_STALE_RULES);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM commits"), before);
    ck_assert_int_eq(write_all(&bench), ERR_OK); /* the connection is good for the next */
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM commits"), before + 1);
    bench_close(&bench);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_guard");
    TCase *tests = tcase_create("guard");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, open_database, close_database);
    tcase_add_loop_test(tests, the_guard_fails_when_another_is_due_for_too_long, 0,
                        (int)COUNT_OF(ROWS));
    tcase_add_test(tests, a_number_that_is_another_rule_set_fails_at_once);
    tcase_add_loop_test(tests, every_way_of_writing_asks, 0, WAY_COUNT);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* worker/: rule set from the database, rows, and every way of writing them, on a real
 * PostgreSQL. */
#include "writer_bench.h"

static void open_database(void) { available = fixture_open(&fixture, "worker_writer"); }
static void close_database(void) { fixture_close(&fixture); }

static void add_many(struct bench *bench, const char *prefix, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "%s%03u", prefix, i);
        bench_add(bench, id, 1, "US");
    }
}

/* Few rows are sent as an INSERT, many as a COPY: the same way, the same rows. */
START_TEST(test_fresh) {
    if (fixture_skips(available)) {
        return;
    }
    const uint32_t count = _i == 0 ? 3 : 40;
    struct bench bench;
    struct wire_counts counts;
    bench_open(&bench, _i == 0 ? "few" : "many");
    bench_begin(&bench);
    add_many(&bench, "F", count);
    bench_write(&bench, &counts);
    ck_assert_uint_eq(outcomes(&counts), count);
    ck_assert_uint_eq(counts.duplicates + counts.dead_count, 0);
    struct buf sql = BUF_EMPTY;
    buf_printf(
        &sql,
        "SELECT count(*) FROM cases JOIN commits USING (commit) JOIN tallies USING (commit) "
        "WHERE source = %d AND nationalities$ = '{SV,HN}' AND NOT stateless AND claim_country = "
        "'US' AND entry_date "
        "IS NULL AND reference_date = '2020-01-10' AND received_at = "
        "to_timestamp(1600000000) AND commits.cases = %u AND findings IS NULL AND "
        "cardinality(result_read(result, 4)) = 4 AND cases.reason IN (SELECT code FROM codes WHERE "
        "kind = "
        "'finding') AND outcome_counts = '{%u}'",
        bench.source, count, count);
    ck_assert_int_eq(fixture_number(&fixture, buf_cstr(&sql)), (long)count);
    buf_free(&sql);
    bench_close(&bench);
}
END_TEST

/* A column of another type refuses every case: that is the table's fault, and nobody is buried. */
START_TEST(test_another_table_buries_no_case) {
    if (fixture_skips(available)) {
        return;
    }
    static const struct {
        const char *column, *type, *other, *sqlstate;
    } rows[] = {{"claim_country", "text", "boolean", "22P03"},
                {"stateless", "boolean", "integer", "08P01"}};
    struct bench bench;
    struct buf sql = BUF_EMPTY;
    bench_open(&bench, "another table");
    bench_begin(&bench);
    add_many(&bench, "A", _i % 2 == 0 ? 3 : 40); /* INSERT and COPY */
    bench_decide(&bench);
    buf_printf(&sql, "ALTER TABLE cases DROP COLUMN %s; ALTER TABLE cases ADD COLUMN %s %s",
               rows[_i / 2].column, rows[_i / 2].column, rows[_i / 2].other);
    fixture_do(&fixture, buf_cstr(&sql));
    ck_assert_int_eq(writer_write(&bench.writer, &bench.txn), ERR_DENIED);
    ck_assert_str_eq(bench.writer.sqlstate, rows[_i / 2].sqlstate);
    buf_clear(&sql);
    buf_printf(&sql, "ALTER TABLE cases DROP COLUMN %s; ALTER TABLE cases ADD COLUMN %s %s",
               rows[_i / 2].column, rows[_i / 2].column, rows[_i / 2].type);
    fixture_do(&fixture, buf_cstr(&sql));
    buf_free(&sql);
    ck_assert_int_eq(writer_write(&bench.writer, &bench.txn), ERR_OK);
    ck_assert_str_eq(bench.writer.sqlstate, "");
    ck_assert_uint_eq(bench.txn.dead_count, 0);
    bench_close(&bench);
}
END_TEST

START_TEST(test_again_is_duplicate) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    struct wire_counts first;
    struct wire_counts second;
    bench_open(&bench, "again");
    bench_begin(&bench);
    add_many(&bench, "D", 20);
    bench_write(&bench, &first);
    bench_begin(&bench);
    add_many(&bench, "D", 30);
    bench_write(&bench, &second);
    ck_assert_uint_eq(outcomes(&second), 30);
    ck_assert_uint_eq(second.duplicates, 20);
    ck_assert_uint_eq(second.dead_count, 0);
    struct buf sql = BUF_EMPTY;
    buf_printf(&sql, "SELECT count(*) FROM cases WHERE source = %d", bench.source);
    ck_assert_int_eq(fixture_number(&fixture, buf_cstr(&sql)), 30);
    buf_free(&sql);
    bench_close(&bench);
}
END_TEST

/* A disposition that this version does not know cannot be counted; it must not be written beside
 * the counts either. */
START_TEST(test_an_unknown_disposition_is_not_counted) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    struct wire_counts counts;
    struct writer_found found;
    bench_open(&bench, "unknown");
    bench_begin(&bench);
    bench_add(&bench, "U1", 1, "US");
    bench_write(&bench, &counts);
    fixture_do(&fixture, "UPDATE cases SET disposition = 5 WHERE case_id = 'U1'");
    ck_assert_int_eq(writer_find(&bench.writer, bench.source, SPAN_LIT("U1"), 1, &found),
                     ERR_CORRUPT);
    bench_begin(&bench);
    bench_add(&bench, "U1", 1, "US");
    bench_decide(&bench);
    ck_assert_int_eq(writer_write(&bench.writer, &bench.txn), ERR_CORRUPT);
    bench_close(&bench);
}
END_TEST

START_TEST(test_conflict) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    struct wire_counts counts;
    bench_open(&bench, "conflict");
    bench_begin(&bench);
    bench_add(&bench, "C1", 1, "US");
    bench_write(&bench, &counts);
    bench_begin(&bench);
    bench_add(&bench, "C1", 1, "CA"); /* against what is stored */
    bench_add(&bench, "C2", 1, "US");
    bench_add(&bench, "C2", 1, "CA"); /* against its own transaction */
    bench_add(&bench, "C2", 1, "US");
    bench_add(&bench, "C2", 2, "CA"); /* another revision */
    bench_write(&bench, &counts);
    ck_assert_uint_eq(outcomes(&counts), 3);
    ck_assert_uint_eq(counts.duplicates, 1);
    ck_assert_uint_eq(counts.dead_count, 2);
    struct buf sql = BUF_EMPTY;
    buf_printf(
        &sql,
        "SELECT count(*) FROM dead_letters d JOIN cases c USING (source, case_id, revision) "
        "WHERE source = %d AND d.reason = 'conflict' AND expected = c.digest::text AND found = "
        "d.digest::text AND found <> expected AND octet_length(d.body) > 0",
        bench.source);
    ck_assert_int_eq(fixture_number(&fixture, buf_cstr(&sql)), 2);
    /* The same again counts, it does not double. */
    bench_begin(&bench);
    bench_add(&bench, "C1", 1, "CA");
    bench_write(&bench, &counts);
    ck_assert_uint_eq(counts.dead_count, 1);
    ck_assert_int_eq(fixture_number(&fixture, buf_cstr(&sql)), 2);
    buf_clear(&sql);
    buf_printf(&sql, "SELECT max(seen) FROM dead_letters WHERE source = %d", bench.source);
    ck_assert_int_eq(fixture_number(&fixture, buf_cstr(&sql)), 2);
    buf_free(&sql);
    bench_close(&bench);
}
END_TEST

/* A row that the database refuses: the rest stands, it is a dead letter. */
START_TEST(test_split) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    struct wire_counts counts;
    fixture_do(&fixture, "ALTER TABLE cases ADD CONSTRAINT split CHECK (case_id <> 'S007')");
    bench_open(&bench, "split");
    bench_begin(&bench);
    add_many(&bench, "S", 40);
    bench_write(&bench, &counts);
    fixture_do(&fixture, "ALTER TABLE cases DROP CONSTRAINT split");
    ck_assert_uint_eq(outcomes(&counts), 39);
    ck_assert_uint_eq(counts.dead_count, 1);
    ck_assert(span_is(counts.dead[0].reason, "not_storable"));
    ck_assert_uint_eq(counts.dead[0].index, 7);
    struct buf sql = BUF_EMPTY;
    buf_printf(
        &sql,
        "SELECT (SELECT count(*) FROM cases WHERE source = %d) * 100 + (SELECT count(*) FROM "
        "dead_letters WHERE source = %d AND case_id = 'S007')",
        bench.source, bench.source);
    ck_assert_int_eq(fixture_number(&fixture, buf_cstr(&sql)), 3901);
    buf_free(&sql);
    bench_close(&bench);
}
END_TEST

/* A row of another transaction, committed while ours waits for it. */
START_TEST(test_neighbour) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench mine;
    struct bench other;
    struct wire_counts counts;
    bench_open(&mine, "neighbour");
    bench_open(&other, "neighbour");
    bench_begin(&other);
    add_many(&other, "N", 5);
    bench_write(&other, &counts);
    bench_begin(&mine);
    add_many(&mine, "N", 25);
    bench_write(&mine, &counts);
    ck_assert_uint_eq(counts.duplicates, 5);
    ck_assert_uint_eq(outcomes(&counts), 25);
    bench_close(&mine);
    bench_close(&other);
}
END_TEST

START_TEST(test_canary_and_source) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    int16_t again = 0;
    struct writer_found found = {.disposition = 0};
    bench_open(&bench, "it's a source");
    ck_assert_int_eq(writer_source(&bench.writer, SPAN_LIT("it's a source"), &again), ERR_OK);
    ck_assert_int_eq(again, bench.source);
    ck_assert_int_eq(writer_find(&bench.writer, bench.source, SPAN_LIT("nobody"), 1, &found),
                     ERR_OK);
    ck_assert_int_eq(found.disposition, -1);
    long before = fixture_number(&fixture, "SELECT count(*) FROM commits");
    bench.writer.mode = WRITER_CANARY;
    ck_assert_int_eq(writer_write(&bench.writer, &bench.txn), ERR_OK);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM commits") - before, 1);
    bench_close(&bench);
}
END_TEST

START_TEST(test_end_lanes) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    struct db *victim = NULL;
    struct diag diag = {0};
    struct uuid lane = uuid_random();
    char uuid[UUID_TEXT_BYTES];
    char application[64];
    uuid_format(&lane, uuid);
    (void)snprintf(application, sizeof(application), "casemill/%s", uuid);
    bench_open(&bench, "fence");
    ck_assert_int_eq(db_open(fixture.conninfo, application, &victim, &diag), ERR_OK);
    ck_assert_int_eq(writer_end_lanes(&bench.writer, &lane, 1), ERR_OK);
    ck_assert_int_eq(db_exec(victim, "SELECT 1", 0, NULL, &diag), ERR_CONNECTION);
    db_close(&victim);
    bench_close(&bench);
}
END_TEST

/* This lane cannot end the backend of a lane that logged in as another role. The attempt would
 * be an error, and the lane with the fence would never write again. */
START_TEST(test_lanes_of_another_role_are_left_alone) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    struct db *other = NULL;
    struct diag diag = {0};
    struct uuid lane = uuid_random();
    char uuid[UUID_TEXT_BYTES];
    char application[64];
    char conninfo[1024];
    uuid_format(&lane, uuid);
    (void)snprintf(application, sizeof(application), "casemill/%s", uuid);
    fixture_do(&fixture, "CREATE ROLE unit_lane_one LOGIN; CREATE ROLE unit_lane_two LOGIN");
    (void)snprintf(conninfo, sizeof(conninfo), "%s user=unit_lane_two", fixture.conninfo);
    ck_assert_int_eq(db_open(conninfo, application, &other, &diag), ERR_OK);
    bench_open(&bench, "roles");
    ck_assert_int_eq(db_lane_exec(bench.db, "SET ROLE unit_lane_one", NULL), ERR_OK);
    ck_assert_int_eq(writer_end_lanes(&bench.writer, &lane, 1), ERR_OK);
    ck_assert_int_eq(db_exec(other, "SELECT 1", 0, NULL, &diag), ERR_OK);
    db_close(&other);
    bench_close(&bench);
    fixture_do(&fixture, "DROP ROLE unit_lane_one, unit_lane_two");
}
END_TEST

/* No server here waits for a standby, and a database without tables is reported as one. */
START_TEST(test_setup_refuses) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    struct diag diag = {0};
    bench_open(&bench, "setup");
    ck_assert_int_eq(writer_setup(&bench.writer, bench.db, 1, &diag), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(diag.text, "sync_standbys"));
    ck_assert_int_eq(db_lane_exec(bench.db, "SET search_path = elsewhere", NULL), ERR_OK);
    ck_assert_int_eq(writer_setup(&bench.writer, bench.db, 0, &diag), ERR_VERSION);
    ck_assert_ptr_nonnull(strstr(diag.text, "in schema public, which search_path (elsewhere)"));
    ck_assert_int_eq(db_lane_exec(bench.db,
                                  "RESET search_path; BEGIN; "
                                  "ALTER TABLE ruleset_texts RENAME TO away",
                                  NULL),
                     ERR_OK);
    ck_assert_int_eq(writer_setup(&bench.writer, bench.db, 0, &diag), ERR_VERSION);
    ck_assert_ptr_nonnull(strstr(diag.text, "db migrate"));
    bench_close(&bench);
}
END_TEST

static void expect_setting(struct bench *bench, const char *show, const char *wanted) {
    struct db_result *rows = NULL;
    ck_assert_int_eq(db_lane_exec(bench->db, show, &rows), ERR_OK);
    ck_assert_str_eq(db_cell(rows, 0, 0), wanted);
    db_result_free(&rows);
}

/* A role's own settings do not make a commit less than durable, nor a wait endless. */
START_TEST(test_setup_sets) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    struct diag diag = {0};
    bench_open(&bench, "sets");
    ck_assert_int_eq(db_lane_exec(bench.db,
                                  "SET synchronous_commit = off; SET lock_timeout = 0; "
                                  "SET log_min_error_statement = error; "
                                  "SET log_error_verbosity = verbose; "
                                  "SET idle_in_transaction_session_timeout = 0",
                                  NULL),
                     ERR_OK);
    ck_assert_int_eq(writer_setup(&bench.writer, bench.db, 0, &diag), ERR_OK);
    expect_setting(&bench, "SHOW synchronous_commit", "on");
    expect_setting(&bench, "SHOW lock_timeout", "5s");
    expect_setting(&bench, "SHOW log_min_error_statement", "panic"); /* nor quote a case (P10) */
    expect_setting(&bench, "SHOW log_error_verbosity", "terse");
    expect_setting(&bench, "SHOW idle_in_transaction_session_timeout", "30s");
    bench_close(&bench);
}
END_TEST

/* What a lane's promises rely on goes with each transaction: a session of which somebody else has
 * changed the settings, as behind a pooler, makes none of them less. */
START_TEST(test_settings_go_with_each_transaction) {
    if (fixture_skips(available)) {
        return;
    }
    fixture_do(&fixture,
               "CREATE TABLE IF NOT EXISTS seen (way int, settings text); "
               "CREATE OR REPLACE FUNCTION note_settings() RETURNS trigger LANGUAGE plpgsql AS "
               "'BEGIN INSERT INTO seen SELECT NEW.cases, string_agg(setting, "
               "'','' ORDER BY name) FROM pg_settings WHERE name IN (''synchronous_commit'', "
               "''lock_timeout'', ''transaction_isolation'', ''log_min_error_statement'', "
               "''log_error_verbosity'', ''idle_in_transaction_session_timeout'', "
               "''client_min_messages''); RETURN NULL; END'; "
               "CREATE OR REPLACE TRIGGER note_settings AFTER INSERT ON commits FOR EACH ROW "
               "EXECUTE FUNCTION note_settings()");
    struct bench bench;
    struct wire_counts counts;
    bench_open(&bench, "settings");
    ck_assert_int_eq(db_lane_exec(bench.db,
                                  "SET synchronous_commit = off; SET lock_timeout = 0; "
                                  "SET default_transaction_isolation = serializable; "
                                  "SET log_min_error_statement = error; "
                                  "SET log_error_verbosity = verbose; "
                                  "SET idle_in_transaction_session_timeout = 0; "
                                  "SET client_min_messages = error",
                                  NULL),
                     ERR_OK);
    for (int times = 0; times < 2; times++) { /* few rows, then the same again as duplicates */
        bench_begin(&bench);
        bench_add(&bench, "few", 0, "US");
        bench_write(&bench, &counts);
    }
    bench_begin(&bench);
    for (int i = 0; i < 40; i++) {
        char id[32];
        (void)snprintf(id, sizeof(id), "many-%d", i);
        bench_add(&bench, id, 0, "US");
    }
    bench_write(&bench, &counts);
    bench_begin(&bench);
    ck_assert_int_eq(writer_write(&bench.writer, &bench.txn), ERR_OK); /* no case at all */
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM seen"), 4);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM seen WHERE settings = "
                                              "'warning,30000,5000,terse,panic,on,read committed'"),
                     4);
    fixture_do(&fixture, "DROP TRIGGER note_settings ON commits; DROP TABLE seen");
    bench_close(&bench);
}
END_TEST

/* Another server process than the one that was set up is noticed between transactions. */
START_TEST(test_another_backend_is_noticed) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    struct wire_counts counts;
    bench_open(&bench, "backend");
    ck_assert_int_eq(writer_tidy(&bench.writer), ERR_OK);
    bench.writer.backend++;
    bench_begin(&bench);
    bench_add(&bench, "mixed", 0, "US");
    bench_write(&bench, &counts);
    ck_assert_int_eq(writer_tidy(&bench.writer), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(sqlstate_text(bench.writer.sqlstate), "pool_mode"));
    bench_close(&bench);
}
END_TEST

/* A purge that commits when the lane waits for its lock. */
struct purging {
    struct db *db;
    bool over;
};

static enum err wait_for_purge(void *context, int fd, bool want_write) {
    struct purging *purging = context;
    struct db_result *rows = NULL;
    struct diag diag = {0};
    if (!purging->over) {
        ck_assert_int_eq(db_query(purging->db,
                                  "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
                                  "'cases'::regclass",
                                  0, NULL, &rows, &diag),
                         ERR_OK);
        purging->over = strtol(db_cell(rows, 0, 0), NULL, 10) > 0;
        db_result_free(&rows);
        if (purging->over) {
            fixture_exec(purging->db, "COMMIT");
        }
    }
    return wait_fd(NULL, fd, want_write);
}

/* Where the database's own isolation is stricter, a snapshot that is older than the wait for a
 * purge would not see its tombstones: the case would be decided twice. */
START_TEST(test_a_stricter_isolation_is_not_taken) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    struct purging purging = {0};
    struct wire_counts counts;
    struct diag diag = {0};
    const struct db_lane_wait wait = {.wait = wait_for_purge, .context = &purging};
    fixture_do(&fixture, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET "
                         "default_transaction_isolation = %L', current_database(), "
                         "'repeatable read'); END $$");
    bench_open(&bench, "isolation");
    bench_begin(&bench);
    bench_add(&bench, "I1", 1, "US");
    bench_write(&bench, &counts);
    ck_assert_int_eq(db_open(fixture.conninfo, "unit", &purging.db, &diag), ERR_OK);
    fixture_exec(purging.db,
                 "INSERT INTO purges (source, received_before, why) SELECT source, now(), 'test' "
                 "FROM sources WHERE name = 'isolation'; BEGIN; "
                 "SELECT purge_some(max(purge), '', 0, 10) FROM purges");
    db_lane_close(&bench.db);
    ck_assert_int_eq(db_lane_open(fixture.conninfo, "unit", &wait, &bench.db, &diag), ERR_OK);
    ck_assert_int_eq(writer_setup(&bench.writer, bench.db, 0, &diag), ERR_OK);
    bench_begin(&bench);
    bench_add(&bench, "I1", 1, "US");
    bench_write(&bench, &counts);
    ck_assert(purging.over);
    ck_assert_uint_eq(counts.duplicates, 1);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM cases WHERE case_id = 'I1'"),
                     0);
    fixture_do(&fixture, "DELETE FROM purged; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET "
                         "default_transaction_isolation', current_database()); END $$");
    db_close(&purging.db);
    bench_close(&bench);
}
END_TEST

START_TEST(test_rules_refused) {
    if (fixture_skips(available)) {
        return;
    }
    struct db *db = NULL;
    struct diag diag = {0};
    struct active_rules *rules = NULL;
    struct active_row row;
    ck_assert_int_eq(db_open(fixture.conninfo, "unit", &db, &diag), ERR_OK);
    ck_assert_int_eq(active_rules_find(db, &row, &diag), ERR_OK);
    fixture_exec(db, "BEGIN; ALTER TABLE cases DROP COLUMN stateless");
    ck_assert_int_eq(active_rules_load(db, &row, &rules, &diag), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(diag.text, "stateless"));
    fixture_exec(db, "ROLLBACK; BEGIN; DELETE FROM codes WHERE code = (SELECT max(code) FROM "
                     "codes WHERE kind = 'finding')");
    ck_assert_int_eq(active_rules_load(db, &row, &rules, &diag), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(diag.text, "rules publish"));
    fixture_exec(db, "ROLLBACK; BEGIN; DELETE FROM activations");
    ck_assert_int_eq(active_rules_find(db, &row, &diag), ERR_NOT_FOUND);
    fixture_exec(db, "ROLLBACK");
    ck_assert_ptr_null(rules);
    db_close(&db);
}
END_TEST

/* Each latency lies in its bucket, whose bounds report.latency_percentiles computes. */
START_TEST(test_latency_buckets) {
    ck_assert_uint_eq(tally_bucket(-1), tally_bucket(8)); /* a clock that was set back */
    ck_assert_uint_eq(tally_bucket(0), tally_bucket(8));
    for (int64_t us = 8; us < INT64_C(1) << 50; us += 1 + us / 50) {
        uint32_t bucket = tally_bucket(us);
        int64_t width = INT64_C(1) << (bucket / 8 - 3);
        ck_assert_int_le((8 + bucket % 8) * width, us);
        ck_assert_int_lt(us, (9 + bucket % 8) * width);
    }
    ck_assert_uint_le(tally_bucket(INT64_MAX), INT16_MAX);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_writer");
    TCase *tests = tcase_create("writer");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, open_database, close_database);
    tcase_add_loop_test(tests, test_fresh, 0, 2);
    tcase_add_loop_test(tests, test_another_table_buries_no_case, 0, 4);
    tcase_add_test(tests, test_again_is_duplicate);
    tcase_add_test(tests, test_an_unknown_disposition_is_not_counted);
    tcase_add_test(tests, test_conflict);
    tcase_add_test(tests, test_split);
    tcase_add_test(tests, test_neighbour);
    tcase_add_test(tests, test_canary_and_source);
    tcase_add_test(tests, test_end_lanes);
    tcase_add_test(tests, test_lanes_of_another_role_are_left_alone);
    tcase_add_test(tests, test_setup_refuses);
    tcase_add_test(tests, test_setup_sets);
    tcase_add_test(tests, test_settings_go_with_each_transaction);
    tcase_add_test(tests, test_another_backend_is_noticed);
    tcase_add_test(tests, test_a_stricter_isolation_is_not_taken);
    tcase_add_test(tests, test_rules_refused);
    tcase_add_test(tests, test_latency_buckets);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* db: the table of SQLSTATEs, quoting, and both kinds of connection against a real PostgreSQL
 * (CASEMILL_TEST_CONNINFO; without it those tests print "skipped"). */
#include "base/clock.h"
#include "db/db.h"
#include "db/lane.h"
#include "db/sqlstate.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static const char *conninfo(void) {
    const char *text = getenv("CASEMILL_TEST_CONNINFO");
    if (text == NULL || text[0] == '\0') {
        printf("skipped: CASEMILL_TEST_CONNINFO is not set\n");
        return NULL;
    }
    return text;
}

static void with_option(const char *base, const char *option, struct buf *out) {
    buf_printf(out, "%s %s", base, option);
    (void)buf_cstr(out);
}

START_TEST(test_sqlstate) {
    static const struct {
        const char *state;
        enum err err;
    } rows[] = {{"23505", ERR_CONFLICT}, {"23502", ERR_INVALID},    {"22P02", ERR_INVALID},
                {"40001", ERR_AGAIN},    {"40P01", ERR_AGAIN},      {"55P03", ERR_AGAIN},
                {"57014", ERR_AGAIN},    {"57P01", ERR_CONNECTION}, {"42P01", ERR_DENIED},
                {"53100", ERR_BUSY},     {"25006", ERR_BUSY},       {"25P03", ERR_CONNECTION},
                {"F0001", ERR_BUSY},     {"", ERR_CONNECTION}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ck_assert_msg(sqlstate_err(rows[i].state) == rows[i].err, "%s", rows[i].state);
        ck_assert_uint_gt(strlen(sqlstate_text(rows[i].state)), 0);
    }
    ck_assert_int_eq(sqlstate_err(NULL), ERR_CONNECTION);
}
END_TEST

START_TEST(test_quote) {
    struct buf sql = BUF_EMPTY;
    db_quote_text(&sql, SPAN_LIT("a'b\\c\0d"));
    db_quote_text(&sql, SPAN_LIT("\xc3\xa9"));
    db_quote_text(&sql, SPAN_LIT("x\xc3"));
    db_quote_name(&sql, SPAN_LIT("a\"b"));
    db_quote_bytes(&sql, SPAN_LIT("\x01\xff"));
    ck_assert_str_eq(buf_cstr(&sql), " E'a''b\\\\cd''\xc3\xa9''x?'\"a\"\"b\" E'\\\\x01ff'");
    buf_free(&sql);
}
END_TEST

/* A server that reads backslashes in plain literals gets the same text, and nobody's quote ends it.
 */
START_TEST(test_quote_settings) {
    if (conninfo() == NULL) {
        return;
    }
    static const char *const scs[] = {"SET standard_conforming_strings = on",
                                      "SET standard_conforming_strings = off"};
    struct db *db = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(db_open(conninfo(), "unit", &db, &diag), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(scs); i++) {
        struct buf sql = BUF_EMPTY;
        struct db_result *rows = NULL;
        ck_assert_int_eq(db_exec(db, scs[i], 0, NULL, &diag), ERR_OK);
        buf_str(&sql, "SELECT");
        db_quote_text(&sql, SPAN_LIT("x\\' OR 'a' = '\\n"));
        buf_str(&sql, ", encode(");
        db_quote_bytes(&sql, SPAN_LIT("\x01\\"));
        buf_str(&sql, ", 'hex')");
        ck_assert_msg(db_query(db, buf_cstr(&sql), 0, NULL, &rows, &diag) == ERR_OK, "%s",
                      diag.text);
        ck_assert_str_eq(db_cell(rows, 0, 0), "x\\' OR 'a' = '\\n");
        ck_assert_str_eq(db_cell(rows, 0, 1), "015c");
        db_result_free(&rows);
        buf_free(&sql);
    }
    db_close(&db);
}
END_TEST

START_TEST(test_unverified_host) {
    static const struct {
        const char *conninfo;
        const char *host; /* NULL: none */
    } rows[] = {
        {"", NULL},
        {"host=/var/run/postgresql dbname=x", NULL},
        {"host=localhost", NULL},
        {"host=127.0.0.3 port=1", NULL},
        {"host=::1", NULL},
        {"postgresql:///x?host=@abstract", NULL},
        {"host=db.example", "db.example"},
        {"postgresql://u:secret@db.example:5433/x", "db.example"},
        {"host=localhost,db.example", "db.example"},
        {"host=db.example hostaddr=192.0.2.7", "192.0.2.7"},
        {"host=db.example hostaddr=127.0.0.1", NULL},
        {"host=db.example sslmode=prefer", "db.example"},
        {"host=db.example sslmode=require", "db.example"},
        {"host=db.example sslmode=require sslrootcert=/ca.pem", NULL},
        {"host=db.example sslmode=verify-ca", NULL},
        {"host=db.example sslmode=verify-full", NULL},
        {"host=db.example channel_binding=require", NULL},
        {"host=db.example gssencmode=require", NULL},
        {"no such word", NULL},
    };
    char host[DB_HOST_BYTES];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool found = db_has_unverified_host(rows[i].conninfo, host);
        ck_assert_msg(found == (rows[i].host != NULL), "%s", rows[i].conninfo);
        ck_assert(!found || strcmp(host, rows[i].host) == 0);
    }
    ck_assert_int_eq(setenv("PGHOST", "db.example", 1), 0);
    ck_assert(db_has_unverified_host("dbname=x", host));
    ck_assert_int_eq(setenv("PGSSLMODE", "verify-full", 1), 0);
    ck_assert(!db_has_unverified_host("dbname=x", host));
    ck_assert_int_eq(unsetenv("PGHOST"), 0);
    ck_assert_int_eq(unsetenv("PGSSLMODE"), 0);
}
END_TEST

START_TEST(test_open_refused) {
    struct db *db = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(db_open("no such word", "unit", &db, &diag), ERR_INVALID);
    ck_assert_int_eq(db_open("host=/nonexistent dbname=x", "unit", &db, &diag), ERR_CONNECTION);
    ck_assert_ptr_nonnull(strstr(diag.text, "PostgreSQL"));
    ck_assert_ptr_null(strchr(diag.text, '\n'));
    if (conninfo() != NULL) {
        struct buf other = BUF_EMPTY;
        with_option(conninfo(), "dbname=no_such_database", &other);
        ck_assert_int_eq(db_open(buf_cstr(&other), "unit", &db, &diag), ERR_DENIED);
        buf_free(&other);
    }
    ck_assert_ptr_null(db);
}
END_TEST

START_TEST(test_query) {
    if (conninfo() == NULL) {
        return;
    }
    struct db *db = NULL;
    struct db_result *result = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(db_open(conninfo(), "unit", &db, &diag), ERR_OK);
    const char *params[] = {"7", NULL};
    ck_assert_int_eq(
        db_query(db, "SELECT $1::int + 1 AS sum, $2::text AS none", 2, params, &result, &diag),
        ERR_OK);
    ck_assert_uint_eq(db_rows(result), 1);
    ck_assert_uint_eq(db_columns(result), 2);
    ck_assert_str_eq(db_column_name(result, 0), "sum");
    ck_assert_str_eq(db_cell(result, 0, 0), "8");
    ck_assert_ptr_null(db_cell(result, 0, 1));
    db_result_free(&result);
    ck_assert_int_eq(db_exec(db, "SELECT 1/0", 0, NULL, &diag), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(diag.text, "22012"));
    ck_assert_int_eq(db_exec(db, "SELECT 1; SELECT 2", 0, NULL, &diag), ERR_OK);
    db_close(&db);
}
END_TEST

START_TEST(test_wait) {
    if (conninfo() == NULL) {
        return;
    }
    struct db *listener = NULL;
    struct db *teller = NULL;
    struct diag diag = {0};
    bool notified = true;
    ck_assert_int_eq(db_open(conninfo(), "unit", &listener, &diag), ERR_OK);
    ck_assert_int_eq(db_open(conninfo(), "unit", &teller, &diag), ERR_OK);
    ck_assert_int_eq(db_exec(listener, "LISTEN unit_db", 0, NULL, &diag), ERR_OK);
    ck_assert_int_eq(db_wait(listener, 1, &notified, &diag), ERR_OK);
    ck_assert(!notified);
    ck_assert_int_eq(db_exec(teller, "NOTIFY unit_db", 0, NULL, &diag), ERR_OK);
    ck_assert_int_eq(db_wait(listener, 5000, &notified, &diag), ERR_OK);
    ck_assert(notified);
    db_close(&listener);
    db_close(&teller);
}
END_TEST

/* The lane's own poll, counting how often it was asked to wait. */
struct waiter {
    int calls;
    int calls_max; /* then it gives up */
};

static enum err wait_fd(void *context, int fd, bool want_write) {
    struct waiter *waiter = context;
    if (++waiter->calls > waiter->calls_max) {
        return ERR_TIMEOUT;
    }
    struct pollfd item = {.fd = fd, .events = (short)(want_write ? POLLIN | POLLOUT : POLLIN)};
    (void)poll(&item, 1, 20);
    return ERR_OK;
}

static struct db_lane *lane_open(struct waiter *waiter) {
    struct db_lane *lane = NULL;
    struct diag diag = {0};
    *waiter = (struct waiter){.calls_max = 1000};
    const struct db_lane_wait wait = {.wait = wait_fd, .context = waiter};
    ck_assert_msg(db_lane_open(conninfo(), "unit lane", &wait, &lane, &diag) == ERR_OK, "%s",
                  diag.text);
    return lane;
}

START_TEST(test_lane_exec) {
    if (conninfo() == NULL) {
        return;
    }
    struct waiter waiter;
    struct db_lane *lane = lane_open(&waiter);
    struct db_result *rows = NULL;
    ck_assert_int_eq(db_lane_exec(lane, "SELECT 1; SELECT 2, 'x'", &rows), ERR_OK);
    ck_assert_str_eq(db_cell(rows, 0, 0), "2");
    db_result_free(&rows);
    ck_assert_int_eq(db_lane_exec(lane, "BEGIN; SELECT 1/0; COMMIT", NULL), ERR_INVALID);
    ck_assert_str_eq(db_lane_sqlstate(lane), "22012");
    ck_assert_int_eq(db_lane_exec(lane, "COMMIT", NULL), ERR_OK);
    ck_assert_str_eq(db_lane_tag(lane), "ROLLBACK");
    ck_assert_int_eq(db_lane_idle(lane), ERR_OK);
    db_lane_close(&lane);
}
END_TEST

START_TEST(test_lane_copy) {
    if (conninfo() == NULL) {
        return;
    }
    struct waiter waiter;
    struct db_lane *lane = lane_open(&waiter);
    struct db_result *rows = NULL;
    struct buf lines = BUF_EMPTY;
    for (int i = 0; i < 200000; i++) {
        buf_printf(&lines, "%d\n", i);
    }
    ck_assert_int_eq(db_lane_exec(lane, "CREATE TEMPORARY TABLE numbers (n int PRIMARY KEY)", NULL),
                     ERR_OK);
    ck_assert_int_eq(db_lane_copy(lane, "BEGIN; COPY numbers FROM STDIN; COMMIT", buf_span(&lines)),
                     ERR_OK);
    ck_assert_str_eq(db_lane_tag(lane), "COMMIT");
    ck_assert_int_eq(db_lane_exec(lane, "SELECT count(*) FROM numbers", &rows), ERR_OK);
    ck_assert_str_eq(db_cell(rows, 0, 0), "200000");
    db_result_free(&rows);
    ck_assert_int_eq(db_lane_copy(lane, "BEGIN; COPY numbers FROM STDIN; COMMIT", SPAN_LIT("7\n")),
                     ERR_CONFLICT);
    ck_assert_int_eq(db_lane_exec(lane, "ROLLBACK", NULL), ERR_OK);
    /* A COPY that is refused before any data. */
    ck_assert_int_eq(db_lane_copy(lane, "COPY nowhere FROM STDIN", buf_span(&lines)), ERR_DENIED);
    ck_assert_int_eq(db_lane_exec(lane, "SELECT 1", NULL), ERR_OK);
    buf_free(&lines);
    db_lane_close(&lane);
}
END_TEST

START_TEST(test_lane_insert) {
    if (conninfo() == NULL) {
        return;
    }
    struct waiter waiter;
    struct db_lane *lane = lane_open(&waiter);
    struct db_result *rows = NULL;
    static const uint8_t seven[] = {0, 0, 0, 7};
    static const uint8_t eight[] = {0, 0, 0, 8};
    const struct span params[] = {
        span_make(seven, 4), SPAN_LIT("x"), span_make(eight, 4), {NULL, 0}};
    ck_assert_int_eq(db_lane_exec(lane, "CREATE TEMPORARY TABLE pairs (n int, t text)", NULL),
                     ERR_OK);
    struct db_lane_statement insert = {
        .settings = "SELECT pg_backend_pid(), set_config('lock_timeout', '77ms', true)",
        .sql = "INSERT INTO pairs VALUES ($1,$2), ($3,$4) "
               "RETURNING current_setting('lock_timeout')",
        .param_count = 4,
        .params = params};
    ck_assert_int_eq(db_lane_transact(lane, &insert, &rows), ERR_OK);
    ck_assert_str_eq(db_lane_tag(lane), "COMMIT");
    ck_assert_str_eq(db_cell(rows, 0, 0), "77ms"); /* there and nowhere else */
    db_result_free(&rows);
    ck_assert_int_eq(db_lane_exec(lane, "SHOW lock_timeout", &rows), ERR_OK);
    ck_assert_str_ne(db_cell(rows, 0, 0), "77ms");
    db_result_free(&rows);
    int backend = db_lane_backend(lane);
    ck_assert_int_eq(db_lane_exec(lane, "SELECT pg_backend_pid()", &rows), ERR_OK);
    ck_assert_int_eq(strtol(db_cell(rows, 0, 0), NULL, 10), backend);
    db_result_free(&rows);
    struct db_lane_statement fails = {.settings = "SELECT 1", .sql = "SELECT 1 / 0"};
    ck_assert_int_eq(db_lane_transact(lane, &fails, &rows), ERR_INVALID);
    ck_assert_str_eq(db_lane_sqlstate(lane), "22012");
    ck_assert_int_eq(db_lane_exec(lane, "ROLLBACK", NULL), ERR_OK);
    struct db_lane_statement reads = {
        .settings = "SELECT 1", .sql = "SELECT 8::int", .binary_rows = true};
    ck_assert_int_eq(db_lane_transact(lane, &reads, &rows), ERR_OK);
    ck_assert_int_eq(get_be32(db_cell_span(rows, 0, 0).ptr), 8);
    db_result_free(&rows);
    ck_assert_int_eq(db_lane_exec(lane, "SELECT sum(n), count(t), max(t) FROM pairs", &rows),
                     ERR_OK);
    ck_assert_str_eq(db_cell(rows, 0, 0), "15");
    ck_assert_str_eq(db_cell(rows, 0, 1), "1");
    ck_assert_str_eq(db_cell(rows, 0, 2), "x");
    db_result_free(&rows);
    db_lane_close(&lane);
}
END_TEST

START_TEST(test_lane_lost) {
    if (conninfo() == NULL) {
        return;
    }
    struct waiter waiter;
    struct db_lane *lane = lane_open(&waiter);
    ck_assert_int_eq(db_lane_exec(lane, "SELECT pg_terminate_backend(pg_backend_pid())", NULL),
                     ERR_CONNECTION);
    ck_assert_int_eq(db_lane_idle(lane), ERR_CONNECTION);
    db_lane_close(&lane);
    /* A wait that is given up ends the call. */
    lane = lane_open(&waiter);
    waiter.calls_max = waiter.calls + 2;
    ck_assert_int_eq(db_lane_exec(lane, "SELECT pg_sleep(60)", NULL), ERR_TIMEOUT);
    db_lane_close(&lane);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("db");
    TCase *tests = tcase_create("db");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_sqlstate);
    tcase_add_test(tests, test_unverified_host);
    tcase_add_test(tests, test_quote);
    tcase_add_test(tests, test_quote_settings);
    tcase_add_test(tests, test_open_refused);
    tcase_add_test(tests, test_query);
    tcase_add_test(tests, test_wait);
    tcase_add_test(tests, test_lane_exec);
    tcase_add_test(tests, test_lane_copy);
    tcase_add_test(tests, test_lane_insert);
    tcase_add_test(tests, test_lane_lost);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

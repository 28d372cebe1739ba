/* db/: servers that do not answer. No call waits forever, a slow statement is not taken for a
 * lost server, and a waiting call can be woken. */
#include "db/copy_out.h"
#include "db/db.h"
#include "db/lane.h"
#include "mute_server.h"

#include <stdlib.h>
#include <sys/eventfd.h>

static char conninfo[1024];

/* A real server, with a short connect_timeout: one without a sign of life is given up after 6 s. */
static const char *real_server(void) {
    const char *real = getenv("CASEMILL_TEST_CONNINFO");
    if (real == NULL || real[0] == '\0') {
        printf("skipped: CASEMILL_TEST_CONNINFO is not set\n");
        return NULL;
    }
    (void)snprintf(conninfo, sizeof(conninfo), "%s connect_timeout=2", real);
    return conninfo;
}

static struct db *open_real(const char *where) {
    struct db *db = NULL;
    struct diag diag = {0};
    ck_assert_msg(db_open(where, "unit", &db, &diag) == ERR_OK, "%s", diag.text);
    return db;
}

static struct db *open_mute(struct mute_server *server) {
    mute_open(server, 1, NULL);
    mute_conninfo(server, "connect_timeout=2", conninfo, sizeof(conninfo));
    return open_real(conninfo);
}

static enum err wait_fd(void *context, int fd, bool want_write) {
    (void)context;
    struct pollfd item = {.fd = fd, .events = (short)(want_write ? POLLIN | POLLOUT : POLLIN)};
    (void)poll(&item, 1, 200);
    return ERR_OK;
}

START_TEST(a_server_that_takes_no_connection_in_is_left) {
    struct mute_server server;
    struct db *db = NULL;
    struct diag diag = {0};
    mute_open(&server, 0, NULL);
    mute_conninfo(&server, "connect_timeout=1", conninfo, sizeof(conninfo));
    ck_assert_int_eq(db_open(conninfo, "unit", &db, &diag), ERR_CONNECTION);
    ck_assert_ptr_nonnull(strstr(diag.text, "127.0.0.1 does not answer"));
    ck_assert_ptr_null(db);
    mute_close(&server);
}
END_TEST

/* A second connection asked, and got no answer either. */
START_TEST(a_server_that_stops_answering_is_given_up) {
    struct mute_server server;
    struct db *db = open_mute(&server);
    struct diag diag = {0};
    struct db_copy *copy = NULL;
    ck_assert_int_eq(db_exec(db, "SELECT 1", 0, NULL, &diag), ERR_CONNECTION);
    ck_assert_str_eq(diag.text, "PostgreSQL does not answer any more");
    ck_assert_uint_gt(atomic_load(&server.came), 1);
    ck_assert_int_eq(db_copy_open(db, "COPY x TO STDOUT", 1, &copy, &diag), ERR_CONNECTION);
    db_close(&db);
    mute_close(&server);
}
END_TEST

/* A lane, with more to send than the socket takes. */
START_TEST(a_lane_gives_it_up_too) {
    struct mute_server server;
    struct db_lane *lane = NULL;
    struct diag diag = {0};
    struct buf sql = BUF_EMPTY;
    const struct db_lane_wait wait = {.wait = wait_fd};
    mute_open(&server, 1, NULL);
    mute_conninfo(&server, "connect_timeout=2", conninfo, sizeof(conninfo));
    ck_assert_int_eq(db_lane_open(conninfo, "unit", &wait, &lane, &diag), ERR_OK);
    buf_str(&sql, "SELECT 1");
    for (uint32_t i = 0; i < 1 << 20; i++) {
        buf_str(&sql, ", 1234567");
    }
    ck_assert_int_eq(db_lane_exec(lane, buf_cstr(&sql), NULL), ERR_CONNECTION);
    ck_assert(db_lane_is_mute(lane));
    db_lane_close(&lane);
    buf_free(&sql);
    mute_close(&server);
}
END_TEST

/* Longer than the limit for a server without an answer, and the server sends nothing meanwhile. */
START_TEST(a_slow_statement_is_waited_for) {
    if (real_server() == NULL) {
        return;
    }
    struct db *db = open_real(conninfo);
    struct diag diag = {0};
    ck_assert_msg(db_exec(db, "SELECT pg_sleep(8)", 0, NULL, &diag) == ERR_OK, "%s", diag.text);
    db_close(&db);
}
END_TEST

START_TEST(a_call_has_its_own_limit) {
    if (real_server() == NULL) {
        return;
    }
    struct db *db = open_real(conninfo);
    struct diag diag = {0};
    db_limit(db, 700);
    ck_assert_int_eq(db_exec(db, "SELECT pg_sleep(60)", 0, NULL, &diag), ERR_CONNECTION);
    ck_assert_str_eq(diag.text, "PostgreSQL does not answer any more");
    db_close(&db);
}
END_TEST

/* While it connects, and while a statement runs. */
START_TEST(a_waiting_call_can_be_woken) {
    struct mute_server server;
    struct db *db = NULL;
    struct diag diag = {0};
    const uint64_t one = 1;
    struct db_limits limits = {.wake_fd = eventfd(0, EFD_NONBLOCK), .call_ms_max = INT64_MAX};
    mute_open(&server, _i == 0 ? 0 : 1, NULL);
    mute_conninfo(&server, "", conninfo, sizeof(conninfo));
    if (_i == 1) {
        ck_assert_int_eq(db_open_limited(conninfo, "unit", &limits, &db, &diag), ERR_OK);
    }
    ck_assert_int_eq(write(limits.wake_fd, &one, sizeof(one)), (ssize_t)sizeof(one));
    ck_assert_int_eq(_i == 0 ? db_open_limited(conninfo, "unit", &limits, &db, &diag)
                             : db_exec(db, "SELECT 1", 0, NULL, &diag),
                     ERR_TIMEOUT);
    db_close(&db);
    (void)close(limits.wake_fd);
    mute_close(&server);
}
END_TEST

/* The server's own message decides, in one line without its SQLSTATE and source file. */
START_TEST(a_refusal_is_recognized_by_its_state) {
    static const struct {
        const char *sqlstate;
        enum err err;
        const char *begins;
    } rows[] = {{"57P03", ERR_AGAIN, "PostgreSQL is not ready yet: "},
                {"57P01", ERR_CONNECTION, "PostgreSQL cannot be reached: "},
                {"28000", ERR_DENIED, "PostgreSQL refuses the connection: "},
                {"3D000", ERR_DENIED, "there is no such database: create it, or correct dbname: "},
                {"53300", ERR_DENIED, "PostgreSQL refuses the connection: "}};
    struct mute_server server;
    struct db *db = NULL;
    struct diag diag = {0};
    mute_open(&server, 0, rows[_i].sqlstate);
    mute_conninfo(&server, "", conninfo, sizeof(conninfo));
    ck_assert_int_eq(db_open(conninfo, "unit", &db, &diag), rows[_i].err);
    ck_assert_msg(strncmp(diag.text, rows[_i].begins, strlen(rows[_i].begins)) == 0, "%s",
                  diag.text);
    const char *end = "FATAL: a reason";
    ck_assert_msg(strcmp(diag.text + strlen(diag.text) - strlen(end), end) == 0, "%s", diag.text);
    mute_close(&server);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("db mute");
    TCase *tests = tcase_create("db mute");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_server_that_takes_no_connection_in_is_left);
    tcase_add_test(tests, a_server_that_stops_answering_is_given_up);
    tcase_add_test(tests, a_lane_gives_it_up_too);
    tcase_add_test(tests, a_slow_statement_is_waited_for);
    tcase_add_test(tests, a_call_has_its_own_limit);
    tcase_add_loop_test(tests, a_waiting_call_can_be_woken, 0, 2);
    tcase_add_loop_test(tests, a_refusal_is_recognized_by_its_state, 0, 5);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

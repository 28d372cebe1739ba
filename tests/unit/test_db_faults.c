/* Every row of the table of SQLSTATEs, against a server that gives that state; and a connection
 * that does not wait forever for a lost server. */
#include "db/db.h"
#include "db/lane.h"
#include "db/sqlstate.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct row {
    const char *prefix;
    enum err err;
} ROWS[] = {
#define TEST_ROW(prefix, err, text) {prefix, ERR_##err},
    SQLSTATE_TABLE(TEST_ROW)
#undef TEST_ROW
};

/* A whole state that only this row and its shorter ones match. */
static void whole_state(const char *prefix, char state[SQLSTATE_BYTES]) {
    (void)snprintf(state, SQLSTATE_BYTES, "%s%s", prefix, "000" + (strlen(prefix) - 2));
}

START_TEST(each_row_has_an_action) {
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        char state[SQLSTATE_BYTES];
        whole_state(ROWS[i].prefix, state);
        ck_assert(strlen(ROWS[i].prefix) == 2 || strlen(ROWS[i].prefix) == 3 ||
                  strlen(ROWS[i].prefix) == 5);
        ck_assert(i == 0 || strcmp(ROWS[i - 1].prefix, ROWS[i].prefix) < 0); /* sorted, once each */
        ck_assert_msg(sqlstate_err(state) == ROWS[i].err, "%s", state);
        ck_assert_uint_gt(strlen(sqlstate_text(state)), 0);
        switch ((int)ROWS[i].err) {
        case ERR_CONFLICT:
        case ERR_INVALID:
        case ERR_AGAIN:
        case ERR_BUSY:
        case ERR_DENIED:
        case ERR_CONNECTION:
            break;
        default:
            ck_abort_msg("%s: %s means nothing to a lane", state, err_name(ROWS[i].err));
        }
    }
}
END_TEST

/* What a lane must not take for something else, whoever sorts the table. */
START_TEST(states_that_have_to_be_right) {
    static const struct row WANTED[] = {
        {"23505", ERR_CONFLICT},   /* unique_violation */
        {"23514", ERR_INVALID},    /* check_violation */
        {"22021", ERR_INVALID},    /* character_not_in_repertoire */
        {"08P01", ERR_DENIED},     /* protocol_violation: a value too short for its column */
        {"22P03", ERR_DENIED},     /* invalid_binary_representation: the table's, not the case's */
        {"22P04", ERR_DENIED},     /* bad_copy_file_format: so is this */
        {"54000", ERR_INVALID},    /* index row too large: the case's, not the server's */
        {"40001", ERR_AGAIN},      /* serialization_failure */
        {"40P01", ERR_AGAIN},      /* deadlock_detected */
        {"55P03", ERR_AGAIN},      /* lock_not_available */
        {"55CM1", ERR_BUSY},       /* our own: the rules are stale, the lane loads others */
        {"57014", ERR_AGAIN},      /* query_canceled: statement_timeout */
        {"53100", ERR_BUSY},       /* disk_full */
        {"53200", ERR_BUSY},       /* out_of_memory */
        {"53300", ERR_BUSY},       /* too_many_connections */
        {"25006", ERR_BUSY},       /* read_only_sql_transaction */
        {"58030", ERR_BUSY},       /* io_error */
        {"XX001", ERR_BUSY},       /* data_corrupted */
        {"XX002", ERR_BUSY},       /* index_corrupted */
        {"42501", ERR_DENIED},     /* insufficient_privilege */
        {"42P01", ERR_DENIED},     /* undefined_table */
        {"42703", ERR_DENIED},     /* undefined_column */
        {"28P01", ERR_DENIED},     /* invalid_password */
        {"3D000", ERR_DENIED},     /* invalid_catalog_name */
        {"57P01", ERR_CONNECTION}, /* admin_shutdown */
        {"57P02", ERR_CONNECTION}, /* crash_shutdown */
        {"57P03", ERR_CONNECTION}, /* cannot_connect_now */
        {"08006", ERR_CONNECTION}, /* connection_failure */
        {"25P03", ERR_CONNECTION}, /* idle_in_transaction_session_timeout */
        {"0A000", ERR_BUSY},       /* not in the table */
        {"", ERR_CONNECTION},
    };
    for (size_t i = 0; i < COUNT_OF(WANTED); i++) {
        ck_assert_msg(sqlstate_err(WANTED[i].prefix) == WANTED[i].err, "%s", WANTED[i].prefix);
    }
    ck_assert_int_eq(sqlstate_err(NULL), ERR_CONNECTION);
}
END_TEST

static enum err wait_fd(void *context, int fd, bool want_write) {
    (void)context;
    struct pollfd item = {.fd = fd, .events = (short)(want_write ? POLLIN | POLLOUT : POLLIN)};
    (void)poll(&item, 1, 1000);
    return ERR_OK;
}

/* The server itself raises each state. */
START_TEST(each_row_from_a_server) {
    const char *conninfo = getenv("CASEMILL_TEST_CONNINFO");
    if (conninfo == NULL || conninfo[0] == '\0') {
        printf("skipped: CASEMILL_TEST_CONNINFO is not set\n");
        return;
    }
    struct db_lane *lane = NULL;
    struct diag diag = {0};
    const struct db_lane_wait wait = {.wait = wait_fd};
    ck_assert_msg(db_lane_open(conninfo, "unit", &wait, &lane, &diag) == ERR_OK, "%s", diag.text);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        char state[SQLSTATE_BYTES];
        char sql[160];
        whole_state(ROWS[i].prefix, state);
        (void)snprintf(
            sql, sizeof(sql),
            "BEGIN; DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '%s'; END $$; COMMIT", state);
        ck_assert_msg(db_lane_exec(lane, sql, NULL) == ROWS[i].err, "%s", state);
        ck_assert_str_eq(db_lane_sqlstate(lane), state);
        ck_assert_int_eq(db_lane_exec(lane, "ROLLBACK", NULL), ERR_OK);
    }
    db_lane_close(&lane);
}
END_TEST

struct seen {
    unsigned user_timeout_ms;
    int keepalive, idle_s;
};

/* Looks at the socket of the connection that is being made, then gives up. */
static enum err look_at_socket(void *context, int fd, bool want_write) {
    struct seen *seen = context;
    socklen_t length = sizeof(int);
    (void)want_write;
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &seen->user_timeout_ms, &length),
                     0);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &seen->keepalive, &length), 0);
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seen->idle_s, &length), 0);
    return ERR_TIMEOUT;
}

/* A server that accepts connections and sends nothing. */
static int listen_mute(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return listener;
}

static void look(const char *more, struct seen *seen) {
    int port = 0;
    int listener = listen_mute(&port);
    char conninfo[128];
    struct db_lane *lane = NULL;
    struct diag diag = {0};
    const struct db_lane_wait wait = {.wait = look_at_socket, .context = seen};
    (void)snprintf(conninfo, sizeof(conninfo), "host=127.0.0.1 port=%d dbname=x %s", port, more);
    ck_assert_int_eq(db_lane_open(conninfo, "unit", &wait, &lane, &diag), ERR_TIMEOUT);
    (void)close(listener);
}

START_TEST(a_server_that_has_gone_is_noticed) {
    struct seen seen = {0};
    look("", &seen);
    ck_assert_uint_eq(seen.user_timeout_ms, 30000);
    ck_assert_int_eq(seen.keepalive, 1);
    ck_assert_int_eq(seen.idle_s, 10);
    look("tcp_user_timeout=5000", &seen); /* the operator's own word */
    ck_assert_uint_eq(seen.user_timeout_ms, 5000);
}
END_TEST

/* It is given up after connect_timeout, in one line, and the next host is asked, which may have
 * taken over from it. */
START_TEST(a_server_that_never_answers_is_left) {
    const char *real = getenv("CASEMILL_TEST_CONNINFO");
    struct db_lane *lane = NULL;
    struct diag diag = {0};
    const struct db_lane_wait wait = {.wait = wait_fd};
    int port = 0;
    int listener = listen_mute(&port);
    char conninfo[1024];
    (void)snprintf(conninfo, sizeof(conninfo), "host=127.0.0.1 port=%d dbname=x connect_timeout=1",
                   port);
    ck_assert_int_eq(db_lane_open(conninfo, "unit", &wait, &lane, &diag), ERR_CONNECTION);
    ck_assert_ptr_nonnull(strstr(diag.text, "127.0.0.1 does not answer"));
    const char *host = real == NULL ? NULL : strstr(real, "host=");
    if (host != NULL) {
        (void)snprintf(conninfo, sizeof(conninfo),
                       "%s host=127.0.0.1,%.*s port=%d,5432 connect_timeout=1", real,
                       (int)strcspn(host + 5, " "), host + 5, port);
        ck_assert_msg(db_lane_open(conninfo, "unit", &wait, &lane, &diag) == ERR_OK, "%s",
                      diag.text);
        ck_assert_int_eq(db_lane_exec(lane, "SELECT 1", NULL), ERR_OK);
        db_lane_close(&lane);
    }
    (void)close(listener);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("db faults");
    TCase *tests = tcase_create("db faults");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, each_row_has_an_action);
    tcase_add_test(tests, states_that_have_to_be_right);
    tcase_add_test(tests, each_row_from_a_server);
    tcase_add_test(tests, a_server_that_has_gone_is_noticed);
    tcase_add_test(tests, a_server_that_never_answers_is_left);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

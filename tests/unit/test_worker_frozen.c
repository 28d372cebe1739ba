/* worker/: which blocking backend a lane may end. Connections of frozen lanes, and connections
 * that differ from them in one way, on a real PostgreSQL. */
#include "base/clock.h"
#include "base/mem.h"
#include "worker/writer.h"
#include "worker_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

enum { AWAIT_MS = 20000, STEP_MS = 5, AN_HOUR_S = 3600, COPY_BYTES = 16 << 20 };
#define LANE "casemill/00000000-0000-4000-8000-"
#define HOLD_ROWS "BEGIN; SELECT pg_current_xact_id()"

static struct fixture fixture;
static bool available;

static void open_database(void) { available = fixture_open(&fixture, "worker_frozen"); }
static void close_database(void) { fixture_close(&fixture); }

static enum err wait_fd(void *context, int fd, bool want_write) {
    (void)context;
    struct pollfd item = {.fd = fd, .events = (short)(want_write ? POLLIN | POLLOUT : POLLIN)};
    (void)poll(&item, 1, 20);
    return ERR_OK;
}

/* The lane that somebody is in the way of. */
static void open_looker(struct writer *writer) {
    struct diag diag = {0};
    struct db_lane *db = NULL;
    const struct db_lane_wait wait = {.wait = wait_fd};
    const struct uuid lane = uuid_random();
    writer_init(writer, &lane);
    ck_assert_int_eq(db_lane_open(fixture.conninfo, LANE "000000000001", &wait, &db, &diag),
                     ERR_OK);
    ck_assert_msg(writer_setup(writer, db, 0, &diag) == ERR_OK, "%s", diag.text);
}

static void close_looker(struct writer *writer) {
    db_lane_close(&writer->db);
    writer_free(writer);
}

static uint32_t look(struct writer *writer, uint32_t still_s) {
    uint32_t ended = 0;
    ck_assert_int_eq(writer_end_frozen(writer, still_s, &ended), ERR_OK);
    return ended;
}

static struct db *connect_as(const char *application, const char *more, const char *sql) {
    char conninfo[800];
    struct db *db = NULL;
    struct diag diag = {0};
    (void)snprintf(conninfo, sizeof(conninfo), "%s %s", fixture.conninfo, more);
    ck_assert_msg(db_open(conninfo, application, &db, &diag) == ERR_OK, "%s", diag.text);
    fixture_exec(db, sql);
    return db;
}

static bool answers(struct db *db) {
    struct diag diag = {0};
    return db_exec(db, "SELECT 1", 0, NULL, &diag) == ERR_OK;
}

/* Until the query's number is not 0. */
static void await_number(const char *sql) {
    for (int waited = 0; fixture_number(&fixture, sql) == 0; waited += STEP_MS) {
        ck_assert_msg(waited < AWAIT_MS, "never: %s", sql);
        clock_sleep_ms(STEP_MS);
    }
}

static void *be_slow(void *context) {
    struct db *db = context;
    struct diag diag = {0};
    bool lives = db_exec(db, "SELECT pg_sleep(600)", 0, NULL, &diag) != ERR_CONNECTION;
    return lives ? context : NULL;
}

START_TEST(only_frozen_backends_are_ended) {
    if (fixture_skips(available)) {
        return;
    }
    struct writer writer;
    pthread_t thread;
    void *lives = NULL;
    fixture_do(&fixture, "CREATE ROLE unit_worker_frozen LOGIN");
    open_looker(&writer);
    struct db *frozen = connect_as(LANE "000000000002", "", HOLD_ROWS);
    struct db *speaks = connect_as(LANE "000000000003", "", HOLD_ROWS);
    struct db *slow = connect_as(LANE "000000000004", "", HOLD_ROWS);
    struct db *others[] = {connect_as(LANE "000000000005", "", "BEGIN; SELECT 1"), /* no rows */
                           connect_as(LANE "000000000006", "", "SELECT 1"),
                           connect_as("casemill", "", HOLD_ROWS), /* an operator's */
                           connect_as("psql", "", HOLD_ROWS),
                           connect_as(LANE "000000000007", "user=unit_worker_frozen", HOLD_ROWS),
                           connect_as(LANE "000000000008", "dbname=postgres", HOLD_ROWS)};
    ck_assert_int_eq(pthread_create(&thread, NULL, be_slow, slow), 0);
    await_number("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "
                 "application_name = '" LANE "000000000004'");
    ck_assert_uint_eq(look(&writer, 0), 0);         /* once is no proof */
    ck_assert_uint_eq(look(&writer, AN_HOUR_S), 0); /* nor is a moment */
    ck_assert(answers(speaks));
    ck_assert_uint_eq(look(&writer, 0), 1);
    ck_assert(!answers(frozen));
    ck_assert(answers(speaks));
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        ck_assert_msg(answers(others[i]), "bystander %zu was ended", i);
        db_close(&others[i]);
    }
    fixture_do(&fixture, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE "
                         "application_name = '" LANE "000000000004'");
    ck_assert_int_eq(pthread_join(thread, &lives), 0);
    ck_assert_ptr_nonnull(lives);
    db_close(&frozen);
    db_close(&speaks);
    db_close(&slow);
    close_looker(&writer);
    fixture_do(&fixture, "DROP ROLE unit_worker_frozen");
}
END_TEST

/* A lane that sends its COPY in steps, as behind a slow link. */
struct sender {
    struct db_lane *db;
    struct buf data;
    enum err err;
    atomic_bool in_steps;
    sem_t steps;
};

static enum err wait_step(void *context, int fd, bool want_write) {
    struct sender *sender = context;
    if (atomic_load(&sender->in_steps)) {
        (void)sem_wait(&sender->steps);
    }
    return wait_fd(NULL, fd, want_write);
}

static void *send_slowly(void *context) {
    struct sender *sender = context;
    sender->err = db_lane_copy(sender->db, HOLD_ROWS "; COPY sent FROM STDIN; COMMIT",
                               buf_span(&sender->data));
    return NULL;
}

/* Lets it send until more is taken than the last look saw. */
static void send_some(struct sender *sender, long seen) {
    long now = seen;
    for (int waited = 0; now <= seen; waited += STEP_MS) {
        int ready = 0;
        ck_assert_int_lt(waited, AWAIT_MS);
        (void)sem_getvalue(&sender->steps, &ready);
        if (ready == 0) {
            (void)sem_post(&sender->steps);
        }
        clock_sleep_ms(STEP_MS);
        now = fixture_number(&fixture, "SELECT coalesce(max(bytes_processed), 0) "
                                       "FROM pg_stat_progress_copy WHERE "
                                       "datname = current_database()");
    }
}

/* Looks until the sender is seen to wait, and ends nobody; returns the bytes that the look saw. */
static long look_at_sender(struct writer *writer) {
    const char *bytes = NULL;
    for (int waited = 0; bytes == NULL; waited += STEP_MS) {
        ck_assert_int_lt(waited, AWAIT_MS);
        ck_assert_uint_eq(look(writer, 0), 0);
        bytes = strrchr(buf_cstr(&writer->waiting), '/');
        if (bytes == NULL) { /* its backend was just busy */
            clock_sleep_ms(STEP_MS);
        }
    }
    return strtol(bytes + 1, NULL, 10);
}

START_TEST(a_copy_that_moves_is_not_ended) {
    if (fixture_skips(available)) {
        return;
    }
    struct writer writer;
    struct sender sender = {.err = ERR_OK};
    struct diag diag = {0};
    pthread_t thread;
    const struct db_lane_wait wait = {.wait = wait_step, .context = &sender};
    ck_assert_int_eq(sem_init(&sender.steps, 0, 0), 0);
    while (sender.data.len < COPY_BYTES) {
        buf_str(&sender.data, "a row of a case, more or less as long as it would be\n");
    }
    fixture_do(&fixture, "CREATE UNLOGGED TABLE sent (row text)");
    ck_assert_int_eq(db_lane_open(fixture.conninfo, LANE "000000000009", &wait, &sender.db, &diag),
                     ERR_OK);
    open_looker(&writer);
    atomic_store(&sender.in_steps, true);
    ck_assert_int_eq(pthread_create(&thread, NULL, send_slowly, &sender), 0);
    long seen = 0;
    for (int i = 0; i < 3; i++) {
        send_some(&sender, seen);
        seen = look_at_sender(&writer);
    }
    ck_assert_int_lt(seen, COPY_BYTES);
    for (int waited = 0; look(&writer, 0) == 0; waited += STEP_MS) { /* now it has stopped */
        ck_assert_int_lt(waited, AWAIT_MS);
        clock_sleep_ms(STEP_MS);
    }
    atomic_store(&sender.in_steps, false);
    (void)sem_post(&sender.steps);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_ne(sender.err, ERR_OK);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM sent"), 0);
    db_lane_close(&sender.db);
    buf_free(&sender.data);
    (void)sem_destroy(&sender.steps);
    close_looker(&writer);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_frozen");
    TCase *tests = tcase_create("frozen");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, open_database, close_database);
    tcase_add_test(tests, only_frozen_backends_are_ended);
    tcase_add_test(tests, a_copy_that_moves_is_not_ended);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

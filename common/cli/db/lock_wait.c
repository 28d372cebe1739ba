/* See db/lock_wait.h.  A blocking session is visible only while it blocks, so a thread looks for it
 * during the statement. */
#include "cli/db/lock_wait.h"

#include "base/clock.h"
#include "base/plain.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { PAUSE_MS = 2000, LOOK_MS = 200, NAME_BYTES = 256, PID_BYTES = 16 };

/* Lanes wait for 5 s before they report a fault. */
#define BEGIN                                                                                      \
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL client_min_messages = warning; "              \
    "SET LOCAL standard_conforming_strings = on; SET LOCAL lock_timeout = '2s'"

/* The oldest blocking session.  Never its query, which may hold data. */
#define BLOCKER                                                                                    \
    "SELECT b.pid, a.usename, a.application_name, " DB_UTC(                                        \
        "a.xact_start") " FROM unnest(pg_blocking_pids($1::integer)) b (pid) "                     \
                        "LEFT JOIN pg_stat_activity a ON a.pid = b.pid ORDER BY a.xact_start, "    \
                        "b.pid LIMIT 1"

struct looking {
    const char *conninfo;
    char pid[PID_BYTES]; /* the waiting session */
    atomic_bool over;
    pthread_mutex_t lock;  /* guards what is below */
    char name[NAME_BYTES]; /* the last blocking session; "": none was seen */
};

static void note_blocker(struct looking *looking, const struct db_result *rows) {
    const char *user = db_cell(rows, 0, 1);
    const char *application = db_cell(rows, 0, 2);
    const char *since = db_cell(rows, 0, 3);
    bool is_prepared = strcmp(db_cell(rows, 0, 0), "0") == 0;
    (void)pthread_mutex_lock(&looking->lock);
    if (is_prepared) {
        (void)snprintf(looking->name, NAME_BYTES, "a prepared transaction (pg_prepared_xacts)");
    } else {
        (void)snprintf(looking->name, NAME_BYTES, "pid %s (user %s, application %s, since %s)",
                       db_cell(rows, 0, 0), user == NULL ? "none" : user,
                       application == NULL || application[0] == '\0' ? "none" : application,
                       since == NULL ? "unknown" : since);
    }
    (void)pthread_mutex_unlock(&looking->lock);
}

static void *look(void *context) {
    struct looking *looking = context;
    const char *const params[] = {looking->pid};
    struct db *db = NULL;
    struct diag diag = {0};
    enum err err = db_open(looking->conninfo, "casemill lock wait", &db, &diag);
    while (err == ERR_OK && !atomic_load(&looking->over)) {
        struct db_result *rows = NULL;
        err = db_query(db, BLOCKER, COUNT_OF(params), params, &rows, &diag);
        err = err == ERR_OK ? db_expect(rows, "? i s? s? s?", &diag) : err;
        if (err == ERR_OK && db_rows(rows) > 0) {
            note_blocker(looking, rows);
        }
        db_result_free(&rows);
        clock_sleep_ms(LOOK_MS);
    }
    db_close(&db);
    return NULL;
}

static enum err attempt(const struct lock_wait *wait, struct diag *diag) {
    enum err err = db_exec(wait->db, BEGIN, 0, NULL, diag);
    err = err == ERR_OK ? wait->step(wait->context, diag) : err;
    err = err == ERR_OK ? db_exec(wait->db, "COMMIT", 0, NULL, diag) : err;
    struct diag undone = {0};
    if (err != ERR_OK && err != ERR_CONNECTION &&
        db_exec(wait->db, "ROLLBACK", 0, NULL, &undone) != ERR_OK) {
        return diag_fail(diag, ERR_CONNECTION, "%s", undone.text);
    }
    return err;
}

static enum err read_pid(struct db *db, char pid[PID_BYTES], struct diag *diag) {
    struct db_result *rows = NULL;
    enum err err = db_query(db, "SELECT pg_backend_pid()", 0, NULL, &rows, diag);
    err = err == ERR_OK ? db_expect(rows, "1 i", diag) : err;
    if (err == ERR_OK) {
        (void)snprintf(pid, PID_BYTES, "%s", db_cell(rows, 0, 0));
    }
    db_result_free(&rows);
    return err;
}

static void print_wait(const struct lock_wait *wait, const char *name) {
    struct buf text = BUF_EMPTY;
    buf_printf(&text, "casemill %s: waits for %s to end its transaction\n", wait->verb, name);
    plain_print(stderr, buf_span(&text));
    buf_free(&text);
}

/* The attempts after the first, with the looking thread; lanes get the lock between attempts. */
static enum err retry(const struct lock_wait *wait, struct looking *looking, struct diag *diag) {
    int64_t end_ms = clock_mono_ms() + wait->patience_ms;
    char printed[NAME_BYTES] = "";
    for (;;) {
        clock_sleep_ms(PAUSE_MS);
        enum err err = attempt(wait, diag);
        if (err != ERR_AGAIN) {
            return err;
        }
        char name[NAME_BYTES];
        (void)pthread_mutex_lock(&looking->lock);
        (void)snprintf(name, sizeof(name), "%s", looking->name);
        (void)pthread_mutex_unlock(&looking->lock);
        if (clock_mono_ms() >= end_ms) {
            return diag_fail(
                diag, ERR_BUSY,
                "nothing was changed: %s holds a lock; end that transaction, or try again later",
                name[0] == '\0' ? "an unknown session (see pg_locks)" : name);
        }
        if (name[0] != '\0' && strcmp(name, printed) != 0) {
            (void)snprintf(printed, sizeof(printed), "%s", name);
            print_wait(wait, name);
        }
    }
}

enum err lock_wait_run(const struct lock_wait *wait, struct diag *diag) {
    enum err err = attempt(wait, diag);
    if (err != ERR_AGAIN) {
        return err;
    }
    struct looking looking = {.conninfo = wait->conninfo};
    pthread_t thread;
    atomic_init(&looking.over, false);
    err = read_pid(wait->db, looking.pid, diag);
    if (err != ERR_OK) {
        return err;
    }
    CHECK(pthread_mutex_init(&looking.lock, NULL) == 0);
    bool looks = pthread_create(&thread, NULL, look, &looking) == 0;
    err = retry(wait, &looking, diag);
    atomic_store(&looking.over, true);
    if (looks) {
        CHECK(pthread_join(thread, NULL) == 0);
    }
    CHECK(pthread_mutex_destroy(&looking.lock) == 0);
    return err;
}

/* Reports are always exact, because their views add the tallies that are not folded yet: a failed
 * fold only makes them slower, and is retried. */
#include "worker/fold.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "db/db.h"
#include "net/net.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { EACH_MS = 3000, CALL_MS = 60000 };

struct fold {
    pthread_t thread;
    const char *conninfo;
    struct net_wake *wake;
    atomic_bool stopping;
    bool logged; /* a failure was logged: retries do not repeat it */
};

/* Errors: those of db_query. */
static enum err fold_all(struct fold *fold, struct db *db, struct diag *diag) {
    enum { TALLIES_MAX = 500 };
    int64_t folded = TALLIES_MAX;
    while (folded == TALLIES_MAX && !atomic_load(&fold->stopping)) {
        struct db_result *row = NULL;
        enum err err = db_query(db, "SELECT fold_tallies(500)", 0, NULL, &row, diag);
        err = err == ERR_OK ? db_expect(row, "1 n", diag) : err;
        if (err != ERR_OK) {
            db_result_free(&row);
            return err;
        }
        folded = strtoll(db_cell(row, 0, 0), NULL, 10);
        db_result_free(&row);
    }
    return ERR_OK;
}

static void *run(void *argument) {
    struct fold *fold = argument;
    const struct db_limits limits = {.wake_fd = net_wake_fd(fold->wake), .call_ms_max = CALL_MS};
    struct db *db = NULL;
    while (!atomic_load(&fold->stopping)) {
        struct diag diag = {0};
        enum err err = db != NULL
                           ? ERR_OK
                           : db_open_limited(fold->conninfo, "casemill fold", &limits, &db, &diag);
        bool is_open = err == ERR_OK;
        err = is_open ? fold_all(fold, db, &diag) : err;
        if (err != ERR_OK) {
            db_close(&db);
        }
        /* Lanes log that PostgreSQL is away. */
        if (is_open && err != ERR_OK && err != ERR_TIMEOUT && !fold->logged) {
            LOG(EV_TALLIES_UNFOLDED, "text=\"%s\"", diag.text);
        }
        fold->logged = is_open ? err != ERR_OK : fold->logged;
        struct net_poll_item item = {.fd = net_wake_fd(fold->wake)};
        err = net_poll(&item, 1, EACH_MS);
        CHECK(err == ERR_OK);
    }
    db_close(&db);
    return NULL;
}

enum err fold_start(const char *conninfo, struct fold **fold, struct diag *diag) {
    struct fold *made = mem_zero(1, sizeof(*made));
    made->conninfo = conninfo;
    enum err err = net_wake_open(&made->wake, diag);
    err = err == ERR_OK ? thread_start(&made->thread, run, made, "the fold", diag) : err;
    if (err != ERR_OK) {
        net_wake_free(&made->wake);
        mem_free(made);
        return err;
    }
    *fold = made;
    return ERR_OK;
}

void fold_end(struct fold **fold) {
    struct fold *gone = *fold;
    if (gone != NULL) {
        atomic_store(&gone->stopping, true);
        net_wake_poke(gone->wake);
        CHECK(pthread_join(gone->thread, NULL) == 0);
        net_wake_free(&gone->wake);
        mem_free(gone);
        *fold = NULL;
    }
}

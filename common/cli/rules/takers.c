/* See takers.h. */
#include "cli/rules/takers.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { REST_MS = 2000 }; /* for the other workers, after the first has taken it */

enum err takers_listen(struct db *db, struct takers *takers, struct diag *diag) {
    *takers = (struct takers){.refusals = BUF_EMPTY};
    struct db_result *row = NULL;
    enum err err = db_exec(db, "LISTEN " DB_RULE_ANSWERS, 0, NULL, diag);
    if (err == ERR_OK) {
        err = db_query(db,
                       "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                       "AND application_name = '" DB_RULE_WATCH "'",
                       0, NULL, &row, diag);
    }
    err = err == ERR_OK ? db_expect(row, "1 n", diag) : err;
    if (err == ERR_OK) {
        takers->connected = strtoll(db_cell(row, 0, 0), NULL, 10);
    }
    db_result_free(&row);
    return err;
}

/* "ACTIVATION taken|refused WORKER [TEXT]"; other activations and other forms do not count. */
static void answer_read(const char *text, int64_t activation, struct takers *takers) {
    static const char taken[] = "taken ";
    static const char refused[] = "refused ";
    char *end = NULL;
    if (strtoll(text, &end, 10) != activation || *end != ' ') {
        return;
    }
    text = end + 1;
    if (strncmp(text, taken, strlen(taken)) == 0) {
        takers->taken++;
    } else if (strncmp(text, refused, strlen(refused)) == 0) {
        const char *worker = text + strlen(refused);
        size_t len = strcspn(worker, " ");
        takers->refused++;
        buf_printf(&takers->refusals, "%.*s:%s\n", (int)len, worker, worker + len);
    }
}

enum err takers_wait(struct db *db, int64_t activation, int64_t wait_ms, struct takers *takers,
                     struct diag *diag) {
    int64_t until_ms = clock_mono_ms() + wait_ms;
    struct buf payload = BUF_EMPTY;
    enum err err = ERR_OK;
    while (err == ERR_OK && takers->refused == 0 && takers->taken < takers->connected) {
        int64_t left_ms = until_ms - clock_mono_ms();
        bool got = false;
        if (left_ms <= 0) {
            break;
        }
        err = db_wait_notice(db, left_ms, &payload, &got, diag);
        int64_t before = takers->taken;
        if (err == ERR_OK && got) {
            answer_read(buf_cstr(&payload), activation, takers);
        }
        if (before == 0 && takers->taken > 0 && left_ms > REST_MS) {
            until_ms = clock_mono_ms() + REST_MS;
        }
    }
    buf_free(&payload);
    return err;
}

void takers_free(struct takers *takers) { buf_free(&takers->refusals); }

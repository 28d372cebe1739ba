/* The watch thread: connect, load, wait for a notification or the next poll, load again. */
#include "worker/rule_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "net/net.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { POLL_MS = 3000, RECONNECT_MS = 1000, LATE_MS = 1000, FOLD_MAX = 500 };

struct rule_watch {
    pthread_t thread;
    const char *conninfo;
    void (*changed)(void *context);
    void *context;
    struct net_wake *wake;
    atomic_bool stopping;
    atomic_uint generation;
    _Atomic int64_t looked_at, heard_at; /* monotonic ms; 0: never */
    _Atomic uint64_t deaf, clock_jumps;
    int64_t wall_ahead_us;
    int64_t newest;       /* number of the last activation seen on this connection; -1: none yet */
    pthread_mutex_t lock; /* guards what is below */
    struct active_rules *rules;
    enum err said; /* the last trouble logged, so that a poll does not repeat it */
    char said_text[DIAG_TEXT_MAX];
};

static void adopt(struct rule_watch *watch, struct active_rules *rules) {
    LOG(EV_RULESET_LOADED, "ruleset=%.12s activation=%lld agreements=%u",
        ruleset_id(rules->ruleset), (long long)rules->activation, rules->agreement_count);
    (void)pthread_mutex_lock(&watch->lock);
    struct active_rules *old = watch->rules;
    watch->rules = rules;
    (void)pthread_mutex_unlock(&watch->lock);
    active_rules_unref(&old);
    atomic_fetch_add(&watch->generation, 1U);
    watch->changed(watch->context);
}

static void say_trouble(struct rule_watch *watch, enum err err, const struct diag *diag) {
    if (watch->said == err && strcmp(watch->said_text, diag->text) == 0) {
        return;
    }
    (void)pthread_mutex_lock(&watch->lock);
    watch->said = err;
    (void)snprintf(watch->said_text, sizeof(watch->said_text), "%s", diag->text);
    (void)pthread_mutex_unlock(&watch->lock);
    if (err == ERR_NOT_FOUND) {
        LOG(EV_RULESET_MISSING, "text=\"%s\"", diag->text);
    } else {
        LOG(EV_RULESET_REFUSED, "text=\"%s\"", diag->text);
    }
}

/* Errors: ERR_CONNECTION the connection is to be made anew. */
static enum err look(struct rule_watch *watch, struct db *db) {
    struct active_rules *rules = NULL;
    struct diag diag = {0};
    int64_t have = watch->rules == NULL ? 0 : watch->rules->activation;
    enum err err = active_rules_load(db, have, &rules, &diag);
    if (err == ERR_OK) {
        (void)pthread_mutex_lock(&watch->lock);
        watch->said = ERR_OK;
        (void)pthread_mutex_unlock(&watch->lock);
        if (rules != NULL) {
            adopt(watch, rules);
        }
        return ERR_OK;
    }
    if (err == ERR_CONNECTION) {
        return err;
    }
    say_trouble(watch, err, &diag); /* the old rule set stays */
    return ERR_OK;
}

/* What lanes counted goes into the rollups, here, where no case waits for it.  Errors:
 * ERR_CONNECTION as above. */
static enum err fold(struct rule_watch *watch, struct db *db) {
    struct diag diag = {0};
    char most[16];
    const char *const params[] = {most};
    (void)snprintf(most, sizeof(most), "%d", (int)FOLD_MAX);
    int64_t folded = FOLD_MAX;
    while (folded == FOLD_MAX && !atomic_load(&watch->stopping)) {
        struct db_result *row = NULL;
        enum err err =
            db_query(db, "SELECT fold_tallies($1::integer)", COUNT_OF(params), params, &row, &diag);
        if (err != ERR_OK) {
            LOG(EV_TALLIES_UNFOLDED, "text=\"%s\"", diag.text);
            return err == ERR_CONNECTION ? err : ERR_OK; /* reports add up the rest themselves */
        }
        folded = strtoll(db_cell(row, 0, 0), NULL, 10);
        db_result_free(&row);
    }
    return ERR_OK;
}

/* The number of the last activation, planned ones too: each was notified of when it was written.
 * Errors: those of db_query. */
static enum err read_newest(struct db *db, int64_t *newest) {
    struct db_result *rows = NULL;
    struct diag diag = {0};
    enum err err =
        db_query(db, "SELECT coalesce(max(activation), 0) FROM activations", 0, NULL, &rows, &diag);
    if (err == ERR_OK) {
        *newest = strtoll(db_cell(rows, 0, 0), NULL, 10);
    }
    db_result_free(&rows);
    return err;
}

/* A poll that finds what LISTEN did not tell: LISTEN is deaf, and only a new connection heals it.
 * Errors: ERR_CONNECTION make one. */
static enum err check_hearing(struct rule_watch *watch, struct db *db, bool *notified) {
    int64_t newest = 0;
    struct diag diag = {0};
    if (read_newest(db, &newest) != ERR_OK) {
        return ERR_CONNECTION;
    }
    bool is_news = watch->newest >= 0 && newest > watch->newest && !*notified;
    watch->newest = newest;
    if (is_news && db_wait(db, net_wake_fd(watch->wake), LATE_MS, notified, &diag) != ERR_OK) {
        return ERR_CONNECTION;
    }
    if (*notified) {
        atomic_store(&watch->heard_at, clock_mono_ms());
    } else if (is_news && !atomic_load(&watch->stopping)) {
        atomic_fetch_add(&watch->deaf, 1U);
        LOG(EV_LISTEN_DEAF, "activation=%lld", (long long)newest);
        return ERR_CONNECTION;
    }
    return ERR_OK;
}

static void watch_clock(struct rule_watch *watch) {
    int64_t jump_ms = clock_jump_ms(clock_wall_us(), clock_mono_ns(), &watch->wall_ahead_us);
    if (jump_ms != 0) {
        atomic_fetch_add(&watch->clock_jumps, 1U);
        LOG(EV_CLOCK_JUMPED, "by_ms=%lld", (long long)jump_ms);
    }
}

/* Lanes say that PostgreSQL is away; the watch only tries again. */
static void wait_without_connection(struct rule_watch *watch) {
    struct net_poll_item item = {.fd = net_wake_fd(watch->wake)};
    enum err err = net_poll(&item, 1, RECONNECT_MS);
    CHECK(err == ERR_OK);
}

static void *run(void *argument) {
    struct rule_watch *watch = argument;
    struct db *db = NULL;
    bool notified = false;
    while (!atomic_load(&watch->stopping)) {
        struct diag diag = {0};
        enum err err = ERR_OK;
        watch_clock(watch);
        if (db == NULL) {
            watch->newest = -1;
            err = db_open(watch->conninfo, "casemill rule watch", &db, &diag);
            if (err == ERR_OK) {
                err = db_exec(db, "LISTEN casemill_rulesets", 0, NULL, &diag);
            }
        }
        if (err == ERR_OK) {
            err = look(watch, db);
        }
        if (err == ERR_OK) {
            atomic_store(&watch->looked_at, clock_mono_ms());
            err = check_hearing(watch, db, &notified);
        }
        notified = false;
        if (err == ERR_OK) {
            err = fold(watch, db);
        }
        if (err == ERR_OK) {
            err = db_wait(db, net_wake_fd(watch->wake), POLL_MS, &notified, &diag);
        }
        if (err != ERR_OK) {
            db_close(&db);
            wait_without_connection(watch);
        }
    }
    db_close(&db);
    return NULL;
}

enum err rule_watch_start(const char *conninfo, void (*changed)(void *context), void *context,
                          struct rule_watch **started, struct diag *diag) {
    struct rule_watch *watch = mem_zero(1, sizeof(*watch));
    watch->conninfo = conninfo;
    watch->changed = changed;
    watch->context = context;
    atomic_init(&watch->stopping, false);
    atomic_init(&watch->generation, 0U);
    CHECK(pthread_mutex_init(&watch->lock, NULL) == 0);
    enum err err = net_wake_open(&watch->wake, diag);
    err = err == ERR_OK ? thread_start(&watch->thread, run, watch, "the rule watch", diag) : err;
    if (err != ERR_OK) {
        rule_watch_free(&watch);
        return err;
    }
    *started = watch;
    return ERR_OK;
}

void rule_watch_end(struct rule_watch *watch) {
    atomic_store(&watch->stopping, true);
    net_wake_poke(watch->wake);
    CHECK(pthread_join(watch->thread, NULL) == 0);
}

void rule_watch_free(struct rule_watch **watch) {
    struct rule_watch *gone = *watch;
    if (gone != NULL) {
        net_wake_free(&gone->wake);
        CHECK(pthread_mutex_destroy(&gone->lock) == 0);
        active_rules_unref(&gone->rules);
        mem_free(gone);
        *watch = NULL;
    }
}

uint32_t rule_watch_generation(struct rule_watch *watch) { return atomic_load(&watch->generation); }

struct active_rules *rule_watch_get(struct rule_watch *watch) {
    (void)pthread_mutex_lock(&watch->lock);
    struct active_rules *rules = watch->rules == NULL ? NULL : active_rules_ref(watch->rules);
    (void)pthread_mutex_unlock(&watch->lock);
    return rules;
}

void rule_watch_health(struct rule_watch *watch, struct rule_watch_health *health) {
    int64_t now = clock_mono_ms();
    int64_t looked = atomic_load(&watch->looked_at);
    int64_t heard = atomic_load(&watch->heard_at);
    *health = (struct rule_watch_health){.looked_ms = looked == 0 ? -1 : now - looked,
                                         .heard_ms = heard == 0 ? -1 : now - heard,
                                         .deaf = atomic_load(&watch->deaf),
                                         .clock_jumps = atomic_load(&watch->clock_jumps)};
}

bool rule_watch_refused(struct rule_watch *watch, char text[DIAG_TEXT_MAX]) {
    (void)pthread_mutex_lock(&watch->lock);
    bool is_refused = watch->said != ERR_OK && watch->said != ERR_NOT_FOUND;
    (void)snprintf(text, DIAG_TEXT_MAX, "%s", is_refused ? watch->said_text : "");
    (void)pthread_mutex_unlock(&watch->lock);
    return is_refused;
}

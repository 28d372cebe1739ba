/* The watch thread: it connects, reads the active rule set, waits for a notification, the next
 * planned time or the next poll, and reads again.  Every call has a limit and is woken by
 * rule_watch_end and rule_watch_doubt. */
#include "worker/rule_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "db/sqlstate.h"
#include "net/net.h"
#include "worker/planned_rules.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { POLL_MS = 3000, RECONNECT_MS = 1000, LATE_MS = 1000, CALL_MS = 10000 };

struct rule_watch {
    pthread_t thread;
    struct rule_watch_options options;
    struct net_wake *wake;
    atomic_bool stopping, doubted, stale;
    atomic_uint generation, planned_count;
    _Atomic int64_t looked_at, notified_at; /* monotonic ms; 0: never */
    int64_t started_at;
    bool unchecked_logged; /* the tick logged it */
    _Atomic uint64_t deaf, clock_jumps;
    int64_t wall_ahead_us;
    int64_t answered; /* the last activation that this worker reported as taken or refused */
    int64_t newest;   /* number of the last activation seen on this connection; -1: none yet */
    bool is_trusted;  /* the codes of the rules were read over this connection */
    struct planned_rules planned;
    pthread_mutex_t lock; /* guards the fields below */
    struct active_rules *rules;
    enum err logged; /* the last trouble logged, so that a poll does not repeat it */
    char logged_text[DIAG_TEXT_MAX];
};

static void adopt(struct rule_watch *watch, struct active_rules *rules) {
    LOG(EV_RULESET_LOADED, "ruleset=%.12s activation=%lld agreements=%u",
        ruleset_id(rules->ruleset), (long long)rules->activation, rules->agreement_count);
    (void)pthread_mutex_lock(&watch->lock);
    struct active_rules *old = watch->rules;
    watch->rules = rules;
    (void)pthread_mutex_unlock(&watch->lock);
    active_rules_unref(&old);
    atomic_store(&watch->stale, false);
    atomic_fetch_add(&watch->generation, 1U);
    watch->options.changed(watch->options.context);
}

static void log_trouble(struct rule_watch *watch, enum err err, const struct diag *diag) {
    if (watch->logged == err && strcmp(watch->logged_text, diag->text) == 0) {
        return;
    }
    (void)pthread_mutex_lock(&watch->lock);
    watch->logged = err;
    (void)snprintf(watch->logged_text, sizeof(watch->logged_text), "%s", diag->text);
    (void)pthread_mutex_unlock(&watch->lock);
    if (err == ERR_NOT_FOUND) {
        LOG(EV_RULESET_MISSING, "text=\"%s\"", diag->text);
    } else {
        LOG(EV_RULESET_REFUSED, "text=\"%s\"", diag->text);
    }
}

static void clear_trouble(struct rule_watch *watch) {
    (void)pthread_mutex_lock(&watch->lock);
    watch->logged = ERR_OK;
    (void)pthread_mutex_unlock(&watch->lock);
    atomic_store(&watch->stale, false);
}

static bool is_lost(enum err err) {
    return err == ERR_CONNECTION || err == ERR_TIMEOUT || err == ERR_AGAIN;
}

/* The active rule set does not load: for how long may the one before it decide?  Errors: of the
 * connection. */
static enum err check_stale(struct rule_watch *watch, struct db *db) {
    struct diag diag = {0};
    char number[8];
    char seconds[24];
    if (watch->rules == NULL) {
        return ERR_OK;
    }
    const char *const params[] = {number, ruleset_id(watch->rules->ruleset), seconds};
    (void)snprintf(number, sizeof(number), "%d", watch->rules->number);
    (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)watch->options.stale_s);
    enum err err =
        db_exec(db, "SELECT rules_guard($1::smallint, $2, make_interval(secs => $3::integer))",
                COUNT_OF(params), params, &diag);
    bool stale = err != ERR_OK && strcmp(db_sqlstate(db), SQLSTATE_STALE_RULES) == 0;
    if (stale && !atomic_exchange(&watch->stale, true)) {
        LOG(EV_RULES_STALE, "ruleset=%.12s text=\"%s\"", ruleset_id(watch->rules->ruleset),
            "the active rule set does not load here: no work until it does");
        watch->options.changed(watch->options.context);
    }
    return is_lost(err) ? err : ERR_OK;
}

/* `casemill rules activate` listens: "ACTIVATION taken|refused WORKER [TEXT]", once for each
 * activation.  Errors: of the connection; without an answer, activate only waits longer. */
static enum err answer(struct rule_watch *watch, struct db *db, const struct active_row *row,
                       const char *text) {
    struct diag diag = {0};
    if (watch->answered == row->activation) {
        return ERR_OK;
    }
    struct buf payload = BUF_EMPTY;
    buf_printf(&payload, "%lld %s %s%s%s", (long long)row->activation,
               text == NULL ? "taken" : "refused", watch->options.name, text == NULL ? "" : " ",
               text == NULL ? "" : text);
    const char *const params[] = {buf_cstr(&payload)};
    enum err err =
        db_exec(db, "SELECT pg_notify('" DB_RULE_ANSWERS "', $1)", COUNT_OF(params), params, &diag);
    buf_free(&payload);
    watch->answered = err == ERR_OK ? row->activation : watch->answered;
    return is_lost(err) ? err : ERR_OK;
}

/* Whether the codes of the same rule set have changed since the last connection. */
static bool has_new_codes(const struct rule_watch *watch, const struct active_rules *rules) {
    return watch->rules == NULL || !active_rules_equal(watch->rules, rules);
}

/* Errors: those of active_rules_load. */
static enum err take(struct rule_watch *watch, struct db *db, const struct active_row *row,
                     struct diag *diag) {
    struct active_rules *rules = watch->is_trusted ? planned_rules_of(&watch->planned, row) : NULL;
    enum err err = rules == NULL ? active_rules_load(db, row, &rules, diag) : ERR_OK;
    if (err != ERR_OK) {
        return err;
    }
    watch->is_trusted = true;
    if (has_new_codes(watch, rules)) {
        adopt(watch, rules);
    } else {
        active_rules_unref(&rules);
    }
    return ERR_OK;
}

/* Errors: of the connection, which must then be made again. */
static enum err look(struct rule_watch *watch, struct db *db) {
    struct diag diag = {0};
    struct active_row row = {0};
    enum err err = active_rules_find(db, &row, &diag);
    bool same = err == ERR_OK && watch->is_trusted && watch->rules != NULL &&
                active_rules_are(watch->rules, &row);
    bool is_found = err == ERR_OK;
    if (err == ERR_OK && !same) {
        err = take(watch, db, &row, &diag);
    }
    if (is_lost(err)) {
        return err;
    }
    bool is_taken = err == ERR_OK;
    if (err == ERR_OK) {
        clear_trouble(watch);
    } else {
        log_trouble(watch, err, &diag); /* the old rule set stays */
        err = err == ERR_NOT_FOUND ? ERR_OK : check_stale(watch, db);
    }
    if (err == ERR_OK && is_found) {
        err = answer(watch, db, &row, is_taken ? NULL : diag.text);
    }
    err = err == ERR_OK ? planned_rules_read(&watch->planned, db, &diag) : err;
    atomic_store(&watch->planned_count, watch->planned.count);
    return err;
}

/* PostgreSQL does not answer at a planned time: the rule set loaded ahead becomes active. */
static void take_due(struct rule_watch *watch) {
    struct active_rules *due = planned_rules_due(&watch->planned, clock_mono_ms());
    if (due != NULL && has_new_codes(watch, due)) {
        adopt(watch, due);
    } else {
        active_rules_unref(&due);
    }
}

/* The number of the last activation, also a planned one: each sent a notification when it was
 * written.  Errors: those of db_query. */
static enum err read_newest(struct db *db, int64_t *newest) {
    struct db_result *rows = NULL;
    struct diag diag = {0};
    enum err err =
        db_query(db, "SELECT coalesce(max(activation), 0) FROM activations", 0, NULL, &rows, &diag);
    err = err == ERR_OK ? db_expect(rows, "1 i", &diag) : err;
    if (err == ERR_OK) {
        *newest = strtoll(db_cell(rows, 0, 0), NULL, 10);
    }
    db_result_free(&rows);
    return err;
}

/* A poll that finds an activation without a notification shows that LISTEN has failed; only a new
 * connection repairs it.  Errors: ERR_CONNECTION make one. */
static enum err check_listen(struct rule_watch *watch, struct db *db, bool *notified) {
    int64_t newest = 0;
    struct diag diag = {0};
    if (read_newest(db, &newest) != ERR_OK) {
        return ERR_CONNECTION;
    }
    bool is_missed = watch->newest >= 0 && newest > watch->newest && !*notified;
    watch->newest = newest;
    if (is_missed && db_wait(db, LATE_MS, notified, &diag) != ERR_OK) {
        return ERR_CONNECTION;
    }
    if (*notified) {
        atomic_store(&watch->notified_at, clock_mono_ms());
    } else if (is_missed && !atomic_load(&watch->stopping) && !atomic_load(&watch->doubted)) {
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

/* Lanes log that PostgreSQL is away; the watch only retries. */
static void wait_without_connection(struct rule_watch *watch) {
    struct net_poll_item item = {.fd = net_wake_fd(watch->wake)};
    enum err err = net_poll(&item, 1, RECONNECT_MS);
    CHECK(err == ERR_OK);
}

/* Errors: those of db_open; ERR_CONNECTION. */
static enum err reconnect(struct rule_watch *watch, struct db **db) {
    const struct db_limits limits = {.wake_fd = net_wake_fd(watch->wake), .call_ms_max = CALL_MS};
    struct diag diag = {0};
    watch->newest = -1;
    watch->is_trusted = false;
    enum err err = db_open_limited(watch->options.conninfo, DB_RULE_WATCH, &limits, db, &diag);
    err = err == ERR_OK ? db_exec(*db, "LISTEN casemill_rulesets", 0, NULL, &diag) : err;
    if (err == ERR_OK) {
        planned_rules_clear(&watch->planned); /* with the codes of the last connection */
    }
    return err;
}

/* Reads the active rule set, and waits until the next read is due.  Errors: connect again. */
static enum err turn(struct rule_watch *watch, struct db *db, bool *notified) {
    struct diag diag = {0};
    enum err err = look(watch, db);
    if (err == ERR_OK) {
        atomic_store(&watch->looked_at, clock_mono_ms());
        err = check_listen(watch, db, notified);
    }
    *notified = false;
    if (err == ERR_OK) {
        int64_t wait_ms = planned_rules_wait_ms(&watch->planned, clock_mono_ms(), POLL_MS);
        err = db_wait(db, wait_ms, notified, &diag);
    }
    return err;
}

static void *run(void *argument) {
    struct rule_watch *watch = argument;
    struct db *db = NULL;
    bool notified = false;
    for (;;) {
        net_wake_clear(
            watch->wake); /* before the flags are read: a later poke wakes the next wait */
        if (atomic_load(&watch->stopping)) {
            break;
        }
        watch_clock(watch);
        if (atomic_exchange(&watch->doubted, false)) {
            db_close(&db);
        }
        enum err err = db == NULL ? reconnect(watch, &db) : ERR_OK;
        err = err == ERR_OK ? turn(watch, db, &notified) : err;
        if (err != ERR_OK) {
            db_close(&db);
            notified = false;
            take_due(watch);
            wait_without_connection(watch);
        }
    }
    db_close(&db);
    return NULL;
}

enum err rule_watch_start(const struct rule_watch_options *options, struct rule_watch **watch,
                          struct diag *diag) {
    struct rule_watch *made = mem_zero(1, sizeof(*made));
    CHECK(options->name != NULL);
    made->options = *options;
    made->started_at = clock_mono_ms();
    CHECK(pthread_mutex_init(&made->lock, NULL) == 0);
    enum err err = net_wake_open(&made->wake, diag);
    err = err == ERR_OK ? thread_start(&made->thread, run, made, "the rule watch", diag) : err;
    if (err != ERR_OK) {
        rule_watch_free(&made);
        return err;
    }
    *watch = made;
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
        planned_rules_clear(&gone->planned);
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

bool rule_watch_is_stale(struct rule_watch *watch) { return atomic_load(&watch->stale); }

void rule_watch_doubt(struct rule_watch *watch) {
    if (!atomic_exchange(&watch->doubted, true)) {
        net_wake_poke(watch->wake);
    }
}

static int64_t unchecked_ms(struct rule_watch *watch) {
    int64_t looked = atomic_load(&watch->looked_at);
    return clock_mono_ms() - (looked == 0 ? watch->started_at : looked);
}

bool rule_watch_is_unchecked(struct rule_watch *watch) {
    return unchecked_ms(watch) >= RULE_WATCH_UNCHECKED_MS;
}

void rule_watch_tick(struct rule_watch *watch) {
    int64_t for_ms = unchecked_ms(watch);
    bool unchecked = for_ms >= RULE_WATCH_UNCHECKED_MS;
    if (unchecked && !watch->unchecked_logged) {
        LOG(EV_RULES_UNCHECKED, "for_ms=%lld", (long long)for_ms);
    } else if (!unchecked && watch->unchecked_logged) {
        LOG(EV_RULES_CHECKED, "ago_ms=%lld", (long long)for_ms);
    }
    watch->unchecked_logged = unchecked;
}

void rule_watch_health(struct rule_watch *watch, struct rule_watch_health *health) {
    int64_t now = clock_mono_ms();
    int64_t looked = atomic_load(&watch->looked_at);
    int64_t notified = atomic_load(&watch->notified_at);
    *health = (struct rule_watch_health){.looked_ms = looked == 0 ? -1 : now - looked,
                                         .notified_ms = notified == 0 ? -1 : now - notified,
                                         .planned = atomic_load(&watch->planned_count),
                                         .deaf = atomic_load(&watch->deaf),
                                         .clock_jumps = atomic_load(&watch->clock_jumps)};
}

bool rule_watch_refused(struct rule_watch *watch, char text[DIAG_TEXT_MAX]) {
    (void)pthread_mutex_lock(&watch->lock);
    bool is_refused = watch->logged != ERR_OK && watch->logged != ERR_NOT_FOUND;
    (void)snprintf(text, DIAG_TEXT_MAX, "%s", is_refused ? watch->logged_text : "");
    (void)pthread_mutex_unlock(&watch->lock);
    return is_refused;
}

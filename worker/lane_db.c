/* The lane's connection and rule set.  While PostgreSQL is away the lane holds no work and requests
 * none.  It retries after a back-off with jitter, so that a hundred lanes do not all connect at
 * once. */
#include "worker/lane_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/sqlstate.h"

#include <stdio.h>

enum { BACKOFF_MS_MIN = 100, BACKOFF_MS_MAX = 5000, RELOAD_MS = 3000 };

static void set_backoff(struct lane *lane) {
    lane->backoff_ms = lane->backoff_ms == 0 ? BACKOFF_MS_MIN : lane->backoff_ms * 2;
    if (lane->backoff_ms > BACKOFF_MS_MAX) {
        lane->backoff_ms = BACKOFF_MS_MAX;
    }
    int64_t jitter = (int64_t)rng_below(&lane->rng, (uint64_t)lane->backoff_ms);
    lane->reconnect_at_ms = clock_mono_ms() + lane->backoff_ms / 2 + jitter;
}

/* After a failover the next connection may lead to another database, with other numbers. */
void lane_forget_sources(struct lane *lane) {
    for (uint32_t i = 0; i < lane->source_count; i++) {
        mem_free(lane->sources[i].name);
    }
    lane->source_count = 0;
}

void lane_forget_named(struct lane *lane) {
    ruleset_run_free(&lane->named_run);
    active_rules_unref(&lane->named);
}

enum err lane_name_rules(struct lane *lane, struct span id) {
    if (lane->named != NULL && span_is(id, ruleset_id(lane->named->ruleset))) {
        return ERR_OK;
    }
    lane_forget_named(lane);
    struct diag diag = {0};
    enum err err = active_rules_load_named(lane->db, id, &lane->named, &diag);
    if (err == ERR_INVALID) {
        LOG(EV_RULESET_REFUSED, "text=\"%s\"", diag.text);
    }
    if (err == ERR_OK) {
        lane->named_run = ruleset_run_new(lane->named->ruleset);
    }
    return err;
}

static void close_connection(struct lane *lane) {
    db_lane_close(&lane->db);
    lane_forget_sources(lane);
    lane_forget_named(lane);
    atomic_store(&lane->stats.connected, false);
    set_backoff(lane);
}

void lane_keep_connected(struct lane *lane, const struct db_lane_wait *wait) {
    if (lane->db != NULL || clock_mono_ms() < lane->reconnect_at_ms ||
        atomic_load(&lane->draining)) {
        return;
    }
    lane_set_phase(lane, "reconnect");
    char application[64];
    (void)snprintf(application, sizeof(application), "casemill/%s", lane->uuid_text);
    struct diag diag = {0};
    lane->connecting = true;
    enum err err = db_lane_open(lane->options.conninfo, application, wait, &lane->db, &diag);
    if (err == ERR_OK) {
        err = db_lane_check_session(lane->db, lane->options.conninfo, &diag);
    }
    if (err == ERR_OK) {
        err = writer_setup(&lane->writer, lane->db, lane->options.sync_standbys, &diag);
    }
    lane->connecting = false;
    if (err == ERR_OK) {
        lane->logged = ERR_OK;
        atomic_store(&lane->stats.connected, true);
        atomic_fetch_add(&lane->stats.reconnects, 1U);
        LOG(EV_POSTGRES_CONNECTED, "lane=%s", lane->uuid_text);
        return;
    }
    if (err != lane->logged && err != ERR_TIMEOUT) {
        lane->logged = err;
        if (err == ERR_DENIED || err == ERR_VERSION) {
            LOG(EV_POSTGRES_REFUSED, "lane=%s text=\"%s\"", lane->uuid_text, diag.text);
        } else {
            LOG(EV_POSTGRES_LOST, "lane=%s text=\"%s\"", lane->uuid_text, diag.text);
        }
    }
    close_connection(lane);
}

static const char *why_lost(const struct lane *lane, enum err err, const char *sqlstate) {
    if (err == ERR_CORRUPT) {
        return "rows that this version cannot read: does another version run?";
    }
    if (err == ERR_TIMEOUT) {
        return "stopped before PostgreSQL had answered";
    }
    bool mute = lane->db != NULL && db_lane_is_mute(lane->db);
    return mute ? "the server does not answer any more" : sqlstate_text(sqlstate);
}

void lane_lose_connection(struct lane *lane, enum err err) {
    const char *sqlstate = lane->db == NULL ? "" : db_lane_sqlstate(lane->db);
    sqlstate = sqlstate[0] == '\0' ? lane->writer.sqlstate : sqlstate;
    if (err == ERR_DENIED) {
        LOG(EV_POSTGRES_REFUSED, "lane=%s sqlstate=%s text=\"%s\"", lane->uuid_text, sqlstate,
            sqlstate_text(sqlstate));
    } else {
        LOG(EV_POSTGRES_LOST, "lane=%s error=%s sqlstate=%s jobs=%u text=\"%s\"", lane->uuid_text,
            err_name(err), sqlstate,
            lane->writing.job_count + lane->txn.job_count + lane->inbox.job_count,
            why_lost(lane, err, sqlstate));
    }
    close_connection(lane);
    lane->credit_open = false; /* announced first, or returned work would come straight back */
    lane_send_ready(lane);
    lane_give_back(lane);
}

enum err lane_read(struct lane *lane, const char *sql, struct db_result **rows) {
    const struct db_lane_statement statement = {
        .settings = lane->writer.settings, .sql = sql, .binary_rows = true};
    return db_lane_transact(lane->db, &statement, rows);
}

enum err lane_ask(struct lane *lane, const char *question, bool *yes) {
    struct db_result *rows = NULL;
    enum err err = db_lane_exec(lane->db, question, &rows);
    err = err == ERR_OK ? db_expect(rows, "1 b", NULL) : err;
    *yes = err == ERR_OK && strcmp(db_cell(rows, 0, 0), "t") == 0;
    db_result_free(&rows);
    return err;
}

void lane_keep_tidy(struct lane *lane) {
    enum err err = lane->db == NULL ? ERR_OK : writer_tidy(&lane->writer);
    if (err != ERR_OK) {
        lane_lose_connection(lane, err);
    }
}

static void take_rules(struct lane *lane, struct active_rules *rules) {
    ruleset_run_free(&lane->run);
    columns_forget(&lane->columns);
    active_rules_unref(&lane->rules);
    lane_forget_named(lane); /* a new schema may have added columns that it does not know */
    lane->rules = rules;
    lane->writer.rules = rules;
    lane->writer.has_incoming = false;
    lane->stale = false;
    atomic_store(&lane->stats.stale, false);
    if (rules != NULL) {
        lane->run = ruleset_run_new(rules->ruleset);
        lane->credit_open = false; /* send READY again: it names the rule set */
    }
}

/* The rule set that transactions are checked with is read over the lane's own connection: the watch
 * may be connected to another server. */
static void reload_rules(struct lane *lane) {
    struct active_rules *rules = NULL;
    struct diag diag = {0};
    enum err err = active_rules_load_due(lane->db, lane->rules, &rules, &diag);
    if (err == ERR_OK && rules != NULL) {
        LOG(EV_RULESET_LOADED, "ruleset=%.12s activation=%lld agreements=%u by=lane",
            ruleset_id(rules->ruleset), (long long)rules->activation, rules->agreement_count);
        take_rules(lane, rules);
        lane->own_rules = true;
    } else if (err == ERR_OK || err == ERR_NOT_FOUND) { /* active again, or none is active */
        lane->stale = false;
        atomic_store(&lane->stats.stale, false);
    } else if (err == ERR_INVALID) {
        LOG(EV_RULESET_REFUSED, "text=\"%s\"", diag.text);
        atomic_store(&lane->stats.stale, true);
        lane->reload_at_ms = clock_mono_ms() + RELOAD_MS;
    } else {
        lane_lose_connection(lane, err);
    }
}

void lane_keep_rules(struct lane *lane) {
    uint32_t generation = rule_watch_generation(lane->options.watch);
    if (lane->txn.job_count > 0) {
        return;
    }
    if (generation != lane->generation) {
        lane->generation = generation;
        lane->own_rules = false;
        take_rules(lane, rule_watch_get(lane->options.watch));
    } else if (lane->stale && lane->db != NULL && clock_mono_ms() >= lane->reload_at_ms) {
        lane_set_phase(lane, "rules");
        reload_rules(lane);
    }
}

void lane_leave_rules(struct lane *lane) {
    LOG(EV_RULES_STALE, "lane=%s ruleset=%.12s jobs=%u", lane->uuid_text,
        ruleset_id(lane->rules->ruleset),
        lane->writing.job_count + lane->txn.job_count + lane->inbox.job_count);
    atomic_fetch_add(&lane->stats.stale_found, 1U);
    lane->stale = true;
    lane->reload_at_ms = 0;
    lane->credit_open = false; /* announced first, or returned work would come straight back */
    lane_send_ready(lane);
    lane_give_back(lane);
    rule_watch_doubt(lane->options.watch);
}

bool lane_is_able(const struct lane *lane) {
    return lane->db != NULL && lane->rules != NULL && !lane->stale &&
           (lane->own_rules || !rule_watch_is_stale(lane->options.watch));
}

bool lane_knows_source(const struct lane *lane, struct span name, int16_t *number) {
    for (uint32_t i = 0; i < lane->source_count; i++) {
        if (span_is(name, lane->sources[i].name)) {
            *number = lane->sources[i].number;
            return true;
        }
    }
    return false;
}

enum err lane_source(struct lane *lane, struct span name, int16_t *number) {
    if (lane_knows_source(lane, name, number)) {
        return ERR_OK;
    }
    enum err err = writer_source(&lane->writer, name, number);
    if (err == ERR_OK && lane->source_count < SOURCES_CACHED_MAX) {
        struct source_entry *entry = &lane->sources[lane->source_count++];
        entry->name = mem_strndup((const char *)name.ptr, name.len);
        entry->number = *number;
    }
    return err;
}

/* The lane's loop, as named phases in a fixed order:
 *
 *   connect -> tidy -> rules -> credit -> fetch -> [decode, evaluate -> write -> DONE] -> again
 *
 * While PostgreSQL works on one transaction the lane decodes and evaluates for the next.
 * Invariants: DONE covers only committed cases.  A transaction that ends early returns its jobs,
 * and those of the next one.  Credit is open only while there is a connection and a rule set that
 * may decide. */
#include "worker/lane_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#include <unistd.h>

#define ARENA_BYTES_MAX ((size_t)256 << 20)
enum { IDLE_MS = 1000 };

/* Every call to PostgreSQL waits through this.  The lane sends its heartbeats and receives
 * messages.  While a transaction is written, it decides the next one, and stops as soon as
 * PostgreSQL has answered. */
static enum err decide_ahead(void *context, int fd, bool want_write) {
    struct lane *lane = context;
    if (atomic_load(&lane->abandoned) || (lane->connecting && atomic_load(&lane->draining))) {
        return ERR_TIMEOUT;
    }
    while (lane->writing.job_count > 0 && lane_can_gather_ahead(lane)) {
        if (lane_poll(lane, fd, want_write, 0)) {
            return ERR_OK;
        }
        lane_gather_ahead(lane);
    }
    (void)lane_poll(lane, fd, want_write, LANE_TICK_MS);
    return ERR_OK;
}

static void keep_credit(struct lane *lane) {
    bool open = lane_is_able(lane) && !atomic_load(&lane->draining);
    if (open != lane->credit_open) {
        lane->credit_open = open;
        lane_send_ready(lane);
    }
}

static bool canary_wanted(const struct lane *lane) {
    for (uint32_t i = 0; i < lane->link_count; i++) {
        if (lane->links[i].canary) {
            return true;
        }
    }
    return false;
}

static bool has_work(const struct lane *lane) {
    return lane_is_able(lane) &&
           (lane->txn.job_count > 0 || inbox_peek(&lane->inbox) != NULL || canary_wanted(lane));
}

/* WORK that was in transit while credit closed must not wait here for a connection or a rule set:
 * other lanes may have both. */
static void keep_hands_empty(struct lane *lane) {
    if (!lane_is_able(lane) && lane->inbox.job_count > 0) {
        lane_give_back(lane);
    }
}

static void fetch(struct lane *lane) {
    if (has_work(lane)) {
        (void)lane_poll(lane, -1, false, 0); /* new messages join the transaction */
        return;
    }
    lane_set_phase(lane, lane->db == NULL ? "reconnect" : "idle");
    int64_t wait_ms = lane->db == NULL ? LANE_TICK_MS : IDLE_MS;
    (void)lane_poll(lane, lane->db == NULL ? -1 : db_lane_fd(lane->db), false, wait_ms);
    if (lane->db != NULL && db_lane_idle(lane->db) != ERR_OK) {
        lane_lose_connection(lane, ERR_CONNECTION);
    }
}

static void note_journals(struct lane *lane) {
    struct writer *writer = &lane->writer;
    writer->journal_count = 0;
    for (uint32_t link = 0; link < lane->link_count; link++) {
        bool used = lane->links[link].canary;
        for (uint32_t i = 0; i < lane->writing.job_count && !used; i++) {
            used = lane->writing.jobs[i]->link == link;
        }
        if (used && lane->links[link].welcomed) {
            writer->journals[writer->journal_count] = lane->links[link].journal;
            writer->low_water_at[writer->journal_count] = lane->links[link].low_water_at;
            writer->low_water[writer->journal_count++] = lane->links[link].low_water;
        }
    }
}

/* While it waits for PostgreSQL, the lane fills the next transaction (decide_ahead). */
static enum err write_outcomes(struct lane *lane) {
    struct txn *txn = &lane->writing;
    CHECK(txn->job_count == 0);
    txn_swap(txn, &lane->txn);
    lane_set_phase(lane, "write");
    lane->writing_ns = clock_mono_ns();
    note_journals(lane);
    lane->writer.mode = txn->job_count == 0     ? WRITER_CANARY
                        : txn->jobs[0]->reapply ? WRITER_REAPPLY
                                                : WRITER_INTAKE;
    lane->writer.resolves = txn->job_count > 0 && txn->jobs[0]->retry;
    if (txn->job_count > 0 && txn->jobs[0]->bury) {
        return writer_write_dead(&lane->writer, txn);
    }
    txn_sort(txn);
    return writer_write(&lane->writer, txn);
}

static enum err end_fenced_lanes(struct lane *lane) {
    if (lane->fence_count == 0) {
        return ERR_OK;
    }
    enum err err = writer_end_lanes(&lane->writer, lane->fence, lane->fence_count);
    lane->fence_count = err == ERR_OK ? 0 : lane->fence_count;
    return err;
}

/* Another session's rows block this one.  A broker's message about a lost lane may have arrived
 * meanwhile.  PostgreSQL itself shows lanes that no broker knows any more. */
static enum err end_who_blocks(void *context) {
    struct lane *lane = context;
    uint32_t ended = 0;
    enum err err = end_fenced_lanes(lane);
    if (err == ERR_OK) {
        err = writer_end_frozen(&lane->writer, WRITER_FROZEN_S, &ended);
    }
    if (ended > 0) {
        LOG(EV_LANE_FROZEN, "backends=%u by_lane=%s", ended, lane->uuid_text);
        atomic_fetch_add(&lane->stats.frozen, ended);
    }
    return err;
}

static void transact(struct lane *lane) {
    lane->writer.sqlstate[0] = '\0';
    enum err err = end_fenced_lanes(lane);
    if (err == ERR_OK) {
        lane_set_phase(lane, "decode");
        err = lane_gather(lane);
    }
    if (err == ERR_OK && (lane->txn.job_count > 0 || canary_wanted(lane))) {
        err = write_outcomes(lane);
        if (err == ERR_OK) {
            lane->backoff_ms = 0; /* only a committed transaction proves the connection */
            lane_send_done(lane);
        }
    }
    if (err != ERR_OK && strcmp(lane->writer.sqlstate, SQLSTATE_STALE_RULES) == 0) {
        lane_leave_rules(lane);
    } else if (err != ERR_OK) {
        lane_lose_connection(lane, err);
    }
    lane_forget_letters(lane);
}

static bool is_finished(struct lane *lane) {
    if (atomic_load(&lane->abandoned)) {
        return true;
    }
    return atomic_load(&lane->draining) && !has_work(lane);
}

static void *run(void *argument) {
    struct lane *lane = argument;
    const struct db_lane_wait wait = {.wait = decide_ahead, .context = lane};
    lane_send_ready(lane);
    while (!is_finished(lane)) {
        lane_keep_connected(lane, &wait);
        lane_keep_tidy(lane);
        lane_keep_rules(lane);
        keep_credit(lane);
        keep_hands_empty(lane);
        fetch(lane);
        if (has_work(lane) && !atomic_load(&lane->abandoned)) {
            transact(lane);
        }
    }
    lane_give_back(lane);
    lane_send_bye(lane);
    lane_close_brokers(lane);
    db_lane_close(&lane->db);
    atomic_store(&lane->stats.connected, false);
    atomic_store(&lane->stats.ended, true);
    const uint64_t one = 1;
    CHECK(write(lane->options.drained_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
    return NULL;
}

static void free_jobs(struct txn *txn) {
    for (uint32_t i = 0; i < txn->job_count; i++) {
        job_free(&txn->jobs[i]);
    }
    txn_free(txn);
}

static void lane_free(struct lane *lane) {
    lane_close_brokers(lane);
    for (struct job *job = inbox_take(&lane->inbox); job != NULL; job = inbox_take(&lane->inbox)) {
        job_free(&job);
    }
    free_jobs(&lane->txn);
    free_jobs(&lane->writing);
    inbox_fini(&lane->inbox);
    lane_forget_sources(lane);
    ruleset_run_free(&lane->run);
    columns_forget(&lane->columns);
    active_rules_unref(&lane->rules);
    lane_forget_named(lane);
    writer_free(&lane->writer);
    arena_free(&lane->arena);
    buf_free(&lane->head);
    buf_free(&lane->results);
    results_writer_free(&lane->results_writer);
    net_wake_free(&lane->wake);
    mem_free(lane);
}

enum err lane_start(const struct lane_options *options, uint32_t number, struct lane **lane,
                    struct diag *diag) {
    CHECK(options->broker_count >= 1);
    CHECK(options->broker_count <= LINKS_MAX);
    struct net_wake *wake = NULL;
    enum err err = net_wake_open(&wake, diag);
    if (err != ERR_OK) {
        return err;
    }
    struct lane *made = mem_zero(1, sizeof(*made));
    made->options = *options;
    made->number = number;
    made->uuid = uuid_random();
    uuid_format(&made->uuid, made->uuid_text);
    made->wake = wake;
    made->beat_ms = BEAT_MS_DEFAULT;
    made->phase = "idle";
    atomic_store(&made->stats.phase, made->phase);
    made->phase_since_ms = clock_mono_ms();
    atomic_store(&made->stats.turned_at, made->phase_since_ms);
    struct uuid seed = uuid_random();
    memcpy(&made->rng.state, seed.bytes, sizeof(made->rng.state));
    writer_init(&made->writer, &made->uuid);
    made->writer.tables_ms_max =
        options->tables_ms_max > 0 ? options->tables_ms_max : WRITER_TABLES_MS_MAX;
    made->writer.stale_s = options->stale_s;
    made->writer.blocked = end_who_blocks;
    made->writer.context = made;
    arena_init(&made->arena, ARENA_BYTES_MAX);
    err = lane_connect_brokers(made, diag);
    err = err == ERR_OK ? thread_start(&made->thread, run, made, "a lane", diag) : err;
    if (err != ERR_OK) {
        lane_free(made);
        return err;
    }
    *lane = made;
    return ERR_OK;
}

void lane_drain(struct lane *lane) {
    atomic_store(&lane->draining, true);
    net_wake_poke(lane->wake);
}

void lane_abandon(struct lane *lane) {
    atomic_store(&lane->abandoned, true);
    net_wake_poke(lane->wake);
}

void lane_poke(struct lane *lane) { net_wake_poke(lane->wake); }

void lane_join(struct lane **lane) {
    if (*lane != NULL) {
        CHECK(pthread_join((*lane)->thread, NULL) == 0);
        lane_free(*lane);
        *lane = NULL;
    }
}

const struct lane_stats *lane_stats(const struct lane *lane) { return &lane->stats; }

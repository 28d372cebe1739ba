/* Fills the next transaction with the queued work, in order of priority.  While the last
 * transaction is written, the lane decides only work that does not need the connection.  Its pieces
 * are small, so that PostgreSQL never waits for the lane's next bytes. */
#include "worker/lane_priv.h"

#include "base/clock.h"

enum { AHEAD_CASES = 64 };

/* These jobs get their own transaction.  A repeated delivery or a burial: if it kills this lane, no
 * other work is blamed.  Reapply: it writes another table.  Retry: it resolves dead letters. */
static bool goes_alone(const struct job *job) {
    return job->bury || job->reapply || job->retry || job->delivery->attempt > 1;
}

/* Urgent work joins a transaction that was filled ahead. */
static bool has_room(const struct lane *lane, const struct job *job) {
    const struct txn *txn = &lane->txn;
    uint64_t cases = (uint64_t)txn->case_count + txn->dead_count + job->delivery->count;
    uint64_t most = lane->options.cases_max;
    most *= job->delivery->priority == WIRE_URGENT ? 2 : 1;
    return txn->job_count == 0 || (!goes_alone(job) && !goes_alone(txn->jobs[0]) && cases <= most);
}

static struct job *next_job(struct lane *lane) {
    struct job *job = inbox_peek(&lane->inbox);
    return job != NULL && has_room(lane, job) ? inbox_take(&lane->inbox) : NULL;
}

static void note_start(struct lane *lane) {
    if (lane->txn.job_count == 0) {
        lane->txn.started_us = clock_wall_us();
        lane->txn.started_mono_ns = clock_mono_ns();
    }
}

/* The fault is the job's own, no other job's and not the connection's. */
static void refuse(struct lane *lane, struct job *job, const char *reason) {
    lane->deciding.open = false;
    lane_send_failed(lane, job, reason);
    job_free(&job);
}

static const char NOT_THE_CASES[] = "the bytes do not match the delivery";

/* Continues with the job that was begun. */
static void decide(struct lane *lane, uint32_t cases_max) {
    struct job *job = lane->txn.jobs[lane->deciding.job];
    if (lane_decide_some(lane, cases_max) != ERR_OK) {
        txn_rewind(&lane->txn, &lane->deciding.before);
        refuse(lane, job, NOT_THE_CASES);
    }
}

/* All that a job needs from the database before the transaction.  Errors: of the connection. */
static enum err take_job(struct lane *lane, struct job *job) {
    struct txn_mark before = txn_mark(&lane->txn);
    int16_t source = 0;
    enum err err = lane_source(lane, job->delivery->source, &source);
    if (err == ERR_OK && !job->bury && !job->reapply && !job->retry) {
        lane_decide_begin(lane, job, source);
        decide(lane, UINT32_MAX);
        return ERR_OK;
    }
    if (err == ERR_OK) {
        err = job->retry  ? lane_retry(lane, job, source)
              : job->bury ? lane_bury(lane, job, source)
                          : lane_reapply(lane, job, source);
    }
    if (err == ERR_OK) {
        return ERR_OK;
    }
    txn_rewind(&lane->txn, &before);
    if (err == ERR_INVALID) {
        refuse(lane, job,
               db_lane_sqlstate(lane->db)[0] == '\0' ? NOT_THE_CASES
                                                     : "the database refuses its source");
        return ERR_OK;
    }
    inbox_put(&lane->inbox, job); /* returned with the rest */
    return err;
}

enum err lane_gather(struct lane *lane) {
    note_start(lane);
    if (lane->deciding.open) {
        decide(lane, UINT32_MAX);
    }
    for (struct job *job = next_job(lane); job != NULL; job = next_job(lane)) {
        enum err err = take_job(lane, job);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

bool lane_can_gather_ahead(const struct lane *lane) {
    const struct job *job = inbox_peek(&lane->inbox);
    int16_t source = 0;
    if (lane->deciding.open) {
        return true;
    }
    return job != NULL && lane->rules != NULL && !goes_alone(job) && has_room(lane, job) &&
           lane->generation == rule_watch_generation(lane->options.watch) &&
           lane_knows_source(lane, job->delivery->source, &source);
}

static void begin_ahead(struct lane *lane) {
    struct job *job = inbox_take(&lane->inbox);
    int16_t source = 0;
    bool known = lane_knows_source(lane, job->delivery->source, &source);
    CHECK(known);
    note_start(lane);
    lane_decide_begin(lane, job, source);
}

/* Small deliveries share a piece: between two pieces the lane asks the kernel about every socket.
 */
void lane_gather_ahead(struct lane *lane) {
    uint32_t left = AHEAD_CASES;
    do {
        if (!lane->deciding.open) {
            begin_ahead(lane);
        }
        uint32_t before = lane->deciding.next;
        uint32_t count = lane->txn.jobs[lane->deciding.job]->delivery->count - before;
        uint32_t piece = count < left ? count : left;
        decide(lane, piece);
        left -= piece;
    } while (left > 0 && lane_can_gather_ahead(lane));
}

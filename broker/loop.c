/* The broker's turn: named phases, always in this order.
 *
 *   read the clock      once; everything in the turn uses this time
 *   poll                sockets, the journal's wake; at most a tick long
 *   look at the doors   open connections; a limit that was reached is logged
 *   keys                handshakes are answered, before what came with them is read
 *   receive intake      bounded; batches reach the core and, all at once, the journal's writer
 *   receive lanes       bounded; DONE, FAILED, RETURN, BEAT reach the core
 *   receive control     operators
 *   verify              a few records, while an operator's VERIFY runs
 *   perform             receipts and answers to the peers
 *   collect commits     what is durable now gets its ACCEPTED; what is not, its BUSY
 *   tick                retries fall due, lost lanes lose their work, beats go out, pauses end
 *   dispatch            queued parts go to lanes with credit
 *   perform             WORK and receipts
 *   hand over           deletes to the journal's writer
 *   trim                memory that packed batches have left
 *   publish             the snapshot that HTTP reads
 */
#include "broker/broker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum { TICK_MS = 100, TRIM_MS = 1000, RESULTS_MAX = 1024, STOP_MS_MAX = 30000 };

/* Deadlines are monotonic; what jumps is the time that batches are stamped with. */
static void read_clock(struct loop *loop, struct shell *shell) {
    int64_t mono_ns = clock_mono_ns();
    shell->now = mono_ns / 1000000;
    shell->now_us = mono_ns / 1000;
    shell->wall_us = clock_wall_us();
    int64_t jump_ms = clock_jump_ms(shell->wall_us, mono_ns, &loop->wall_ahead_us);
    if (jump_ms != 0) {
        shell->counts.clock_jumps++;
        LOG(EV_CLOCK_JUMPED, "by_ms=%lld", (long long)jump_ms);
    }
}

static void wait_for_input(struct shell *shell, struct net_guard *guard) {
    struct net_poll_item items[5] = {{.fd = net_wake_fd(shell->wake)},
                                     {.socket = shell->sockets[WIRE_WORKER]},
                                     {.socket = shell->sockets[WIRE_CONTROL_SOCKET]}};
    uint32_t count = 3;
    if (guard != NULL) {
        items[count++].socket = net_guard_socket(guard);
    }
    /* An intake that is not read is left out, or it would keep the loop from sleeping. */
    if (intake_is_read(shell)) {
        items[count++].socket = shell->sockets[WIRE_INTAKE];
    }
    enum err err = net_poll(items, count, shell->more ? 0 : TICK_MS);
    CHECK(err == ERR_OK);
    shell->more = false;
    if (items[0].ready) {
        net_wake_clear(shell->wake);
    }
}

/* Over the memory budget, far from its turn or behind a dropped body, the newest durable body is
 * dropped: the oldest are dispatched first. Often only the batch in the core is left of it. */
static void drop_body(struct shell *shell, uint64_t seq) {
    struct body *body = core_tag(shell->core, seq);
    bool full = atomic_load(&shell->bodies.bytes) > shell->memory_bytes_max;
    if (body == NULL ||
        (!full && !core_waits_long(shell->core) && !core_queue_has_packed(shell->core, seq))) {
        return;
    }
    blob_unref(&body->blob);
    if (body_is_plain(body)) {
        body_free(&body);
    }
    core_pack(shell->core, seq, body);
}

static void note_journal_state(struct loop *loop, struct shell *shell, bool failed, bool full) {
    if (failed && !loop->is_failure_seen) {
        loop->is_failure_seen = true;
        core_stop(shell->core);
    }
    if (full && !loop->is_full_logged) {
        LOG(EV_JOURNAL_FULL, "seen=1");
    }
    loop->is_full_logged = full;
}

static void collect_commits(struct loop *loop, struct shell *shell) {
    struct journal_result results[RESULTS_MAX];
    bool failed = false;
    bool full = loop->is_full_logged;
    uint32_t count = journal_collect(shell->journal, results, RESULTS_MAX, &failed);
    int64_t now_us = count == 0 ? 0 : clock_mono_ns() / 1000; /* a commit may end within a turn */
    for (uint32_t i = 0; i < count; i++) {
        full = results[i].outcome == JOURNAL_NO_ROOM;
        if (results[i].outcome == JOURNAL_DURABLE) {
            histogram_note(&shell->times.accept, &histogram_seconds,
                           now_us - results[i].received_us);
            core_journaled(shell->core, results[i].seq);
            drop_body(shell, results[i].seq);
        } else {
            core_put_failed(shell->core, results[i].seq,
                            full ? WIRE_BUSY_JOURNAL_FULL : WIRE_BUSY_STOPPED);
        }
    }
    shell->more = shell->more || count == RESULTS_MAX;
    note_journal_state(loop, shell, failed, full);
}

/* The latest of the fence; it may hold fewer than were lost at once. */
static void log_lost_lanes(const struct core *core, uint64_t lost) {
    const struct uuid *fence = NULL;
    uint32_t count = core_fence(core, &fence);
    uint32_t shown = lost < count ? (uint32_t)lost : count;
    for (uint32_t i = count - shown; i < count; i++) {
        char lane[UUID_TEXT_BYTES];
        uuid_format(&fence[i], lane);
        LOG(EV_LANE_SILENT, "lane=%s lanes=%llu", lane, (unsigned long long)lost);
    }
}

/* Logged once until it is over. */
static void log_waiting_rows(struct loop *loop, const struct core_stats *stats) {
    bool wait = stats->queued_rows > 0 && stats->lanes > 0 && stats->lanes_rows == 0;
    if (wait && !loop->is_rows_logged) {
        LOG(EV_ROWS_WAIT, "cases=%llu lanes=%u", (unsigned long long)stats->queued_rows,
            stats->lanes);
    }
    loop->is_rows_logged = wait;
}

static void tick(struct loop *loop, struct shell *shell) {
    core_tick(shell->core, shell->now);
    control_tick(shell);
    struct core_stats stats;
    core_stats(shell->core, shell->now, &stats);
    if (stats.lanes_silent > loop->silent_logged) {
        log_lost_lanes(shell->core, stats.lanes_silent - loop->silent_logged);
        loop->silent_logged = stats.lanes_silent;
    }
    log_waiting_rows(loop, &stats);
}

/* What was packed has left holes between what was not.  Once more when nothing has changed since:
 * the journal's writer releases its bodies a little after it has reported them durable. */
static void trim(struct loop *loop, struct shell *shell) {
    struct core_stats stats;
    if (shell->now < loop->trim_due) {
        return;
    }
    core_stats(shell->core, shell->now, &stats);
    bool has_changed = stats.packed != loop->trimmed;
    if (has_changed || loop->trims_again) {
        mem_trim();
    }
    loop->trims_again = has_changed;
    loop->trimmed = stats.packed;
    loop->trim_due = shell->now + TRIM_MS;
}

/* The first TERM: nothing new is accepted or dispatched; lanes finish what they hold. True when
 * over. */
static bool stop_is_over(struct loop *loop, struct shell *shell, sig_atomic_t stop) {
    if (stop == 0) {
        return false;
    }
    if (!shell->stopping) {
        LOG(EV_PROGRAM_STOPPING, "signals=%d", (int)stop);
        shell->stopping = true;
        loop->stop_deadline = shell->now + STOP_MS_MAX;
        core_set_accepting(shell->core, false);
        core_set_dispatching(shell->core, false);
    }
    struct core_stats stats;
    struct journal_stats disk;
    core_stats(shell->core, shell->now, &stats);
    journal_stats(shell->journal, &disk);
    bool idle = stats.out_cases == 0 && disk.pending_count == 0;
    return stop > 1 || idle || shell->now >= loop->stop_deadline;
}

bool broker_turn(struct broker *broker, sig_atomic_t stop) {
    struct loop *loop = &broker->loop;
    struct shell *shell = &broker->shell;
    wait_for_input(shell, broker->keys.guard);
    read_clock(loop, shell);
    doors_look(&broker->doors, shell);
    keys_step(&broker->keys, shell);
    intake_receive(&broker->intake, shell);
    journal_hand_over(shell->journal);
    lanes_receive(&broker->lanes, shell);
    control_receive(shell, &broker->keys, &broker->verify);
    online_verify_step(&broker->verify, shell);
    actions_perform(&broker->actions, shell);
    collect_commits(loop, shell);
    tick(loop, shell);
    actions_perform(&broker->actions, shell);
    core_set_room(shell->core, outgoing_room(&shell->work));
    core_deal(shell->core, shell->now);
    actions_perform(&broker->actions, shell);
    journal_hand_over(shell->journal);
    trim(loop, shell);
    status_step(&broker->status, shell);
    return !stop_is_over(loop, shell, stop);
}

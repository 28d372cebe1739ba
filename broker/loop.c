/* The broker's turn: named phases, always in this order.
 *
 *   read the clock      once; everything in the turn uses this time
 *   poll                sockets, the journal's wake; at most a tick long
 *   look at the doors   open connections; a limit that was reached is logged
 *   keys                handshakes are answered, before what came with them is read
 *   drain intake        bounded; batches reach the core and the journal's writer
 *   drain workers       bounded; DONE, FAILED, RETURN, BEAT reach the core
 *   drain control       operators
 *   verify              a few records, while an operator's VERIFY runs
 *   perform             deletes to the journal, receipts and answers to the peers
 *   collect commits     what is durable now gets its ACCEPTED; what is not, its BUSY
 *   tick                retries fall due, lost lanes lose their work, beats go out
 *   dispatch            queued parts go to lanes with credit
 *   perform             WORK and receipts
 *   trim                memory that packed batches have left
 *   publish             the snapshot that HTTP reads
 */
#include "broker/broker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum { TICK_MS = 100, SNAPSHOT_MS = 250, TRIM_MS = 1000, RESULTS_MAX = 1024, STOP_MS_MAX = 30000 };

/* Deadlines are monotonic; what jumps is the time that batches are stamped with. */
static void read_clock(struct broker *broker) {
    int64_t mono_ns = clock_mono_ns();
    int64_t jump_ms = clock_jump_ms(clock_wall_us(), mono_ns, &broker->wall_ahead_us);
    broker->now = mono_ns / 1000000;
    if (jump_ms != 0) {
        broker->clock_jumps++;
        LOG(EV_CLOCK_JUMPED, "by_ms=%lld", (long long)jump_ms);
    }
}

static void wait_for_input(struct broker *broker) {
    struct net_poll_item items[5] = {
        {.fd = net_wake_fd(broker->wake)}, {.socket = broker->worker}, {.socket = broker->control}};
    uint32_t count = 3;
    if (broker->guard != NULL) {
        items[count++].socket = net_guard_socket(broker->guard);
    }
    /* An intake that is not read is left out, or it would keep the loop from sleeping. */
    if (intake_is_read(broker)) {
        items[count++].socket = broker->intake;
    }
    enum err err = net_poll(items, count, broker->more ? 0 : TICK_MS);
    CHECK(err == ERR_OK);
    broker->more = false;
    if (items[0].ready) {
        net_wake_clear(broker->wake);
    }
}

/* Over the memory budget, far from its turn or behind a dropped body, the newest durable body is
 * dropped: the oldest are dispatched first. Often only the batch in the core is left of it. */
static void drop_body(struct broker *broker, uint64_t seq) {
    struct body *body = core_tag(broker->core, seq);
    bool full = atomic_load(&broker->account.bytes) > broker->memory_bytes_max;
    if (body == NULL ||
        (!full && !core_waits_long(broker->core) && !core_queue_has_packed(broker->core, seq))) {
        return;
    }
    blob_unref(&body->blob);
    if (body_is_plain(body)) {
        body_free(&body);
    }
    core_pack(broker->core, seq, body);
}

static void note_journal_state(struct broker *broker, bool failed, bool full) {
    if (failed && !broker->failure_seen) {
        broker->failure_seen = true;
        core_stop(broker->core);
    }
    if (full && !broker->full_logged) {
        LOG(EV_JOURNAL_FULL, "seen=1");
    }
    broker->full_logged = full;
}

static void log_stall(struct broker *broker) {
    struct journal_stats disk;
    journal_stats(broker->journal, &disk);
    bool stalled = disk.commit_runs_ms > JOURNAL_STALLED_MS;
    if (stalled && !broker->stall_logged) {
        LOG(EV_JOURNAL_STALLED, "ms=%lld", (long long)disk.commit_runs_ms);
    }
    broker->stall_logged = stalled;
}

static void collect_commits(struct broker *broker) {
    struct journal_result results[RESULTS_MAX];
    bool failed = false;
    bool full = broker->full_logged;
    uint32_t count = journal_collect(broker->journal, results, RESULTS_MAX, &failed);
    for (uint32_t i = 0; i < count; i++) {
        full = results[i].outcome == JOURNAL_NO_ROOM;
        if (results[i].outcome == JOURNAL_DURABLE) {
            core_journaled(broker->core, results[i].seq);
            drop_body(broker, results[i].seq);
        } else {
            core_put_failed(broker->core, results[i].seq,
                            full ? WIRE_BUSY_JOURNAL_FULL : WIRE_BUSY_STOPPED);
        }
    }
    broker->more = broker->more || count == RESULTS_MAX;
    note_journal_state(broker, failed, full);
}

static void tick(struct broker *broker) {
    core_tick(broker->core, broker->now);
    struct core_stats stats;
    core_stats(broker->core, broker->now, &stats);
    if (stats.lanes_silent > broker->silent_logged) {
        LOG(EV_LANE_SILENT, "lanes=%llu",
            (unsigned long long)(stats.lanes_silent - broker->silent_logged));
        broker->silent_logged = stats.lanes_silent;
    }
    if (stats.parts_exhausted > broker->exhausted_logged) {
        LOG(EV_DELIVERY_BURIED, "cases=%llu",
            (unsigned long long)(stats.parts_exhausted - broker->exhausted_logged));
        broker->exhausted_logged = stats.parts_exhausted;
    }
}

/* What was packed has left holes between what was not.  Once more when nothing has changed since:
 * the journal's writer releases its bodies a little after it has reported them durable. */
static void trim(struct broker *broker) {
    struct core_stats stats;
    if (broker->now < broker->trim_due) {
        return;
    }
    core_stats(broker->core, broker->now, &stats);
    bool has_changed = stats.packed != broker->trimmed;
    if (has_changed || broker->trims_again) {
        mem_trim();
    }
    broker->trims_again = has_changed;
    broker->trimmed = stats.packed;
    broker->trim_due = broker->now + TRIM_MS;
}

static void publish(struct broker *broker) {
    if (broker->now >= broker->snapshot_due) {
        broker->snapshot_due = broker->now + SNAPSHOT_MS;
        log_stall(broker);
        status_render(broker);
    }
}

/* The first TERM: nothing new is accepted or dispatched; lanes finish what they hold. True when
 * over. */
static bool stop_is_over(struct broker *broker, sig_atomic_t stop) {
    if (stop == 0) {
        return false;
    }
    if (!broker->stopping) {
        LOG(EV_PROGRAM_STOPPING, "signals=%d", (int)stop);
        broker->stopping = true;
        broker->stop_deadline = broker->now + STOP_MS_MAX;
        core_set_accepting(broker->core, false);
        core_set_dispatching(broker->core, false);
    }
    struct core_stats stats;
    struct journal_stats disk;
    core_stats(broker->core, broker->now, &stats);
    journal_stats(broker->journal, &disk);
    bool idle = stats.out_cases == 0 && disk.pending_count == 0;
    return stop > 1 || idle || broker->now >= broker->stop_deadline;
}

bool broker_turn(struct broker *broker, sig_atomic_t stop) {
    wait_for_input(broker);
    read_clock(broker);
    doors_look(broker);
    keys_step(broker);
    intake_drain(broker);
    lanes_drain(broker);
    control_drain(broker);
    online_verify_step(broker);
    actions_perform(broker);
    collect_commits(broker);
    tick(broker);
    actions_perform(broker);
    core_set_room(broker->core, flight_room(&broker->flight));
    core_deal(broker->core, broker->now);
    actions_perform(broker);
    trim(broker);
    publish(broker);
    return !stop_is_over(broker, stop);
}

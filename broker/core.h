/* Purpose: the broker's state machine: batches, their parts, sources, lanes, receipts.
 * Deterministic: no socket, clock, file, thread or global inside; inputs are calls with a time,
 * outputs are actions that the caller performs in order.
 * Owns: what is queued, what each lane holds, which peer gets which receipt.
 * Never: reads case bytes; emits ACCEPTED before core_journaled; deletes before the last case is
 * committed (P1, P5).
 * Units: times are monotonic milliseconds (now), accepted_at is wall microseconds.
 * Limits: no state per case; a part is at most CORE_PART_CASES cases.
 * Read next: core_priv.h (structs and invariants), core_part.c (states), core_queue.c (fairness),
 * core_lanes.c. */
#ifndef CASEMILL_BROKER_CORE_H
#define CASEMILL_BROKER_CORE_H

#include "base/buf.h"
#include "net/net.h"
#include "wire/wire.h"

enum {
    CORE_PART_CASES = 4096,
    CORE_PARTS_MAX = WIRE_CASES_MAX / CORE_PART_CASES,
    CORE_SOURCES_MAX = 1024, /* beyond: BUSY; the slot of one without a batch is taken over */
    CORE_LANES_MAX = 1024,
    CORE_LANE_PARTS_MAX = 16384, /* a BEAT that lists so many fits into a head frame */
    CORE_WAITERS_MAX = 16,       /* receipt routes of one batch */
    CORE_RECENT_MAX = 100000,
    CORE_FENCE_MAX = 256,
    CORE_PIECES_MAX = 16384,     /* of parts that were cut because they failed */
    CORE_CANARIES_MISSED_MAX = 3 /* times canary_ms without a proof: not ready */
};
/* Of a receipt's route.  An operator gets one reply, as a REQ does. */
enum core_channel {
    CORE_CHANNEL_INTAKE,
    CORE_CHANNEL_OPERATOR,
    CORE_CHANNEL_COALESCING, /* intake's, for a peer that takes receipts of many batches at once */
    CORE_CHANNEL_RESULTS     /* intake's, for a peer whose DONE is to have the results of cases */
};

struct core;
struct core_options {
    struct uuid journal;
    uint64_t next_seq; /* first sequence number of this run, > 0 */
    uint32_t batches_max;
    uint32_t attempts_max;
    uint32_t recent_max;  /* DONEs remembered; 0 = CORE_RECENT_MAX */
    uint32_t sources_max; /* with batches at a time, beside those that core_source_weight names;
                             0 = CORE_SOURCES_MAX */
    int64_t beat_ms;
    int64_t silent_ms;
    /* Lanes prove nothing: a lane holds only what this process dispatched to it. */
    bool lanes_unproved;
    uint64_t results_bytes_max; /* of single cases, held until their batch is done; of a batch at
                                   most WIRE_RESULTS_BYTES_MAX */
    int64_t canary_ms;          /* a canary is sent when no work was done for so long; 0: never */
};

/* A batch as intake found it, or as the journal kept it. */
struct core_batch_meta {
    struct span source; /* 1..WIRE_NAME_MAX bytes, copied */
    struct uuid batch;
    struct hash128 hash; /* of the body */
    uint64_t work_hash;  /* of what else makes it the same batch: how the cases are to be treated;
                          * 0: as any other */
    uint32_t count;      /* cases, 1..WIRE_CASES_MAX */
    uint32_t bytes;      /* of the body */
    enum wire_ack ack;
    enum wire_priority priority;
    int64_t accepted_at;
    bool is_rows;         /* only lanes that announced rows get it */
    const uint32_t *cuts; /* byte offset of every CORE_PART_CASES-th case */
    void *tag;            /* the caller's; returned in actions, last in CORE_RELEASE, or NULL */
};

struct core_counts {
    uint32_t outcomes[WIRE_DISPOSITIONS];
    uint32_t duplicates;
    uint32_t dead_count;
    uint32_t dead_listed;
    struct buf dead;        /* entries as core_dead_view reads them */
    struct core_runs *runs; /* results of single cases; NULL: none */
};
struct core_runs {
    struct buf bytes; /* as on the wire: wire/results.h */
    uint32_t cases;   /* that they cover */
};
/* core_dead_view gives the listed dead letters; spans point into counts->dead. NULL: arena spent.
 */
const struct wire_dead *core_dead_view(const struct core_counts *counts, struct arena *arena);

enum core_action_kind {
    CORE_DELETE,  /* take `seq` out of the journal */
    CORE_RELEASE, /* the core has no more use for `tag` */
    CORE_ACCEPTED,
    CORE_DONE,
    CORE_REFUSED,
    CORE_BUSY,
    CORE_STATUS,
    CORE_WELCOME,
    CORE_WORK,
    CORE_BURY,  /* as WORK: one poison case */
    CORE_FENCE, /* WORK without work: a lane that waits for a lost lane's rows ends its session, see
                   core_fence */
    CORE_CANARY, /* WORK of mode canary, without cases: its DONE has no range */
    CORE_BEAT,
    CORE_READY_ASK
};
struct core_work {
    struct uuid lane;
    uint32_t first, count;   /* cases */
    uint32_t offset, length; /* bytes of the body that hold them */
    bool piece;              /* they hold more: the caller walks from case `begins` to `first` */
    uint32_t begins;
    uint32_t attempt; /* from 1 */
    uint32_t source;  /* index, see core_source_name */
    enum wire_priority priority;
    int64_t accepted_at;
    uint32_t failures, silences; /* BURY: how often, and how often by a lost lane */
    const char *reason;          /* BURY: the reason in the last FAILED, or NULL */
    bool fenced;                 /* taken over from a lost lane: send core_fence with it */
};
struct core_action {
    enum core_action_kind kind;
    struct net_route route; /* of receipts and lane messages */
    struct uuid batch;
    uint64_t seq;
    void *tag;
    struct hash128 hash; /* WORK, BURY: of the whole body */
    union {
        int64_t accepted_at; /* DELETE of a batch that is done, else 0 */
        bool duplicate;      /* ACCEPTED */
        struct {             /* DONE; STATUS with state done */
            enum wire_state state;
            uint32_t count;
            struct core_counts counts;
        } done;
        enum wire_reason reason; /* REFUSED */
        struct {
            enum wire_busy reason;
            int64_t retry_ms;
        } busy;
        bool retire; /* BEAT: the lane is to end */
        struct core_work work;
    };
};

struct core *core_new(const struct core_options *options);
void core_free(
    struct core **core); /* emits nothing: tags are the caller's to free (core_each_tag) */
/* core_set_journal names the journal and the run's first sequence number where they are known only
 * after what was restored; before any other input. */
void core_set_journal(struct core *core, const struct uuid *journal, uint64_t next_seq);
void core_each_tag(const struct core *core, void (*visit)(void *tag, void *context), void *context);
void *core_tag(const struct core *core, uint64_t seq); /* NULL: no such batch (any more) */
/* core_source_weight sets a source's share in the round robin, 1..100; 1 unless set.  It keeps its
 * slot from then on. */
void core_source_weight(struct core *core, struct span source, uint32_t weight);

/* Actions in the order they arose; valid until core_actions_clear or the next input. */
const struct core_action *core_actions(const struct core *core, size_t *count);
void core_actions_clear(struct core *core);

/* core_submit: the sequence number of a new batch, which the caller is to journal; the core has
 * taken meta->tag.  0: the answer is among the actions (or will be, for one that joins) and the tag
 * is still the caller's. */
MUST_USE uint64_t core_submit(struct core *core, const struct net_route *route,
                              const struct core_batch_meta *meta, int64_t now);
/* core_restore takes a batch of the journal; before any other input, seq ascending. */
void core_restore(struct core *core, uint64_t seq, const struct core_batch_meta *meta, int64_t now);
/* core_turn_away answers BUSY rate to a batch that was not read. */
void core_turn_away(struct core *core, const struct net_route *route, const struct uuid *batch,
                    int64_t retry_ms);
void core_query(struct core *core, const struct net_route *route, struct span source,
                const struct uuid *batch);
void core_journaled(struct core *core, uint64_t seq);
/* core_pack gives a durable batch `tag` in place of its own.  If that is NULL and the batch is
 * still untouched, it waits packed, in next to no room.  core_queue_has_packed: others of its queue
 * do. core_waits_long: what comes now is behind more than the lanes will take soon. */
void core_pack(struct core *core, uint64_t seq, void *tag);
bool core_queue_has_packed(const struct core *core, uint64_t seq);
bool core_waits_long(const struct core *core);
void core_put_failed(struct core *core, uint64_t seq, enum wire_busy reason);
/* core_stop: the journal has failed for good: every further submit is BUSY stopped (P6). */
void core_stop(struct core *core);
void core_quarantine(struct core *core, uint64_t seq); /* its record is damaged */

/* core_ready: false when there is no slot for the lane; the caller refuses it. A lane that has
 * never done any work and holds none gives its slot to a new lane. Lanes without credit give
 * theirs first, of these the one that joined first; a new lane without credit takes only such a
 * slot. */
bool core_ready(struct core *core, const struct net_route *route, const struct wire_ready *ready,
                int64_t now);
/* core_is_lane: a lane is known by that route, and by that uuid unless it is NULL. */
bool core_is_lane(const struct core *core, const struct net_route *route, const struct uuid *uuid);
void core_done(struct core *core, const struct net_route *route, const struct wire_lane_done *done,
               int64_t now);
void core_failed(struct core *core, const struct net_route *route, const struct wire_failed *failed,
                 int64_t now);
void core_returned(struct core *core, const struct net_route *route,
                   const struct wire_return *returned, int64_t now);
void core_beat(struct core *core, const struct net_route *route, const struct wire_lane_beat *beat,
               int64_t now);
void core_bye(struct core *core, const struct net_route *route);
/* core_unsent: WORK could not be sent: the lane is cut off or its queue is full. The part goes back
 * at no attempt. The lane gets nothing until its next message. */
void core_unsent(struct core *core, const struct uuid *lane, uint64_t seq, uint32_t first);
/* core_retire: the lane gets no more work, and every BEAT asks it to end until it is gone; costs no
 * attempt.  False: no such lane. */
bool core_retire(struct core *core, const struct uuid *lane);
void core_tick(struct core *core, int64_t now);
void core_deal(struct core *core, int64_t now); /* dispatches queued parts to lanes with credit */
/* core_set_room: each later core_deal dispatches at most so many bytes, and one part to each lane
 * that holds nothing. A lane that holds work gets no more than that in all. No bound unless set.
 */
void core_set_room(struct core *core, uint64_t bytes);

void core_set_accepting(struct core *core, bool accepting); /* else submit is BUSY stopped */
void core_set_dispatching(struct core *core, bool dispatching);

/* The present state, for receipts and status. */
struct core_stats {
    uint32_t batches, lanes, sources;
    uint32_t packed;                                 /* of the batches: see core_pack */
    uint64_t queued_cases, delayed_cases, out_cases; /* cases of parts in that state */
    uint64_t queued_rows;                            /* of the queued cases */
    uint64_t cases_accepted, cases_done, cases_duplicate, cases_dead;
    uint64_t batches_accepted, batches_duplicate, batches_done, batches_refused, batches_busy;
    uint64_t batches_quarantined;
    uint64_t sources_replaced; /* places that a new name took over */
    uint64_t parts_dealt, parts_failed, parts_split, parts_exhausted, parts_returned, parts_omitted,
        lanes_silent, lanes_replaced, lanes_turned_away;
    uint64_t ranges_ignored; /* of lanes' DONE: unknown, already done, or crossing */
    uint64_t canaries_sent, canaries_lost;
    int64_t success_ms;     /* since the last end-to-end success; -1: never yet */
    int64_t canary_took_ms; /* the last that returned */
    bool success_proved;    /* lately */
    uint32_t lanes_open;    /* that have credit */
    uint32_t lanes_rows;    /* that take rows */
    int64_t oldest_ms;      /* age of the oldest live batch */
    int64_t retry_ms;       /* the retry time while the queue is full; 0: it has room */
    uint64_t low_water;     /* every seq below is done */
    int64_t low_water_at;   /* none that is not done was accepted before; 0: all are done */
    bool accepting, dispatching, stopped;
};
void core_stats(const struct core *core, int64_t now, struct core_stats *stats);
struct core_lane_view {
    struct uuid uuid;
    const char *name, *phase;
    uint32_t credit_cases, held_cases;
    uint64_t credit_bytes, held_bytes, done;
    int64_t seen_ms; /* ago */
    bool retiring;
};
bool core_lane_view(const struct core *core, uint32_t index, int64_t now,
                    struct core_lane_view *view);
struct core_source_view { /* counted since the name got its slot: a name that returns starts at 0
                           */
    const char *name;
    uint32_t weight;
    uint64_t queued_cases[WIRE_PRIORITY_COUNT];
    uint64_t cases_accepted, cases_done;
};
bool core_source_view(const struct core *core, uint32_t index, struct core_source_view *view);
const char *core_source_name(const struct core *core, uint32_t index);
/* core_trace.c: for the log and for operators; false: there is none (any more). */
struct core_label {
    struct uuid batch;
    const char *source;
};
bool core_label(const struct core *core, uint64_t seq, struct core_label *label);
/* core_trace gives the batch of that id of one source, live or lately done: from source *index on,
 * which it then leaves behind. */
enum { CORE_TRACE_PARTS = 64 };
struct core_trace_part {
    uint32_t first, count;
    uint32_t attempt;  /* the present or next one */
    const char *state; /* queued, delayed, in_flight, committed or parked */
    bool has_lane;
    struct uuid lane;
};
struct core_trace {
    const char *source;
    const char *state; /* pending, queued, working, quarantined or done */
    uint32_t cases;
    int64_t accepted_at;
    uint32_t duplicates, dead; /* done */
    uint64_t seq;              /* the rest: not done */
    enum wire_priority priority;
    uint32_t done_cases;
    uint32_t part_count; /* of them at most CORE_TRACE_PARTS are in parts */
    struct core_trace_part parts[CORE_TRACE_PARTS];
};
bool core_trace(const struct core *core, const struct uuid *batch, uint32_t *index,
                struct core_trace *trace);
bool core_lane_of(const struct core *core, const struct net_route *route, struct uuid *lane);
bool core_has_source(const struct core *core, struct span name); /* accepted, or with a weight */
/* core_fence: the lost lanes, the one lost last at the end. */
uint32_t core_fence(const struct core *core, const struct uuid **uuids);

/* core_check aborts unless every invariant holds; walks everything. */
void core_check(const struct core *core);

#endif

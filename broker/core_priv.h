/* Purpose: the core's insides, shared by core*.c only.
 * Invariants (core_check):
 * - a live batch is packed (core_packed.h), or in by_seq, in by_name and in the heap of live ones.
 * - its parts are contiguous, cover 0..count, and each is in exactly the one list its state names.
 * - a lane's held_cases, held_bytes and held_parts are the sums over its OUT parts.
 * - progress of a part: disjoint ranges inside it, only while it is not DONE.
 *
 * README.md draws the states of parts and batches and the edges between them.
 * A part that failed alone is SPLIT: it is in no list, its pieces are parts of their own (QUEUED,
 * and so on). When the last is DONE they are freed and it is DONE.  Pieces may be split again.
 *     parts[i] SPLIT --> pieces[0] DONE, pieces[1] SPLIT --> pieces..., pieces[2] OUT, ...
 * A leaf is a part that is not SPLIT; the leaves of a batch cover it.  At most CORE_PIECES_MAX
 * pieces live at once, so that no state is held per case; beyond them parts are dispatched whole.
 */
#ifndef CASEMILL_BROKER_CORE_PRIV_H
#define CASEMILL_BROKER_CORE_PRIV_H

#include "broker/core.h"
#include "broker/core_packed.h"
#include "broker/heap.h"
#include "broker/table.h"

enum part_state {
    PART_NEW,
    PART_QUEUED,
    PART_DELAYED,
    PART_OUT,
    PART_DONE,
    PART_PARKED,
    PART_SPLIT
};
enum { PART_STATES = PART_SPLIT + 1 };
enum batch_state { BATCH_PENDING, BATCH_DURABLE, BATCH_QUARANTINED };
enum { BATCH_STATES = BATCH_QUARANTINED + 1 };

struct core_progress { /* a committed run inside a part that is not all committed yet */
    struct core_progress *next;
    uint32_t first, count;
    struct core_counts counts;
};
struct core_part {
    struct core_part *next, *prev; /* in its queue (QUEUED) or lane (OUT) */
    struct core_batch *batch;
    struct core_lane *lane;   /* OUT only */
    struct uuid dealt_to;     /* the lane that had it last; zero: none in this process's life */
    struct core_chunk *chunk; /* QUEUED among the unpacked of one */
    struct core_progress *progress;
    struct core_part *whole;  /* what it is a piece of, or NULL */
    struct core_part *pieces; /* SPLIT only */
    struct heap_node due;     /* DELAYED only: in core.delayed */
    uint32_t first, count;
    uint32_t offset, length; /* bytes; of a piece: those of the part in parts[] */
    uint32_t progress_cases;
    uint32_t failures; /* attempts that ended badly: the first, then those alone */
    uint32_t silences; /* of them: the lane was lost */
    char *reason;      /* of the last FAILED, or NULL; of a single case only */
    uint32_t beat_seen;
    uint8_t state;   /* enum part_state; written by part_enter alone (core_part.c) */
    uint8_t omitted; /* beats in a row that did not name it */
    uint8_t piece_count, pieces_left;
    bool taken_over;
    bool alone; /* on trial, and nothing else came to its lane since */
};
struct core_name {         /* of a batch, made by core_name_of */
    const struct uuid *id; /* borrowed */
    uint64_t hash;
    uint32_t source;
};
struct core_waiter {
    struct core_waiter *next;
    struct net_route route;
    bool want_accepted, want_done, duplicate;
};
struct core_batch {
    struct table_node by_seq, by_name;
    struct heap_node live;
    struct core_waiter *waiters;
    struct core_waiter waiter; /* the first; further ones have memory of their own */
    void *tag;
    uint64_t seq;
    int64_t accepted_at, since;
    struct uuid id;
    struct hash128 hash;
    uint64_t work_hash;
    struct core_counts counts;
    uint32_t source;
    uint32_t count, bytes;
    uint32_t done_cases;
    uint8_t state; /* enum batch_state; written by batch_enter alone (core_batch.c) */
    uint8_t priority, part_count;
    bool dealt; /* ever */
    bool is_rows;
    struct core_part parts[];
};
struct core_source {
    struct table_node by_name;
    char *name;
    uint64_t naming; /* counts every name that any slot ever got */
    uint32_t index;  /* its slot, in core.sources */
    uint32_t weight;
    uint32_t live; /* batches, packed or not, in whatever state */
    bool is_kept;  /* has a weight of its own: its slot is never another's */
    struct core_source *idle_prev, *idle_next; /* not kept, without a batch; longest first */
    struct core_source *ring_next[WIRE_PRIORITY_COUNT];
    struct part_queue queue[WIRE_PRIORITY_COUNT];
    struct part_list rows[WIRE_PRIORITY_COUNT]; /* beside it: parts of batches of rows */
    uint64_t queued_cases[WIRE_PRIORITY_COUNT];
    int64_t deficit[WIRE_PRIORITY_COUNT];
    bool in_ring[WIRE_PRIORITY_COUNT];
    uint64_t cases_accepted, cases_done;
};
struct core_level {                   /* sources with queued parts of one priority, in turn */
    struct core_source *first, *last; /* last means nothing without a first */
    int64_t owed;                     /* guaranteed share not yet given, in 1/SHARE_UNIT cases */
};
struct core_lane {
    struct uuid uuid;
    struct net_route route;
    struct part_list held;
    uint32_t credit_cases, held_cases, held_parts;
    uint64_t credit_bytes, held_bytes;
    int64_t received_at; /* its last message */
    uint64_t done;
    uint64_t turn; /* of its last delivery: at a tie the lane that waited longest is next */
    uint32_t beat;
    bool blocked;
    bool retiring; /* an operator retired it */
    bool worked;   /* it has done work, or brought a canary back */
    bool takes_rows;
    uint64_t joined;      /* counts lanes that got a slot */
    uint64_t canary_turn; /* when it was last asked for a canary */
    char name[WIRE_NAME_MAX + 1];
    char phase[32];
};
struct core_canary {
    struct uuid lane; /* that was asked last */
    bool is_out, is_proved;
    int64_t asked, proved, took_ms;
};
struct core_room {
    uint64_t batches, bytes, slots;
};
struct core_retry_time { /* core_retry_time.c */
    int64_t since;       /* of the present window */
    int64_t before_ms;
    struct core_room present, before; /* left in it, and in the window before */
    struct core_room waiting;         /* has a retry time, and as much has not left since */
};
struct core_recent { /* core_recent.c */
    uint64_t older;  /* the number of the one before it in its bucket; 0: none */
    struct uuid id;
    uint64_t naming; /* of its source: the slot may be another's by now */
    uint32_t count;
    uint32_t outcomes[WIRE_DISPOSITIONS];
    uint32_t duplicates, dead_count;
    int64_t accepted_at;
};
struct core_recents {            /* those with numbers from next - max on */
    struct core_recent **blocks; /* by number modulo max; NULL: not used yet */
    uint64_t *buckets;           /* the last number of each; 0: none */
    uint32_t max, bucket_count;
    uint64_t next; /* number, from 1 */
};
static inline struct core_batch *core_live_batch(struct heap_node *node) {
    return CONTAINER_OF(node, struct core_batch, live);
}
struct core {
    struct core_options options;
    uint64_t next_seq, turn;
    uint64_t room;              /* of all lanes, cases: as of the last tick */
    uint64_t room_bytes;        /* for WORK on its way, see core_set_room */
    uint32_t piece_count;       /* of all parts that are SPLIT */
    struct part_list suspects;  /* QUEUED parts that failed: they wait here, not at their source */
    struct core_part *on_trial; /* the one of them that is OUT, or NULL: one at a time */
    bool accepting, dispatching, stopped;
    struct table by_seq, by_name;
    struct heap live; /* the batches that are not packed, by seq: the oldest is first */
    struct packed_store packed;
    struct core_source **sources; /* by slot */
    uint32_t source_count, source_cap;
    uint32_t sources_kept;
    uint64_t namings;
    struct table sources_by_name;
    struct core_source *idle_first, *idle_last;
    struct core_source *source_last; /* that got a batch */
    struct core_level levels[WIRE_PRIORITY_COUNT];
    struct heap delayed; /* DELAYED parts, by the time when they are due */
    struct core_lane **lanes;
    uint32_t lane_count;
    uint64_t lanes_joined;             /* ever */
    struct uuid fence[CORE_FENCE_MAX]; /* lost lanes, latest last */
    uint32_t fence_count;
    struct core_canary canary;
    int64_t newest_at; /* accepted_at of the latest */
    int64_t dip_at; /* accepted_at of a batch that is below one before it: the clock was set back */
    uint64_t dip_seq; /* of the latest such batch; 0: none */
    struct core_recents recents;
    struct arena action_routes; /* until the actions are cleared */
    uint64_t results_bytes;     /* of all core_counts */
    size_t route_bytes;         /* of kept routes that are longer than usual */
    struct core_action *actions;
    size_t action_count, action_cap;
    int64_t beat_due;
    int64_t ticked; /* the last tick; 0: none yet */
    struct core_retry_time retry_time;
    struct core_stats counters; /* the counting fields only */
};

/* core.c.  core_batch_of unpacks what it finds packed.  core_batch_settle: DONE when all is safe.
 */
struct core_batch *core_batch_of(struct core *core, uint64_t seq);
void core_batch_settle(struct core *core, struct core_batch *batch);
/* core_recent.c.  core_find_recent: of a batch that is done; NULL: it is not remembered. */
void core_recents_init(struct core_recents *recents, uint32_t max);
void core_recents_fini(struct core_recents *recents);
void core_remember_done(struct core *core, const struct core_batch *batch);
const struct core_recent *core_find_recent(const struct core *core, uint32_t source,
                                           const struct uuid *id);
/* core_lanes.c.  core_lane_sender: the lane of a message, whose time it notes; NULL: it is unknown.
 * core_lane_known asks an unknown one for READY. */
struct core_lane *core_lane_sender(struct core *core, const struct net_route *route, int64_t now);
struct core_lane *core_lane_known(struct core *core, const struct net_route *route, int64_t now);
/* core_range_batch: of a range of this journal, unpacked if it was packed; NULL: there is none (any
 * more) or the range does not fit. */
struct core_batch *core_range_batch(struct core *core, const struct wire_range *range);
/* core_emit.c.  core_emit_to emits what is sent to a peer. */
struct core_action *core_emit(struct core *core, enum core_action_kind kind);
struct core_action *core_emit_to(struct core *core, enum core_action_kind kind,
                                 const struct net_route *route);
/* core_routes.c.  core_route_keep copies a route until core_route_drop; the caller has asked
 * core_route_fits, but for a lane's. */
bool core_same_route(const struct net_route *a, const struct net_route *b);
bool core_route_fits(const struct core *core, const struct net_route *route);
void core_route_keep(struct core *core, struct net_route *kept, const struct net_route *route);
void core_route_drop(struct core *core, struct net_route *kept);
/* core_batch.c.  core_find_* know the batches that are not packed.  core_batch_new makes one that
 * is PENDING, whose parts are NEW; core_batch_forget frees one whose parts are in no list; it emits
 * nothing. */
struct core_batch *core_find_seq(const struct core *core, uint64_t seq);
struct core_batch *core_find_name(const struct core *core, const struct core_name *name);
struct core_name core_name_of(uint32_t source, const struct uuid *id);
struct core_batch *core_batch_new(struct core *core, const struct core_batch_meta *meta,
                                  const struct core_name *name, uint64_t seq);
void core_batch_forget(struct core *core, struct core_batch *batch);
/* core_waiter_add: NULL when too many wait. */
struct core_waiter *core_waiter_add(struct core *core, struct core_batch *batch,
                                    const struct net_route *route);
void core_wait_done(struct core *core, struct core_batch *batch, const struct net_route *route);
/* The movers of a batch; each stops the program where README.md draws no edge. */
void batch_make_durable(struct core_batch *batch); /* PENDING -> DURABLE */
void batch_quarantine(struct core_batch *batch);   /* DURABLE -> QUARANTINED */
/* core_sources.c: indices, UINT32_MAX: none.  core_source_claim gives a slot to a name that was
 * not found, for a batch that joins next; none: every slot has batches. core_source_must finds or
 * makes one. The caller reports when a batch has joined, and when it has left. */
void core_sources_init(struct core *core);
void core_sources_fini(struct core *core); /* after packed_fini */
uint32_t core_source_find(const struct core *core, struct span name);
uint32_t core_source_claim(struct core *core, struct span name);
uint32_t core_source_must(struct core *core, struct span name);
void core_source_joined(struct core *core, uint32_t index);
void core_source_left(struct core *core, uint32_t index);
void core_ring_append(struct core *core, struct core_source *source, uint32_t priority);
void core_sources_check(const struct core *core, const uint32_t *live); /* batches, by slot */
/* core_retry_time.c */
void core_retry_note_batch(struct core *core, uint32_t bytes); /* a batch of so many has left */
void core_retry_note_slot(struct core *core);                  /* a source's last batch has left */
/* When there will be room, in milliseconds: for one batch more, for so many bytes in the journal,
 * for one source more. */
int64_t core_retry_batch_ms(struct core *core);
int64_t core_retry_bytes_ms(struct core *core, uint32_t bytes);
int64_t core_retry_slot_ms(struct core *core);
/* What core_retry_batch_ms would return; 0 while there is room.  Changes nothing. */
int64_t core_retry_next_ms(const struct core *core);
/* core_counts.c */
/* Results of single cases are held only while there is room: runs->cases shows whether all are. */
void core_counts_free_lists(struct core *core, struct core_counts *counts);
/* core_counts_add moves the runs of `more`, if `sum` has none. */
void core_counts_add(struct core *core, struct core_counts *sum, struct core_counts *more);
/* results: the range's bytes of the body frame, or empty. */
void core_counts_from_wire(struct core *core, struct core_counts *counts,
                           const struct wire_counts *wire, struct span results,
                           const struct wire_range *range);
/* core_counts_copy leaves the runs out; core_counts_copy_runs copies them if there is room. */
void core_counts_copy(struct core_counts *copy, const struct core_counts *counts);
void core_counts_copy_runs(struct core *core, struct core_counts *copy,
                           const struct core_runs *runs);
void core_progress_free(struct core *core, struct core_part *part);
/* core_poison.c */
/* core_part_count_failure counts a failure of an OUT part, with its lane's reason (NULL: the lane
 * was lost); true: it was split and its pieces are queued. */
bool core_part_count_failure(struct core *core, struct core_part *part, const struct span *reason);
bool core_is_poison(const struct core *core, const struct core_part *part); /* to be buried */
/* core_oldest.c: core_note_accepted before the batch is among the live ones. */
void core_note_accepted(struct core *core, uint64_t seq, int64_t accepted_at);
void core_oldest_stats(const struct core *core, int64_t now, struct core_stats *stats);
/* core_canary.c */
void core_canary_tick(struct core *core, int64_t now);
/* core_canary_done: a lane (NULL: unknown) sent DONE of so many ranges, `taken` of them new. */
void core_canary_done(struct core *core, struct core_lane *lane, uint32_t taken, uint32_t ranges,
                      int64_t now);
void core_canary_stats(const struct core *core, int64_t now, struct core_stats *stats);
/* core_part.c: the movers of a part; each stops the program where README.md draws no edge. */
void part_queue_last(struct core *core, struct core_part *part);  /* -> QUEUED, behind the others */
void part_queue_front(struct core *core, struct core_part *part); /* -> QUEUED, before the others */
/* part_unpack: -> QUEUED, into that list before `next` (NULL: last); its cases are counted as
 * queued already. */
void part_unpack(struct core *core, struct core_part *part, struct part_list *list,
                 struct core_part *next);
void part_assign(struct core *core, struct core_part *part, struct core_lane *lane); /* -> OUT */
void part_delay(struct core *core, struct core_part *part, int64_t until); /* -> DELAYED */
void part_park(struct core *core, struct core_part *part);                 /* -> PARKED */
/* part_split: -> SPLIT; at most so many pieces are QUEUED, the last one first. */
void part_split(struct core *core, struct core_part *part, uint32_t pieces_max);
/* part_finish: -> DONE, and so what it was the last piece of; a piece may be freed. */
void part_finish(struct core *core, struct core_part *part);
void core_part_fini(struct core *core, struct core_part *part);
void core_release_due(struct core *core, int64_t now);
struct core_part *core_leaf(struct core_batch *batch, uint32_t index); /* that has this case */
struct core_part *core_leaf_after(const struct core_part *leaf);       /* NULL: it was the last */
void part_list_append(struct part_list *list, struct core_part *part);
void part_queue_remove(struct core *core, struct core_part *part); /* uncounted: it is packed */

/* Most counts list nothing, most parts have no progress: these cost no call then. */
static inline void core_counts_free(struct core *core, struct core_counts *counts) {
    if (counts->dead.ptr != NULL || counts->runs != NULL) {
        core_counts_free_lists(core, counts);
    }
}
static inline void core_progress_drop(struct core *core, struct core_part *part) {
    if (part->progress != NULL) {
        core_progress_free(core, part);
    }
}
static inline struct core_source *core_source_of(const struct core *core,
                                                 const struct core_part *part) {
    return core->sources[part->batch->source];
}
/* Whether the lane takes cases in the part's form. */
static inline bool core_takes_form(const struct core_lane *lane, const struct core_part *part) {
    return lane->takes_rows || !part->batch->is_rows;
}
static inline bool core_can_take(const struct core_lane *lane) {
    return !lane->blocked && !lane->retiring && lane->credit_cases > 0 && lane->credit_bytes > 0 &&
           lane->held_parts < CORE_LANE_PARTS_MAX;
}

#endif

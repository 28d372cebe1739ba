/* Purpose: the simulated world around the core: one seed decides everything in it.
 * Parts: clients.c sends batches, disk.c is the journals of two brokers, lanes.c works,
 * database.c holds rows, locks and transactions. books.c keeps the required state beside each
 * core, promises.c checks every action of the core against all of these.
 * Units: now in milliseconds of one clock for all.
 * Shape: source s has cases 0..SPACE-1. A batch is a run of one source's cases in one version of
 * their content. The result of a case is a function of case, version, day and rule set, so that
 * DONE can be recomputed exactly. */
#ifndef CASEMILL_TESTS_SIM_WORLD_H
#define CASEMILL_TESTS_SIM_WORLD_H

#include "base/uuid.h"
#include "broker/core.h"

enum {
    BROKERS = 2,
    LANES = 3,
    SOURCES = 4,
    PLACES_MIN = 2, /* of sources, without that of s1; in half of the worlds one more */
    SPACE = 4 * CORE_PART_CASES, /* cases of one source */
    BATCHES_MAX = 256,
    HOLDS_MAX = 96,
    PIECES_MAX = 8,
    LETTERS_MAX = 64,
    UNSENT_MAX = 16,
    ROUTES = 32,     /* of clients */
    REQ_ROUTES = 16, /* and the routes from here are those of REQ sockets */
    CASE_BYTES = 3,
    NAMES_BYTES = 40, /* before the cases of a batch of rows */
    BEAT_MS = 500,
    SILENT_MS = 3000,
    CANARY_MS = 2000,
    LIVE_MAX = 60, /* queue.batches_max */
    ATTEMPTS_MAX = 3
};

/* The faults; a seed draws how often each occurs, a mask leaves some out. */
#define FAULTS(ROW)                                                                                \
    ROW(LOST_WORK, "lost-work", 60)                                                                \
    ROW(LOST_WORD, "lost-word", 60)                                                                \
    ROW(LATE_WORD, "late-word", 90)                                                                \
    ROW(UNSENT, "unsent", 40)                                                                      \
    ROW(LANE_DIES, "lane-dies", 8)                                                                 \
    ROW(LANE_FREEZES, "lane-freezes", 12)                                                          \
    ROW(LANE_SLOW, "lane-slow", 500)                                                               \
    ROW(LANE_FAILS, "lane-fails", 80)                                                              \
    ROW(LANE_RETURNS, "lane-returns", 60)                                                          \
    ROW(LANE_LEAVES, "lane-leaves", 4)                                                             \
    ROW(PIECES, "pieces", 500)                                                                     \
    ROW(ABORT, "abort", 60)                                                                        \
    ROW(POISON, "poison", 1000)                                                                    \
    ROW(CRASH, "crash", 5)                                                                         \
    ROW(STALL, "stall", 5)                                                                         \
    ROW(PAUSE, "pause", 10)                                                                        \
    ROW(DISK_FULL, "disk-full", 60)                                                                \
    ROW(DISK_FAILS, "disk-fails", 3)                                                               \
    ROW(DISK_DAMAGE, "disk-damage", 20)                                                            \
    ROW(DISK_SLOW, "disk-slow", 700)                                                               \
    ROW(RESEND, "resend", 200)                                                                     \
    ROW(REBATCH, "rebatch", 400)                                                                   \
    ROW(VERSIONS, "versions", 150)                                                                 \
    ROW(ID_REUSED, "id-reused", 40)                                                                \
    ROW(VANISH, "vanish", 20)                                                                      \
    ROW(FAILOVER, "failover", 150)                                                                 \
    ROW(BIG, "big", 12)                                                                            \
    ROW(RULES, "rules", 20)                                                                        \
    ROW(MIDNIGHT, "midnight", 10)                                                                  \
    ROW(RETIRE, "retire", 15)                                                                      \
    ROW(NO_ROOM, "no-room", 300)
enum fault {
#define SIM_ENUM(id, word, most) FAULT_##id,
    FAULTS(SIM_ENUM)
#undef SIM_ENUM
        FAULT_COUNT
};

/* database.c */
struct sim_row {
    uint8_t owner;       /* 1 + lane whose open transaction wrote it; 0: committed, or no row */
    uint8_t version;     /* 1 + version of the content; 0: no row */
    uint8_t disposition; /* as stored */
    uint8_t broker;      /* the broker whose work wrote it, and which */
    uint8_t buried;      /* versions that are dead letters "poison", one bit each */
    uint32_t seq;
};
struct sim_hold { /* a delivery at a lane */
    uint8_t broker;
    bool bury;
    uint16_t batch;
    uint64_t seq;
    uint32_t first, count, taken; /* cases that are committed so far */
    uint32_t attempt;
    int64_t day;
};
struct sim_piece { /* a run of one delivery inside a transaction */
    struct sim_hold hold;
    uint32_t first, count, written;
    struct wire_counts counts;
};
enum txn_state { TXN_NONE, TXN_WRITING, TXN_COMMITTED };
struct sim_txn {
    enum txn_state state;
    struct sim_piece pieces[PIECES_MAX];
    uint32_t piece_count;
    uint32_t piece;      /* the piece that is written now */
    int64_t touched;     /* when its client last sent something */
    int64_t waits_since; /* for another lane's row; 0: it does not wait */
    bool ended;          /* its backend was terminated from outside */
};

/* lanes.c */
struct sim_lane {
    struct uuid uuid;
    struct net_route route;
    bool known[BROKERS];  /* it believes that this broker knows it */
    bool canary[BROKERS]; /* must answer after its next transaction */
    bool frozen, slow;
    bool retiring; /* ordered to end: it finishes what it holds */
    uint32_t credit_cases;
    uint64_t credit_bytes;
    struct sim_hold holds[HOLDS_MAX];
    uint32_t hold_count;
    struct sim_txn txn;
};
enum letter_kind { LETTER_DONE, LETTER_FAILED, LETTER_RETURN };
struct sim_letter { /* a report of a lane about work; may be late or lost */
    enum letter_kind kind;
    bool late;
    uint8_t broker;
    struct net_route route;
    struct wire_range range;
    struct wire_counts counts;
};

/* clients.c */
struct sim_batch {
    uint8_t source, version, priority;
    bool outcome_ack, delimited;
    bool done;      /* its client has DONE */
    bool forgotten; /* its client vanished: the batch is not sent again */
    uint8_t route;
    uint8_t broker; /* the broker that it was sent to last */
    uint16_t name;  /* of its id: that of another batch when it is reused */
    uint32_t first, count;
    int64_t sent_at;
};

/* books.c: a delivery as its core must see it. */
struct sim_book {
    struct sim_book *next;
    uint32_t first, count;
    bool out, done, touched; /* touched: dispatched or adopted in this run */
    bool foreign;     /* reports came from others than its holder, or out of turn, since it was
                         dispatched */
    bool exact;       /* done, and its duplicates are known */
    bool trial;       /* out, as the delivery that failed before */
    bool alone;       /* on trial, and nothing else was at its lane since it was dispatched */
    bool fence_due;   /* a lane was lost with it */
    struct uuid lane; /* the lane that holds it */
    struct uuid fence_lane; /* the lane that was lost with it last; all zero: it is back since */
    uint32_t bytes;         /* when dispatched */
    uint32_t failures;      /* in this run of the broker */
    uint32_t deals;         /* in all runs */
    uint32_t omitted;       /* consecutive heartbeats without it */
    uint32_t told, dups;    /* of the cases reported since it was dispatched */
};
struct sim_record { /* a batch in one broker's journal, or on its way */
    uint64_t seq;
    uint16_t batch;
    int64_t accepted_at;
    bool queued;  /* put, and not refused */
    bool durable; /* confirmed */
    bool deleted, delete_durable;
    bool quarantined;
    bool found_damaged; /* when its bytes were needed; reported after the actions */
    bool accepted;      /* a client received ACCEPTED */
    uint32_t done_run;  /* the broker's run when the last case was done; 0: not yet */
    uint32_t must_done, may_done, must_accept; /* routes, one bit each */
    struct sim_book *books;
};

struct sim_heard { /* a lane as its broker must see it */
    struct uuid uuid;
    struct net_route route;
    int64_t heard;
    uint32_t credit_cases;
    uint64_t credit_bytes;
    bool takes_rows;
    bool blocked; /* WORK could not be sent to it */
    bool retired; /* an operator took it away */
};

struct sim_unsent { /* WORK that could not be sent */
    struct uuid lane;
    uint64_t seq;
    uint32_t first;
};
struct sim_broker {
    uint8_t index;
    struct core *core;
    struct uuid journal;
    uint64_t next_seq; /* as the disk has it */
    struct sim_record *records;
    uint32_t record_count, record_cap, oldest; /* records before `oldest` are gone permanently */
    bool stopped, paused;
    uint32_t live;           /* batches of the core */
    struct sim_heard *lanes; /* that it regards as connected */
    uint32_t lane_count, lane_cap;
    int64_t ticked;
    int64_t proved,
        asked; /* when work that it dispatched came back, when it sent a canary; 0: never */
    /* First dispatches, of maps and of rows: seq << 20 | first. */
    uint64_t last_first[SOURCES][WIRE_PRIORITY_COUNT][2];
    bool full;       /* its disk, while a group is refused */
    bool crowded;    /* the number of clients that wait for a batch is at its limit */
    uint32_t run;    /* of the program, from 1 */
    uint64_t room;   /* bytes that may be dispatched at once, beside one delivery per lane */
    uint64_t dealt;  /* used bytes of `room` */
    uint32_t keeps;  /* sources with a weight, one bit each: s1 in most runs */
    uint32_t places; /* of sources, most in this run: those of the journal all have one */
    bool placed;     /* the sender has a place, or one is free for it */
    struct sim_unsent unsent[UNSENT_MAX];
    uint32_t unsent_count;
};
struct world {
    struct rng rng;
    int64_t now, day;
    uint32_t rules;
    bool calm; /* faults are over */
    bool traced;
    uint32_t rates[FAULT_COUNT]; /* of a thousand */
    uint32_t places;             /* of sources at a time, without that of s1 */
    struct sim_broker brokers[BROKERS];
    struct sim_lane lanes[LANES];
    uint32_t lane_names;
    struct sim_row *rows; /* SOURCES * SPACE */
    struct sim_batch batches[BATCHES_MAX];
    uint32_t batch_count;
    struct sim_letter letters[LETTERS_MAX];
    uint32_t letter_count;
    uint8_t client_route[SOURCES];
    uint32_t route_names;
    uint32_t next_case[SOURCES]; /* the next case that was never sent */
    bool stuck;                  /* a frozen lane stays frozen when the faults end */
    struct {                     /* counts of events, so that a run that tests nothing is noticed */
        uint64_t done, buried, fenced, blocked, duplicates, conflicts;
    } seen;
};

/* world.c */
struct plan {
    uint64_t seed, faults; /* bits of enum fault */
    uint32_t steps;
    bool traced;
};
void world_run(const struct plan *plan);
/* plan_time: a world that hangs has failed, too; SIGPROF ends the process after a minute of
 * processor time from now on, however long it was stopped meanwhile. */
void plan_time(void);
void world_init(struct world *world, uint64_t seed);
void world_step(struct world *world);
void world_settle(struct world *world);           /* no faults any more: all work must finish */
bool fault(struct world *world, enum fault kind); /* whether it occurs now */
bool chance(struct world *world, uint32_t of_thousand);
uint32_t below(struct world *world, uint32_t limit);
const char *fault_word(enum fault kind);

/* trace.c: the events as text, when a failed seed is shown. */
void trace(const struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

/* clients.c */
void clients_step(struct world *world);
uint32_t client_batch(struct world *world,
                      struct sim_batch batch); /* adds it; returns its number */
void client_send(struct world *world, uint32_t batch, uint32_t broker);
void client_query(struct world *world, uint32_t batch, uint32_t broker);
struct uuid batch_id(uint32_t name);
bool batch_is_rows(const struct sim_batch *batch); /* every third name */
void batch_meta(const struct sim_batch *batch, int64_t day, uint32_t cuts[CORE_PARTS_MAX],
                char source[8], struct core_batch_meta *meta);

/* disk.c */
void broker_start(struct world *world, struct sim_broker *broker);
void broker_crash(struct world *world, struct sim_broker *broker, bool kept);
struct sim_record *disk_put(struct sim_broker *broker, uint64_t seq, uint32_t batch,
                            int64_t accepted_at);
void disk_damage(struct world *world, struct sim_broker *broker, struct sim_record *record);
void disk_step(struct world *world, struct sim_broker *broker);
void disk_sync(struct world *world, struct sim_broker *broker);
struct sim_record *record_of(struct sim_broker *broker, uint64_t seq); /* NULL: it never existed */

/* database.c */
struct sim_row *row_of(struct world *world, const struct sim_batch *batch, uint32_t index);
uint32_t disposition_of(const struct world *world, const struct sim_batch *batch, uint32_t index,
                        int64_t day);
bool case_is_bad(const struct sim_batch *batch, uint32_t index);
bool case_is_poison(const struct world *world, const struct sim_batch *batch, uint32_t index);
/* txn_write continues until all is written (true), or until another lane's open row or
 * `cases_max` stops it. */
bool txn_write(struct world *world, uint32_t lane, uint32_t cases_max);
void txn_commit(struct world *world, uint32_t lane);
void txn_abort(struct world *world, uint32_t lane);
void backend_end(struct world *world, const struct uuid *lane); /* pg_terminate_backend */
void backends_end_frozen(
    struct world *world); /* lanes that block, and wait for a client that does not read */

/* lanes.c */
void lanes_step(struct world *world);
void lane_start(struct world *world, uint32_t lane); /* a new process in its place */
void lane_work(struct world *world, const struct sim_broker *broker,
               const struct core_action *action);
void lane_fence(struct world *world, const struct sim_broker *broker,
                const struct net_route *route);
void lane_canary(struct world *world, struct sim_broker *broker, const struct core_action *action);
void lane_ready(struct world *world, uint32_t lane, uint32_t broker);
void lane_beat(struct world *world, uint32_t lane, uint32_t broker);
void lane_leave(struct world *world, uint32_t lane);
void lane_retire(struct world *world, const struct net_route *route); /* a BEAT ordered it */
void lane_give_up(struct world *world, uint32_t lane, uint32_t hold, bool failed);
void lane_ask(struct world *world, const struct net_route *route, uint32_t broker);
void lane_begin(struct world *world, uint32_t lane, uint32_t holds, uint32_t cases);
void lane_tell(struct world *world, uint32_t lane); /* reports a committed transaction */
void letters_step(struct world *world);

/* books.c: receives each event before the core does. */
void book_open(struct sim_record *record, uint32_t count);
void book_close(struct sim_record *record);
void book_work(struct world *world, struct sim_broker *broker, struct sim_record *record,
               const struct core_action *action);
void book_ready(struct world *world, struct sim_broker *broker, const struct net_route *route,
                const struct wire_ready *ready);
void book_beat(struct world *world, struct sim_broker *broker, const struct net_route *route,
               const struct wire_lane_beat *beat);
void book_letter(struct world *world, struct sim_broker *broker, const struct sim_letter *letter,
                 uint64_t cases_done); /* by the core, for this report */
void book_canary(struct world *world, struct sim_broker *broker, const struct core_action *action);
void book_bye(struct world *world, struct sim_broker *broker, const struct net_route *route);
void book_retire(struct world *world, struct sim_broker *broker, struct sim_heard *heard);
void book_unsent(struct sim_broker *broker, const struct uuid *lane, uint64_t seq, uint32_t first);
void book_tick(struct world *world, struct sim_broker *broker);
void book_crash(struct sim_broker *broker);
void book_held(struct sim_broker *broker, const struct sim_heard *heard, uint64_t held[3]);
void book_check(const struct world *world, struct sim_broker *broker);

/* promises.c */
void perform(struct world *world, struct sim_broker *broker); /* executes the actions of the core */
void check_end(struct world *world);

/* shrink.c */
void shrink_and_show(struct plan plan);

/* named.c */
int named_run(const char *name); /* NULL: all; 0 when they hold */

#endif

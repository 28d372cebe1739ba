/* Purpose: the lane's parts, shared by its files: lane.c (phases), lane_net.c (brokers), lane_db.c
 * (connection and rule set), gather.c (fills a transaction), decide.c (decode and evaluate). */
#ifndef CASEMILL_WORKER_LANE_PRIV_H
#define CASEMILL_WORKER_LANE_PRIV_H

#include "worker/away.h"
#include "worker/columns.h"
#include "worker/details.h"
#include "worker/inbox.h"
#include "worker/lane.h"
#include "worker/writer.h"

#include <pthread.h>

enum { LINKS_MAX = LANE_BROKERS_MAX, FENCE_MAX = 256, SOURCES_CACHED_MAX = 256 };
_Static_assert((int)LINKS_MAX + 2 <= (int)NET_POLL_MAX, "a lane polls all, its wake and libpq");
_Static_assert((int)LINKS_MAX <= (int)WRITER_JOURNALS_MAX, "a commits row names them all");
enum { LANE_TICK_MS = 200, BEAT_MS_DEFAULT = 1000 };

/* A broker. */
struct link {
    struct net_socket *socket;
    struct uuid journal; /* valid once welcomed */
    uint64_t low_water;
    int64_t low_water_at; /* 0: not reported */
    int64_t beat_ms;      /* of its last WELCOME; 0: none yet */
    bool welcomed;
    int64_t quiet_ms, quiet_until_ms; /* it speaks another version; 0: it does not */
    bool fault_logged;                /* that no connection comes up was logged */
    bool proof_logged;                /* that the lane could not prove itself was logged */
    bool is_up, away_logged;          /* its connection is up; its absence was logged */
    int64_t down_since_ms;
    struct away *question; /* why it is away; NULL: not asked */
    int64_t asked_ms;
    bool canary; /* a commits row was requested; answered with the next transaction */
};

struct source_entry {
    char *name; /* owned */
    int16_t number;
};

/* The last job of lane->txn while not all its cases are decided. */
struct deciding {
    bool open;
    bool faulty;            /* its names are no array of names */
    struct txn_mark before; /* the job */
    uint32_t job;           /* its number */
    uint32_t next;          /* case of it */
    size_t at;              /* byte of it */
};

struct lane {
    struct lane_options options;
    uint32_t number;
    struct uuid uuid;
    char uuid_text[UUID_TEXT_BYTES];
    pthread_t thread;
    struct net_wake *wake;
    atomic_bool draining, abandoned;
    struct lane_stats stats;

    struct link links[LINKS_MAX];
    uint32_t link_count;
    struct inbox inbox;
    struct uuid fence[FENCE_MAX]; /* lanes to end before the next transaction */
    uint32_t fence_count;
    bool credit_open; /* as last sent in READY */
    int64_t beat_ms;
    int64_t beat_at_ms; /* monotonic */
    const char *phase;  /* static */
    int64_t phase_since_ms;

    struct db_lane *db; /* NULL while not connected */
    struct writer writer;
    int64_t reconnect_at_ms;
    int64_t backoff_ms;
    enum err logged; /* the last connection trouble logged */
    struct source_entry sources[SOURCES_CACHED_MAX];
    uint32_t source_count;

    uint32_t generation; /* of the rule watch */
    struct active_rules *rules;
    bool own_rules; /* loaded over this connection, because those of the watch were stale */
    bool stale;     /* its transaction found the rules stale: no work until others are loaded */
    int64_t reload_at_ms;
    bool connecting; /* a stop may end this: no work is lost */
    struct ruleset_run *run;
    struct active_rules *named; /* the rule set of the last reapply; NULL: none */
    struct ruleset_run *named_run;
    struct columns_kept columns; /* under the rule set's schema */

    struct txn txn;     /* being filled, also while the last one is written */
    struct txn writing; /* without jobs: none is, or a canary's */
    int64_t writing_ns; /* when that began, monotonic */
    struct deciding deciding;
    struct db_result **letters; /* rows of the present retry: its cases point into them */
    uint32_t letter_results;
    struct arena arena;
    struct rng rng;
    struct buf head;
    struct buf results; /* of single cases, of the transaction that was committed */
    struct results_writer results_writer;
};

/* --- lane_net.c --- */
MUST_USE enum err lane_connect_brokers(struct lane *lane, struct diag *diag);
void lane_close_brokers(struct lane *lane);
/* lane_poll waits at most timeout_ms for messages, the wake or fd (-1: none), handles the messages,
 * and sends due heartbeats.  It never waits past the next heartbeat.  True: fd is ready. */
bool lane_poll(struct lane *lane, int fd, bool want_write, int64_t timeout_ms);
void lane_beat_if_due(struct lane *lane);
void lane_set_phase(struct lane *lane, const char *phase);
/* lane_send_ready sends every broker the credit (0 while closed) and the held ranges. */
void lane_send_ready(struct lane *lane);
/* lane_send_with sends a head frame and, unless it is empty, a body frame.  What cannot be sent is
 * dropped: the broker dispatches the work again. */
void lane_send_with(struct lane *lane, uint32_t link, const struct wire_message *message,
                    struct span body);
/* lane_give_back returns the transaction's jobs and the queue; costs no attempt. */
void lane_give_back(struct lane *lane);
void lane_send_failed(struct lane *lane, const struct job *job, const char *reason);
void lane_send_bye(struct lane *lane);

/* --- lane_done.c --- */
void lane_send_done(struct lane *lane);

/* --- lane_stats.c --- */
const char *lane_dead_reason(uint32_t number); /* below DEAD_REASON_COUNT */
/* lane_count_committed counts the transaction that was committed, and how long that took. */
void lane_count_committed(struct lane *lane, const struct wire_counts *counts, int64_t took_ns);

/* --- lane_db.c --- */
/* lane_keep_connected connects when a connection is missing and due; every call over the new one
 * waits through wait. */
void lane_keep_connected(struct lane *lane, const struct db_lane_wait *wait);
/* lane_forget_sources drops the numbers of sources: they belong to the connection's database. */
void lane_forget_sources(struct lane *lane);
/* lane_keep_tidy does the regular upkeep of a connection, between transactions. */
void lane_keep_tidy(struct lane *lane);
/* lane_lose_connection closes it after err, returns all work and sets the back-off. */
void lane_lose_connection(struct lane *lane, enum err err);
/* lane_keep_rules swaps to the active rule set, unless cases are decided under the last one. */
void lane_keep_rules(struct lane *lane);
/* lane_leave_rules returns all work, because another rule set is due; lane_keep_rules loads it. */
void lane_leave_rules(struct lane *lane);
/* lane_is_able: connected, with rules that may decide. */
bool lane_is_able(const struct lane *lane);
/* lane_read runs one SELECT with the settings of a transaction, its rows in binary form: parameters
 * and rows stay out of the server's log.  Errors: those of db/sqlstate.h; they close the
 * connection.  Ownership: the caller frees *rows. */
MUST_USE enum err lane_read(struct lane *lane, const char *sql, struct db_result **rows);
/* lane_ask runs a SELECT of one boolean.  Errors: as above. */
MUST_USE enum err lane_ask(struct lane *lane, const char *question, bool *yes);
MUST_USE enum err lane_source(struct lane *lane, struct span name, int16_t *number);
/* lane_knows_source is lane_source without a query: false if one would be necessary. */
bool lane_knows_source(const struct lane *lane, struct span name, int16_t *number);

/* lane_name_rules makes lane->named the rule set of that id.  Errors: ERR_NOT_FOUND, ERR_INVALID it
 * does not load (logged); those of db/sqlstate.h. */
MUST_USE enum err lane_name_rules(struct lane *lane, struct span id);
void lane_forget_named(struct lane *lane);

/* --- reapply.c --- */
/* lane_reapply reads the stored facts of a job's triples and evaluates them under the job's rule
 * set, into the transaction.  Errors: ERR_INVALID the bytes do not match the delivery; those of
 * db/sqlstate.h. */
MUST_USE enum err lane_reapply(struct lane *lane, struct job *job, int16_t source);

/* --- gather.c --- */
/* lane_gather decides queued work, up to a full transaction.  Errors: of the connection. */
MUST_USE enum err lane_gather(struct lane *lane);
/* While the last transaction is written: whether there is work that does not need the connection,
 * and a small piece of it. */
bool lane_can_gather_ahead(const struct lane *lane);
void lane_gather_ahead(struct lane *lane);

/* --- retry.c --- */
/* lane_retry reads the dead letters that a job numbers and decides their cases, or buries them,
 * each under its own source.  Errors: ERR_INVALID the bytes do not match the delivery; those of
 * db/sqlstate.h. */
MUST_USE enum err lane_retry(struct lane *lane, struct job *job, int16_t source);
void lane_forget_letters(struct lane *lane); /* when the transaction is over */

/* --- decide.c --- */
/* The position of a case, its source, and when it was accepted. */
struct case_origin {
    uint32_t job, index;
    int16_t source;
    int64_t received_at;
};
/* lane_decide_case decodes and evaluates the case that begins at *at; *at is after it afterwards.
 * columns: it is a row; NULL: a map.  False: the bytes are no case. */
bool lane_decide_case(struct lane *lane, const struct case_origin *origin,
                      const struct case_columns *columns, struct span bytes, size_t *at);
/* lane_add_case records a decided case; the caller appends the row. */
struct txn_case *lane_add_case(struct lane *lane, uint32_t job, uint32_t index,
                               const struct case_doc *doc, struct span body);
int32_t lane_day_of(int64_t us); /* the UTC day of a time, as days since 1970 */
/* lane_decide_begin opens a job in the transaction; lane_decide_some decodes and evaluates at most
 * so many more of its cases and closes it after the last.
 * Errors: ERR_INVALID the bytes are not the cases that the delivery claims. */
void lane_decide_begin(struct lane *lane, struct job *job, int16_t source);
MUST_USE enum err lane_decide_some(struct lane *lane, uint32_t cases_max);
/* lane_bury turns a job into dead letters without decoding; a case that is already stored is a
 * duplicate. */
MUST_USE enum err lane_bury(struct lane *lane, struct job *job, int16_t source);
MUST_USE enum err lane_bury_case(struct lane *lane, const struct case_origin *origin,
                                 struct span body);

#endif

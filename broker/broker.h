/* Purpose: the broker's shell around the core: sockets, journal, bodies, snapshot, in one struct.
 * Insiders only.  Threads: one thread owns it all, except the snapshot and the blobs' references.
 * Read next: loop.c, whose phases are the program. */
#ifndef CASEMILL_BROKER_BROKER_H
#define CASEMILL_BROKER_BROKER_H

#include "broker/body.h"
#include "broker/core.h"
#include "broker/flight.h"
#include "broker/journal.h"
#include "broker/receipts.h"
#include "broker/snapshot.h"
#include "http/http.h"
#include "net/guard.h"
#include "net/net.h"
#include "net/secret.h"
#include "settings/settings.h"

#include <signal.h>

/* The source that work of operators is queued under. */
#define BROKER_SOURCE_REAPPLY "reapply"
#define BROKER_SOURCE_RETRY "retry"
enum {
    ONLINE_SEQS_MAX = 100,
    INTAKE_HWM = 16 /* messages of one connection that libzmq holds until they are read */
};
/* The peers of a socket. */
enum keys_role { KEYS_SOURCES, KEYS_WORKERS, KEYS_OPERATORS, KEYS_ROLES };
/* The file of the journal's directory that a lane proves it can read. */
#define PROOF_FILE "lane.secret"
enum { PROOF_CHALLENGED_MAX = 256 };
struct challenged { /* a peer that has not answered yet */
    uint64_t route; /* hash */
    int64_t due;    /* when it is logged */
};
struct proof {
    bool is_wanted;
    struct net_secret secret;
    uint8_t key[KEY_BYTES];                             /* of this process: of its challenges */
    struct challenged challenged[PROOF_CHALLENGED_MAX]; /* the latest of each place */
    uint64_t refused;
};
struct online_verify { /* an operator's VERIFY on its way through the journal */
    bool runs;
    struct net_route route; /* of the operator; kept while it runs */
    uint64_t next_seq, batches, cases, damaged;
    uint64_t seqs[ONLINE_SEQS_MAX]; /* the first of the damaged */
};
struct broker {
    struct net *net;
    struct net_socket *intake, *worker, *control;
    struct net_guard *guard;     /* NULL: no keys */
    struct net_curve curve;      /* the broker's own key */
    bool wants_keys[KEYS_ROLES]; /* of the role's socket */
    uint64_t faults_logged[KEYS_ROLES];
    struct proof proof;
    const struct settings *settings; /* borrowed: as last read, for what a HUP may change */
    struct net_wake *wake;           /* poked by the journal's writer */
    struct journal *journal;
    struct core *core;
    struct snapshot *snapshot;
    struct http *http; /* NULL: off */
    struct blob_account account;
    struct receipt_account receipts; /* of the intake socket */
    struct flight flight;            /* of the worker socket */
    struct coalesced *coalesced;     /* receipts held together until the actions are performed */
    struct sending *sending;         /* dispatch.c's: what is being filled for a lane */
    struct core_stats stats;         /* when these actions began */
    uint64_t memory_bytes_max;
    size_t body_bytes_max;                   /* of a SUBMIT */
    struct net_door_state doors[KEYS_ROLES]; /* open connections, as of doors_at */
    int64_t doors_at;
    uint64_t doors_logged[KEYS_ROLES]; /* reached limits of connections, as logged */
    int64_t doors_logged_at[KEYS_ROLES];
    uint64_t heavy_logged[KEYS_ROLES]; /* connections that held too much unread, as logged */
    int64_t heavy_logged_at[KEYS_ROLES];
    int64_t beat_ms;
    struct arena arena; /* of the message that is being read */
    struct buf head;    /* of the message being sent */
    struct net_message message;
    int64_t now;           /* monotonic ms, read once a turn */
    bool more;             /* a drain stopped at its bound: do not wait */
    bool stopping;         /* a TERM was seen */
    int64_t stop_deadline; /* when stopping */
    int64_t snapshot_due;
    int64_t trim_due;
    bool trims_again;
    uint32_t trimmed;  /* batches that were packed at the last trim */
    uint64_t *damaged; /* sequence numbers of bodies that could not be read back this turn */
    size_t damaged_len, damaged_cap;
    int64_t wall_ahead_us; /* of the monotonic clock */
    uint64_t clock_jumps;
    uint64_t receipts_dropped, peers_refused;
    uint64_t batches_refused; /* before they came to the core, which counts its own */
    int64_t lanes_full_due;   /* when LANES_FULL is logged again */
    uint64_t silent_logged, exhausted_logged;
    bool failure_seen, full_logged, stall_logged;
    const char *unready;   /* why /readyz is 503, as of the last snapshot; "": ready */
    uint64_t queued_cases; /* as of then */
    struct online_verify online;
};

/* settings live as long as the broker.  broker_open takes directory, ports and journal; on failure
 * diag has one line for a person. Errors: ERR_INVALID, ERR_DENIED, ERR_BUSY, ERR_FULL, ERR_CORRUPT,
 * ERR_IO. */
MUST_USE enum err broker_open(const struct settings *settings, struct broker **broker,
                              struct diag *diag);
void broker_close(struct broker **broker);
/* broker_try tries what broker_open would do, makes nothing and disturbs no broker that runs;
 * appends a "# ..." line for what it left alone.  Errors: as broker_open, in one line. */
MUST_USE enum err broker_try(const struct settings *settings, struct buf *out, struct diag *diag);

/* check_settings.c.  broker_check_settings checks what a type cannot: addresses, weights,
 * relations; broker_check_values is all of it but the key files. */
MUST_USE enum err broker_check_settings(const struct settings *settings, struct diag *diag);
MUST_USE enum err broker_check_values(const struct settings *settings, struct diag *diag);
/* Where each role's socket is bound; those that are private by default lie beside the journal. */
enum { BROKER_ENDPOINT_BYTES_MAX = 512 };
struct broker_binds {
    const char *of[KEYS_ROLES];
    char worker[BROKER_ENDPOINT_BYTES_MAX], control[BROKER_ENDPOINT_BYTES_MAX];
};
/* broker_binds_read: *binds is valid as long as settings, and not copied. */
void broker_binds_read(const struct settings *settings, struct broker_binds *binds);
uint32_t broker_connections_max(const struct settings *settings, enum keys_role role);

/* reload.c.  broker_reload takes what a HUP may change out of fresh, which then lives as long as
 * the broker, or until the next.  Errors: as broker_check_values and keys_reload: nothing is taken.
 */
MUST_USE enum err broker_reload(struct broker *broker, const struct settings *fresh,
                                struct diag *diag);
void broker_take_memory(struct broker *broker, const struct settings *settings);
void broker_ready_line(const struct broker *broker, struct buf *out);

/* loop.c.  broker_turn is one turn; false when a stop has run its course.  stop: signals so far. */
bool broker_turn(struct broker *broker, sig_atomic_t stop);

/* keys.c: which peers are allowed. */
MUST_USE enum err keys_check_endpoint(const struct settings *settings, enum keys_role role,
                                      const char *endpoint, struct diag *diag);
/* keys_check reads every key file; report (or NULL) gets the keys that would be used. */
MUST_USE enum err keys_check(const struct settings *settings, struct buf *report,
                             struct diag *diag);
MUST_USE enum err keys_open(struct broker *broker, const struct settings *settings,
                            struct diag *diag);
/* keys_curve: with what the role's socket is bound; NULL: without keys. */
const struct net_curve *keys_curve(struct broker *broker, enum keys_role role,
                                   const char *endpoint);
/* keys_admit: false when the message's key is not (any more) the role's; name is the key's, empty
 * on a socket without keys. */
bool keys_admit(struct broker *broker, enum keys_role role, struct net_message *message,
                struct span *name);
/* keys_refuse answers not_allowed, on intake and control; batch may be NULL. */
void keys_refuse(struct broker *broker, enum keys_role role, const struct net_route *route,
                 const struct uuid *batch);
void keys_step(struct broker *broker); /* answers handshakes, logs those that failed */
/* keys_reload: on a fault, which it logs, the old ones stay.  Errors: as net_keyring_read. */
MUST_USE enum err keys_reload(struct broker *broker, const struct settings *fresh,
                              struct diag *diag);
uint64_t keys_refused(const struct broker *broker); /* refused connections */
const char *keys_role_name(enum keys_role role);    /* "intake", "worker", "control" */

/* doors.c: how many connections each socket has; a limit that was reached is logged. */
void doors_look(struct broker *broker);

/* proof.c: which lanes may take part on tcp without keys.  proof_open reads the secret or makes it.
 * proof_holds: READY may go to the core; else the lane was sent a challenge, or refused.
 * proof_is_given: so may any other message, is_result: a result of work; else the lane was asked
 * for READY.  Errors: as net_secret_take. */
bool proof_is_off(const struct settings *settings); /* lanes prove nothing, in no way */
MUST_USE enum err proof_open(struct broker *broker, const struct settings *settings,
                             struct diag *diag);
bool proof_holds(struct broker *broker, const struct net_route *route,
                 const struct wire_ready *ready);
bool proof_is_given(struct broker *broker, const struct net_route *route, bool is_result);

/* The phases' files. */
void intake_drain(struct broker *broker); /* intake.c */
void intake_watch(struct broker *broker); /* what waits there wakes the loop when it is too much */
bool intake_is_open(struct broker *broker); /* room for more bodies on their way to disk */
bool intake_is_read(struct broker *broker); /* if only to answer BUSY */
void lanes_drain(struct broker *broker);    /* lanes.c */
void control_drain(struct broker *broker);  /* control.c */
/* reapply.c: an operator's batch, and its result. */
void reapply_take(struct broker *broker, const struct net_message *message,
                  const struct wire_reapply *reapply);
void retry_take(struct broker *broker, const struct net_message *message,
                const struct wire_retry *retry);
void reapply_answer(struct broker *broker, const struct core_action *action);
void online_verify_start(struct broker *broker, const struct net_route *route);
void online_verify_step(struct broker *broker); /* online_verify.c */
void actions_perform(struct broker *broker);    /* actions.c: what the core decided */
struct sending *dispatch_new(void);
void dispatch_free(struct sending **sending);
void dispatch_work(struct broker *broker, const struct core_action *actions,
                   size_t count);          /* dispatch.c: the WORK among them */
void status_render(struct broker *broker); /* status.c: publishes a snapshot */
void status_json(struct broker *broker, struct buf *out);
void status_lanes_json(struct broker *broker, struct buf *out);
void status_sources_json(struct broker *broker, struct buf *out);

/* reply.c.  reply_send encodes and sends a message of a head frame alone.  Errors: as net_send, and
 * ERR_FULL for an intake peer that does not read. */
MUST_USE enum err reply_send(struct broker *broker, struct net_socket *socket,
                             const struct net_route *route, const struct wire_message *message);
/* reply_unreadable answers what could not be decoded. */
void reply_unreadable(struct broker *broker, struct net_socket *socket,
                      const struct net_route *route, const struct wire_decode_fault *fault);
/* reply_accepted_fill: the fields of ACCEPTED. */
void reply_accepted_fill(const struct broker *broker, const struct uuid *batch, bool duplicate,
                         struct wire_accepted *accepted);

#endif

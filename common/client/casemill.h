/* Purpose: the C library of casemill: submit cases to a broker and receive their results.
 * Owns: a connection to each broker, the open batch, and every unsettled batch.  It sends those
 * again after a reconnect, and to another broker when the one in use is lost, silent or stopping.
 * That is safe: a case revision counts once.
 * Never: blocks outside casemill_step and casemill_wait; starts a thread of its own; drops a batch
 * without a receipt; looks into a case beyond "one whole map".
 * Threads: a client belongs to one thread at a time; several clients may be used at once.  ZeroMQ
 * has a thread for the sockets; nothing else happens between calls.  After fork the child may only
 * call exec or _exit.
 * Errors: every function that can fail returns enum casemill_result, and has taken nothing when it
 * fails.  The library aborts when memory is exhausted or a caller breaks a rule of this header.
 * Limits: a case is one MessagePack map; a batch has 1 to 65,536 cases and at most 2 MiB, or up to
 * 8 MiB if the broker's intake.message_bytes_max allows it.
 * This header includes nothing of casemill.  Compile with `pkg-config --cflags --libs casemill`. */
#ifndef CASEMILL_CLIENT_CASEMILL_H
#define CASEMILL_CLIENT_CASEMILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

struct casemill;

enum { CASEMILL_BATCH_ID_BYTES = 16, CASEMILL_DISPOSITIONS = 5, CASEMILL_WINDOW_MAX = 16384 };

enum casemill_result {
    CASEMILL_OK,
    CASEMILL_AGAIN,   /* the window is full: call casemill_step, then try again */
    CASEMILL_TIMEOUT, /* the deadline passed; unsettled batches stay unsettled */
    CASEMILL_INVALID, /* the arguments, or the case's bytes, break a limit: nothing was taken */
    CASEMILL_FAILED   /* the broker does not speak this protocol, or the system failed: close */
};

enum casemill_ack {
    CASEMILL_ACK_JOURNAL, /* a batch is settled when the broker has it on disk */
    CASEMILL_ACK_OUTCOME  /* ... when every case of it is committed in the database */
};
enum casemill_priority { CASEMILL_URGENT, CASEMILL_NORMAL, CASEMILL_BULK };

enum casemill_event {
    CASEMILL_ACCEPTED, /* on the broker's disk */
    CASEMILL_DONE,     /* every case is an outcome, a duplicate or a dead letter, committed */
    CASEMILL_REFUSED,  /* never accepted: see reason, case_index, body_offset */
    CASEMILL_BUSY      /* not now: the client sends it again after retry_ms, nothing to do */
};

struct casemill_text { /* UTF-8, not NUL-terminated */
    const char *ptr;
    size_t len;
};
struct casemill_dead {
    uint32_t index; /* in the batch */
    struct casemill_text reason, path, expected, found;
};

struct casemill_missing {
    struct casemill_text path;     /* of the fact to ask for */
    struct casemill_text question; /* empty if the case schema has none */
};
/* The result of one case: a dead letter, or else an outcome. */
struct casemill_case_result {
    bool is_dead;
    struct casemill_text reason;
    /* A dead letter: where the fault is. */
    struct casemill_text path, expected, found;
    /* An outcome.  duplicate: the case was stored before, and this is the stored outcome; of a case
     * that was purged since it has no agreement. */
    uint32_t disposition; /* see casemill_disposition_name */
    bool duplicate;
    struct casemill_text agreement;
    uint32_t missing_count;
    const struct casemill_missing *missing; /* the first is the next question */
};

/* A broker's reply about one batch.  Pointers live until the callback returns. */
struct casemill_receipt {
    enum casemill_event event;
    uint8_t batch[CASEMILL_BATCH_ID_BYTES];
    bool is_known;     /* this client still holds the batch; else position and tag are 0 */
    uint64_t position; /* of its first case among all submitted, or the caller's own */
    uint64_t tag;      /* the caller's own */
    uint32_t count;    /* cases */
    bool duplicate;    /* ACCEPTED: the broker had it already */
    /* DONE: sum(outcomes) + dead_count = count; duplicates are counted in outcomes too. */
    uint32_t outcomes[CASEMILL_DISPOSITIONS]; /* see casemill_disposition_name */
    uint32_t duplicates;
    uint32_t dead_count;
    uint32_t dead_listed; /* at most 1,000 */
    const struct casemill_dead *dead;
    /* DONE with the option `results`: `count` of them, in the order of the cases.  NULL: the broker
     * could not give them, although the client sent the batch again for them. */
    const struct casemill_case_result *results;
    /* REFUSED and BUSY: a word of a closed list, see common/client/README.md. */
    const char *reason;
    int64_t case_index;  /* -1 if it does not apply */
    int64_t body_offset; /* bytes; -1 if it does not apply */
    int64_t retry_ms;
    /* REFUSED too_large: this broker's limit for a batch, in bytes; else 0. */
    uint64_t message_bytes_max;
};
/* May not call into the client. */
typedef void (*casemill_receipt_fn)(void *user, const struct casemill_receipt *receipt);

/* Fill with casemill_options_default, then change some fields. */
struct casemill_options {
    /* "tcp://127.0.0.1:5570"; or several with commas, at most 16: the client uses the first that is
     * reachable, and another when that fails.  Brokers share nothing: a batch that a broker
     * accepted and did not settle is lost with its disk under CASEMILL_ACK_JOURNAL, not under
     * CASEMILL_ACK_OUTCOME. */
    const char *brokers;
    /* If the brokers require keys (CURVE): the file of this client's secret key, mode 0600, and the
     * files of the brokers' public keys, with commas.  There is one for all, or one each.  NULL:
     * none. The source is then the key's name at the broker, and `source` may stay NULL. */
    const char *key;
    const char *broker_keys;
    const char *source; /* name of this intake system, at most 128 bytes; NULL: the default */
    enum casemill_ack ack;
    enum casemill_priority priority;
    uint32_t batch_cases_max; /* a batch is closed when it has so many cases, */
    size_t batch_bytes_max;   /* or when the next case would exceed so many bytes (every broker
                                 accepts 2 MiB; the client asks the broker before it sends more), */
    int64_t linger_ms;        /* or when its first case has waited so long; -1: never */
    uint32_t window_batches;  /* closed and unsettled, at most; 1 to CASEMILL_WINDOW_MAX */
    int64_t quiet_ms; /* after so long without a reply about a batch, the client asks the broker;
                         after as long without an answer, it uses another broker */
    bool results;     /* DONE is to have the result of each case; only with CASEMILL_ACK_OUTCOME */
    casemill_receipt_fn on_receipt; /* or NULL */
    void *user;                     /* the callback's first argument */
};

/* casemill_options_default sets every field: broker tcp://127.0.0.1:5570, ack outcome, priority
 * normal, 1,000 cases and 2 MiB for each batch, linger 20 ms, window 32, quiet 10 s. */
void casemill_options_default(struct casemill_options *options);

/* casemill_open starts connecting; it does not wait for the broker.
 * Ownership: *client is the caller's, freed by casemill_close; options are copied.
 * Errors: CASEMILL_INVALID with one line in error (error_bytes long, may be 0), CASEMILL_FAILED. */
enum casemill_result casemill_open(const struct casemill_options *options, struct casemill **client,
                                   char *error, size_t error_bytes);
/* casemill_close forgets unsettled batches, frees the client and sets *client to NULL; accepts a
 * NULL inside. */
void casemill_close(struct casemill **client);

/* casemill_submit adds one case to the open batch.  The bytes are one MessagePack map; they are
 * copied.
 * Errors: CASEMILL_INVALID the bytes are not one map within the limits; CASEMILL_AGAIN. */
enum casemill_result casemill_submit(struct casemill *client, const void *bytes, size_t len);
/* casemill_flush closes the open batch, if there is one.  Errors: CASEMILL_AGAIN. */
enum casemill_result casemill_flush(struct casemill *client);

struct casemill_batch {
    const void *body; /* `count` concatenated cases */
    size_t body_bytes;
    uint32_t count;
    const uint8_t *id; /* CASEMILL_BATCH_ID_BYTES; NULL: casemill_batch_id(body, position) */
    uint64_t position;
    uint64_t tag; /* returned in receipts */
};
/* casemill_submit_batch takes a batch that the caller made.  The open batch is unchanged.
 * Ownership: bytes are copied.
 * Errors: CASEMILL_INVALID, CASEMILL_AGAIN. */
enum casemill_result casemill_submit_batch(struct casemill *client,
                                           const struct casemill_batch *batch);
/* casemill_batch_id is the XXH3-128 of the body followed by the position as 8 little-endian bytes:
 * the same batch has the same id in every run. */
void casemill_batch_id(const void *body, size_t body_bytes, uint64_t position,
                       uint8_t id[CASEMILL_BATCH_ID_BYTES]);

/* casemill_step sends what is due, then waits up to timeout_ms for receipts and handles them.  The
 * callback runs inside it.
 * Errors: CASEMILL_FAILED. */
enum casemill_result casemill_step(struct casemill *client, int64_t timeout_ms);
/* casemill_wait flushes and steps until every batch is settled.
 * Errors: CASEMILL_TIMEOUT after deadline_ms (-1: no deadline), casemill_why gives the reason;
 * CASEMILL_FAILED. */
enum casemill_result casemill_wait(struct casemill *client, int64_t deadline_ms);

/* casemill_unsettled counts the closed batches without their last receipt. */
uint32_t casemill_unsettled(const struct casemill *client);
/* casemill_has_room: casemill_submit_batch would not return CASEMILL_AGAIN. */
bool casemill_has_room(const struct casemill *client);
/* casemill_was_connected: to any broker, at any time since casemill_open. */
bool casemill_was_connected(const struct casemill *client);

/* casemill_why writes one line, NUL-terminated and cut to line_bytes: the broker in use and why
 * unsettled batches wait.  Examples: "tcp://127.0.0.1:5570: no connection", "...: paused",
 * "...: BUSY queue_full: its limit of waiting batches is reached".  It includes casemill_ask: call
 * it once per second, and the line is up to date. */
void casemill_why(struct casemill *client, char *line, size_t line_bytes);
/* casemill_fault: why no broker accepts this client, in one line; NULL when one did or no reason is
 * known.  The client keeps trying.  Lives until the next step. */
const char *casemill_fault(struct casemill *client);
/* casemill_ask asks the broker in use for its state, at most once per second.  After a later step
 * casemill_state returns the answer.  It serves callers that wait and show why. */
void casemill_ask(struct casemill *client);

struct casemill_state {
    bool is_connected;
    int64_t received_ms; /* since its last message on this connection; -1: none yet */
    const char *busy; /* the reason of its last BUSY, until it accepts a batch; NULL: it accepts */
    int64_t retry_ms; /* with busy: until the batch is sent again; 0: it has been sent */
    const char *unready;   /* why it makes no progress, in one line; "": it does; NULL: unknown */
    uint64_t queued_cases; /* of all sources, if it reported them */
    int64_t unanswered_ms; /* age of the oldest question without an answer; 0: none */
};
/* casemill_state fills *state with what is known of the broker in use.  Its pointers live until the
 * next step. */
void casemill_state(struct casemill *client, struct casemill_state *state);
/* casemill_broker: the address of the broker in use.  Lives until the next step. */
const char *casemill_broker(struct casemill *client);

/* casemill_disposition_name: the word for an index of `outcomes`; static. */
const char *casemill_disposition_name(uint32_t disposition);
/* casemill_version: the version of the library that runs, for example "0.2.0"; static. */
const char *casemill_version(void);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif

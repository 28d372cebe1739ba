/* Purpose: CMP/1, the protocol: head frames <-> structs, pure.  README.md is the spec, byte by
 * byte. Shape: a message is a head frame ["CM1", COMMAND, {header}] and body frames; the socket
 * (net/) handles routing ids and the empty delimiter. Ownership: decoded spans point into the
 * frame; arrays live in the given arena. */
#ifndef CASEMILL_WIRE_WIRE_H
#define CASEMILL_WIRE_WIRE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/hash.h"
#include "base/uuid.h"

enum {
    WIRE_HEAD_BYTES_MAX = 1 << 20,
    WIRE_BODY_BYTES_MAX = 8 << 20,         /* of SUBMIT, whatever a broker's setting */
    WIRE_BODY_BYTES_SURE = 2 << 20,        /* every broker accepts a body of this size */
    WIRE_RESULTS_BYTES_MAX = 8 << 20,      /* of one batch, in DONE */
    WIRE_CONTROL_BODY_BYTES_MAX = 2 << 20, /* of REAPPLY and RETRY */
    /* A frame over its limit by at most this gets REFUSED; a larger one ends the connection. */
    WIRE_FRAME_SLACK = 64 << 10,
    WIRE_CASES_MAX = 65536,
    WIRE_COALESCED_MAX = 1024, /* batches of one receipt */
    WIRE_DEAD_MAX = 1000,
    WIRE_RANGES_MAX = 65536,
    WIRE_DELIVERIES_MAX = 16384,
    WIRE_DISPOSITIONS = 5,
    WIRE_NAME_MAX = 128,
    WIRE_WHY_MAX = 512,   /* bytes of an operator's reason */
    WIRE_NAMES_MAX = 256, /* arrays of names in one WORK */
    WIRE_VERSION_BYTES_MAX = 8
};
#define WIRE_VERSION "CM1"

/* Every number of the protocol by what it counts: least and largest value, and how the reader
 * treats a value outside.  REFUSE: the message is bad_header, because its meaning would be lost.
 * CLAMP: the nearest value is taken, because the number only advises.  So wire_decode never returns
 * a number outside its range.  README.md has the same table. */
// clang-format off
#define WIRE_NUMBERS(ROW)                                                                          \
    ROW(BATCH_CASES, 1, WIRE_CASES_MAX, REFUSE)        /* of a batch or delivery */                \
    ROW(CASES, 0, WIRE_CASES_MAX, REFUSE)              /* counted in one batch */                  \
    ROW(CASE_INDEX, 0, WIRE_CASES_MAX - 1, REFUSE)     /* in a batch */                            \
    ROW(SEQ, 0, INT64_MAX - 1, REFUSE)                 /* of a journal; a bigint in PostgreSQL */  \
    ROW(TIME_US, 0, WIRE_TIME_US_MAX, REFUSE)          /* 1970 to the end of the year 9999 */      \
    ROW(FRAME, 0, WIRE_DELIVERIES_MAX, REFUSE)         /* of a message */                          \
    ROW(NAMES, 0, WIRE_NAMES_MAX, REFUSE)              /* which of WORK's arrays, from 1 */        \
    ROW(FRAME_BYTES, 0, UINT32_MAX, REFUSE)            /* offset and length in a frame */          \
    ROW(ATTEMPT, 1, INT32_MAX, CLAMP)                                                              \
    ROW(CREDIT_CASES, 0, 1 << 20, CLAMP)                                                           \
    ROW(CREDIT_BYTES, 0, 1 << 30, CLAMP)                                                           \
    ROW(BEAT_MS, 10, 60000, CLAMP)                     /* the range of lanes.beat_ms */            \
    ROW(RETRY_MS, 0, 3600000, CLAMP)                                                               \
    ROW(AGE_MS, 0, WIRE_COUNT_MAX, CLAMP)                                                          \
    ROW(TOTAL, 0, WIRE_COUNT_MAX, CLAMP)               /* since a start, or of all sources */      \
    ROW(BODY_BYTES, 0, WIRE_BODY_BYTES_MAX, CLAMP)                                                 \
    ROW(STOP_MS, 0, WIRE_STOP_MS_MAX, REFUSE)          /* of a pause or drain; 0: no end */
// clang-format on
#define WIRE_TIME_US_MAX INT64_C(253402300799999999)
#define WIRE_STOP_MS_MAX (INT64_C(366) * 86400000)
#define WIRE_COUNT_MAX (INT64_C(1) << 53) /* exact in JSON, and sums never overflow */
enum wire_number {
    WIRE_NUMBER_NONE, /* of a row that names none: a check fails at once */
#define WIRE_ENUM(name, least, most, outside) WIRE_NUMBER_##name,
    WIRE_NUMBERS(WIRE_ENUM)
#undef WIRE_ENUM
        WIRE_NUMBER_COUNT
};
/* wire_number_take sets *taken to the value, or with CLAMP to the nearest allowed one. Errors:
 * ERR_INVALID, the number must be refused. */
MUST_USE enum err wire_number_take(enum wire_number number, int64_t value, int64_t *taken);

/* Commands: name on the wire, socket, direction.  DONE of a lane is WIRE_LANE_DONE. */
#define WIRE_COMMANDS(ROW)                                                                         \
    ROW(SUBMIT, "SUBMIT", INTAKE, TO_BROKER)                                                       \
    ROW(ROWS, "ROWS", INTAKE, TO_BROKER) /* as SUBMIT, with another body: rows.h */                \
    ROW(QUERY, "QUERY", INTAKE, TO_BROKER)                                                         \
    ROW(PING, "PING", INTAKE, TO_BROKER)                                                           \
    ROW(ACCEPTED, "ACCEPTED", INTAKE, FROM_BROKER)                                                 \
    ROW(DONE, "DONE", INTAKE, FROM_BROKER)                                                         \
    ROW(REFUSED, "REFUSED", INTAKE, FROM_BROKER) /* sent on every socket */                        \
    ROW(BUSY, "BUSY", INTAKE, FROM_BROKER)                                                         \
    ROW(STATUS, "STATUS", INTAKE, FROM_BROKER)                                                     \
    ROW(PONG, "PONG", INTAKE, FROM_BROKER)                                                         \
    ROW(READY, "READY", WORKER, TO_BROKER)                                                         \
    ROW(LANE_DONE, "DONE", WORKER, TO_BROKER)                                                      \
    ROW(FAILED, "FAILED", WORKER, TO_BROKER)                                                       \
    ROW(RETURN, "RETURN", WORKER, TO_BROKER)                                                       \
    ROW(LANE_BEAT, "BEAT", WORKER, TO_BROKER)                                                      \
    ROW(BYE, "BYE", WORKER, TO_BROKER)                                                             \
    ROW(WELCOME, "WELCOME", WORKER, FROM_BROKER)                                                   \
    ROW(WORK, "WORK", WORKER, FROM_BROKER)                                                         \
    ROW(BURY, "BURY", WORKER, FROM_BROKER)                                                         \
    ROW(BEAT, "BEAT", WORKER, FROM_BROKER)                                                         \
    ROW(READY_ASK, "READY?", WORKER, FROM_BROKER)                                                  \
    ROW(CHALLENGE, "CHALLENGE", WORKER, FROM_BROKER)                                               \
    ROW(DRAIN, "DRAIN", WORKER, FROM_BROKER)                                                       \
    ROW(CONTROL, "CONTROL", CONTROL, TO_BROKER) /* any control verb; see wire_control */           \
    ROW(CONTROL_REPLY, "REPLY", CONTROL, FROM_BROKER)                                              \
    ROW(REAPPLY, "REAPPLY", CONTROL, TO_BROKER)                                                    \
    ROW(RETRY, "RETRY", CONTROL, TO_BROKER)

enum wire_socket { WIRE_INTAKE, WIRE_WORKER, WIRE_CONTROL_SOCKET };
enum { WIRE_SOCKET_COUNT = WIRE_CONTROL_SOCKET + 1 };
enum wire_direction { WIRE_TO_BROKER, WIRE_FROM_BROKER };
enum wire_command {
#define WIRE_ENUM(id, name, socket, direction) WIRE_##id,
    WIRE_COMMANDS(WIRE_ENUM)
#undef WIRE_ENUM
        WIRE_COMMAND_COUNT
};

enum wire_ack { WIRE_ACK_JOURNAL, WIRE_ACK_OUTCOME };
enum wire_priority { WIRE_URGENT, WIRE_NORMAL, WIRE_BULK, WIRE_PRIORITY_COUNT };

/* Closed lists: words on the wire in lower case. */
// clang-format off
#define WIRE_REASONS(ROW)                                                                          \
    ROW(NONE, "")                                                                                  \
    ROW(BAD_HEAD, "bad_head")                                                                      \
    ROW(UNKNOWN_COMMAND, "unknown_command")                                                        \
    ROW(UNKNOWN_VERSION, "unknown_version")                                                        \
    ROW(BAD_HEADER, "bad_header")                                                                  \
    ROW(TOO_LARGE, "too_large")                                                                    \
    ROW(COUNT_MISMATCH, "count_mismatch")                                                          \
    ROW(TRUNCATED, "truncated")                                                                    \
    ROW(TOO_DEEP, "too_deep")                                                                      \
    ROW(SIZE_BOMB, "size_bomb")                                                                    \
    ROW(TRAILING_BYTES, "trailing_bytes")                                                          \
    ROW(BATCH_ID_REUSED, "batch_id_reused")                                                        \
    ROW(NOT_ALLOWED, "not_allowed")                                                                \
    ROW(TOO_MANY_LANES, "too_many_lanes")                                                          \
    ROW(BAD_NAMES, "bad_names")                                                                    \
    ROW(BAD_ROW, "bad_row")
// clang-format on
enum wire_reason {
#define WIRE_ENUM(id, word) WIRE_REASON_##id,
    WIRE_REASONS(WIRE_ENUM)
#undef WIRE_ENUM
};
// clang-format off
#define WIRE_BUSY_REASONS(ROW)                                                                     \
    ROW(JOURNAL_FULL, "journal_full")                                                              \
    ROW(QUEUE_FULL, "queue_full")                                                                  \
    ROW(RATE, "rate")                                                                              \
    ROW(STOPPED, "stopped")
// clang-format on
enum wire_busy {
#define WIRE_ENUM(id, word) WIRE_BUSY_##id,
    WIRE_BUSY_REASONS(WIRE_ENUM)
#undef WIRE_ENUM
};
// clang-format off
#define WIRE_STATES(ROW)                                                                           \
    ROW(ACCEPTED, "accepted")                                                                      \
    ROW(WORKING, "working")                                                                        \
    ROW(DONE, "done")                                                                              \
    ROW(QUARANTINED, "quarantined")                                                                \
    ROW(UNKNOWN, "unknown")
// clang-format on
enum wire_state {
#define WIRE_ENUM(id, word) WIRE_STATE_##id,
    WIRE_STATES(WIRE_ENUM)
#undef WIRE_ENUM
};

/* Forms of cases beside the map, which every lane takes: bits of a set. */
// clang-format off
#define WIRE_FORMS(ROW)                                                                            \
    ROW(ROWS, "rows")
// clang-format on
enum wire_form {
#define WIRE_ENUM(id, word) WIRE_FORM_##id,
    WIRE_FORMS(WIRE_ENUM)
#undef WIRE_ENUM
};
#define WIRE_FORM_BIT(form) ((uint32_t)1 << (form))

struct wire_range {
    struct uuid journal;
    uint64_t seq;
    uint32_t first; /* case index in the batch */
    uint32_t count;
};
struct wire_dead {
    uint32_t index; /* in the batch */
    struct span reason, path, expected, found;
};
/* The result of a run of cases: sum(outcomes) + dead_count = cases; outcomes count duplicates,
 * too. */
struct wire_counts {
    uint32_t outcomes[WIRE_DISPOSITIONS]; /* by enum disposition, least adverse first */
    uint32_t duplicates;
    uint32_t dead_count;
    uint32_t dead_listed; /* <= WIRE_DEAD_MAX */
    const struct wire_dead *dead;
    uint32_t results_bytes; /* of a lane: how much of the body frame is this range's, in order */
};
struct wire_delivery {
    uint32_t frame;          /* body frame number from 0 */
    uint32_t offset, length; /* bytes in it */
    struct uuid batch;
    uint64_t seq;
    uint32_t first, count;
    uint32_t attempt;    /* from 1 */
    int64_t accepted_at; /* microseconds since 1970: its UTC day is the default date */
    struct span source;
    enum wire_priority priority;
    struct span extra; /* raw MessagePack; nil when empty */
    uint32_t names;    /* 0: its cases are maps; else they are rows, of the array names - 1 */
};
/* Where an array of names is: the number of the body frame, and the bytes in it. */
struct wire_names {
    uint32_t frame;
    uint32_t offset, length;
};

struct wire_submit {
    struct uuid batch;
    uint32_t count;
    enum wire_ack ack;
    enum wire_priority priority;
    bool coalesce;
    struct span source; /* "" when absent; at most WIRE_NAME_MAX bytes, UTF-8 */
    bool results;       /* DONE is to have the results of single cases as its body: results.h */
};
struct wire_query {
    struct uuid batch;
    struct span source;
    bool coalesce, results; /* as in SUBMIT */
};
struct wire_accepted {
    struct uuid batch;
    bool duplicate;
    uint64_t queue_cases;
    int64_t queue_oldest_ms;
    int64_t queue_retry_ms;
    uint32_t batches_count; /* 0, or all batches that this receipt covers, `batch` first */
    const struct uuid *batches;
};
struct wire_done {
    struct uuid batch;
    uint32_t count;
    struct wire_counts counts;
    uint32_t batches_count; /* as of ACCEPTED; each has this count and these counts */
    const struct uuid *batches;
};
struct wire_refused {
    bool has_batch; /* nil on the wire when the head could not be read */
    struct uuid batch;
    enum wire_reason reason;
    bool has_index, has_offset;
    uint32_t index;
    uint64_t offset;            /* bytes into the body */
    struct span version;        /* of the sender of REFUSED; only with UNKNOWN_VERSION */
    uint32_t message_bytes_max; /* the limit of a body; with TOO_LARGE of a body, else 0 */
};
struct wire_busy_reply {
    struct uuid batch;
    int64_t retry_ms;
    enum wire_busy reason;
};
struct wire_status {
    struct uuid batch;
    enum wire_state state;
    bool has_done;
    struct wire_done done;
};
struct wire_pong {
    struct span version;
    uint32_t message_bytes_max; /* the limit of a body; 0: absent, from an older broker */
    bool ready;                 /* work gets done; neither ready nor unready: not known */
    struct span unready;        /* why no work gets done, for a person */
    uint64_t queued_cases;
};
struct wire_ready {
    struct uuid uuid;
    struct span name, version, ruleset;
    uint32_t credit_cases;
    uint64_t credit_bytes;
    uint32_t hold_count;
    const struct wire_range *holds;
    bool has_proof; /* the answer to a CHALLENGE */
    struct uuid proof;
    uint32_t forms; /* WIRE_FORM_BIT of each form that it takes beside maps */
};
struct wire_lane_done { /* ranges and verdicts are parallel */
    uint32_t range_count;
    const struct wire_range *ranges;
    const struct wire_counts *verdicts;
    struct span body; /* the frame behind the head: set by its receiver */
};
struct wire_failed {
    uint32_t range_count;
    const struct wire_range *ranges;
    struct span reason;
};
struct wire_return {
    uint32_t range_count;
    const struct wire_range *ranges;
};
struct wire_lane_beat {
    uint32_t hold_count;
    const struct wire_range *holds;
    struct span phase; /* idle, decode, write, commit, reconnect, rules */
    int64_t since_ms;  /* how long in that phase */
    uint64_t done;     /* cases committed since the lane started */
};
struct wire_welcome {
    struct uuid journal;
    int64_t beat_ms;
    uint32_t cases_max;
    uint64_t bytes_max;
    struct span version;
};
struct wire_challenge {
    struct uuid nonce;
};
struct wire_work {    /* also BURY */
    struct span mode; /* "intake", "reapply", "retry", "canary" */
    uint32_t delivery_count;
    const struct wire_delivery *deliveries;
    uint32_t fence_count;
    const struct uuid *fence;
    uint64_t low_water; /* every seq below is done */
    int64_t
        low_water_at; /* everything accepted before is done; microseconds since 1970, 0: absent */
    uint32_t names_count;
    const struct wire_names *names; /* of the deliveries that are rows */
};
struct wire_beat {
    bool retire;
};
/* What the sender of a control message reports about itself; "": absent.  Nobody has checked it: on
 * a socket with keys the name of the key is what identifies the operator. */
struct wire_operator {
    struct span user, host; /* at most WIRE_NAME_MAX bytes */
    struct span why;        /* at most WIRE_WHY_MAX bytes */
};
/* Control is small and rare: a verb, its arguments and its answer are a JSON text in the header. */
struct wire_control {
    struct span
        verb; /* "STATUS", "WORKERS", "SOURCES", "PAUSE", "RESUME", "DRAIN", "RETIRE", "VERIFY" */
    struct span arguments;
    struct wire_operator by;
    /* Of PAUSE and DRAIN, at most one of them: the end; 0: none. */
    int64_t for_ms;
    int64_t until; /* microseconds since 1970 */
};
struct wire_control_reply {
    bool ok;
    struct span json;
};
/* Reapply stored cases under another rule set: `count` triples [source, case_id, revision] follow
 * in one body frame. */
struct wire_reapply {
    struct uuid batch;
    uint32_t count;
    enum wire_ack ack;
    struct span ruleset;               /* its id, 64 hex digits */
    struct span reference_date, as_of; /* "YYYY-MM-DD"; "": each case's own */
};

/* Retry dead letters: their `count` numbers follow in one body frame. */
struct wire_retry {
    struct uuid batch;
    uint32_t count;
    enum wire_ack ack;
    struct wire_operator by;
};

struct wire_message {
    enum wire_command command;
    union {
        struct wire_submit submit;
        struct wire_query query;
        struct wire_accepted accepted;
        struct wire_done done;
        struct wire_refused refused;
        struct wire_busy_reply busy;
        struct wire_status status;
        struct wire_pong pong;
        struct wire_ready ready;
        struct wire_lane_done lane_done;
        struct wire_failed failed;
        struct wire_return returned;
        struct wire_lane_beat lane_beat;
        struct wire_welcome welcome;
        struct wire_challenge challenge;
        struct wire_work work; /* WORK and BURY */
        struct wire_beat beat;
        struct wire_control control;
        struct wire_control_reply control_reply;
        struct wire_reapply reapply;
        struct wire_retry retry;
    };
};

const char *wire_command_name(enum wire_command command);
const char *wire_reason_word(enum wire_reason reason);
const char *wire_busy_word(enum wire_busy reason);
const char *wire_priority_word(enum wire_priority priority);
/* The word of enum disposition, which is numbered the same (least adverse first). */
const char *wire_disposition_word(uint32_t disposition);

/* wire_encode appends the head frame.  A text longer than README.md allows (names 128 bytes, FAILED
 * reason 512, a dead letter's expected 256) is a programmer's error. */
void wire_encode(const struct wire_message *message, struct buf *out);
/* wire_decode reads a head frame that arrived on `socket` going `direction`.  *reason is the reason
 * for REFUSED; *refused_batch and *has_batch are set as soon as a batch id could be read.
 * Errors: ERR_INVALID, ERR_UNKNOWN, ERR_VERSION, ERR_TOO_LARGE (arena spent). */
struct wire_decode_fault {
    enum wire_reason reason;
    bool has_batch;
    struct uuid batch;
    struct span version; /* UNKNOWN_VERSION: the peer's; alphanumeric, points into the frame */
};
MUST_USE enum err wire_decode(struct span head, enum wire_socket socket,
                              enum wire_direction direction, struct arena *arena,
                              struct wire_message *message, struct wire_decode_fault *fault);

#endif

/* Purpose: which of pause and drain an operator has ordered, by whom, why and until when.  It is
 * kept in the file `operator` of the journal's directory, so it survives a restart, and moves and
 * is copied with the journal.
 * Owns: that file.  Never: trusts a text: each is shown without characters that change a terminal.
 * Threads: the loop's.
 *
 * The file, all integers little-endian:
 *
 *     0  magic "CM-STOPS"
 *     8  u32 version, 1
 *    12  the journal's uuid, 16 bytes
 *    28  of pause, then of drain: u8 1 if it is ordered, else 0 and nothing more;
 *        i64 since, i64 until (microseconds since 1970; until 0: no end);
 *        user, host, key, why: each u16 length, then UTF-8
 *   end  u64 XXH3-64 of all bytes before it
 *
 * A change is written to `operator.new`, synced and renamed; then the directory is synced. */
#ifndef CASEMILL_BROKER_OPERATOR_STATE_H
#define CASEMILL_BROKER_OPERATOR_STATE_H

#include "base/diag.h"
#include "base/json.h"
#include "base/uuid.h"
#include "wire/wire.h"

enum operator_stop_kind { OPERATOR_PAUSE, OPERATOR_DRAIN, OPERATOR_STOP_COUNT };
enum { OPERATOR_TIME_BYTES = 21 }; /* "2026-05-01T00:00:00Z" and NUL */

/* Cleaned texts, UTF-8, "" where absent. */
struct operator_who {
    char user[WIRE_NAME_MAX + 1], host[WIRE_NAME_MAX + 1];
    char key[WIRE_NAME_MAX + 1]; /* the name of the sender's key; "": the socket has no keys */
    char why[WIRE_WHY_MAX + 1];
};
struct operator_stop {
    bool is_on;
    struct operator_who who;
    int64_t since, until; /* microseconds since 1970; until 0: RESUME ends it */
    int64_t end_ms;       /* of until, on the monotonic clock of this run */
};
struct operator_state {
    const char *path; /* of the journal; borrowed */
    struct uuid journal;
    struct operator_stop stops[OPERATOR_STOP_COUNT];
};
/* Both clocks, read at the same moment. */
struct operator_time {
    int64_t mono_ms, wall_us;
};

/* operator_who_take cleans what the sender reports about itself. */
void operator_who_take(struct operator_who *who, const struct wire_operator *by, struct span key);

/* operator_state_open reads the file.  Without one nothing is ordered.  *is_foreign: it belongs to
 * another journal, so it is not used.  path is borrowed as long as the state is used.
 * Errors: ERR_CORRUPT the file is damaged: whether the broker may dispatch is unknown; ERR_VERSION;
 * ERR_IO. */
MUST_USE enum err operator_state_open(const char *path, const struct uuid *journal,
                                      struct operator_time now, struct operator_state *state,
                                      bool *is_foreign, struct diag *diag);
/* operator_state_stop orders a pause or drain, in place of an earlier one.  until 0: no end.
 * Errors: ERR_INVALID until has passed, or is more than WIRE_STOP_MS_MAX away; ERR_IO it cannot be
 * kept.  The state is then unchanged. */
MUST_USE enum err operator_state_stop(struct operator_state *state, enum operator_stop_kind kind,
                                      const struct operator_who *who, int64_t until,
                                      struct operator_time now, struct diag *diag);
/* operator_state_resume ends both.  Errors: ERR_IO, the state is then unchanged. */
MUST_USE enum err operator_state_resume(struct operator_state *state, struct diag *diag);
/* operator_state_is_over: whether its end has come, by the wall clock or after the time that was
 * left when the order or this run began.  So a clock that is set back delays no end. */
bool operator_state_is_over(const struct operator_state *state, enum operator_stop_kind kind,
                            struct operator_time now);
/* operator_state_end ends that one.  Errors: ERR_IO, the file still has it; it is ended all the
 * same. */
MUST_USE enum err operator_state_end(struct operator_state *state, enum operator_stop_kind kind,
                                     struct diag *diag);

/* operator_stop_text appends " by USER@HOST (key KEY) since TIME, why: WHY; until TIME";
 * operator_stop_json the same as an object, or null. */
void operator_stop_text(const struct operator_stop *stop, struct buf *out);
void operator_stop_json(const struct operator_stop *stop, struct json *json);
void operator_time_format(int64_t us, char text[OPERATOR_TIME_BYTES]);

#endif

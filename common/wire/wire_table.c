/* The rows of the protocol.  README.md has the same in words; a test compares both with the golden
 * files. */
#include "wire/wire_priv.h"

#include <stddef.h>

#define WORD_OF(id, word) word,
static const char *const ack_words[] = {"journal", "outcome"};
static const char *const priority_words[] = {"urgent", "normal", "bulk"};
static const char *const reason_words[] = {WIRE_REASONS(WORD_OF)};
static const char *const busy_words[] = {WIRE_BUSY_REASONS(WORD_OF)};
static const char *const form_words[] = {WIRE_FORMS(WORD_OF)};
static const char *const state_words[] = {WIRE_STATES(WORD_OF)};
static const char *const disposition_words[] = {"not_subject", "exception_applies",
                                                "insufficient_information", "screening_required",
                                                "subject_to_agreement"};
_Static_assert(COUNT_OF(disposition_words) == WIRE_DISPOSITIONS, "one word a disposition");

static const struct wire_words acks = {ack_words, COUNT_OF(ack_words)};
static const struct wire_words reasons = {reason_words, COUNT_OF(reason_words)};
static const struct wire_words busies = {busy_words, COUNT_OF(busy_words)};
static const struct wire_words forms = {form_words, COUNT_OF(form_words)};
static const struct wire_words states = {state_words, COUNT_OF(state_words)};
static const struct wire_words priorities = {priority_words, COUNT_OF(priority_words)};
const struct wire_words wire_dispositions = {disposition_words, COUNT_OF(disposition_words)};

static const struct {
    int64_t least, most;
    bool is_clamped;
} numbers[WIRE_NUMBER_COUNT] = {
#define REFUSE false
#define CLAMP true
#define NUMBER_ROW(name, least, most, outside) [WIRE_NUMBER_##name] = {(least), (most), outside},
    WIRE_NUMBERS(NUMBER_ROW)
#undef NUMBER_ROW
#undef REFUSE
#undef CLAMP
};
#define NUMBER_FITS(name, least, most, outside)                                                    \
    _Static_assert((least) >= 0 && (most) < INT64_MAX, "what is read as INT64_MAX is in no "       \
                                                       "range");
WIRE_NUMBERS(NUMBER_FITS)
#undef NUMBER_FITS

enum err wire_number_take(enum wire_number number, int64_t value, int64_t *taken) {
    CHECK(number > WIRE_NUMBER_NONE);
    CHECK(number < WIRE_NUMBER_COUNT);
    int64_t nearest = value < numbers[number].least  ? numbers[number].least
                      : value > numbers[number].most ? numbers[number].most
                                                     : value;
    if (nearest != value && !numbers[number].is_clamped) {
        return ERR_INVALID;
    }
    *taken = nearest;
    return ERR_OK;
}

#define FIELD(key, kind, need, type, member, ...)                                                  \
    { key, KIND_##kind, NEED_##need, offsetof(struct type, member), __VA_ARGS__ }
#define GROUP(key, need, ...)                                                                      \
    { key, KIND_FIELDS, NEED_##need, 0, __VA_ARGS__ }
#define SIDE(type, member) .side = offsetof(struct type, member)
#define INNER(array) .fields = (array), .field_count = COUNT_OF(array)
#define ELEMENTS(type, array) INNER(array), .element_bytes = sizeof(struct type)
/* The number and the member `first` are at most `most` together. */
#define SUM(type, first, most) .side = offsetof(struct type, first), .max = (most)
#define UUIDS(key, type, member, count, most)                                                      \
    FIELD(key, UUIDS, NOT_ZERO, type, member, SIDE(type, count), .max = (most),                    \
          .element_bytes = sizeof(struct uuid))
#define RANGES(key, type, member, count)                                                           \
    FIELD(key, TUPLES, ALWAYS, type, member, SIDE(type, count), .max = WIRE_RANGES_MAX,            \
          ELEMENTS(wire_range, range_fields))

static const struct wire_field range_fields[] = {
    FIELD("journal", UUID, ALWAYS, wire_range, journal, .max = 0),
    FIELD("seq", U64, ALWAYS, wire_range, seq, .number = WIRE_NUMBER_SEQ),
    FIELD("first", U32, ALWAYS, wire_range, first, .number = WIRE_NUMBER_CASES),
    FIELD("count", U32, ALWAYS, wire_range, count, .number = WIRE_NUMBER_CASES,
          SUM(wire_range, first, WIRE_CASES_MAX)),
};
static const struct wire_field delivery_fields[] = {
    FIELD("frame", U32, ALWAYS, wire_delivery, frame, .number = WIRE_NUMBER_FRAME),
    FIELD("offset", U32, ALWAYS, wire_delivery, offset, .number = WIRE_NUMBER_FRAME_BYTES),
    FIELD("length", U32, ALWAYS, wire_delivery, length, .number = WIRE_NUMBER_FRAME_BYTES,
          SUM(wire_delivery, offset, UINT32_MAX)),
    FIELD("batch", UUID, ALWAYS, wire_delivery, batch, .max = 0),
    FIELD("seq", U64, ALWAYS, wire_delivery, seq, .number = WIRE_NUMBER_SEQ),
    FIELD("first", U32, ALWAYS, wire_delivery, first, .number = WIRE_NUMBER_CASES),
    FIELD("count", U32, ALWAYS, wire_delivery, count, .number = WIRE_NUMBER_BATCH_CASES,
          SUM(wire_delivery, first, WIRE_CASES_MAX)),
    FIELD("attempt", U32, ALWAYS, wire_delivery, attempt, .number = WIRE_NUMBER_ATTEMPT),
    FIELD("accepted_at", I64, ALWAYS, wire_delivery, accepted_at, .number = WIRE_NUMBER_TIME_US),
    FIELD("source", TEXT, ALWAYS, wire_delivery, source, .max = WIRE_NAME_MAX),
    FIELD("priority", WORD, ALWAYS, wire_delivery, priority, .words = &priorities),
    FIELD("extra", RAW, ALWAYS, wire_delivery, extra, .max = 0),
    FIELD("names", U32, NOT_ZERO, wire_delivery, names, .number = WIRE_NUMBER_NAMES),
};
static const struct wire_field names_fields[] = {
    FIELD("frame", U32, ALWAYS, wire_names, frame, .number = WIRE_NUMBER_FRAME),
    FIELD("offset", U32, ALWAYS, wire_names, offset, .number = WIRE_NUMBER_FRAME_BYTES),
    FIELD("length", U32, ALWAYS, wire_names, length, .number = WIRE_NUMBER_FRAME_BYTES,
          SUM(wire_names, offset, UINT32_MAX)),
};
static const struct wire_field dead_fields[] = {
    FIELD("index", U32, ALWAYS, wire_dead, index, .number = WIRE_NUMBER_CASE_INDEX),
    FIELD("reason", TEXT, ALWAYS, wire_dead, reason, .max = WIRE_NAME_MAX),
    FIELD("path", TEXT, NOT_ZERO, wire_dead, path, .max = WIRE_NAME_MAX),
    FIELD("expected", TEXT, NOT_ZERO, wire_dead, expected, .max = 2 * WIRE_NAME_MAX),
    FIELD("found", TEXT, NOT_ZERO, wire_dead, found, .max = WIRE_NAME_MAX),
};
#define COUNTS(type, path)                                                                         \
    FIELD("outcomes", OUTCOMES, ALWAYS, type, path outcomes, .number = WIRE_NUMBER_CASES),         \
        FIELD("duplicates", U32, ALWAYS, type, path duplicates, .number = WIRE_NUMBER_CASES),      \
        FIELD("dead", MAPS, ALWAYS, type, path dead, SIDE(type, path dead_listed),                 \
              .max = WIRE_DEAD_MAX, ELEMENTS(wire_dead, dead_fields)),                             \
        FIELD("dead_count", U32, ALWAYS, type, path dead_count, .number = WIRE_NUMBER_CASES)
static const struct wire_field lane_counts_fields[] = {
    COUNTS(wire_counts, ),
    FIELD("results", U32, NOT_ZERO, wire_counts, results_bytes, .number = WIRE_NUMBER_FRAME_BYTES),
};

static const struct wire_field submit_fields[] = {
    FIELD("batch", UUID, ALWAYS, wire_submit, batch, .max = 0),
    FIELD("count", U32, ALWAYS, wire_submit, count, .number = WIRE_NUMBER_BATCH_CASES),
    FIELD("ack", WORD, NOT_ZERO, wire_submit, ack, .words = &acks),
    FIELD("priority", WORD, OPTIONAL, wire_submit, priority, .words = &priorities),
    FIELD("coalesce", BOOL, NOT_ZERO, wire_submit, coalesce, .max = 0),
    FIELD("source", TEXT, NOT_ZERO, wire_submit, source, .max = WIRE_NAME_MAX),
    FIELD("results", BOOL, NOT_ZERO, wire_submit, results, .max = 0),
};
static const struct wire_field query_fields[] = {
    FIELD("batch", UUID, ALWAYS, wire_query, batch, .max = 0),
    FIELD("coalesce", BOOL, NOT_ZERO, wire_query, coalesce, .max = 0),
    FIELD("source", TEXT, NOT_ZERO, wire_query, source, .max = WIRE_NAME_MAX),
    FIELD("results", BOOL, NOT_ZERO, wire_query, results, .max = 0),
};
static const struct wire_field queue_fields[] = {
    FIELD("cases", U64, ALWAYS, wire_accepted, queue_cases, .number = WIRE_NUMBER_TOTAL),
    FIELD("oldest_ms", I64, ALWAYS, wire_accepted, queue_oldest_ms, .number = WIRE_NUMBER_AGE_MS),
    FIELD("retry_ms", I64, ALWAYS, wire_accepted, queue_retry_ms, .number = WIRE_NUMBER_RETRY_MS),
};
static const struct wire_field accepted_fields[] = {
    FIELD("batch", UUID, ALWAYS, wire_accepted, batch, .max = 0),
    FIELD("duplicate", BOOL, ALWAYS, wire_accepted, duplicate, .max = 0),
    GROUP("queue", ALWAYS, INNER(queue_fields)),
    UUIDS("batches", wire_accepted, batches, batches_count, WIRE_COALESCED_MAX),
};
static const struct wire_field done_fields[] = {
    FIELD("batch", UUID, ALWAYS, wire_done, batch, .max = 0),
    FIELD("count", U32, ALWAYS, wire_done, count, .number = WIRE_NUMBER_CASES),
    COUNTS(wire_done, counts.),
    UUIDS("batches", wire_done, batches, batches_count, WIRE_COALESCED_MAX),
};
static const struct wire_field refused_fields[] = {
    FIELD("batch", UUID, HAS, wire_refused, batch, SIDE(wire_refused, has_batch)),
    FIELD("reason", WORD, ALWAYS, wire_refused, reason, .words = &reasons),
    FIELD("index", U32, HAS, wire_refused, index, SIDE(wire_refused, has_index),
          .number = WIRE_NUMBER_CASES),
    FIELD("offset", U64, HAS, wire_refused, offset, SIDE(wire_refused, has_offset),
          .number = WIRE_NUMBER_BODY_BYTES),
    FIELD("version", TEXT, NOT_ZERO, wire_refused, version, .max = WIRE_NAME_MAX),
    FIELD("message_bytes_max", U32, NOT_ZERO, wire_refused, message_bytes_max,
          .number = WIRE_NUMBER_BODY_BYTES),
};
static const struct wire_field busy_fields[] = {
    FIELD("batch", UUID, ALWAYS, wire_busy_reply, batch, .max = 0),
    FIELD("retry_ms", I64, ALWAYS, wire_busy_reply, retry_ms, .number = WIRE_NUMBER_RETRY_MS),
    FIELD("reason", WORD, ALWAYS, wire_busy_reply, reason, .words = &busies),
};
static const struct wire_field status_done_fields[] = {
    FIELD("batch", UUID, ALWAYS, wire_status, done.batch, .max = 0),
    FIELD("count", U32, ALWAYS, wire_status, done.count, .number = WIRE_NUMBER_CASES),
    COUNTS(wire_status, done.counts.),
};
static const struct wire_field status_fields[] = {
    FIELD("batch", UUID, ALWAYS, wire_status, batch, .max = 0),
    FIELD("state", WORD, ALWAYS, wire_status, state, .words = &states),
    GROUP("done", HAS, SIDE(wire_status, has_done), INNER(status_done_fields)),
};
static const struct wire_field pong_fields[] = {
    FIELD("version", TEXT, ALWAYS, wire_pong, version, .max = WIRE_NAME_MAX),
    FIELD("message_bytes_max", U32, NOT_ZERO, wire_pong, message_bytes_max,
          .number = WIRE_NUMBER_BODY_BYTES),
    FIELD("ready", BOOL, NOT_ZERO, wire_pong, ready, .max = 0),
    FIELD("unready", TEXT, NOT_ZERO, wire_pong, unready, .max = WIRE_NAME_MAX),
    FIELD("cases", U64, NOT_ZERO, wire_pong, queued_cases, .number = WIRE_NUMBER_TOTAL),
};
static const struct wire_field credit_fields[] = {
    FIELD("cases", U32, ALWAYS, wire_ready, credit_cases, .number = WIRE_NUMBER_CREDIT_CASES),
    FIELD("bytes", U64, ALWAYS, wire_ready, credit_bytes, .number = WIRE_NUMBER_CREDIT_BYTES),
};
static const struct wire_field ready_fields[] = {
    FIELD("uuid", UUID, ALWAYS, wire_ready, uuid, .max = 0),
    FIELD("name", TEXT, ALWAYS, wire_ready, name, .max = WIRE_NAME_MAX),
    FIELD("version", TEXT, ALWAYS, wire_ready, version, .max = WIRE_NAME_MAX),
    FIELD("ruleset", TEXT, NOT_ZERO, wire_ready, ruleset, .max = WIRE_NAME_MAX),
    GROUP("credit", ALWAYS, INNER(credit_fields)),
    RANGES("holds", wire_ready, holds, hold_count),
    FIELD("forms", WORDS, NOT_ZERO, wire_ready, forms, .words = &forms),
    FIELD("proof", UUID, HAS, wire_ready, proof, SIDE(wire_ready, has_proof)),
};
static const struct wire_field lane_done_fields[] = {
    RANGES("ranges", wire_lane_done, ranges, range_count),
    FIELD("verdicts", MAPS, ALWAYS, wire_lane_done, verdicts, SIDE(wire_lane_done, range_count),
          .max = WIRE_RANGES_MAX, ELEMENTS(wire_counts, lane_counts_fields), .is_per_range = true),
};
static const struct wire_field failed_fields[] = {
    RANGES("ranges", wire_failed, ranges, range_count),
    FIELD("reason", TEXT, ALWAYS, wire_failed, reason, .max = 4 * WIRE_NAME_MAX),
};
static const struct wire_field return_fields[] = {
    RANGES("ranges", wire_return, ranges, range_count),
};
static const struct wire_field lane_beat_fields[] = {
    RANGES("holds", wire_lane_beat, holds, hold_count),
    FIELD("phase", TEXT, ALWAYS, wire_lane_beat, phase, .max = WIRE_NAME_MAX),
    FIELD("since", I64, ALWAYS, wire_lane_beat, since_ms, .number = WIRE_NUMBER_AGE_MS),
    FIELD("done", U64, ALWAYS, wire_lane_beat, done, .number = WIRE_NUMBER_TOTAL),
};
static const struct wire_field limits_fields[] = {
    FIELD("cases", U32, ALWAYS, wire_welcome, cases_max, .number = WIRE_NUMBER_CREDIT_CASES),
    FIELD("bytes", U64, ALWAYS, wire_welcome, bytes_max, .number = WIRE_NUMBER_CREDIT_BYTES),
};
static const struct wire_field welcome_fields[] = {
    FIELD("journal", UUID, ALWAYS, wire_welcome, journal, .max = 0),
    GROUP("limits", ALWAYS, INNER(limits_fields)),
    FIELD("beat_ms", I64, ALWAYS, wire_welcome, beat_ms, .number = WIRE_NUMBER_BEAT_MS),
    FIELD("version", TEXT, ALWAYS, wire_welcome, version, .max = WIRE_NAME_MAX),
};
static const struct wire_field challenge_fields[] = {
    FIELD("nonce", UUID, ALWAYS, wire_challenge, nonce, .max = 0),
};
static const struct wire_field work_fields[] = {
    FIELD("mode", TEXT, ALWAYS, wire_work, mode, .max = WIRE_NAME_MAX),
    FIELD("deliveries", TUPLES, ALWAYS, wire_work, deliveries, SIDE(wire_work, delivery_count),
          .max = WIRE_DELIVERIES_MAX, ELEMENTS(wire_delivery, delivery_fields)),
    UUIDS("fence", wire_work, fence, fence_count, WIRE_DELIVERIES_MAX),
    FIELD("low_water", U64, ALWAYS, wire_work, low_water, .number = WIRE_NUMBER_SEQ),
    FIELD("low_water_at", I64, NOT_ZERO, wire_work, low_water_at, .number = WIRE_NUMBER_TIME_US),
    FIELD("names", TUPLES, NOT_ZERO, wire_work, names, SIDE(wire_work, names_count),
          .max = WIRE_NAMES_MAX, ELEMENTS(wire_names, names_fields)),
};
static const struct wire_field beat_fields[] = {
    FIELD("retire", BOOL, NOT_ZERO, wire_beat, retire, .max = 0),
};
#define OPERATOR(type)                                                                             \
    FIELD("user", TEXT, NOT_ZERO, type, by.user, .max = WIRE_NAME_MAX),                            \
        FIELD("host", TEXT, NOT_ZERO, type, by.host, .max = WIRE_NAME_MAX),                        \
        FIELD("why", TEXT, NOT_ZERO, type, by.why, .max = WIRE_WHY_MAX)
static const struct wire_field control_fields[] = {
    FIELD("verb", TEXT, ALWAYS, wire_control, verb, .max = WIRE_NAME_MAX),
    FIELD("arguments", TEXT, NOT_ZERO, wire_control, arguments, .max = WIRE_HEAD_BYTES_MAX),
    OPERATOR(wire_control),
    FIELD("for_ms", I64, NOT_ZERO, wire_control, for_ms, .number = WIRE_NUMBER_STOP_MS),
    FIELD("until", I64, NOT_ZERO, wire_control, until, .number = WIRE_NUMBER_TIME_US),
};
static const struct wire_field control_reply_fields[] = {
    FIELD("ok", BOOL, ALWAYS, wire_control_reply, ok, .max = 0),
    FIELD("json", TEXT, ALWAYS, wire_control_reply, json, .max = WIRE_HEAD_BYTES_MAX),
};
static const struct wire_field reapply_fields[] = {
    FIELD("batch", UUID, ALWAYS, wire_reapply, batch, .max = 0),
    FIELD("count", U32, ALWAYS, wire_reapply, count, .number = WIRE_NUMBER_BATCH_CASES),
    FIELD("ack", WORD, NOT_ZERO, wire_reapply, ack, .words = &acks),
    FIELD("ruleset", TEXT, ALWAYS, wire_reapply, ruleset, .max = WIRE_NAME_MAX),
    FIELD("reference_date", TEXT, NOT_ZERO, wire_reapply, reference_date, .max = WIRE_NAME_MAX),
    FIELD("as_of", TEXT, NOT_ZERO, wire_reapply, as_of, .max = WIRE_NAME_MAX),
};
static const struct wire_field retry_fields[] = {
    FIELD("batch", UUID, ALWAYS, wire_retry, batch, .max = 0),
    FIELD("count", U32, ALWAYS, wire_retry, count, .number = WIRE_NUMBER_BATCH_CASES),
    FIELD("ack", WORD, NOT_ZERO, wire_retry, ack, .words = &acks),
    OPERATOR(wire_retry),
};

#define ROW(id, member, array) [WIRE_##id] = {offsetof(struct wire_message, member), INNER(array)}
static const struct wire_shape command_shapes[WIRE_COMMAND_COUNT] = {
    ROW(SUBMIT, submit, submit_fields),
    ROW(ROWS, submit, submit_fields),
    ROW(QUERY, query, query_fields),
    ROW(ACCEPTED, accepted, accepted_fields),
    ROW(DONE, done, done_fields),
    ROW(REFUSED, refused, refused_fields),
    ROW(BUSY, busy, busy_fields),
    ROW(STATUS, status, status_fields),
    ROW(PONG, pong, pong_fields),
    ROW(READY, ready, ready_fields),
    ROW(LANE_DONE, lane_done, lane_done_fields),
    ROW(FAILED, failed, failed_fields),
    ROW(RETURN, returned, return_fields),
    ROW(LANE_BEAT, lane_beat, lane_beat_fields),
    ROW(WELCOME, welcome, welcome_fields),
    ROW(CHALLENGE, challenge, challenge_fields),
    ROW(WORK, work, work_fields),
    ROW(BURY, work, work_fields),
    ROW(BEAT, beat, beat_fields),
    ROW(CONTROL, control, control_fields),
    ROW(CONTROL_REPLY, control_reply, control_reply_fields),
    ROW(REAPPLY, reapply, reapply_fields),
    ROW(RETRY, retry, retry_fields),
};

#define SOCKET_INTAKE WIRE_INTAKE
#define SOCKET_WORKER WIRE_WORKER
#define SOCKET_CONTROL WIRE_CONTROL_SOCKET
#define HEAD_OF(id, name, socket, direction) {name, SOCKET_##socket, WIRE_##direction},
static const struct wire_head command_heads[] = {WIRE_COMMANDS(HEAD_OF)};

const struct wire_shape *wire_shape(enum wire_command command) { return &command_shapes[command]; }

const struct wire_head *wire_head(enum wire_command command) { return &command_heads[command]; }

const char *wire_command_name(enum wire_command command) { return command_heads[command].name; }
const char *wire_reason_word(enum wire_reason reason) { return reason_words[reason]; }
const char *wire_busy_word(enum wire_busy reason) { return busy_words[reason]; }
const char *wire_priority_word(enum wire_priority priority) { return priority_words[priority]; }
const char *wire_disposition_word(uint32_t disposition) {
    CHECK(disposition < WIRE_DISPOSITIONS);
    return disposition_words[disposition];
}

bool wire_word_find(const struct wire_words *words, struct span word, uint32_t *index) {
    for (uint32_t i = 0; i < words->count; i++) {
        if (span_is(word, words->words[i])) {
            *index = i;
            return true;
        }
    }
    return false;
}

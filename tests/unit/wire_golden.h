/* Purpose: one message of each command and each form of it, with the name of the golden file in
 * tests/data/wire that has its bytes. */
#ifndef CASEMILL_TESTS_UNIT_WIRE_GOLDEN_H
#define CASEMILL_TESTS_UNIT_WIRE_GOLDEN_H

#include "wire/wire.h"

#include <check.h>

static inline struct uuid uuid_from(uint8_t first) {
    struct uuid uuid;
    for (uint8_t i = 0; i < sizeof(uuid.bytes); i++) {
        uuid.bytes[i] = (uint8_t)(first + i);
    }
    return uuid;
}

/* The values that the golden files hold. */
struct sample {
    struct wire_range ranges[2];
    struct wire_dead dead[2];
    struct wire_counts counts[2];
    struct wire_delivery deliveries[2];
    struct uuid fence;
    struct uuid batch;
    struct uuid batches[2];
    struct wire_counts with_results;
    struct wire_delivery of_rows[2];
    struct wire_names names;
};

static inline void sample_deliveries(struct sample *sample) {
    sample->deliveries[0] = (struct wire_delivery){.length = 40000,
                                                   .batch = sample->batch,
                                                   .seq = 7,
                                                   .count = 1000,
                                                   .attempt = 1,
                                                   .accepted_at = 1600000000123456,
                                                   .source = SPAN_LIT("port-7"),
                                                   .priority = WIRE_NORMAL};
    sample->deliveries[1] = (struct wire_delivery){.offset = 40000,
                                                   .length = 60,
                                                   .batch = uuid_from(0x20),
                                                   .seq = 8,
                                                   .first = 3,
                                                   .count = 1,
                                                   .attempt = 2,
                                                   .accepted_at = 1600000000123456,
                                                   .source = SPAN_LIT("local"),
                                                   .priority = WIRE_BULK,
                                                   .extra = SPAN_LIT("\x81\xa5retry\x0c")};
}

static inline struct sample sample_make(void) {
    struct sample sample = {.fence = uuid_from(0x60),
                            .batch = uuid_from(0x10),
                            .batches = {uuid_from(0x10), uuid_from(0x20)}};
    sample.ranges[0] = (struct wire_range){uuid_from(0x40), 7, 0, 1000};
    sample.ranges[1] = (struct wire_range){uuid_from(0x40), (uint64_t)1 << 40, 65000, 536};
    sample.dead[0] = (struct wire_dead){5, SPAN_LIT("wrong_type"), SPAN_LIT("facts.applied_date"),
                                        SPAN_LIT("date"), SPAN_LIT("int")};
    sample.dead[1] = (struct wire_dead){.index = 999, .reason = SPAN_LIT("not_a_map")};
    sample.counts[0] = (struct wire_counts){
        .outcomes = {700, 0, 0, 0, 298}, .duplicates = 3, .dead_count = 2, .dead_listed = 2};
    sample.counts[1] = (struct wire_counts){.dead_count = 536};
    sample_deliveries(&sample);
    return sample;
}

struct golden {
    const char *name;
    enum wire_socket socket;
    enum wire_direction direction;
    struct wire_message message;
};
enum { GOLDEN_MAX = 64 };

static inline uint32_t rows_copy(struct golden *rows, const struct golden *list, uint32_t count) {
    memcpy(rows, list, count * sizeof(*list));
    return count;
}

#define PONG(...)                                                                                  \
    WIRE_INTAKE, WIRE_FROM_BROKER, {                                                               \
        .command = WIRE_PONG, .pong = { SPAN_LIT("0.1.0"), __VA_ARGS__ }                           \
    }
static inline uint32_t golden_intake(const struct sample *s, struct golden *rows) {
    struct wire_done done = {.batch = s->batch, .count = 1000, .counts = s->counts[0]};
    const struct golden list[] = {
        {"submit",
         WIRE_INTAKE,
         WIRE_TO_BROKER,
         {.command = WIRE_SUBMIT,
          .submit = {s->batch, 1000, WIRE_ACK_OUTCOME, WIRE_URGENT, true, SPAN_LIT("port-7")}}},
        {"submit_plain",
         WIRE_INTAKE,
         WIRE_TO_BROKER,
         {.command = WIRE_SUBMIT,
          .submit = {.batch = s->batch, .count = 1, .priority = WIRE_NORMAL}}},
        {"query",
         WIRE_INTAKE,
         WIRE_TO_BROKER,
         {.command = WIRE_QUERY, .query = {s->batch, SPAN_LIT("port-7")}}},
        {"ping", WIRE_INTAKE, WIRE_TO_BROKER, {.command = WIRE_PING}},
        {"accepted",
         WIRE_INTAKE,
         WIRE_FROM_BROKER,
         {.command = WIRE_ACCEPTED, .accepted = {s->batch, true, 123456, 2500, 0}}},
        {"done", WIRE_INTAKE, WIRE_FROM_BROKER, {.command = WIRE_DONE, .done = done}},
        {"refused",
         WIRE_INTAKE,
         WIRE_FROM_BROKER,
         {.command = WIRE_REFUSED,
          .refused = {true, s->batch, WIRE_REASON_SIZE_BOMB, true, true, 17, 70000}}},
        {"refused_unread",
         WIRE_WORKER,
         WIRE_FROM_BROKER,
         {.command = WIRE_REFUSED, .refused = {.reason = WIRE_REASON_BAD_HEAD}}},
        {"busy",
         WIRE_INTAKE,
         WIRE_FROM_BROKER,
         {.command = WIRE_BUSY, .busy = {s->batch, 1500, WIRE_BUSY_JOURNAL_FULL}}},
        {"status",
         WIRE_INTAKE,
         WIRE_FROM_BROKER,
         {.command = WIRE_STATUS, .status = {.batch = s->batch, .state = WIRE_STATE_WORKING}}},
        {"status_done",
         WIRE_INTAKE,
         WIRE_FROM_BROKER,
         {.command = WIRE_STATUS, .status = {s->batch, WIRE_STATE_DONE, true, done}}},
        {"pong", PONG(.message_bytes_max = 2097152)},
        {"pong_ready", PONG(.ready = true, .queued_cases = 300)},
        {"pong_unready", PONG(.unready = SPAN_LIT("paused"), .queued_cases = 5)},
    };
    return rows_copy(rows, list, COUNT_OF(list));
}

static inline uint32_t golden_coalesced(const struct sample *s, struct golden *rows) {
    const struct golden list[] = {
        {"query_coalesce",
         WIRE_INTAKE,
         WIRE_TO_BROKER,
         {WIRE_QUERY, .query = {s->batch, .coalesce = true}}},
        {"accepted_many",
         WIRE_INTAKE,
         WIRE_FROM_BROKER,
         {.command = WIRE_ACCEPTED, .accepted = {s->batch, false, 2, 7, 0, 2, s->batches}}},
        {"done_many",
         WIRE_INTAKE,
         WIRE_FROM_BROKER,
         {.command = WIRE_DONE,
          .done = {.batch = s->batch,
                   .count = 1,
                   .counts = {.outcomes = {0, 0, 0, 1, 0}},
                   .batches_count = 2,
                   .batches = s->batches}}},
    };
    return rows_copy(rows, list, COUNT_OF(list));
}

static inline uint32_t golden_results(struct sample *s, struct golden *rows) {
    s->with_results = (struct wire_counts){.outcomes = {0, 0, 536}, .results_bytes = 70000};
    const struct golden list[] = {
        {"submit_results",
         WIRE_INTAKE,
         WIRE_TO_BROKER,
         {.command = WIRE_SUBMIT,
          .submit = {.batch = s->batch, .count = 1, .priority = WIRE_NORMAL, .results = true}}},
        {"query_results",
         WIRE_INTAKE,
         WIRE_TO_BROKER,
         {WIRE_QUERY, .query = {s->batch, .results = true}}},
        {"lane_done_results",
         WIRE_WORKER,
         WIRE_TO_BROKER,
         {.command = WIRE_LANE_DONE, .lane_done = {1, &s->ranges[1], &s->with_results}}},
    };
    return rows_copy(rows, list, COUNT_OF(list));
}

static inline uint32_t golden_control(const struct sample *s, struct golden *rows) {
    const struct golden list[] = {
        {"control",
         WIRE_CONTROL_SOCKET,
         WIRE_TO_BROKER,
         {.command = WIRE_CONTROL,
          .control = {.verb = SPAN_LIT("PAUSE"),
                      .arguments = SPAN_LIT("{\"source\":\"port-7\"}")}}},
        {"control_by",
         WIRE_CONTROL_SOCKET,
         WIRE_TO_BROKER,
         {.command = WIRE_CONTROL,
          .control = {.verb = SPAN_LIT("DRAIN"),
                      .by = {SPAN_LIT("desk"), SPAN_LIT("host-1"), SPAN_LIT("new disk")},
                      .for_ms = 7200000,
                      .until = 1767225600000000}}},
        {"control_reply",
         WIRE_CONTROL_SOCKET,
         WIRE_FROM_BROKER,
         {.command = WIRE_CONTROL_REPLY, .control_reply = {true, SPAN_LIT("{\"paused\":1}")}}},
        {"reapply",
         WIRE_CONTROL_SOCKET,
         WIRE_TO_BROKER,
         {.command = WIRE_REAPPLY,
          .reapply = {s->batch, 4096, WIRE_ACK_OUTCOME, SPAN_LIT("9f86d081"),
                      SPAN_LIT("2020-01-10"), SPAN_LIT("2020-02-29")}}},
        {"refused_version",
         WIRE_CONTROL_SOCKET,
         WIRE_FROM_BROKER,
         {.command = WIRE_REFUSED,
          .refused = {.reason = WIRE_REASON_UNKNOWN_VERSION, .version = SPAN_LIT("CM1")}}},
        {"retry",
         WIRE_CONTROL_SOCKET,
         WIRE_TO_BROKER,
         {.command = WIRE_RETRY,
          .retry = {.batch = s->batch, .count = 500, .ack = WIRE_ACK_OUTCOME}}},
        {"retry_by",
         WIRE_CONTROL_SOCKET,
         WIRE_TO_BROKER,
         {.command = WIRE_RETRY,
          .retry = {.batch = s->batch,
                    .count = 500,
                    .by = {SPAN_LIT("desk"), SPAN_LIT("host-1"), SPAN_LIT("fixed")}}}},
    };
    return rows_copy(rows, list, COUNT_OF(list));
}

static inline struct wire_message ready_of(const struct sample *s, bool has_proof) {
    return (struct wire_message){.command = WIRE_READY,
                                 .ready = {uuid_from(0x60), SPAN_LIT("worker-1/2"),
                                           SPAN_LIT("0.1.0"), SPAN_LIT("9f86d081"), 16384, 8388608,
                                           2, s->ranges, has_proof,
                                           has_proof ? uuid_from(0x80) : uuid_from(0)}};
}

#define SAYS WIRE_WORKER, WIRE_TO_BROKER /* a lane */
#define HEARS WIRE_WORKER, WIRE_FROM_BROKER
static inline uint32_t golden_worker(const struct sample *s, struct golden *rows) {
    const struct golden list[] = {
        {"ready", SAYS, ready_of(s, false)},
        {"ready_proof", SAYS, ready_of(s, true)},
        {"challenge", HEARS, {.command = WIRE_CHALLENGE, .challenge = {uuid_from(0x80)}}},
        {"lane_done", SAYS, {.command = WIRE_LANE_DONE, .lane_done = {2, s->ranges, s->counts}}},
        {"failed",
         SAYS,
         {.command = WIRE_FAILED, .failed = {2, s->ranges, SPAN_LIT("connection lost")}}},
        {"return", SAYS, {.command = WIRE_RETURN, .returned = {2, s->ranges}}},
        {"lane_beat",
         SAYS,
         {.command = WIRE_LANE_BEAT, .lane_beat = {0, NULL, SPAN_LIT("commit"), 12, 5000000000}}},
        {"bye", SAYS, {.command = WIRE_BYE}},
        {"welcome",
         HEARS,
         {.command = WIRE_WELCOME,
          .welcome = {uuid_from(0x40), 1000, 8192, 8388608, SPAN_LIT("0.1.0")}}},
        {"work",
         HEARS,
         {.command = WIRE_WORK,
          .work = {SPAN_LIT("intake"), 2, s->deliveries, 1, &s->fence, 7, 1600000000123456}}},
        {"beat", HEARS, {.command = WIRE_BEAT}},
        {"beat_retire", HEARS, {.command = WIRE_BEAT, .beat = {true}}},
        {"ready_ask", HEARS, {.command = WIRE_READY_ASK}},
        {"drain", HEARS, {.command = WIRE_DRAIN}},
    };
    return rows_copy(rows, list, COUNT_OF(list));
}

static inline struct wire_delivery buried_delivery(const struct sample *s) {
    struct wire_delivery delivery = s->deliveries[0];
    delivery.length = 40;
    delivery.first = 9;
    delivery.count = 1;
    delivery.attempt = 3;
    delivery.source = SPAN_LIT("local");
    return delivery;
}

static inline uint32_t golden_rows(struct sample *s, struct golden *rows) {
    s->of_rows[0] = s->deliveries[0];
    s->of_rows[1] = s->deliveries[1];
    s->of_rows[1].names = 1;
    s->names = (struct wire_names){.offset = 40060, .length = 300};
    const struct golden list[] = {
        {"rows",
         WIRE_INTAKE,
         WIRE_TO_BROKER,
         {.command = WIRE_ROWS,
          .submit = {s->batch, 1000, WIRE_ACK_JOURNAL, WIRE_BULK, true, SPAN_LIT("port-7")}}},
        {"refused_rows",
         WIRE_INTAKE,
         WIRE_FROM_BROKER,
         {.command = WIRE_REFUSED,
          .refused = {true, s->batch, WIRE_REASON_BAD_NAMES, true, true, 3, 40}}},
        {"ready_rows",
         SAYS,
         {.command = WIRE_READY,
          .ready = {.uuid = uuid_from(0x60),
                    .name = SPAN_LIT("worker-1/2"),
                    .version = SPAN_LIT("0.1.0"),
                    .credit_cases = 16384,
                    .credit_bytes = 8388608,
                    .forms = WIRE_FORM_BIT(WIRE_FORM_ROWS)}}},
        {"work_rows",
         HEARS,
         {.command = WIRE_WORK,
          .work = {.mode = SPAN_LIT("intake"),
                   .delivery_count = 2,
                   .deliveries = s->of_rows,
                   .low_water = 7,
                   .names_count = 1,
                   .names = &s->names}}},
    };
    return rows_copy(rows, list, COUNT_OF(list));
}

static inline uint32_t golden_all(struct sample *s, struct wire_delivery *buried,
                                  struct golden *rows) {
    *s = sample_make();
    s->counts[0].dead = s->dead;
    *buried = buried_delivery(s);
    uint32_t count = golden_intake(s, rows);
    count += golden_coalesced(s, rows + count);
    count += golden_results(s, rows + count);
    count += golden_control(s, rows + count);
    count += golden_worker(s, rows + count);
    count += golden_rows(s, rows + count);
    rows[count++] = (struct golden){
        "bury",
        WIRE_WORKER,
        WIRE_FROM_BROKER,
        {.command = WIRE_BURY, .work = {SPAN_LIT("intake"), 1, buried, 0, NULL, 7, 0}}};
    ck_assert_uint_le(count, GOLDEN_MAX);
    return count;
}

#endif

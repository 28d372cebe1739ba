/* Purpose: a lane's middle, without sockets: decode, evaluate, encode, write, on a real PostgreSQL.
 */
#ifndef CASEMILL_TESTS_UNIT_WRITER_BENCH_H
#define CASEMILL_TESTS_UNIT_WRITER_BENCH_H

#include "base/clock.h"
#include "worker/writer.h"
#include "worker_fixture.h"

#include <poll.h>

static struct fixture fixture;
static bool available;

struct bench {
    struct active_rules *rules;
    struct ruleset_run *run;
    struct writer writer;
    struct db_lane *db;
    struct arena arena;
    struct txn txn;
    struct job *job;
    struct buf bodies;
    uint32_t offsets[64];
    uint32_t count;
    int16_t source;
};

MUST_USE static inline enum err wait_fd(void *context, int fd, bool want_write) {
    (void)context;
    struct pollfd item = {.fd = fd, .events = (short)(want_write ? POLLIN | POLLOUT : POLLIN)};
    (void)poll(&item, 1, 20);
    return ERR_OK;
}

static inline void bench_connect(struct bench *bench) {
    struct diag diag = {0};
    const struct db_lane_wait wait = {.wait = wait_fd};
    ck_assert_msg(db_lane_open(fixture.conninfo, "unit", &wait, &bench->db, &diag) == ERR_OK, "%s",
                  diag.text);
    ck_assert_msg(writer_setup(&bench->writer, bench->db, 0, &diag) == ERR_OK, "%s", diag.text);
}

static inline void bench_open(struct bench *bench, const char *source) {
    *bench = (struct bench){0};
    struct db *db = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(db_open(fixture.conninfo, "unit", &db, &diag), ERR_OK);
    struct active_row active;
    ck_assert_int_eq(active_rules_find(db, &active, &diag), ERR_OK);
    ck_assert_msg(active_rules_load(db, &active, &bench->rules, &diag) == ERR_OK, "%s", diag.text);
    db_close(&db);
    bench->run = ruleset_run_new(bench->rules->ruleset);
    struct uuid lane = uuid_random();
    writer_init(&bench->writer, &lane);
    bench->writer.rules = bench->rules;
    bench->writer.stale_s = 60;
    bench_connect(bench);
    arena_init(&bench->arena, 16 << 20);
    ck_assert_int_eq(writer_source(&bench->writer, span_str(source), &bench->source), ERR_OK);
    struct parcel *parcel = parcel_new();
    struct wire_delivery *delivery = arena_zero(&parcel->arena, 1, sizeof(*delivery));
    delivery->accepted_at = INT64_C(1600000000000000);
    delivery->attempt = 1;
    bench->job = job_new(parcel, delivery);
    parcel_unref(&parcel);
}

static inline void bench_begin(struct bench *bench) {
    txn_reset(&bench->txn);
    buf_clear(&bench->bodies);
    bench->count = 0;
    bench->txn.started_us = clock_wall_us();
    bench->txn.started_mono_ns = clock_mono_ns();
    (void)txn_add_job(&bench->txn, bench->job, bench->source);
}

static inline void bench_add(struct bench *bench, const char *id, uint8_t revision,
                             const char *country) {
    bench->offsets[bench->count++] = (uint32_t)bench->bodies.len;
    fixture_case(&bench->bodies, id, revision, country);
}

/* Spans must not move, so bodies are complete before anything is decoded. */
static inline void bench_decide(struct bench *bench) {
    for (uint32_t i = 0; i < bench->count; i++) {
        size_t end = i + 1 < bench->count ? bench->offsets[i + 1] : bench->bodies.len;
        struct span body =
            span_make(bench->bodies.ptr + bench->offsets[i], end - bench->offsets[i]);
        struct case_doc doc;
        struct outcome outcome;
        ck_assert_int_eq(
            case_decode(ruleset_schema(bench->rules->ruleset), body, &bench->arena, &doc), ERR_OK);
        ck_assert_msg(doc.fault_count == 0, "%s %s", doc.faults[0].reason, doc.faults[0].path);
        ruleset_evaluate(bench->run, &doc, doc.reference_date, doc.reference_date, &outcome);
        struct row_head head = {.source = bench->source,
                                .received_at = bench->job->delivery->accepted_at,
                                .decided_at = bench->txn.started_us,
                                .reference_date = doc.reference_date,
                                .as_of = doc.reference_date};
        struct txn_case *decided = txn_add_case(&bench->txn);
        decided->case_id = doc.case_id;
        decided->body = body;
        decided->digest = doc.digest;
        decided->revision = doc.revision;
        decided->index = i;
        decided->source = bench->source;
        decided->agreement = bench->rules->agreement_codes[outcome.agreement];
        decided->disposition = (uint8_t)outcome.result.disposition;
        decided->row_offset = bench->txn.rows.len;
        row_encode(bench->rules, &head, &doc, &outcome, &bench->txn.rows);
        decided->row_bytes = bench->txn.rows.len - decided->row_offset;
    }
    txn_sort(&bench->txn);
}

static inline void bench_write(struct bench *bench, struct wire_counts *counts) {
    bench_decide(bench);
    enum err err = writer_write(&bench->writer, &bench->txn);
    ck_assert_msg(err == ERR_OK, "%s %s", err_name(err), db_lane_sqlstate(bench->db));
    ck_assert_int_eq(txn_counts(&bench->txn, &bench->arena, counts), ERR_OK);
}

static inline void bench_close(struct bench *bench) {
    db_lane_close(&bench->db);
    txn_free(&bench->txn);
    writer_free(&bench->writer);
    ruleset_run_free(&bench->run);
    active_rules_unref(&bench->rules);
    arena_free(&bench->arena);
    buf_free(&bench->bodies);
    job_free(&bench->job);
}

static inline uint32_t outcomes(const struct wire_counts *counts) {
    uint32_t sum = 0;
    for (int i = 0; i < WIRE_DISPOSITIONS; i++) {
        sum += counts->outcomes[i];
    }
    return sum;
}

#endif

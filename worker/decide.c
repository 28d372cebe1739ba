/* Decodes and evaluates: bytes of a delivery -> rows and dead letters of the transaction.  A case
 * that does not decode is a dead letter; the others continue.  The arena is reset after each case,
 * so memory is bounded by one case. */
#include "worker/lane_priv.h"

#include "base/clock.h"
#include "base/date.h"
#include "wire/walk.h"

#include <stdio.h>

enum { BEAT_EVERY_CASES = 256 };

static void add_fault(struct lane *lane, const struct case_origin *origin,
                      const struct case_doc *doc, struct span body) {
    const struct case_fault *fault = &doc->faults[0];
    struct txn_dead *dead =
        txn_add_dead(&lane->txn, origin->job, origin->index, fault->reason, body);
    (void)snprintf(dead->path, sizeof(dead->path), "%s", fault->path);
    (void)snprintf(dead->expected, sizeof(dead->expected), "%s", fault->expected);
    (void)snprintf(dead->found, sizeof(dead->found), "%s", fault->found);
    dead->source = origin->source;
    dead->received_at = origin->received_at;
    dead->case_id = doc->case_id;
    dead->revision = doc->revision;
}

int32_t lane_day_of(int64_t us) {
    int64_t seconds = us / 1000000;
    return (int32_t)(seconds / DATE_DAY_SECONDS);
}

struct txn_case *lane_add_case(struct lane *lane, uint32_t job, uint32_t index,
                               const struct case_doc *doc, struct span body) {
    struct txn_case *decided = txn_add_case(&lane->txn);
    decided->case_id = doc->case_id;
    decided->body = body;
    decided->digest = doc->digest;
    decided->revision = doc->revision;
    decided->job = job;
    decided->index = index;
    return decided;
}

static void add_outcome(struct lane *lane, const struct case_origin *origin,
                        const struct case_doc *doc, struct span body) {
    struct txn *txn = &lane->txn;
    int32_t day = lane_day_of(origin->received_at); /* the same after redelivery and restart */
    struct row_head head = {.source = origin->source,
                            .received_at = origin->received_at,
                            .decided_at = txn->started_us,
                            .reference_date = doc->has_reference_date ? doc->reference_date : day,
                            .as_of = doc->has_as_of ? doc->as_of : day};
    struct outcome outcome;
    ruleset_evaluate(lane->run, doc, head.reference_date, head.as_of, &outcome);
    struct txn_case *decided = lane_add_case(lane, origin->job, origin->index, doc, body);
    decided->source = head.source;
    decided->received_at = head.received_at;
    decided->agreement = lane->rules->agreement_codes[outcome.agreement];
    decided->disposition = (uint8_t)outcome.result.disposition;
    decided->row_offset = txn->rows.len;
    row_encode(lane->rules, &head, doc, &outcome, &txn->rows);
    decided->row_bytes = txn->rows.len - decided->row_offset;
    if (txn->jobs[origin->job]->results) {
        decided->detail = details_decided(&txn->details, lane->rules->ruleset, &outcome);
    }
}

bool lane_decide_case(struct lane *lane, const struct case_origin *origin,
                      const struct case_columns *columns, struct span bytes, size_t *at) {
    const uint8_t *start = bytes.ptr + *at;
    struct arena_mark mark = arena_mark(&lane->arena);
    struct case_doc doc;
    enum err err = columns == NULL ? case_decode_next(ruleset_schema(lane->rules->ruleset), bytes,
                                                      at, &lane->arena, &doc)
                                   : case_row_next(columns, bytes, at, &lane->arena, &doc);
    struct span body = span_make(start, (size_t)(bytes.ptr + *at - start));
    if (err == ERR_TOO_LARGE) {
        struct txn_dead *dead =
            txn_add_dead(&lane->txn, origin->job, origin->index, "too_large", body);
        dead->source = origin->source;
        dead->received_at = origin->received_at;
    } else if (err == ERR_OK && doc.fault_count > 0) {
        add_fault(lane, origin, &doc, body);
    } else if (err == ERR_OK) {
        add_outcome(lane, origin, &doc, body);
    }
    arena_rewind(&lane->arena, mark);
    return err == ERR_OK || err == ERR_TOO_LARGE;
}

void lane_decide_begin(struct lane *lane, struct job *job, int16_t source) {
    CHECK(!lane->deciding.open);
    lane->deciding = (struct deciding){.open = true, .before = txn_mark(&lane->txn)};
    lane->deciding.job = txn_add_job(&lane->txn, job, source);
    case_columns_unref(&job->columns); /* it may be another rule set's */
    if (job->names.len > 0) {
        enum err err = columns_for(&lane->columns, ruleset_schema(lane->rules->ruleset), job->names,
                                   &job->columns);
        lane->deciding.faulty = err != ERR_OK;
    }
}

/* case_id of a decoded case points into the message; so does a dead letter's. */
static enum err decide_some(struct lane *lane, uint32_t cases_max) {
    struct deciding *deciding = &lane->deciding;
    CHECK(deciding->open);
    if (deciding->faulty) {
        return ERR_INVALID;
    }
    const struct job *job = lane->txn.jobs[deciding->job];
    const struct wire_delivery *delivery = job->delivery;
    struct case_origin origin = {.job = deciding->job,
                                 .source = lane->txn.job_sources[deciding->job],
                                 .received_at = delivery->accepted_at};
    uint32_t left = delivery->count - deciding->next;
    for (uint32_t cases = left < cases_max ? left : cases_max; cases > 0; cases--) {
        origin.index = delivery->first + deciding->next;
        if (!lane_decide_case(lane, &origin, job->columns, job->body, &deciding->at)) {
            return ERR_INVALID;
        }
        if (deciding->next++ % BEAT_EVERY_CASES == 0) {
            lane_beat_if_due(lane);
        }
    }
    deciding->open = deciding->next < delivery->count;
    return deciding->open || deciding->at == job->body.len ? ERR_OK : ERR_INVALID;
}

enum err lane_decide_some(struct lane *lane, uint32_t cases_max) {
    int64_t began_ns = clock_mono_ns();
    enum err err = decide_some(lane, cases_max);
    histogram_note(&lane->stats.evaluate, &histogram_seconds, (clock_mono_ns() - began_ns) / 1000);
    return err;
}

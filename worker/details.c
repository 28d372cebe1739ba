/* A detail is packed: count of texts le16, then each le16 length + bytes: agreement, reason, and a
 * path and its question for each missing fact. */
#include "worker/details.h"

#include "base/mem.h"

static void put_text(struct buf *out, struct span text) {
    size_t len = text.len < UINT16_MAX ? text.len : UINT16_MAX;
    buf_le16(out, (uint16_t)len);
    buf_append(out, span_make(text.ptr, len));
}

static struct span take_text(const struct buf *details, size_t *at) {
    size_t len = get_le16(details->ptr + *at);
    struct span text = span_make(details->ptr + *at + 2, len);
    *at += 2 + len;
    return text;
}

uint32_t details_decided(struct buf *details, const struct ruleset *ruleset,
                         const struct outcome *outcome) {
    const struct schema *schema = ruleset_schema(ruleset);
    const struct result *result = &outcome->result;
    uint32_t detail = (uint32_t)details->len + 1;
    buf_le16(details, (uint16_t)(2 + 2 * result->missing_count));
    put_text(details, span_str(ruleset_agreement_id(ruleset, outcome->agreement)));
    put_text(details, span_str(ruleset_reason(ruleset, outcome->agreement, result->reason).label));
    for (uint32_t i = 0; i < result->missing_count; i++) {
        const struct fact *fact = schema->paths[result->missing[i]];
        put_text(details, span_str(fact->name));
        put_text(details, span_str(fact->help));
    }
    return detail;
}

static void put_path(struct buf *details, const struct ruleset *ruleset, struct span path) {
    const struct fact *fact = ruleset == NULL ? NULL : schema_find(ruleset_schema(ruleset), path);
    put_text(details, path);
    put_text(details, fact == NULL ? SPAN_LIT("") : span_str(fact->help));
}

uint32_t details_stored(struct buf *details, const struct ruleset *ruleset, struct span agreement,
                        struct span reason, struct span paths) {
    uint32_t detail = (uint32_t)details->len + 1;
    uint32_t count = 2;
    buf_le16(details, 0);
    put_text(details, agreement);
    put_text(details, reason);
    while (paths.len > 0) {
        const uint8_t *comma = memchr(paths.ptr, ',', paths.len);
        size_t len = comma == NULL ? paths.len : (size_t)(comma - paths.ptr);
        put_path(details, ruleset, span_make(paths.ptr, len));
        count += 2;
        len += comma == NULL ? 0 : 1;
        paths = span_make(paths.ptr + len, paths.len - len);
    }
    details->ptr[detail - 1] = (uint8_t)count;
    details->ptr[detail] = (uint8_t)(count >> 8);
    return detail;
}

static uint32_t detail_of(const struct txn_case *settled) {
    return settled->verdict == TXN_DUPLICATE ? settled->stored_detail : settled->detail;
}

static void write_outcome(struct results_writer *writer, const struct txn *txn,
                          const struct txn_case *settled) {
    bool duplicate = settled->verdict == TXN_DUPLICATE;
    size_t at = detail_of(settled) - 1;
    uint32_t missing = (get_le16(txn->details.ptr + at) - 2U) / 2;
    at += 2;
    struct span agreement = take_text(&txn->details, &at);
    struct span reason = take_text(&txn->details, &at);
    results_outcome(writer, duplicate ? settled->stored : settled->disposition, duplicate,
                    agreement, reason, missing);
    for (uint32_t i = 0; i < missing; i++) {
        struct wire_missing fact = {.path = take_text(&txn->details, &at)};
        fact.question = take_text(&txn->details, &at);
        results_missing(writer, &fact);
    }
}

static void write_dead(struct results_writer *writer, const struct txn_dead *dead) {
    const struct wire_dead entry = {.reason = span_str(dead->reason),
                                    .path = span_str(dead->path),
                                    .expected = span_str(dead->expected),
                                    .found = span_str(dead->found)};
    results_dead(writer, &entry);
}

/* Where each case of each job ended: number of its txn_case + 1, minus that of its dead letter, or
 * 0. */
struct ends {
    int32_t *of;
    uint32_t *start; /* of each job, in `of` */
};

static struct ends find_ends(const struct txn *txn) {
    struct ends ends = {.start = mem_zero(txn->job_count + 1U, sizeof(*ends.start))};
    for (uint32_t i = 0; i < txn->job_count; i++) {
        const struct job *job = txn->jobs[i];
        ends.start[i + 1] = ends.start[i] + (job->results ? job->delivery->count : 0);
    }
    ends.of = mem_zero(ends.start[txn->job_count] + 1U, sizeof(*ends.of));
    for (uint32_t i = 0; i < txn->case_count; i++) {
        const struct txn_case *settled = &txn->cases[i];
        const struct job *job = txn->jobs[settled->job];
        if (job->results && settled->verdict != TXN_DEAD && detail_of(settled) != 0) {
            ends.of[ends.start[settled->job] + settled->index - job->delivery->first] =
                (int32_t)i + 1;
        }
    }
    for (uint32_t i = 0; i < txn->dead_count; i++) {
        const struct txn_dead *dead = &txn->dead[i];
        const struct job *job = txn->jobs[dead->job];
        if (job->results) {
            ends.of[ends.start[dead->job] + dead->index - job->delivery->first] = -(int32_t)i - 1;
        }
    }
    return ends;
}

static bool write_job(const struct txn *txn, uint32_t number, const struct ends *ends,
                      struct results_writer *writer, struct buf *out) {
    const struct wire_delivery *delivery = txn->jobs[number]->delivery;
    const int32_t *of = ends->of + ends->start[number];
    results_begin(writer);
    for (uint32_t i = 0; i < delivery->count; i++) {
        if (of[i] == 0) {
            return false;
        }
        if (of[i] > 0) {
            write_outcome(writer, txn, &txn->cases[of[i] - 1]);
        } else {
            write_dead(writer, &txn->dead[-of[i] - 1]);
        }
    }
    results_end(writer, delivery->first, delivery->count, out);
    return true;
}

void details_write(const struct txn *txn, struct results_writer *writer, struct buf *out,
                   struct wire_counts *counts) {
    struct ends ends = find_ends(txn);
    for (uint32_t i = 0; i < txn->job_count; i++) {
        size_t before = out->len;
        bool is_whole = txn->jobs[i]->results && write_job(txn, i, &ends, writer, out) &&
                        out->len - before <= DETAILS_BYTES_MAX;
        out->len = is_whole ? out->len : before;
        counts[i].results_bytes = (uint32_t)(out->len - before);
    }
    mem_free(ends.of);
    mem_free(ends.start);
}

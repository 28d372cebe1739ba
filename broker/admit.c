/* Bounds, well-formedness, hashes, copy; then core_submit and the journal.  Never looks inside a
 * case beyond its framing. */
#include "broker/admit.h"

#include "base/clock.h"
#include "base/log.h"
#include "broker/reply.h"
#include "wire/rows.h"

/* A name that no accepted batch had may be anything, so it is not logged. */
static void log_refused(const struct shell *shell, const struct admission *asked,
                        const struct walk_fault *fault) {
    char batch[UUID_TEXT_BYTES];
    uuid_format(&asked->batch, batch);
    struct span source = core_has_source(shell->core, asked->source) ? asked->source : SPAN_LIT("");
    LOG(EV_BATCH_REFUSED, "batch=%s source=\"%.*s\" reason=%s index=%u offset=%llu", batch,
        SPAN_ARG(source), wire_reason_word(fault->reason), fault->index,
        (unsigned long long)fault->offset);
}

static void refuse_at(struct shell *shell, const struct admission *asked,
                      const struct walk_fault *fault, bool has_position) {
    struct wire_message reply = {.command = WIRE_REFUSED,
                                 .refused = {.has_batch = true,
                                             .batch = asked->batch,
                                             .reason = fault->reason,
                                             .has_index = has_position,
                                             .has_offset = has_position,
                                             .index = fault->index,
                                             .offset = fault->offset}};
    if (fault->reason == WIRE_REASON_TOO_LARGE) {
        reply.refused.message_bytes_max = (uint32_t)asked->body_bytes_max;
    }
    shell->counts.batches_refused++;
    shell->counts.refused[fault->reason]++;
    log_refused(shell, asked, fault);
    reply_send(shell, asked->socket, &asked->route, &reply);
}

void admit_refuse(struct shell *shell, const struct admission *asked, enum wire_reason reason) {
    const struct walk_fault fault = {.reason = reason};
    refuse_at(shell, asked, &fault, false);
}

/* Bounds and framing of the body; cuts where the parts begin. */
static bool body_is_sound(struct shell *shell, const struct admission *asked, uint32_t *cuts) {
    const struct net_message *message = &shell->message;
    struct walk_fault fault = {.reason = WIRE_REASON_NONE};
    if (message->part_count != 2 || message->too_many) {
        admit_refuse(shell, asked, WIRE_REASON_BAD_HEADER);
        return false;
    }
    struct span body = net_part_span(&message->parts[1]);
    if (body.len > asked->body_bytes_max) {
        admit_refuse(shell, asked, WIRE_REASON_TOO_LARGE);
        return false;
    }
    /* A NUL would end the source's name in PostgreSQL, and make it another source's. */
    if (asked->count == 0 || asked->source.len > WIRE_NAME_MAX ||
        memchr(asked->source.ptr, 0, asked->source.len) != NULL) {
        admit_refuse(shell, asked, WIRE_REASON_BAD_HEADER);
        return false;
    }
    enum err err =
        asked->is_rows
            ? rows_walk(body, asked->count, CORE_PART_CASES, cuts, CORE_PARTS_MAX, &fault)
            : walk_body(body, asked->count, CORE_PART_CASES, cuts, CORE_PARTS_MAX, &fault);
    if (err != ERR_OK) {
        refuse_at(shell, asked, &fault, true);
        return false;
    }
    return true;
}

static struct body *copy_body(struct shell *shell, struct span bytes, const uint32_t *cuts,
                              uint32_t part_count) {
    struct blob *blob = blob_new(&shell->bodies, bytes.len);
    memcpy(blob->bytes, bytes.ptr, bytes.len);
    uint64_t sums[CORE_PARTS_MAX];
    for (uint32_t i = 0; i < part_count; i++) {
        size_t end = i + 1 < part_count ? cuts[i + 1] : bytes.len;
        sums[i] = hash64(span_make(bytes.ptr + cuts[i], end - cuts[i]));
    }
    struct body *body = body_new(blob, sums, part_count);
    body->names_bytes = cuts[0]; /* of maps: 0 */
    body->names_sum = hash64(span_make(bytes.ptr, cuts[0]));
    return body;
}

static void put_record(struct shell *shell, uint64_t seq, const struct core_batch_meta *meta,
                       const struct admission *asked) {
    const struct body *body = meta->tag;
    struct journal_record record = {.seq = seq,
                                    .batch = meta->batch,
                                    .hash = meta->hash,
                                    .count = meta->count,
                                    .bytes = meta->bytes,
                                    .ack = meta->ack,
                                    .priority = meta->priority,
                                    .accepted_at = meta->accepted_at,
                                    .received_us = shell->now_us,
                                    .source = meta->source,
                                    .mode = asked->mode,
                                    .extra = asked->extra,
                                    .names_bytes = body->names_bytes,
                                    .names_sum = body->names_sum,
                                    .cut_count = body->part_count};
    memcpy(record.cuts, meta->cuts, body->part_count * sizeof(meta->cuts[0]));
    memcpy(record.sums, body->sums, body->part_count * sizeof(body->sums[0]));
    journal_put(shell->journal, &record, blob_ref(body->blob));
}

void admit_batch(struct shell *shell, const struct admission *asked) {
    uint32_t cuts[CORE_PARTS_MAX] = {0};
    if (!body_is_sound(shell, asked, cuts)) {
        return;
    }
    struct span bytes = net_part_span(&shell->message.parts[1]);
    uint32_t parts = (asked->count + CORE_PART_CASES - 1) / CORE_PART_CASES;
    struct body *body = copy_body(shell, bytes, cuts, parts);
    body_set_work(body, asked->mode, asked->extra);
    struct core_batch_meta meta = {.source = asked->source,
                                   .batch = asked->batch,
                                   .hash = hash128(bytes),
                                   .work_hash = body_work_hash(body),
                                   .count = asked->count,
                                   .bytes = (uint32_t)bytes.len,
                                   .ack = asked->ack,
                                   .priority = asked->priority,
                                   .accepted_at = clock_wall_us(),
                                   .is_rows = asked->is_rows,
                                   .cuts = cuts,
                                   .tag = body};
    uint64_t seq = core_submit(shell->core, &asked->route, &meta, shell->now);
    if (seq != 0) {
        put_record(shell, seq, &meta, asked);
    } else {
        body_free(&body);
    }
}

/* A broker's replies: passed to the caller and applied to the state of the batch.  From a broker
 * that is no longer in use only receipts that settle a batch count: the client has sent its batches
 * to another. */
#include "client/client_priv.h"

#include "wire/results.h"

#include <string.h>

enum { RETRY_MS_MIN = 10, RETRY_MS_MAX = 60000, RESULTS_TRIES_MAX = 3 };

static struct casemill_text text_of(struct span span) {
    return (struct casemill_text){(const char *)span.ptr, span.len};
}

static struct casemill_receipt receipt_for(enum casemill_event event, const struct uuid *id,
                                           const struct batch *batch) {
    struct casemill_receipt receipt = {
        .event = event, .case_index = -1, .body_offset = -1, .is_known = batch != NULL};
    memcpy(receipt.batch, id->bytes, sizeof(receipt.batch));
    if (batch != NULL) {
        receipt.position = batch->position;
        receipt.tag = batch->tag;
        receipt.count = batch->count;
    }
    return receipt;
}

static void tell(const struct casemill *client, const struct casemill_receipt *receipt) {
    if (client->options.on_receipt != NULL) {
        client->options.on_receipt(client->options.user, receipt);
    }
}

static bool is_current(struct casemill *client, const struct link *from) {
    return from == links_current(&client->links);
}

static void accepted_of(struct casemill *client, const struct link *from, const struct uuid *id,
                        bool duplicate, int64_t now_ms) {
    struct batch *batch = window_find(&client->window, id);
    struct casemill_receipt receipt = receipt_for(CASEMILL_ACCEPTED, id, batch);
    receipt.duplicate = duplicate;
    tell(client, &receipt);
    if (batch == NULL) {
        return;
    }
    if (client->options.ack == CASEMILL_ACK_JOURNAL) {
        window_settle(&client->window, batch);
    } else if (is_current(client, from)) {
        window_await(&client->window, batch, BATCH_ACCEPTED, now_ms);
    }
}

/* It refers to `batch`, or to all `batches`. */
static void take_accepted(struct casemill *client, const struct link *from,
                          const struct wire_accepted *accepted, int64_t now_ms) {
    const struct uuid *ids = accepted->batches_count > 0 ? accepted->batches : &accepted->batch;
    uint32_t count = accepted->batches_count > 0 ? accepted->batches_count : 1;
    for (uint32_t i = 0; i < count; i++) {
        accepted_of(client, from, &ids[i], accepted->duplicate, now_ms);
    }
}

/* Callers rely on it: every case is an outcome or a dead letter, and each index is a case. */
static bool adds_up(const struct wire_done *done, const struct batch *batch) {
    const struct wire_counts *counts = &done->counts;
    uint64_t sum = counts->dead_count;
    bool is_sound = counts->duplicates <= done->count && counts->dead_listed <= counts->dead_count;
    for (uint32_t i = 0; i < WIRE_DISPOSITIONS; i++) {
        sum += counts->outcomes[i];
    }
    for (uint32_t i = 0; i < counts->dead_listed; i++) {
        is_sound = is_sound && counts->dead[i].index < done->count;
    }
    return is_sound && sum == done->count && (batch == NULL || done->count == batch->count);
}

static struct casemill_case_result result_of(struct arena *arena, const struct wire_result *read) {
    struct casemill_case_result result = {.is_dead = read->is_dead,
                                          .reason = text_of(read->reason),
                                          .path = text_of(read->path),
                                          .expected = text_of(read->expected),
                                          .found = text_of(read->found),
                                          .disposition = read->disposition,
                                          .duplicate = read->duplicate,
                                          .agreement = text_of(read->agreement)};
    struct casemill_missing *missing =
        arena_zero(arena, read->missing_count + 1U, sizeof(*missing));
    result.missing_count = missing == NULL ? 0 : read->missing_count;
    for (uint32_t i = 0; i < result.missing_count; i++) {
        missing[i] = (struct casemill_missing){text_of(read->missing[i].path),
                                               text_of(read->missing[i].question)};
    }
    result.missing = missing;
    return result;
}

/* NULL: there are none, or they do not describe each case of this DONE. */
static const struct casemill_case_result *
results_of(struct arena *arena, const struct wire_done *done, struct span body) {
    struct wire_result *read = arena_zero(arena, done->count, sizeof(*read));
    struct casemill_case_result *results = arena_zero(arena, done->count, sizeof(*results));
    if (body.len == 0 || read == NULL || results == NULL ||
        results_read(body, arena, read, done->count) != ERR_OK) {
        return NULL;
    }
    uint32_t dead = 0;
    for (uint32_t i = 0; i < done->count; i++) {
        results[i] = result_of(arena, &read[i]);
        dead += read[i].is_dead ? 1 : 0;
    }
    return dead == done->counts.dead_count ? results : NULL;
}

static void done_of(struct casemill *client, const struct uuid *id, const struct wire_done *done,
                    struct span body) {
    struct batch *batch = window_find(&client->window, id);
    if (!adds_up(done, batch)) {
        client->is_failed = true;
        return;
    }
    const struct casemill_case_result *results =
        client->options.results ? results_of(&client->arena, done, body) : NULL;
    if (client->options.results && results == NULL && batch != NULL &&
        ++batch->results_tries < RESULTS_TRIES_MAX) {
        window_send_again(&client->window, batch); /* as duplicates they have the stored results */
        return;
    }
    struct casemill_receipt receipt = receipt_for(CASEMILL_DONE, id, batch);
    const struct wire_counts *counts = &done->counts;
    struct casemill_dead *dead =
        arena_zero(&client->arena, counts->dead_listed + 1, sizeof(struct casemill_dead));
    receipt.count = done->count;
    memcpy(receipt.outcomes, counts->outcomes, sizeof(receipt.outcomes));
    receipt.duplicates = counts->duplicates;
    receipt.dead_count = counts->dead_count;
    receipt.dead_listed = dead == NULL ? 0 : counts->dead_listed;
    receipt.dead = dead;
    receipt.results = results;
    for (uint32_t i = 0; i < receipt.dead_listed; i++) {
        dead[i] = (struct casemill_dead){
            counts->dead[i].index, text_of(counts->dead[i].reason), text_of(counts->dead[i].path),
            text_of(counts->dead[i].expected), text_of(counts->dead[i].found)};
    }
    tell(client, &receipt);
    if (batch != NULL) {
        window_settle(&client->window, batch);
    }
}

static void take_done(struct casemill *client, const struct wire_done *done, struct span body) {
    const struct uuid *ids = done->batches_count > 0 ? done->batches : &done->batch;
    uint32_t count = done->batches_count > 0 ? done->batches_count : 1;
    for (uint32_t i = 0; i < count; i++) {
        done_of(client, &ids[i], done, body);
    }
}

/* A refusal of rows is no refusal of their cases.  An older broker does not have the command, or
 * the batch was sent as maps by an earlier run.  So the batch is sent as maps, whose refusal
 * counts. */
static bool is_of_rows(struct casemill *client, struct link *from,
                       const struct wire_refused *refused, struct batch *batch) {
    bool is_unknown = refused->reason == WIRE_REASON_UNKNOWN_COMMAND; /* every broker has SUBMIT */
    if (batch == NULL || (!batch->is_sent_as_rows && !is_unknown)) {
        return false;
    }
    from->refuses_rows = from->refuses_rows || is_unknown;
    if (batch->is_sent_as_rows && is_current(client, from)) {
        batch->stays_maps = true;
        batch->is_sent_as_rows = false;
        window_send_again(&client->window, batch);
    }
    return true;
}

/* After a refusal without a batch nothing can be settled: the broker cannot read our headers. */
static void take_refused(struct casemill *client, struct link *from,
                         const struct wire_refused *refused) {
    struct batch *batch = refused->has_batch ? window_find(&client->window, &refused->batch) : NULL;
    if (is_of_rows(client, from, refused, batch)) {
        return;
    }
    struct casemill_receipt receipt = receipt_for(CASEMILL_REFUSED, &refused->batch, batch);
    receipt.reason = wire_reason_word(refused->reason);
    receipt.message_bytes_max = refused->message_bytes_max;
    if (refused->has_index) {
        receipt.case_index = refused->index;
    }
    if (refused->has_offset) {
        receipt.body_offset = (int64_t)refused->offset;
    }
    tell(client, &receipt);
    if (batch != NULL) {
        window_settle(&client->window, batch);
    } else if (!refused->has_batch) {
        client->is_failed = true;
    }
}

void receipt_too_large(struct casemill *client, struct batch *batch, uint32_t message_bytes_max) {
    struct casemill_receipt receipt = receipt_for(CASEMILL_REFUSED, &batch->id, batch);
    receipt.reason = wire_reason_word(WIRE_REASON_TOO_LARGE);
    receipt.message_bytes_max = message_bytes_max;
    tell(client, &receipt);
    window_settle(&client->window, batch);
}

/* An older broker sends neither its limit nor its state. */
static void take_pong(struct link *from, const struct wire_pong *pong) {
    from->body_bytes_max =
        pong->message_bytes_max > 0 ? pong->message_bytes_max : WIRE_BODY_BYTES_MAX;
    from->has_state = pong->ready || pong->unready.len > 0;
    buf_clear(&from->unready);
    buf_append(&from->unready, pong->unready);
    from->queued_cases = pong->queued_cases;
}

static void take_busy(struct casemill *client, struct link *from,
                      const struct wire_busy_reply *busy, int64_t now_ms) {
    struct batch *batch = window_find(&client->window, &busy->batch);
    struct casemill_receipt receipt = receipt_for(CASEMILL_BUSY, &busy->batch, batch);
    int64_t retry_ms = busy->retry_ms < RETRY_MS_MIN ? RETRY_MS_MIN : busy->retry_ms;
    retry_ms = retry_ms > RETRY_MS_MAX ? RETRY_MS_MAX : retry_ms;
    receipt.reason = wire_busy_word(busy->reason);
    receipt.retry_ms = retry_ms;
    tell(client, &receipt);
    from->busy_until_ms = now_ms + retry_ms;
    from->busy = receipt.reason;
    if (busy->reason == WIRE_BUSY_STOPPED) {
        links_stopping(&client->links, from, retry_ms, now_ms);
    }
    if (batch != NULL && is_current(client, from)) {
        window_send_again(&client->window, batch);
    }
}

static void take_status(struct casemill *client, const struct link *from,
                        const struct wire_status *status, int64_t now_ms) {
    if (status->has_done) {
        take_done(client, &status->done, SPAN_LIT(""));
        return;
    }
    struct batch *batch = window_find(&client->window, &status->batch);
    if (batch == NULL || !is_current(client, from)) {
        return;
    }
    switch (status->state) {
    case WIRE_STATE_ACCEPTED:
    case WIRE_STATE_WORKING: {
        bool is_first = batch->state == BATCH_SENT;
        if (is_first) {
            accepted_of(client, from, &status->batch, false, now_ms);
        } else if (batch->state == BATCH_ACCEPTED) {
            window_await(&client->window, batch, BATCH_ACCEPTED, now_ms);
        }
        break;
    }
    case WIRE_STATE_DONE:        /* without its DONE: */
    case WIRE_STATE_QUARANTINED: /* the journal lost the body: */
    case WIRE_STATE_UNKNOWN:     /* done long ago or never seen: to send it again is safe */
        window_send_again(&client->window, batch);
        break;
    }
}

void receipt_take(struct casemill *client, struct link *from, struct span head, struct span body,
                  int64_t now_ms) {
    struct wire_message message;
    struct wire_decode_fault fault;
    arena_reset(&client->arena);
    links_received(from, now_ms);
    enum err err =
        wire_decode(head, WIRE_INTAKE, WIRE_FROM_BROKER, &client->arena, &message, &fault);
    if (err == ERR_UNKNOWN) {
        return; /* a later broker may send other states */
    }
    if (err != ERR_OK) {
        client->is_failed = true;
        return;
    }
    if (message.command == WIRE_ACCEPTED || message.command == WIRE_DONE) {
        from->busy = NULL;
    }
    if (message.command == WIRE_ACCEPTED) {
        take_accepted(client, from, &message.accepted, now_ms);
    } else if (message.command == WIRE_DONE) {
        take_done(client, &message.done, body);
    } else if (message.command == WIRE_REFUSED) {
        take_refused(client, from, &message.refused);
    } else if (message.command == WIRE_BUSY) {
        take_busy(client, from, &message.busy, now_ms);
    } else if (message.command == WIRE_STATUS) {
        take_status(client, from, &message.status, now_ms);
    } else if (message.command == WIRE_PONG) {
        take_pong(from, &message.pong);
    }
}

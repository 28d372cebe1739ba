/* An operator's REAPPLY: stored cases, named one by one, again under another rule set; and RETRY:
 * dead letters, named by their numbers, again.  Both are batches like any other (journal, queue,
 * receipts), with work of their mode, REAPPLY's rule set as its extra; the operator's one answer is
 * a REPLY. */
#include "broker/reapply.h"

#include "base/date.h"
#include "base/json.h"
#include "broker/admit.h"
#include "broker/intake.h"
#include "broker/reply.h"
#include "wire/mp_write.h"

enum { RULESET_ID_BYTES = 64, RETRY_RATE_MS = 200 };

static bool is_ruleset_id(struct span text) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return text.len == RULESET_ID_BYTES;
}

static bool is_date_or_absent(struct span text) {
    int32_t days = 0;
    return text.len == 0 || date_parse(text, &days) == ERR_OK;
}

static void pack_pair(struct buf *out, const char *key, struct span text) {
    if (text.len > 0) {
        mp_write_str(out, span_str(key));
        mp_write_str(out, text);
    }
}

/* {reapply: {ruleset, reference_date?, as_of?}} */
static void pack_extra(struct buf *out, const struct wire_reapply *reapply) {
    mp_write_map(out, 1);
    mp_write_str(out, SPAN_LIT("reapply"));
    mp_write_map(out, 1U + (reapply->reference_date.len > 0) + (reapply->as_of.len > 0));
    pack_pair(out, "ruleset", reapply->ruleset);
    pack_pair(out, "reference_date", reapply->reference_date);
    pack_pair(out, "as_of", reapply->as_of);
}

static void json_batch(struct json *json, const struct uuid *batch) {
    char text[UUID_TEXT_BYTES];
    uuid_format(batch, text);
    json_str(json_key(json, "batch"), text);
}

static void reply_busy(struct shell *shell, const struct net_route *route, const struct uuid *batch,
                       enum wire_busy reason, int64_t retry_ms) {
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_str(json_key(&json, "busy"), wire_busy_word(reason));
    json_int(json_key(&json, "retry_ms"), retry_ms);
    json_batch(&json, batch);
    json_object_close(&json);
    reply_control(shell, route, false, buf_span(&text));
    buf_free(&text);
}

static void take(struct shell *shell, const struct admission *asked) {
    if (intake_is_open(shell)) {
        admit_batch(shell, asked);
    } else {
        reply_busy(shell, &asked->route, &asked->batch, WIRE_BUSY_RATE, RETRY_RATE_MS);
    }
}

void reapply_take(struct shell *shell, const struct wire_reapply *reapply) {
    struct buf extra = BUF_EMPTY;
    pack_extra(&extra, reapply);
    struct admission asked = {.socket = WIRE_CONTROL_SOCKET,
                              .route = shell->message.route,
                              .batch = reapply->batch,
                              .count = reapply->count,
                              .ack = reapply->ack,
                              .priority = WIRE_BULK,
                              .source = SPAN_LIT("reapply"),
                              .body_bytes_max = WIRE_CONTROL_BODY_BYTES_MAX,
                              .mode = WORK_REAPPLY,
                              .extra = buf_span(&extra)};
    asked.route.channel = CORE_CHANNEL_OPERATOR;
    if (!is_ruleset_id(reapply->ruleset) || !is_date_or_absent(reapply->reference_date) ||
        !is_date_or_absent(reapply->as_of)) {
        admit_refuse(shell, &asked, WIRE_REASON_BAD_HEADER);
    } else {
        take(shell, &asked);
    }
    buf_free(&extra);
}

void reapply_take_retry(struct shell *shell, const struct wire_retry *retry) {
    struct admission asked = {.socket = WIRE_CONTROL_SOCKET,
                              .route = shell->message.route,
                              .batch = retry->batch,
                              .count = retry->count,
                              .ack = retry->ack,
                              .priority = WIRE_BULK,
                              .source = SPAN_LIT("retry"),
                              .body_bytes_max = WIRE_CONTROL_BODY_BYTES_MAX,
                              .mode = WORK_RETRY,
                              .extra = SPAN_LIT("")};
    asked.route.channel = CORE_CHANNEL_OPERATOR;
    take(shell, &asked);
}

static void json_dead(struct json *json, const struct wire_dead *dead) {
    const struct {
        const char *key;
        struct span text;
    } texts[] = {{"reason", dead->reason},
                 {"path", dead->path},
                 {"expected", dead->expected},
                 {"found", dead->found}};
    json_object_open(json);
    json_uint(json_key(json, "index"), dead->index);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        json_key(json, texts[i].key);
        json_span(json, texts[i].text);
    }
    json_object_close(json);
}

static void json_done(struct shell *shell, struct json *json, const struct core_action *action) {
    const struct core_counts *counts = &action->done.counts;
    json_uint(json_key(json, "count"), action->done.count);
    json_key(json, "outcomes");
    json_object_open(json);
    for (uint32_t i = 0; i < WIRE_DISPOSITIONS; i++) {
        json_uint(json_key(json, wire_disposition_word(i)), counts->outcomes[i]);
    }
    json_object_close(json);
    json_uint(json_key(json, "duplicates"), counts->duplicates);
    json_uint(json_key(json, "dead_count"), counts->dead_count);
    json_key(json, "dead");
    json_array_open(json);
    const struct wire_dead *dead = core_dead_view(counts, &shell->arena);
    for (uint32_t i = 0; dead != NULL && i < counts->dead_listed; i++) {
        json_dead(json, &dead[i]);
    }
    json_array_close(json);
}

void reapply_answer(struct shell *shell, const struct core_action *action) {
    struct buf text = BUF_EMPTY;
    struct json json;
    if (action->kind == CORE_BUSY) {
        reply_busy(shell, &action->route, &action->batch, action->busy.reason,
                   action->busy.retry_ms);
        return;
    }
    CHECK(action->kind == CORE_ACCEPTED || action->kind == CORE_DONE);
    json_init(&json, &text);
    json_object_open(&json);
    json_batch(&json, &action->batch);
    if (action->kind == CORE_DONE) {
        json_done(shell, &json, action);
    } else {
        json_bool(json_key(&json, "duplicate"), action->duplicate);
    }
    json_object_close(&json);
    reply_control(shell, &action->route, true, buf_span(&text));
    buf_free(&text);
}

/* VERIFY while the broker works: a few records in each turn, so that no peer waits. A damaged
 * record is quarantined at once. The operator gets the answer when all have been read. */
#include "broker/broker.h"

#include "base/json.h"
#include "base/log.h"

enum { STEP_RECORDS_MAX = 64, STEP_BYTES_MAX = 4 << 20 };

static void answer(struct broker *broker, const struct net_route *route, bool ok,
                   struct span json) {
    struct wire_message reply = {.command = WIRE_CONTROL_REPLY,
                                 .control_reply = {.ok = ok, .json = json}};
    if (reply_send(broker, broker->control, route, &reply) != ERR_OK) {
        broker->receipts_dropped++;
    }
}

void online_verify_start(struct broker *broker, const struct net_route *route) {
    struct online_verify *online = &broker->online;
    if (online->runs) {
        answer(broker, route, false, SPAN_LIT("{\"error\":\"a VERIFY is running\"}"));
        return;
    }
    *online = (struct online_verify){.runs = true};
    net_route_keep(&online->route, route);
}

static void take_record(struct broker *broker, const struct journal_record *record) {
    struct online_verify *online = &broker->online;
    online->next_seq = record->seq + 1;
    online->batches++;
    if (record->damage == JOURNAL_WHOLE) {
        online->cases += record->count;
        return;
    }
    if (online->damaged < ONLINE_SEQS_MAX) {
        online->seqs[online->damaged] = record->seq;
    }
    online->damaged++;
    LOG(EV_JOURNAL_QUARANTINED, "seq=%llu error=%s", (unsigned long long)record->seq,
        record->damage == JOURNAL_DAMAGE_HEADER ? "header" : "body");
    core_quarantine(broker->core, record->seq);
}

static void finish(struct broker *broker, bool all_read) {
    struct online_verify *online = &broker->online;
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_key(&json, all_read ? "read" : "error");
    if (all_read) {
        json_uint(&json, online->batches);
    } else {
        json_str(&json, "the journal cannot be read");
    }
    json_key(&json, "cases");
    json_uint(&json, online->cases);
    json_key(&json, "damaged");
    json_uint(&json, online->damaged);
    json_key(&json, "seqs");
    json_array_open(&json);
    for (uint64_t i = 0; i < online->damaged && i < ONLINE_SEQS_MAX; i++) {
        json_uint(&json, online->seqs[i]);
    }
    json_array_close(&json);
    json_object_close(&json);
    answer(broker, &online->route, all_read, buf_span(&text));
    buf_free(&text);
    online->runs = false;
    net_route_drop(&online->route);
}

void online_verify_step(struct broker *broker) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; broker->online.runs && i < STEP_RECORDS_MAX && bytes < STEP_BYTES_MAX;
         i++) {
        struct journal_record record;
        enum err err = journal_check_next(broker->journal, broker->online.next_seq, &record);
        if (err != ERR_OK) {
            finish(broker, err == ERR_NOT_FOUND);
            return;
        }
        bytes += record.bytes;
        take_record(broker, &record);
    }
    broker->more = broker->more || broker->online.runs;
}

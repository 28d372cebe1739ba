/* VERIFY while the broker works: a few records in each turn, so that no peer waits. A damaged
 * record is quarantined at once. The operator gets the answer when all have been read. */
#include "broker/online_verify.h"

#include "base/json.h"
#include "base/log.h"
#include "broker/reply.h"

enum { STEP_RECORDS_MAX = 64, STEP_BYTES_MAX = 4 << 20 };

void online_verify_start(struct online_verify *verify, struct shell *shell) {
    const struct net_route *route = &shell->message.route;
    if (verify->runs) {
        reply_control(shell, route, false, SPAN_LIT("{\"error\":\"a VERIFY is running\"}"));
        return;
    }
    *verify = (struct online_verify){.runs = true};
    net_route_keep(&verify->route, route);
}

static void take_record(struct online_verify *verify, struct core *core,
                        const struct journal_record *record) {
    verify->next_seq = record->seq + 1;
    verify->batches++;
    if (record->damage == JOURNAL_WHOLE) {
        verify->cases += record->count;
        return;
    }
    if (verify->damaged < ONLINE_SEQS_MAX) {
        verify->seqs[verify->damaged] = record->seq;
    }
    verify->damaged++;
    char batch[UUID_TEXT_BYTES] = "unknown";
    struct core_label label = {.source = ""};
    if (core_label(core, record->seq, &label)) {
        uuid_format(&label.batch, batch);
    }
    LOG(EV_JOURNAL_QUARANTINED, "seq=%llu batch=%s source=\"%s\" error=%s",
        (unsigned long long)record->seq, batch, label.source,
        record->damage == JOURNAL_DAMAGE_HEADER ? "header" : "body");
    core_quarantine(core, record->seq);
}

static void finish(struct online_verify *verify, struct shell *shell, bool all_read) {
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_key(&json, all_read ? "read" : "error");
    if (all_read) {
        json_uint(&json, verify->batches);
    } else {
        json_str(&json, "the journal cannot be read");
    }
    json_uint(json_key(&json, "cases"), verify->cases);
    json_uint(json_key(&json, "damaged"), verify->damaged);
    json_key(&json, "seqs");
    json_array_open(&json);
    for (uint64_t i = 0; i < verify->damaged && i < ONLINE_SEQS_MAX; i++) {
        json_uint(&json, verify->seqs[i]);
    }
    json_array_close(&json);
    json_object_close(&json);
    reply_control(shell, &verify->route, all_read, buf_span(&text));
    buf_free(&text);
    verify->runs = false;
    net_route_drop(&verify->route);
}

void online_verify_step(struct online_verify *verify, struct shell *shell) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; verify->runs && i < STEP_RECORDS_MAX && bytes < STEP_BYTES_MAX; i++) {
        struct journal_record record;
        enum err err = journal_check_next(shell->journal, verify->next_seq, &record);
        if (err != ERR_OK) {
            finish(verify, shell, err == ERR_NOT_FOUND);
            return;
        }
        bytes += record.bytes;
        take_record(verify, shell->core, &record);
    }
    shell->more = shell->more || verify->runs;
}

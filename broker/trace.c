/* See trace.h.  common/cli/trace/broker.c reads this form. */
#include "broker/trace.h"

#include "base/json.h"

enum { BATCHES_MAX = 16 }; /* an answer is one head frame; clients choose the ids */

static void json_uuid(struct json *json, const struct uuid *uuid) {
    char text[UUID_TEXT_BYTES];
    uuid_format(uuid, text);
    json_str(json, text);
}

static void json_parts(struct json *json, const struct core_trace *trace) {
    json_array_open(json_key(json, "parts"));
    for (uint32_t i = 0; i < trace->part_count && i < CORE_TRACE_PARTS; i++) {
        const struct core_trace_part *part = &trace->parts[i];
        json_object_open(json);
        json_uint(json_key(json, "first"), part->first);
        json_uint(json_key(json, "cases"), part->count);
        json_uint(json_key(json, "attempt"), part->attempt);
        json_str(json_key(json, "state"), part->state);
        if (part->has_lane) {
            json_uuid(json_key(json, "lane"), &part->lane);
        }
        json_object_close(json);
    }
    json_array_close(json);
}

static void json_trace(struct json *json, const struct core_trace *trace) {
    json_object_open(json);
    json_str(json_key(json, "source"), trace->source);
    json_str(json_key(json, "state"), trace->state);
    json_uint(json_key(json, "cases"), trace->cases);
    json_int(json_key(json, "accepted_at_us"), trace->accepted_at);
    if (trace->part_count == 0) {
        json_uint(json_key(json, "duplicates"), trace->duplicates);
        json_uint(json_key(json, "dead"), trace->dead);
    } else {
        json_uint(json_key(json, "seq"), trace->seq);
        json_str(json_key(json, "priority"), wire_priority_word(trace->priority));
        json_uint(json_key(json, "done_cases"), trace->done_cases);
        json_uint(json_key(json, "part_count"), trace->part_count);
        json_parts(json, trace);
    }
    json_object_close(json);
}

bool trace_json(const struct shell *shell, struct span batch, struct buf *out) {
    struct uuid id;
    if (uuid_parse(batch, &id) != ERR_OK) {
        buf_str(out, "{\"error\":\"not the id of a batch\"}");
        return false;
    }
    struct json json;
    struct core_trace trace;
    uint32_t index = 0;
    json_init(&json, out);
    json_object_open(&json);
    json_array_open(json_key(&json, "batches"));
    for (int found = 0; found < BATCHES_MAX && core_trace(shell->core, &id, &index, &trace);
         found++) {
        json_trace(&json, &trace);
    }
    json_array_close(&json);
    json_bool(json_key(&json, "more"), core_trace(shell->core, &id, &index, &trace));
    json_object_close(&json);
    return true;
}

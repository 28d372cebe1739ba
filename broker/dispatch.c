/* WORK messages: the deliveries of one turn to one lane are one message.  Small bodies are copied
 * into one frame; large ones are sent from where they are, by reference, or are read back first. */
#include "broker/broker.h"

#include "base/log.h"
#include "base/mem.h"
#include "wire/mp_write.h"
#include "wire/walk.h"

#include <stdlib.h>

enum {
    SMALL_BYTES_MAX = 64 << 10,
    PACKED_BYTES_MAX = 1 << 20,
    FRAMES_MAX = NET_PARTS_MAX - 2, /* beside the head and the packed frame */
    DELIVERIES_MAX = 4096
};

struct sending { /* the message being filled for one lane; its room is kept */
    const struct core_action **dealt;
    size_t dealt_cap;
    struct net_part parts[NET_PARTS_MAX];
    uint32_t frame_count; /* large bodies, in parts[1..] */
    struct buf packed;    /* small bodies: the last frame */
    struct buf history;   /* of a burial */
    uint32_t delivery_count;
    enum work_mode mode; /* of all of them */
    bool fenced, bury;
    struct wire_delivery deliveries[DELIVERIES_MAX];
};

struct sending *dispatch_new(void) {
    return mem_zero(1, sizeof(struct sending));
}

void dispatch_free(struct sending **sending) {
    if (*sending != NULL) {
        buf_free(&(*sending)->packed);
        buf_free(&(*sending)->history);
        mem_free((*sending)->dealt);
        mem_free(*sending);
        *sending = NULL;
    }
}

static int by_lane(const void *left, const void *right) {
    const struct core_action *a = *(const struct core_action *const *)left;
    const struct core_action *b = *(const struct core_action *const *)right;
    int order = memcmp(a->work.lane.bytes, b->work.lane.bytes, sizeof(a->work.lane.bytes));
    return order != 0 ? order : (a > b) - (a < b);
}

/* Of the part's bytes those of the piece alone.  False: they are not the cases they should be. */
static bool narrow(const struct core_work *work, struct span *bytes) {
    size_t begin = 0;
    for (uint32_t i = work->begins; i < work->first; i++) {
        if (walk_value(*bytes, &begin) != ERR_OK) {
            return false;
        }
    }
    size_t end = begin;
    for (uint32_t i = 0; i < work->count; i++) {
        if (walk_value(*bytes, &end) != ERR_OK) {
            return false;
        }
    }
    *bytes = span_make(bytes->ptr + begin, end - begin);
    return true;
}

static bool is_as_stored(const struct core_action *action, struct span bytes) {
    const struct body *body = action->tag;
    if (body == NULL) {
        return hash128_eq(hash128(bytes), action->hash);
    }
    uint32_t part = action->work.first / CORE_PART_CASES;
    CHECK(part < body->part_count);
    return hash64(bytes) == body->sums[part];
}

/* The bytes of a part, with a reference for the caller; NULL: the record is damaged. */
static struct blob *part_bytes(struct broker *broker, const struct core_action *action,
                               struct span *bytes) {
    const struct body *body = action->tag;
    const struct core_work *work = &action->work;
    if (body != NULL && body->blob != NULL) {
        *bytes = span_make(body->blob->bytes + work->offset, work->length);
        return blob_ref(body->blob);
    }
    struct blob *blob = blob_new(&broker->account, work->length);
    *bytes = blob_span(blob);
    enum err err =
        journal_read(broker->journal, action->seq, work->offset, work->length, blob->bytes);
    if (err != ERR_OK || !is_as_stored(action, *bytes)) {
        blob_unref(&blob);
        LOG(EV_JOURNAL_QUARANTINED, "seq=%llu first=%u error=%s", (unsigned long long)action->seq,
            work->first, err != ERR_OK ? err_name(err) : "checksum");
    }
    return blob;
}

static void note_damaged(struct broker *broker, uint64_t seq) {
    MEM_ROOM(broker->damaged, broker->damaged_len, broker->damaged_cap, 16);
    broker->damaged[broker->damaged_len++] = seq;
}

/* For the dead letter: {poison: {attempts, silent, reason}}. */
static struct span pack_history(struct buf *history, const struct core_work *work) {
    buf_clear(history);
    mp_write_map(history, 1);
    mp_write_str(history, SPAN_LIT("poison"));
    mp_write_map(history, 3);
    mp_write_str(history, SPAN_LIT("attempts"));
    mp_write_uint(history, work->failures);
    mp_write_str(history, SPAN_LIT("silent"));
    mp_write_uint(history, work->silences);
    mp_write_str(history, SPAN_LIT("reason"));
    mp_write_str(history, span_str(work->reason == NULL ? "" : work->reason));
    return buf_span(history);
}

static void add_delivery(struct broker *broker, struct sending *sending,
                         const struct core_action *action, struct blob *blob, struct span bytes) {
    const struct core_work *work = &action->work;
    const struct body *body = action->tag;
    struct wire_delivery *delivery = &sending->deliveries[sending->delivery_count++];
    *delivery =
        (struct wire_delivery){.length = (uint32_t)bytes.len,
                               .batch = action->batch,
                               .seq = action->seq,
                               .first = work->first,
                               .count = work->count,
                               .attempt = work->attempt,
                               .accepted_at = work->accepted_at,
                               .source = span_str(core_source_name(broker->core, work->source)),
                               .priority = work->priority,
                               .extra = body_extra(body)};
    sending->mode = body_mode(body);
    sending->bury = action->kind == CORE_BURY;
    if (sending->bury) { /* alone in its message: only one suspect is out */
        delivery->extra = pack_history(&sending->history, work);
    }
    if (bytes.len < SMALL_BYTES_MAX) {
        delivery->frame = UINT32_MAX; /* known when the message is complete */
        delivery->offset = (uint32_t)sending->packed.len;
        buf_append(&sending->packed, bytes);
        blob_unref(&blob);
    } else {
        delivery->frame = sending->frame_count++;
        flight_share(&broker->flight, &sending->parts[sending->frame_count], bytes, blob);
    }
    sending->fenced = sending->fenced || work->fenced;
}

static void flush(struct broker *broker, struct sending *sending,
                  const struct core_action *lane_action) {
    if (sending->delivery_count == 0) {
        return;
    }
    for (uint32_t i = 0; i < sending->delivery_count; i++) {
        if (sending->deliveries[i].frame == UINT32_MAX) {
            sending->deliveries[i].frame = sending->frame_count;
        }
    }
    uint32_t parts = 1 + sending->frame_count;
    if (sending->packed.len > 0) {
        flight_copy(&broker->flight, &sending->parts[parts++], buf_span(&sending->packed));
    }
    struct wire_message message = {.command = sending->bury ? WIRE_BURY : WIRE_WORK,
                                   .work = {.mode = span_str(work_mode_word(sending->mode)),
                                            .delivery_count = sending->delivery_count,
                                            .deliveries = sending->deliveries,
                                            .low_water = broker->stats.low_water,
                                            .low_water_at = broker->stats.low_water_at}};
    const struct uuid *fence = NULL;
    uint32_t fence_count = core_fence(broker->core, &fence);
    message.work.fence = fence;
    message.work.fence_count = sending->fenced ? fence_count : 0;
    buf_clear(&broker->head);
    wire_encode(&message, &broker->head);
    net_part_copy(&sending->parts[0], buf_span(&broker->head));
    enum err err = net_send(broker->worker, &lane_action->route, sending->parts, parts);
    for (uint32_t i = sending->delivery_count; err != ERR_OK && i-- > 0;) {
        core_unsent(broker->core, &lane_action->work.lane, sending->deliveries[i].seq,
                    sending->deliveries[i].first);
    }
    if (err == ERR_NOT_FOUND) {
        LOG(EV_LANE_GONE, "reason=disconnected");
    }
    sending->frame_count = 0;
    sending->delivery_count = 0;
    sending->fenced = false;
    buf_clear(&sending->packed);
}

void dispatch_work(struct broker *broker, const struct core_action *actions, size_t count) {
    struct sending *sending = broker->sending;
    if (sending->dealt_cap < count) {
        sending->dealt_cap = count * 2;
        sending->dealt = mem_grow(sending->dealt, sending->dealt_cap, sizeof(*sending->dealt));
    }
    const struct core_action **dealt = sending->dealt;
    size_t dealt_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == CORE_WORK || actions[i].kind == CORE_BURY) {
            dealt[dealt_count++] = &actions[i];
        }
    }
    qsort(dealt, dealt_count, sizeof(*dealt), by_lane);
    for (size_t i = 0; i < dealt_count; i++) {
        const struct core_action *action = dealt[i];
        const struct body *body = action->tag;
        if (i > 0 &&
            (!uuid_eq(&dealt[i - 1]->work.lane, &action->work.lane) ||
             body_mode(body) != sending->mode || (action->kind == CORE_BURY) != sending->bury)) {
            flush(broker, sending, dealt[i - 1]);
        }
        struct span bytes;
        struct blob *blob = part_bytes(broker, action, &bytes);
        if (blob != NULL && action->work.piece && !narrow(&action->work, &bytes)) {
            blob_unref(&blob);
        }
        if (blob == NULL) {
            note_damaged(broker, action->seq);
            continue;
        }
        add_delivery(broker, sending, action, blob, bytes);
        if (sending->delivery_count == DELIVERIES_MAX || sending->frame_count == FRAMES_MAX ||
            sending->packed.len >= PACKED_BYTES_MAX) {
            flush(broker, sending, action);
        }
    }
    flush(broker, sending, dealt[dealt_count - 1]);
}

/* WORK messages: the deliveries of one turn to one lane are one message.  Small bodies are copied
 * into one frame; large ones are sent from where they are, by reference, or are read back first. */
#include "broker/dispatch.h"

#include "base/log.h"
#include "base/mem.h"
#include "wire/mp_write.h"
#include "wire/rows.h"

#include <stdlib.h>

enum {
    SMALL_BYTES_MAX = 64 << 10,
    PACKED_BYTES_MAX = 1 << 20,
    FRAMES_MAX = NET_PARTS_MAX - 2, /* beside the head and the packed frame */
    DELIVERIES_MAX = 4096
};

struct dispatch { /* the message being filled for one lane; its room is kept */
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
    uint32_t names_count;
    struct wire_names names[WIRE_NAMES_MAX]; /* different arrays, in the packed frame */
    uint64_t *damaged; /* sequence numbers of bodies that could not be read back */
    size_t damaged_len, damaged_cap;
};

struct dispatch *dispatch_new(void) {
    return mem_zero(1, sizeof(struct dispatch));
}

void dispatch_free(struct dispatch **dispatch) {
    if (*dispatch != NULL) {
        buf_free(&(*dispatch)->packed);
        buf_free(&(*dispatch)->history);
        mem_free((*dispatch)->dealt);
        mem_free((*dispatch)->damaged);
        mem_free(*dispatch);
        *dispatch = NULL;
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

static void log_quarantined(struct shell *shell, const struct core_action *action, enum err err) {
    char batch[UUID_TEXT_BYTES];
    uuid_format(&action->batch, batch);
    LOG(EV_JOURNAL_QUARANTINED, "seq=%llu batch=%s source=\"%s\" first=%u error=%s",
        (unsigned long long)action->seq, batch, core_source_name(shell->core, action->work.source),
        action->work.first, err != ERR_OK ? err_name(err) : "checksum");
}

/* The bytes of a part, with a reference for the caller; NULL: the record is damaged. */
static struct blob *part_bytes(struct shell *shell, const struct core_action *action,
                               struct span *bytes) {
    const struct body *body = action->tag;
    const struct core_work *work = &action->work;
    if (body != NULL && body->blob != NULL) {
        *bytes = span_make(body->blob->bytes + work->offset, work->length);
        return blob_ref(body->blob);
    }
    struct blob *blob = blob_new(&shell->bodies, work->length);
    *bytes = blob_span(blob);
    enum err err =
        journal_read(shell->journal, action->seq, work->offset, work->length, blob->bytes);
    if (err != ERR_OK || !is_as_stored(action, *bytes)) {
        blob_unref(&blob);
        log_quarantined(shell, action, err);
    }
    return blob;
}

/* The number of an array of names among those of the message, from 1. */
static uint32_t names_number(struct dispatch *dispatch, struct span names) {
    for (uint32_t i = 0; i < dispatch->names_count; i++) {
        const struct wire_names *known = &dispatch->names[i];
        if (span_eq(span_make(dispatch->packed.ptr + known->offset, known->length), names)) {
            return i + 1;
        }
    }
    CHECK(dispatch->names_count < WIRE_NAMES_MAX);
    dispatch->names[dispatch->names_count++] = (struct wire_names){
        .offset = (uint32_t)dispatch->packed.len, .length = (uint32_t)names.len};
    buf_append(&dispatch->packed, names);
    return dispatch->names_count;
}

/* The names of the action's batch go into the message; *number is 0 of maps.  False: the record is
 * damaged. */
static bool add_names(struct dispatch *dispatch, struct shell *shell,
                      const struct core_action *action, uint32_t *number) {
    const struct body *body = action->tag;
    uint8_t read[ROWS_NAMES_BYTES_MAX];
    *number = 0;
    if (body == NULL || body->names_bytes == 0) {
        return true;
    }
    CHECK(body->names_bytes <= sizeof(read));
    struct span names = span_make(read, body->names_bytes);
    if (body->blob != NULL) {
        names.ptr = body->blob->bytes;
    } else {
        enum err err = journal_read(shell->journal, action->seq, 0, body->names_bytes, read);
        if (err != ERR_OK || hash64(names) != body->names_sum) {
            log_quarantined(shell, action, err);
            return false;
        }
    }
    *number = names_number(dispatch, names);
    return true;
}

/* For the dead letter: {poison: {attempts, silent, reason, results}}. */
static struct span pack_history(struct buf *history, const struct core_work *work,
                                bool wants_results) {
    buf_clear(history);
    mp_write_map(history, 1);
    mp_write_str(history, SPAN_LIT("poison"));
    mp_write_map(history, 4);
    mp_write_str(history, SPAN_LIT("results"));
    mp_write_bool(history, wants_results);
    mp_write_str(history, SPAN_LIT("attempts"));
    mp_write_uint(history, work->failures);
    mp_write_str(history, SPAN_LIT("silent"));
    mp_write_uint(history, work->silences);
    mp_write_str(history, SPAN_LIT("reason"));
    mp_write_str(history, span_str(work->reason == NULL ? "" : work->reason));
    return buf_span(history);
}

static void log_buried(const struct core_action *action, struct span source) {
    char batch[UUID_TEXT_BYTES];
    char lane[UUID_TEXT_BYTES];
    uuid_format(&action->batch, batch);
    uuid_format(&action->work.lane, lane);
    LOG(EV_DELIVERY_BURIED,
        "lane=%s batch=%s source=\"%.*s\" seq=%llu index=%u failures=%u silences=%u", lane, batch,
        SPAN_ARG(source), (unsigned long long)action->seq, action->work.first,
        action->work.failures, action->work.silences);
}

static void add_delivery(struct dispatch *dispatch, struct shell *shell,
                         const struct core_action *action, struct blob *blob, struct span bytes,
                         uint32_t names) {
    const struct core_work *work = &action->work;
    const struct body *body = action->tag;
    struct wire_delivery *delivery = &dispatch->deliveries[dispatch->delivery_count++];
    if (work->attempt == 1) {
        histogram_note(&shell->times.queue, &histogram_seconds, shell->wall_us - work->accepted_at);
    }
    *delivery =
        (struct wire_delivery){.length = (uint32_t)bytes.len,
                               .batch = action->batch,
                               .seq = action->seq,
                               .first = work->first,
                               .count = work->count,
                               .attempt = work->attempt,
                               .accepted_at = work->accepted_at,
                               .source = span_str(core_source_name(shell->core, work->source)),
                               .priority = work->priority,
                               .extra = body_extra(body),
                               .names = names};
    dispatch->mode = body_mode(body);
    dispatch->bury = action->kind == CORE_BURY;
    if (dispatch->bury) {
        log_buried(action, delivery->source);
        /* Alone in its message: only one suspect is out. */
        bool wants_results = dispatch->mode == WORK_INTAKE && delivery->extra.len > 0;
        delivery->extra = pack_history(&dispatch->history, work, wants_results);
    }
    if (bytes.len < SMALL_BYTES_MAX) {
        delivery->frame = UINT32_MAX; /* known when the message is complete */
        delivery->offset = (uint32_t)dispatch->packed.len;
        buf_append(&dispatch->packed, bytes);
        blob_unref(&blob);
    } else {
        delivery->frame = dispatch->frame_count++;
        outgoing_share(&shell->work, &dispatch->parts[dispatch->frame_count], bytes, blob);
    }
    dispatch->fenced = dispatch->fenced || work->fenced;
}

static void flush(struct dispatch *dispatch, struct shell *shell,
                  const struct core_action *lane_action) {
    if (dispatch->delivery_count == 0) {
        return;
    }
    for (uint32_t i = 0; i < dispatch->delivery_count; i++) {
        if (dispatch->deliveries[i].frame == UINT32_MAX) {
            dispatch->deliveries[i].frame = dispatch->frame_count;
        }
    }
    uint32_t parts = 1 + dispatch->frame_count;
    if (dispatch->packed.len > 0) {
        outgoing_copy(&shell->work, &dispatch->parts[parts++], buf_span(&dispatch->packed));
    }
    struct wire_message message = {.command = dispatch->bury ? WIRE_BURY : WIRE_WORK,
                                   .work = {.mode = span_str(work_mode_word(dispatch->mode)),
                                            .delivery_count = dispatch->delivery_count,
                                            .deliveries = dispatch->deliveries,
                                            .low_water = shell->stats.low_water,
                                            .low_water_at = shell->stats.low_water_at,
                                            .names_count = dispatch->names_count,
                                            .names = dispatch->names}};
    for (uint32_t i = 0; i < dispatch->names_count; i++) {
        dispatch->names[i].frame = dispatch->frame_count;
    }
    const struct uuid *fence = NULL;
    uint32_t fence_count = core_fence(shell->core, &fence);
    message.work.fence = fence;
    message.work.fence_count = dispatch->fenced ? fence_count : 0;
    buf_clear(&shell->head);
    wire_encode(&message, &shell->head);
    net_part_copy(&dispatch->parts[0], buf_span(&shell->head));
    enum err err =
        net_send(shell->sockets[WIRE_WORKER], &lane_action->route, dispatch->parts, parts);
    for (uint32_t i = dispatch->delivery_count; err != ERR_OK && i-- > 0;) {
        core_unsent(shell->core, &lane_action->work.lane, dispatch->deliveries[i].seq,
                    dispatch->deliveries[i].first);
    }
    if (err == ERR_NOT_FOUND) {
        char lane[UUID_TEXT_BYTES];
        uuid_format(&lane_action->work.lane, lane);
        LOG(EV_LANE_GONE, "lane=%s reason=disconnected", lane);
    }
    dispatch->frame_count = 0;
    dispatch->delivery_count = 0;
    dispatch->names_count = 0;
    dispatch->fenced = false;
    buf_clear(&dispatch->packed);
}

void dispatch_work(struct dispatch *dispatch, struct shell *shell,
                   const struct core_action *actions, size_t count) {
    if (dispatch->dealt_cap < count) {
        dispatch->dealt_cap = count * 2;
        dispatch->dealt = mem_grow(dispatch->dealt, dispatch->dealt_cap, sizeof(*dispatch->dealt));
    }
    const struct core_action **dealt = dispatch->dealt;
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
             body_mode(body) != dispatch->mode || (action->kind == CORE_BURY) != dispatch->bury)) {
            flush(dispatch, shell, dealt[i - 1]);
        }
        struct span bytes;
        struct blob *blob = part_bytes(shell, action, &bytes);
        if (blob != NULL && action->work.piece && !narrow(&action->work, &bytes)) {
            blob_unref(&blob);
        }
        uint32_t names = 0;
        if (blob != NULL && !add_names(dispatch, shell, action, &names)) {
            blob_unref(&blob);
        }
        if (blob == NULL) {
            MEM_ROOM(dispatch->damaged, dispatch->damaged_len, dispatch->damaged_cap, 16);
            dispatch->damaged[dispatch->damaged_len++] = action->seq;
            continue;
        }
        add_delivery(dispatch, shell, action, blob, bytes, names);
        if (dispatch->delivery_count == DELIVERIES_MAX || dispatch->names_count == WIRE_NAMES_MAX ||
            dispatch->frame_count == FRAMES_MAX || dispatch->packed.len >= PACKED_BYTES_MAX) {
            flush(dispatch, shell, action);
        }
    }
    flush(dispatch, shell, dealt[dealt_count - 1]);
}

void dispatch_quarantine(struct dispatch *dispatch, struct core *core) {
    for (size_t i = 0; i < dispatch->damaged_len; i++) {
        core_quarantine(core, dispatch->damaged[i]);
    }
    dispatch->damaged_len = 0;
}

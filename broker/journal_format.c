/* The journal's format.  One LMDB environment (data.mdb) with three databases; numbers in values
 * are little-endian, in keys big-endian, so that keys sort by sequence number.
 *
 * state   key "s", 72 bytes: 0 magic "CMJL"; 4 version u32; 8 journal uuid; 24 next_seq u64;
 *         32 live count u64; 40 live bytes of bodies u64; 48 XOR of live sequence numbers u64;
 *         56 number of the transaction u64; last 8: XXH3-64 of all before
 * meta    key seq u64: 0 version u8; 1 ack u8; 2 priority u8; 3 source length u8 (1..128);
 *         4 batch id; 20 XXH3-128 of the body; 36 cases u32; 40 body bytes u32; 44 accepted_at i64;
 *         52 parts u8 (1..16); 53 source; then per part: offset u32, XXH3-64 of its bytes u64;
 *         in versions 2 to 4: mode u8, extra length u16 (0..256), extra (MessagePack);
 *         in version 4: names length u32 (1..16,384; where the first part begins), XXH3-64 of the
 *         names u64;
 *         last 8: XXH3-64 of key and all before
 * data    key seq u64, chunk u32: 4,080 bytes of body (the last chunk: what is left), one LMDB page
 *
 * Small batches of one commit share a pack when their sequence numbers follow each
 * other and each is intake in one part of 4,080 bytes at most:
 *
 * meta    key seq of the first u64: head; entries; head again, byte for byte; 2,022 bytes at most,
 *         so that LMDB keeps it on a leaf
 * head    0 version u8 (64); 1 records u8 (1..30); 2 which of them live u32, bit 0 the first; then
 *         per record: body bytes u16, source length u8; last 8: XXH3-64 of key and all before
 * entry   0 ack u8; 1 priority u8; 2 cases u16; 4 batch id; 20 XXH3-128 of the body;
 *         36 accepted_at i64; 44 XXH3-64 of the body u64; 52 source; last 8: XXH3-64 of the
 *         record's own seq u64, big-endian, and all before
 * data    key seq of the first u64, chunk u32: the bodies one behind the other, cut as above
 *
 * Validity: a record is valid when its checksum holds; a part when its sum holds, checked when it
 * is read back.  A batch is in the journal from the commit of its put to the commit of its
 * delete; both change `state` in the same transaction.  A delete from a pack clears its bit in both
 * heads; the last one takes value and chunks.  Of a pack one head has to hold, else its live
 * records are unknown: the totals then differ, and the journal is refused.
 * Version: state and plain records carry one each; their checksum is the last 8 bytes in every
 * version, so that another version differs from damage.  A change of any byte above is a new
 * version of the state.  State 2 has no packs and state 3 no rows.  Both are read, and are 4 from
 * the first commit on: an earlier program refuses it and changes nothing.  Plain records of
 * intake are version 1, or 4 as rows; of REAPPLY 2, of RETRY 3.  A pack's head has a number of its
 * own; rows are in no pack. */
#include "broker/journal_format.h"

#include "wire/rows.h"

#define SEQ_END (UINT64_C(1) << 62) /* no broker counts so far: what is added never overflows */

enum {
    RECORD_VERSION_INTAKE = 1,
    RECORD_VERSION_MODE = 2,
    RECORD_VERSION_RETRY = 3,
    RECORD_VERSION_ROWS = 4,
    RECORD_FIXED_BYTES = 53,
    RECORD_PART_BYTES = 12,
    RECORD_MODE_BYTES = 3, /* before extra */
    RECORD_NAMES_BYTES = 12,
    SUM_BYTES = 8,
    RECORD_COST_BYTES = 512, /* of the budget, beside the body's */
    CHUNK_NODE_BYTES = 32,   /* beside its bytes on a leaf */
    CHUNK_COST_FACTOR = 4,   /* leaves are a quarter full at least */
    STATE_VERSION = 4,
    STATE_VERSION_LEAST = 2,
    STATE_BYTES = 72
};

static void put_be(uint8_t *at, uint64_t value, int bytes) {
    for (int i = bytes; i-- > 0; value >>= 8) {
        at[i] = (uint8_t)value;
    }
}

void format_record_key(uint64_t seq, uint8_t key[FORMAT_RECORD_KEY_BYTES]) {
    put_be(key, seq, FORMAT_RECORD_KEY_BYTES);
}

void format_chunk_key(uint64_t seq, uint32_t chunk, uint8_t key[FORMAT_CHUNK_KEY_BYTES]) {
    put_be(key, seq, FORMAT_RECORD_KEY_BYTES);
    put_be(key + FORMAT_RECORD_KEY_BYTES, chunk, 4);
}

uint64_t format_body_cost(uint64_t body_bytes) {
    uint64_t rest = body_bytes % FORMAT_CHUNK_BYTES;
    uint64_t rest_cost = rest == 0 ? 0 : (rest + CHUNK_NODE_BYTES) * CHUNK_COST_FACTOR;
    return body_bytes / FORMAT_CHUNK_BYTES * FORMAT_PAGE_BYTES +
           (rest_cost < FORMAT_PAGE_BYTES ? rest_cost : (uint64_t)FORMAT_PAGE_BYTES);
}

uint64_t format_cost(uint64_t body_bytes) {
    return format_body_cost(body_bytes) + RECORD_COST_BYTES;
}

static uint64_t record_sum(struct span key, struct span value) {
    struct buf sealed = BUF_EMPTY;
    buf_append(&sealed, key);
    buf_append(&sealed, value);
    uint64_t sum = hash64(buf_span(&sealed));
    buf_free(&sealed);
    return sum;
}

void format_record_encode(const struct journal_record *record, struct buf *value) {
    CHECK(record->source.len >= 1 && record->source.len <= WIRE_NAME_MAX);
    CHECK(record->cut_count >= 1 && record->cut_count <= JOURNAL_CUTS_MAX);
    CHECK(record->extra.len <= JOURNAL_EXTRA_MAX);
    bool is_rows = record->names_bytes > 0;
    bool has_mode = record->mode != WORK_INTAKE || record->extra.len > 0 || is_rows;
    CHECK(!is_rows || (record->mode == WORK_INTAKE && record->cuts[0] == record->names_bytes));
    size_t from = value->len;
    buf_byte(value, is_rows                      ? RECORD_VERSION_ROWS
                    : record->mode == WORK_RETRY ? RECORD_VERSION_RETRY
                    : has_mode                   ? RECORD_VERSION_MODE
                                                 : RECORD_VERSION_INTAKE);
    buf_byte(value, (uint8_t)record->ack);
    buf_byte(value, (uint8_t)record->priority);
    buf_byte(value, (uint8_t)record->source.len);
    buf_append(value, span_make(record->batch.bytes, sizeof(record->batch.bytes)));
    buf_append(value, span_make(record->hash.bytes, sizeof(record->hash.bytes)));
    buf_le32(value, record->count);
    buf_le32(value, record->bytes);
    buf_le64(value, (uint64_t)record->accepted_at);
    buf_byte(value, (uint8_t)record->cut_count);
    buf_append(value, record->source);
    for (uint32_t i = 0; i < record->cut_count; i++) {
        buf_le32(value, record->cuts[i]);
        buf_le64(value, record->sums[i]);
    }
    if (has_mode) {
        buf_byte(value, (uint8_t)record->mode);
        buf_byte(value, (uint8_t)record->extra.len);
        buf_byte(value, (uint8_t)(record->extra.len >> 8));
        buf_append(value, record->extra);
    }
    if (is_rows) {
        buf_le32(value, record->names_bytes);
        buf_le64(value, record->names_sum);
    }
    uint8_t key[FORMAT_RECORD_KEY_BYTES];
    format_record_key(record->seq, key);
    buf_le64(value, record_sum(span_make(key, sizeof(key)),
                               span_make(value->ptr + from, value->len - from)));
}

/* The names of version 4 are the last of `rest`, which they leave. */
static bool names_hold(struct span *rest, struct journal_record *record) {
    if (rest->len < RECORD_NAMES_BYTES) {
        return false;
    }
    rest->len -= RECORD_NAMES_BYTES;
    record->names_bytes = get_le32(rest->ptr + rest->len);
    record->names_sum = get_le64(rest->ptr + rest->len + 4);
    return record->names_bytes > 0 && record->names_bytes <= ROWS_NAMES_BYTES_MAX;
}

/* Mode and extra of versions 2 to 4, and the names of version 4, take all of `rest`; of version 1,
 * nothing. */
static bool mode_holds(uint8_t version, struct span rest, struct journal_record *record) {
    if (version == RECORD_VERSION_INTAKE) {
        return rest.len == 0;
    }
    bool is_rows = version == RECORD_VERSION_ROWS;
    if (is_rows && !names_hold(&rest, record)) {
        return false;
    }
    bool is_retry = rest.len >= RECORD_MODE_BYTES && rest.ptr[0] == WORK_RETRY;
    if (rest.len < RECORD_MODE_BYTES || rest.ptr[0] > WORK_RETRY ||
        is_retry != (version == RECORD_VERSION_RETRY) || (is_rows && rest.ptr[0] != WORK_INTAKE)) {
        return false;
    }
    size_t extra_bytes = rest.ptr[1] | (size_t)rest.ptr[2] << 8;
    record->mode = (enum work_mode)rest.ptr[0];
    record->extra = span_make(rest.ptr + RECORD_MODE_BYTES, extra_bytes);
    return extra_bytes <= JOURNAL_EXTRA_MAX && rest.len == RECORD_MODE_BYTES + extra_bytes;
}

bool format_numbers_hold(uint64_t seq, int64_t accepted_at, uint32_t count) {
    int64_t taken = 0;
    return seq < SEQ_END && wire_number_take(WIRE_NUMBER_TIME_US, accepted_at, &taken) == ERR_OK &&
           wire_number_take(WIRE_NUMBER_BATCH_CASES, count, &taken) == ERR_OK;
}

/* Whether the fields may be used at all: each in its range, the parts in order within the body. */
static bool shape_holds(struct span value, struct journal_record *record) {
    const uint8_t *at = value.ptr;
    size_t source_bytes = at[3];
    size_t parts_end =
        RECORD_FIXED_BYTES + source_bytes + RECORD_PART_BYTES * (size_t)record->cut_count;
    if (at[1] > WIRE_ACK_OUTCOME || at[2] >= WIRE_PRIORITY_COUNT || source_bytes < 1 ||
        source_bytes > WIRE_NAME_MAX || record->cut_count < 1 ||
        record->cut_count > JOURNAL_CUTS_MAX || record->bytes > WIRE_BODY_BYTES_MAX ||
        !format_numbers_hold(record->seq, record->accepted_at, record->count) ||
        value.len < parts_end + SUM_BYTES ||
        !mode_holds(at[0], span_make(at + parts_end, value.len - parts_end - SUM_BYTES), record)) {
        return false;
    }
    at += RECORD_FIXED_BYTES + source_bytes;
    for (uint32_t i = 0; i < record->cut_count; i++, at += RECORD_PART_BYTES) {
        record->cuts[i] = get_le32(at);
        record->sums[i] = get_le64(at + 4);
        if (record->cuts[i] >= record->bytes ||
            record->cuts[i] < (i == 0 ? 0 : record->cuts[i - 1] + 1)) {
            return false;
        }
    }
    return record->names_bytes == 0 || record->cuts[0] == record->names_bytes;
}

enum err format_record_decode(struct span key, struct span value, struct journal_record *record) {
    *record = (struct journal_record){.source = SPAN_LIT(""), .extra = SPAN_LIT("")};
    if (key.len != FORMAT_RECORD_KEY_BYTES) {
        return ERR_CORRUPT;
    }
    record->seq = get_be64(key.ptr);
    if (value.len < RECORD_FIXED_BYTES + 1 + RECORD_PART_BYTES + SUM_BYTES) {
        return ERR_CORRUPT;
    }
    const uint8_t *at = value.ptr;
    size_t sealed = value.len - SUM_BYTES;
    bool holds = record_sum(key, span_make(at, sealed)) == get_le64(at + sealed);
    if (at[0] < RECORD_VERSION_INTAKE || at[0] > RECORD_VERSION_ROWS) {
        return holds ? ERR_VERSION : ERR_CORRUPT;
    }
    record->ack = (enum wire_ack)at[1];
    record->priority = (enum wire_priority)at[2];
    memcpy(record->batch.bytes, at + 4, 16);
    memcpy(record->hash.bytes, at + 20, 16);
    record->count = get_le32(at + 36);
    record->bytes = get_le32(at + 40);
    record->accepted_at = (int64_t)get_le64(at + 44);
    record->cut_count = at[52];
    if (!shape_holds(value, record)) {
        return ERR_CORRUPT;
    }
    record->source = span_make(at + RECORD_FIXED_BYTES, at[3]);
    return holds ? ERR_OK : ERR_CORRUPT;
}

void format_state_encode(const struct journal_totals *totals, struct buf *value) {
    buf_str(value, "CMJL");
    buf_le32(value, STATE_VERSION);
    buf_append(value, span_make(totals->uuid.bytes, sizeof(totals->uuid.bytes)));
    buf_le64(value, totals->next_seq);
    buf_le64(value, totals->live_count);
    buf_le64(value, totals->live_bytes);
    buf_le64(value, totals->live_xor);
    buf_le64(value, totals->txn);
    buf_le64(value, hash64(buf_span(value)));
    CHECK(value->len == STATE_BYTES);
}

enum err format_state_decode(struct span value, struct journal_totals *totals, uint32_t *version) {
    const uint8_t *at = value.ptr;
    if (value.len < 8 + SUM_BYTES || memcmp(at, "CMJL", 4) != 0 ||
        hash64(span_make(at, value.len - SUM_BYTES)) != get_le64(at + value.len - SUM_BYTES)) {
        return ERR_CORRUPT;
    }
    *version = get_le32(at + 4);
    if (*version < STATE_VERSION_LEAST || *version > STATE_VERSION) {
        return ERR_VERSION;
    }
    if (value.len != STATE_BYTES) {
        return ERR_CORRUPT;
    }
    memcpy(totals->uuid.bytes, at + 8, 16);
    totals->next_seq = get_le64(at + 24);
    totals->live_count = get_le64(at + 32);
    totals->live_bytes = get_le64(at + 40);
    totals->live_xor = get_le64(at + 48);
    totals->txn = get_le64(at + 56);
    return totals->next_seq <= SEQ_END ? ERR_OK : ERR_CORRUPT;
}

/* A pack: key and value, once as they are and once with new checksums of each head and entry
 * where its shape allows it. An accepted pack has its slots one after the other within the
 * value, is within the budget, and written again gives the same bytes. An entry is within its
 * bounds. */
#include "broker/journal_pack.h"
#include "fuzz.h"

enum { SUM_BYTES = 8, HEAD_FIXED_BYTES = 6, HEAD_SLOT_BYTES = 3, ENTRY_FIXED_BYTES = 52 };

static void seal(uint64_t seq, uint8_t *at, size_t len) {
    struct buf bytes = BUF_EMPTY;
    uint8_t key[FORMAT_RECORD_KEY_BYTES];
    format_record_key(seq, key);
    buf_append(&bytes, span_make(key, sizeof(key)));
    buf_append(&bytes, span_make(at, len));
    uint64_t sum = hash64(buf_span(&bytes));
    buf_clear(&bytes);
    buf_le64(&bytes, sum);
    memcpy(at + len, bytes.ptr, SUM_BYTES);
    buf_free(&bytes);
}

static void slots_check(const struct pack *pack) {
    uint32_t body_at = 0;
    uint32_t entry_at = 0;
    CHECK(pack->count >= 1 && pack->count <= PACK_RECORDS_MAX);
    CHECK(pack->live != 0 && (uint64_t)pack->live >> pack->count == 0);
    for (uint32_t i = 0; i < pack->count; i++) {
        const struct pack_slot *slot = &pack->slots[i];
        CHECK(slot->body_at == body_at && slot->entry_at == entry_at);
        CHECK(slot->body_bytes >= 1 && slot->body_bytes <= FORMAT_CHUNK_BYTES);
        body_at += slot->body_bytes;
        entry_at += slot->entry_bytes;
    }
    CHECK(pack->body_bytes == body_at && pack->entry_bytes == entry_at);
    CHECK(pack_cost(pack) >= pack->body_bytes);
}

static void entry_check(const struct pack *pack, struct span value, uint32_t index) {
    struct journal_record record;
    enum err err = pack_record(pack, value, index, &record);
    CHECK(err == ERR_OK || err == ERR_CORRUPT);
    CHECK(record.seq == pack->first + index);
    CHECK(record.bytes == pack->slots[index].body_bytes);
    CHECK(record.source.len <= WIRE_NAME_MAX);
    if (err == ERR_OK) {
        CHECK(record.ack <= WIRE_ACK_OUTCOME && record.priority < WIRE_PRIORITY_COUNT);
        CHECK(record.source.len >= 1 && record.count >= 1);
        CHECK(pack_takes(&record));
        struct buf again = BUF_EMPTY;
        struct span entries = pack_entries(pack, value);
        pack_entry_encode(&record, &again);
        CHECK(span_eq(buf_span(&again), span_make(entries.ptr + pack->slots[index].entry_at,
                                                  pack->slots[index].entry_bytes)));
        buf_free(&again);
    }
}

static bool pack_check(struct span key, struct span value) {
    struct pack pack;
    if (pack_decode(key, value, &pack) != ERR_OK) {
        return false;
    }
    uint8_t again[PACK_VALUE_BYTES_MAX];
    struct pack second;
    uint32_t live = 0;
    slots_check(&pack);
    CHECK(pack_value_bytes(&pack) == value.len);
    pack_encode(&pack, pack_entries(&pack, value), again);
    CHECK(pack_decode(key, span_make(again, value.len), &second) == ERR_OK);
    CHECK(second.live == pack.live && second.count == pack.count);
    for (uint32_t i = 0; i < pack.count; i++) {
        entry_check(&pack, value, i);
    }
    for (uint32_t i = 0; pack_next_live(&pack, &i); i++) {
        live |= (uint32_t)1 << i;
    }
    CHECK(live == pack.live);
    return true;
}

/* Writes the checksums of both heads, as far as the first states their length, and of the entries.
 */
static void seal_all(uint64_t seq, struct buf *value) {
    size_t count = value->len > 1 ? value->ptr[1] : 0;
    size_t head = HEAD_FIXED_BYTES + HEAD_SLOT_BYTES * count;
    size_t at = head + SUM_BYTES;
    if (count == 0 || value->len < 2 * at) {
        return;
    }
    value->ptr[0] = 64;
    seal(seq, value->ptr, head);
    seal(seq, value->ptr + value->len - at, head);
    for (size_t i = 0; i < count; i++) {
        size_t entry =
            ENTRY_FIXED_BYTES + (size_t)value->ptr[HEAD_FIXED_BYTES + HEAD_SLOT_BYTES * i + 2];
        if (at + entry + SUM_BYTES > value->len) {
            return;
        }
        seal(seq + i, value->ptr + at, entry);
        at += entry + SUM_BYTES;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    if (len < FORMAT_RECORD_KEY_BYTES) {
        return 0;
    }
    struct span key = span_make(bytes, FORMAT_RECORD_KEY_BYTES);
    struct buf value = BUF_EMPTY;
    buf_append(&value, span_make(bytes + key.len, len - key.len));
    (void)pack_check(key, buf_span(&value));
    seal_all(get_be64(key.ptr), &value);
    (void)pack_check(key, buf_span(&value));
    buf_free(&value);
    return 0;
}

/* A pack's head names its live records and their lengths. A pack has two heads, and each entry has
 * a seal of its own, so that damage costs as few batches as possible. */
#include "broker/journal_pack.h"

enum {
    PACK_VERSION = 64, /* no plain record's */
    HEAD_FIXED_BYTES = 6,
    HEAD_SLOT_BYTES = 3,
    SUM_BYTES = 8,
    HEAD_BYTES_MAX = HEAD_FIXED_BYTES + HEAD_SLOT_BYTES * PACK_RECORDS_MAX + SUM_BYTES,
    ENTRY_FIXED_BYTES = 52, /* before the source */
    ENTRY_BYTES_MAX = ENTRY_FIXED_BYTES + WIRE_NAME_MAX + SUM_BYTES,
    BODY_BYTES_MAX = FORMAT_CHUNK_BYTES,
    COST_VALUE_FACTOR = 4 /* leaves are a quarter full at least */
};
_Static_assert(BODY_BYTES_MAX <= UINT16_MAX, "a slot has 16 bits for it, an entry for its cases");
_Static_assert(2 * (HEAD_FIXED_BYTES + HEAD_SLOT_BYTES + SUM_BYTES) + ENTRY_BYTES_MAX <=
                   PACK_VALUE_BYTES_MAX,
               "a pack has room for one at least");

static size_t head_bytes(uint32_t count) {
    return HEAD_FIXED_BYTES + HEAD_SLOT_BYTES * (size_t)count + SUM_BYTES;
}

/* XXH3-64 of a sequence number, as a key has it, and the bytes. */
static uint64_t seal_of(uint64_t seq, const uint8_t *bytes, size_t len) {
    uint8_t sealed[FORMAT_RECORD_KEY_BYTES + HEAD_BYTES_MAX + ENTRY_BYTES_MAX];
    CHECK(len <= sizeof(sealed) - FORMAT_RECORD_KEY_BYTES);
    format_record_key(seq, sealed);
    memcpy(sealed + FORMAT_RECORD_KEY_BYTES, bytes, len);
    return hash64(span_make(sealed, FORMAT_RECORD_KEY_BYTES + len));
}

bool pack_takes(const struct journal_record *record) {
    return record->cut_count == 1 && record->cuts[0] == 0 && record->names_bytes == 0 &&
           record->mode == WORK_INTAKE && record->extra.len == 0 && record->bytes >= 1 &&
           record->bytes <= BODY_BYTES_MAX && record->count <= record->bytes;
}

void pack_entry_encode(const struct journal_record *record, struct buf *entry) {
    CHECK(record->source.len >= 1 && record->source.len <= WIRE_NAME_MAX);
    CHECK(pack_takes(record));
    (void)buf_room(entry, ENTRY_BYTES_MAX);
    size_t from = entry->len;
    buf_byte(entry, (uint8_t)record->ack);
    buf_byte(entry, (uint8_t)record->priority);
    buf_le16(entry, (uint16_t)record->count);
    buf_append(entry, span_make(record->batch.bytes, sizeof(record->batch.bytes)));
    buf_append(entry, span_make(record->hash.bytes, sizeof(record->hash.bytes)));
    buf_le64(entry, (uint64_t)record->accepted_at);
    buf_le64(entry, record->sums[0]);
    buf_append(entry, record->source);
    buf_le64(entry, seal_of(record->seq, entry->ptr + from, entry->len - from));
}

bool pack_has_room(const struct pack *pack, size_t entry_bytes) {
    return pack->count < PACK_RECORDS_MAX &&
           2 * head_bytes(pack->count + 1) + pack->entry_bytes + entry_bytes <=
               PACK_VALUE_BYTES_MAX;
}

void pack_add(struct pack *pack, size_t entry_bytes, size_t body_bytes) {
    CHECK(pack_has_room(pack, entry_bytes));
    pack->slots[pack->count] = (struct pack_slot){.body_at = pack->body_bytes,
                                                  .body_bytes = (uint32_t)body_bytes,
                                                  .entry_at = pack->entry_bytes,
                                                  .entry_bytes = (uint32_t)entry_bytes};
    pack->live |= (uint32_t)1 << pack->count++;
    pack->body_bytes += (uint32_t)body_bytes;
    pack->entry_bytes += (uint32_t)entry_bytes;
}

size_t pack_value_bytes(const struct pack *pack) {
    return 2 * head_bytes(pack->count) + pack->entry_bytes;
}

static void put_le(uint8_t *at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++, value >>= 8) {
        at[i] = (uint8_t)value;
    }
}

static void head_encode(const struct pack *pack, uint8_t *head) {
    uint8_t *at = head + HEAD_FIXED_BYTES;
    head[0] = PACK_VERSION;
    head[1] = (uint8_t)pack->count;
    put_le(head + 2, pack->live, 4);
    for (uint32_t i = 0; i < pack->count; i++, at += HEAD_SLOT_BYTES) {
        put_le(at, pack->slots[i].body_bytes, 2);
        at[2] = (uint8_t)(pack->slots[i].entry_bytes - ENTRY_FIXED_BYTES - SUM_BYTES);
    }
    put_le(at, seal_of(pack->first, head, (size_t)(at - head)), SUM_BYTES);
}

void pack_encode(const struct pack *pack, struct span entries, uint8_t *value) {
    size_t head = head_bytes(pack->count);
    CHECK(pack->count >= 1 && entries.len == pack->entry_bytes);
    head_encode(pack, value);
    memmove(value + head, entries.ptr, entries.len); /* they may be of this very value */
    memcpy(value + head + entries.len, value, head);
}

struct span pack_entries(const struct pack *pack, struct span value) {
    return span_make(value.ptr + head_bytes(pack->count), pack->entry_bytes);
}

uint64_t pack_cost(const struct pack *pack) {
    uint64_t value = pack_value_bytes(pack) * COST_VALUE_FACTOR;
    return pack->count == 0 ? 0
                            : format_body_cost(pack->body_bytes) +
                                  (value < FORMAT_PAGE_BYTES ? value : (uint64_t)FORMAT_PAGE_BYTES);
}

static bool head_decode(uint64_t seq, struct span value, const uint8_t *head, struct pack *pack) {
    uint32_t count = head[1];
    size_t len = head_bytes(count);
    if (head[0] != PACK_VERSION || count < 1 || count > PACK_RECORDS_MAX || value.len < 2 * len ||
        seal_of(seq, head, len - SUM_BYTES) != get_le64(head + len - SUM_BYTES)) {
        return false;
    }
    *pack = (struct pack){.first = seq};
    for (const uint8_t *at = head + HEAD_FIXED_BYTES; pack->count < count; at += HEAD_SLOT_BYTES) {
        size_t entry_bytes = ENTRY_FIXED_BYTES + (size_t)at[2] + SUM_BYTES;
        if (!pack_has_room(pack, entry_bytes) || at[2] < 1 || at[2] > WIRE_NAME_MAX ||
            get_le16(at) < 1 || get_le16(at) > BODY_BYTES_MAX) {
            return false;
        }
        pack_add(pack, entry_bytes, get_le16(at));
    }
    uint32_t all = pack->live;
    pack->live = get_le32(head + 2);
    return pack->live != 0 && (pack->live & ~all) == 0 && pack_value_bytes(pack) == value.len;
}

enum err pack_decode(struct span key, struct span value, struct pack *pack) {
    if (key.len != FORMAT_RECORD_KEY_BYTES || value.len < 2 * head_bytes(1) ||
        value.len > PACK_VALUE_BYTES_MAX) {
        return ERR_CORRUPT;
    }
    uint64_t seq = get_be64(key.ptr);
    if (head_decode(seq, value, value.ptr, pack)) {
        return ERR_OK;
    }
    for (uint32_t count = 1; count <= PACK_RECORDS_MAX; count++) {
        size_t len = head_bytes(count);
        const uint8_t *head = value.ptr + (value.len < 2 * len ? 0 : value.len - len);
        if (head[1] == count && head_decode(seq, value, head, pack)) {
            return ERR_OK;
        }
    }
    return ERR_CORRUPT;
}

enum err pack_record(const struct pack *pack, struct span value, uint32_t index,
                     struct journal_record *record) {
    CHECK(index < pack->count);
    const struct pack_slot *slot = &pack->slots[index];
    const uint8_t *at = pack_entries(pack, value).ptr + slot->entry_at;
    size_t sealed = slot->entry_bytes - SUM_BYTES;
    *record = (struct journal_record){.seq = pack->first + index,
                                      .ack = (enum wire_ack)at[0],
                                      .priority = (enum wire_priority)at[1],
                                      .count = get_le16(at + 2),
                                      .bytes = slot->body_bytes,
                                      .accepted_at = (int64_t)get_le64(at + 36),
                                      .mode = WORK_INTAKE,
                                      .extra = SPAN_LIT(""),
                                      .source = SPAN_LIT(""),
                                      .cut_count = 1,
                                      .sums = {get_le64(at + 44)}};
    memcpy(record->batch.bytes, at + 4, sizeof(record->batch.bytes));
    memcpy(record->hash.bytes, at + 20, sizeof(record->hash.bytes));
    if (at[0] > WIRE_ACK_OUTCOME || at[1] >= WIRE_PRIORITY_COUNT ||
        !format_numbers_hold(record->seq, record->accepted_at, record->count) ||
        record->count > record->bytes) { /* a case has a byte at least */
        return ERR_CORRUPT;
    }
    record->source = span_make(at + ENTRY_FIXED_BYTES, sealed - ENTRY_FIXED_BYTES);
    return seal_of(record->seq, at, sealed) == get_le64(at + sealed) ? ERR_OK : ERR_CORRUPT;
}

bool pack_next_live(const struct pack *pack, uint32_t *index) {
    while (*index < pack->count && !pack_is_live(pack, *index)) {
        ++*index;
    }
    return *index < pack->count;
}

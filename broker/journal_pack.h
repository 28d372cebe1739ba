/* Purpose: the bytes of a pack: the headers of small batches that one commit put, in one value.
 * Pure: bytes to structs and back.  journal_format.c describes it by byte offset.
 * Limits: as many records as fit a value on a leaf, PACK_RECORDS_MAX at most.
 * Read next: journal_commit.c, which makes packs and takes records out of them. */
#ifndef CASEMILL_BROKER_JOURNAL_PACK_H
#define CASEMILL_BROKER_JOURNAL_PACK_H

#include "broker/journal_format.h"

enum {
    PACK_RECORDS_MAX = 30,
    PACK_VALUE_BYTES_MAX = FORMAT_LEAF_BYTES_MAX - FORMAT_RECORD_KEY_BYTES
};

struct pack_slot {
    uint32_t body_at, body_bytes;   /* among the bodies of the pack */
    uint32_t entry_at, entry_bytes; /* among the entries */
};
struct pack {
    uint64_t first; /* sequence number of the first; the others follow without a gap */
    uint32_t count;
    uint32_t live; /* one bit a record */
    uint32_t body_bytes, entry_bytes;
    struct pack_slot slots[PACK_RECORDS_MAX];
};

/* pack_takes: whether a batch may be in a pack at all. */
bool pack_takes(const struct journal_record *record);
void pack_entry_encode(const struct journal_record *record, struct buf *entry);

/* pack_has_room: for an entry of that length behind those it has. */
bool pack_has_room(const struct pack *pack, size_t entry_bytes);
void pack_add(struct pack *pack, size_t entry_bytes, size_t body_bytes);
size_t pack_value_bytes(const struct pack *pack);
/* pack_encode writes pack_value_bytes; entries: those of all records, in order. */
void pack_encode(const struct pack *pack, struct span entries, uint8_t *value);
struct span pack_entries(const struct pack *pack, struct span value);
uint64_t pack_cost(const struct pack *pack); /* what it takes of the budget, in bytes */

/* pack_decode reads the head or, if that does not hold, its copy.  Errors: ERR_CORRUPT it is no
 * pack, or neither holds. */
MUST_USE enum err pack_decode(struct span key, struct span value, struct pack *pack);
/* pack_record reads one entry; source points into value.  Errors: ERR_CORRUPT as
 * format_record_decode; seq and bytes are right in any case. */
MUST_USE enum err pack_record(const struct pack *pack, struct span value, uint32_t index,
                              struct journal_record *record);

static inline bool pack_is_live(const struct pack *pack, uint32_t index) {
    return (pack->live >> index & 1) != 0;
}
/* pack_next_live moves *index to the first live record from there on; false: there is none. */
bool pack_next_live(const struct pack *pack, uint32_t *index);

#endif

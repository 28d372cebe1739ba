/* Purpose: the bytes of the journal's keys and values, without LMDB: records, chunks, totals.
 * Pure: bytes to structs and back.  journal_format.c describes each by byte offset.
 * Read next: journal_store.h, which keeps them. */
#ifndef CASEMILL_BROKER_JOURNAL_FORMAT_H
#define CASEMILL_BROKER_JOURNAL_FORMAT_H

#include "broker/journal.h"

enum {
    FORMAT_CHUNK_BYTES = 4080, /* of body in one value: with LMDB's header one page */
    FORMAT_PAGE_BYTES = 4096,
    FORMAT_LEAF_BYTES_MAX = 2030, /* key and value that LMDB keeps on a leaf */
    FORMAT_RECORD_KEY_BYTES = 8,
    FORMAT_CHUNK_KEY_BYTES = 12,
    FORMAT_RECORD_BYTES_MAX = 53 + 128 + 12 * JOURNAL_CUTS_MAX + 3 + JOURNAL_EXTRA_MAX + 12 + 8
};

struct journal_totals {
    struct uuid uuid;
    uint64_t next_seq, live_count, live_bytes, live_xor;
    uint64_t txn; /* LMDB's number of the transaction that wrote them */
};

void format_record_key(uint64_t seq, uint8_t key[FORMAT_RECORD_KEY_BYTES]);
void format_chunk_key(uint64_t seq, uint32_t chunk, uint8_t key[FORMAT_CHUNK_KEY_BYTES]);
/* What of the budget: a body's chunks take, in bytes; a record and its body. */
uint64_t format_body_cost(uint64_t body_bytes);
uint64_t format_cost(uint64_t body_bytes);

/* format_record_encode appends. */
void format_record_encode(const struct journal_record *record, struct buf *value);
/* format_record_decode: the record's source and extra point into value.
 * Errors: ERR_CORRUPT its checksum or a bound does not hold; *record then has what the bytes hold
 * if their shape allows it (source.len > 0), else only seq.  ERR_VERSION a whole record of another
 * version. */
MUST_USE enum err format_record_decode(struct span key, struct span value,
                                       struct journal_record *record);
void format_state_encode(const struct journal_totals *totals, struct buf *value);
/* format_state_decode: Errors: ERR_CORRUPT; ERR_VERSION whole, of another version, which *version
 * gets; *totals unchanged. */
MUST_USE enum err format_state_decode(struct span value, struct journal_totals *totals,
                                      uint32_t *version);

/* Whether the protocol can carry the stored numbers: a journal's sums detect only accidental
 * damage. */
bool format_numbers_hold(uint64_t seq, int64_t accepted_at, uint32_t count);

#endif

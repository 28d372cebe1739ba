/* A plain record and the state of the journal. The first byte chooses, then come the key (of a
 * record) and the value, once as they are and once with a correct checksum, because chance never
 * finds one. An accepted record is within its bounds and written again gives the same bytes. */
#include "broker/journal_format.h"
#include "fuzz.h"

enum { SUM_BYTES = 8 };

static void record_bounds(const struct journal_record *record, struct span value) {
    CHECK(record->source.len >= 1 && record->source.len <= WIRE_NAME_MAX);
    CHECK(record->source.ptr > value.ptr);
    CHECK(record->source.ptr + record->source.len <= value.ptr + value.len);
    CHECK(record->extra.len <= JOURNAL_EXTRA_MAX);
    CHECK(record->extra.len == 0 ||
          record->extra.ptr + record->extra.len <= value.ptr + value.len - SUM_BYTES);
    CHECK(record->count >= 1 && record->count <= WIRE_CASES_MAX);
    CHECK(record->bytes >= 1 && record->bytes <= WIRE_BODY_BYTES_MAX);
    CHECK(record->ack <= WIRE_ACK_OUTCOME && record->priority < WIRE_PRIORITY_COUNT);
    CHECK(record->mode <= WORK_RETRY);
    CHECK(record->cut_count >= 1 && record->cut_count <= JOURNAL_CUTS_MAX);
    CHECK(record->names_bytes == 0 || record->names_bytes == record->cuts[0]);
    for (uint32_t i = 0; i < record->cut_count; i++) {
        CHECK(record->cuts[i] < record->bytes);
        CHECK(i == 0 || record->cuts[i] > record->cuts[i - 1]);
    }
}

/* The last bytes of key and value become the XXH3-64 of all before. */
static void seal(struct buf *both) {
    size_t sealed = both->len - SUM_BYTES;
    uint64_t sum = hash64(span_make(both->ptr, sealed));
    both->len = sealed;
    buf_le64(both, sum);
}

static enum err record_check(struct span key, struct span value) {
    struct journal_record record;
    enum err err = format_record_decode(key, value, &record);
    CHECK(err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION);
    if (err != ERR_OK) {
        CHECK(record.source.len <= WIRE_NAME_MAX);
        return err;
    }
    struct buf again = BUF_EMPTY;
    record_bounds(&record, value);
    format_record_encode(&record, &again);
    CHECK(value.len <= FORMAT_RECORD_BYTES_MAX);
    /* An intake record without extra has a longer form that the broker never writes. */
    if (record.mode != WORK_INTAKE || record.extra.len > 0 || value.ptr[0] != 2) {
        CHECK(span_eq(buf_span(&again), value));
    }
    buf_free(&again);
    return ERR_OK;
}

static void records_check(struct span bytes) {
    if (bytes.len < FORMAT_RECORD_KEY_BYTES + SUM_BYTES) {
        return;
    }
    struct buf both = BUF_EMPTY;
    buf_append(&both, bytes);
    for (int sealed = 0; sealed < 2; sealed++) {
        struct span key = span_make(both.ptr, FORMAT_RECORD_KEY_BYTES);
        struct span value = span_make(both.ptr + key.len, both.len - key.len);
        (void)record_check(key, value);
        seal(&both);
    }
    buf_free(&both);
}

static void state_check(struct span value) {
    struct journal_totals totals = {.txn = 7};
    uint32_t version = 0;
    enum err err = format_state_decode(value, &totals, &version);
    CHECK(err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION);
    CHECK(err == ERR_OK || totals.txn == 7);
    if (err == ERR_OK && version == 4) {
        struct buf again = BUF_EMPTY;
        format_state_encode(&totals, &again);
        CHECK(span_eq(buf_span(&again), value));
        buf_free(&again);
    }
}

static void states_check(struct span bytes) {
    if (bytes.len < SUM_BYTES) {
        return;
    }
    struct buf value = BUF_EMPTY;
    buf_append(&value, bytes);
    state_check(buf_span(&value));
    seal(&value);
    state_check(buf_span(&value));
    buf_free(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    if (len > 0) {
        (bytes[0] % 2 == 0 ? records_check : states_check)(span_make(bytes + 1, len - 1));
    }
    return 0;
}

/* Salvage of a damaged journal: whatever was damaged, each saved batch is one that was put, with
 * its own body, once, in order. No batch is invented, and no body becomes a batch. */
#include "base/mem.h"
#include "broker/journal_salvage.h"
#include "fuzz_journal.h"

/* What tests/unit/test_broker_journal_golden.c put into both journals. */
enum { GOLDEN_BATCHES = 9, GOLDEN_CASES = 3 };
static const uint32_t SIZES[] = {1, 100, 4100, 4200};

static void batch_check(const struct journal_record *record, const uint8_t *bytes,
                        uint32_t length) {
    CHECK(record->seq >= 1 && record->seq <= GOLDEN_BATCHES);
    CHECK(record->batch.bytes[0] == record->seq);
    CHECK(record->count == GOLDEN_CASES);
    CHECK(span_is(record->source, "a-source-to-find"));
    CHECK(length == SIZES[(record->seq - 1) % COUNT_OF(SIZES)]);
    for (size_t i = 0; i < length; i++) {
        CHECK(bytes[i] == (uint8_t)(record->seq * 31 + i * 7 + i / 251));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static uint8_t *body;
    struct salvage *salvage = NULL;
    struct journal_record record;
    struct diag diag = {0};
    uint64_t last = 0;
    uint32_t saved = 0;
    body = body == NULL ? mem_alloc(WIRE_BODY_BYTES_MAX) : body;
    struct fuzz_journal *journal = fuzz_journal_open();
    bool is_whole = fuzz_journal_fill(journal, span_make(bytes, len));
    CHECK(salvage_open(journal->dir, &salvage, &diag) == ERR_OK);
    while (salvage_next(salvage, &record)) {
        uint32_t length = 0;
        CHECK(record.seq > last);
        last = record.seq;
        enum err err = salvage_body(salvage, &record, body, &length);
        CHECK(err == ERR_OK || err == ERR_CORRUPT);
        CHECK(length <= record.bytes);
        if (err == ERR_OK) {
            batch_check(&record, body, length);
            saved++;
        }
    }
    struct journal_totals totals = salvage_totals(salvage);
    CHECK(!is_whole || saved >= totals.live_count);
    CHECK(totals.live_count <= GOLDEN_BATCHES);
    salvage_close(&salvage);
    return 0;
}

/* The pages of a damaged journal. The check without LMDB finds the damage. If it finds nothing,
 * LMDB can read every record and every body of its trees without harm. */
#include "base/mem.h"
#include "broker/journal_check.h"
#include "broker/journal_pages.h"
#include "fuzz_journal.h"

struct seen {
    struct journal_record *records;
    size_t count, cap;
};

static void keep(const struct journal_record *record, void *context) {
    struct seen *seen = context;
    CHECK(seen->count == 0 || record->seq > seen->records[seen->count - 1].seq);
    MEM_ROOM(seen->records, seen->count, seen->cap, 64);
    seen->records[seen->count++] = *record;
}

static void bodies_check(struct store *store, const struct seen *seen) {
    static uint8_t *bytes; /* costs more than the rest */
    bytes = bytes == NULL ? mem_alloc(WIRE_BODY_BYTES_MAX) : bytes;
    for (size_t i = 0; i < seen->count; i++) {
        const struct journal_record *record = &seen->records[i];
        if (record->source.len == 0) {
            continue; /* its header has nothing that can be used */
        }
        for (uint32_t part = 0; part < record->cut_count; part++) {
            uint32_t length = 0;
            CHECK(record->cuts[part] < record->bytes);
            enum err err = check_part(store, record, part, bytes, &length);
            CHECK(err == ERR_OK || err == ERR_CORRUPT || err == ERR_NOT_FOUND);
        }
    }
}

/* LMDB must be able to read a journal that passed the check. */
static void records_check(const char *dir) {
    struct store *store = NULL;
    struct seen seen = {NULL, 0, 0};
    struct diag diag = {0};
    enum err err = store_view(dir, &store, &diag);
    if (err == ERR_OK) {
        err = check_records(store, keep, &seen, &diag);
    }
    if (err == ERR_OK) {
        bodies_check(store, &seen);
    } else {
        CHECK(err == ERR_CORRUPT || err == ERR_VERSION || err == ERR_IO);
        CHECK(diag.text[0] != '\0' && strchr(diag.text, '\n') == NULL);
    }
    mem_free(seen.records);
    store_close(&store);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct fuzz_journal *journal = fuzz_journal_open();
    bool is_whole = fuzz_journal_fill(journal, span_make(bytes, len));
    enum err errs[2];
    for (int bodies = 0; bodies < 2; bodies++) {
        struct diag diag = {0};
        enum err err = pages_check(journal->dir, bodies == 1, &diag);
        CHECK(err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION || err == ERR_IO);
        CHECK(err == ERR_OK || (diag.text[0] != '\0' && strchr(diag.text, '\n') == NULL));
        CHECK(err == ERR_OK || !is_whole);
        errs[bodies] = err;
    }
    CHECK(errs[0] == ERR_OK || errs[1] != ERR_OK);
    if (errs[0] == ERR_OK) {
        records_check(journal->dir);
    }
    return 0;
}

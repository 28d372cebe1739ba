/* Cases: any bytes that the walker accepts decode, under the schema that casemill ships with, to
 * facts or to faults; the same bytes give the same digest. */
#include "casedoc/case_doc.h"
#include "fuzz_schema.h"
#include "wire/walk.h"

enum { ARENA_BYTES_MAX = 16 * 1024 * 1024 };

static void doc_check(const struct schema *schema, const struct case_doc *doc) {
    CHECK(doc->fault_count <= CASE_FAULTS_MAX);
    for (uint32_t i = 0; i < doc->fault_count; i++) {
        CHECK(doc->faults[i].reason != NULL);
        CHECK(doc->faults[i].found[0] != '\0');
    }
    if (doc->fault_count != 0) {
        return;
    }
    CHECK(doc->case_id.len >= 1 && doc->case_id.len <= CASE_ID_BYTES_MAX);
    CHECK(doc->revision >= 0);
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        CHECK(doc->slots[i].kind != VAL_NULL && doc->slots[i].kind != VAL_ERROR);
    }
    struct hash128 digest = case_digest(schema, doc);
    CHECK(hash128_eq(digest, doc->digest));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static struct schema *schema; /* loading it costs a thousand cases */
    if (schema == NULL) {
        schema = fuzz_schema_open();
    }
    struct span body = span_make(bytes, len);
    size_t end = 0;
    if (walk_value(body, &end) != ERR_OK || end != len) {
        return 0;
    }
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct case_doc doc = {0};
    enum err err = case_decode(schema, body, &arena, &doc);
    CHECK(err == ERR_OK || err == ERR_TOO_LARGE);
    if (err == ERR_OK) {
        doc_check(schema, &doc);
    }
    arena_free(&arena);
    return 0;
}

/* CSV as `casemill submit` reads it, under the shipped schema: any bytes become cases or are
 * refused in a text that holds nothing of a cell. A case decodes to facts or to faults, its own
 * keys are the envelope's, and every fact that it names has a value. */
#include "casedoc/case_doc.h"
#include "fuzz_schema.h"
#include "fuzz_submit.h"

enum { ARENA_BYTES_MAX = 16 * 1024 * 1024 };

static const struct schema *csv_schema;

static void case_check(struct span one) {
    struct arena arena;
    struct case_doc doc = {0};
    arena_init(&arena, ARENA_BYTES_MAX);
    enum err err = case_decode(csv_schema, one, &arena, &doc);
    CHECK(err == ERR_OK || err == ERR_TOO_LARGE);
    for (uint32_t i = 0; err == ERR_OK && i < doc.fault_count; i++) {
        CHECK(strcmp(doc.faults[i].reason, "not_a_map") != 0);
        CHECK(strcmp(doc.faults[i].reason, "unknown_key") != 0);
        CHECK(strcmp(doc.faults[i].reason, "unknown_fact") != 0);
        CHECK(strcmp(doc.faults[i].reason, "nul_byte") != 0);
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    if (csv_schema == NULL) {
        csv_schema = fuzz_schema_open(); /* loading it costs a thousand rows */
    }
    fuzz_submit(span_make(bytes, len), SUBMIT_CSV, csv_schema, case_check);
    return 0;
}

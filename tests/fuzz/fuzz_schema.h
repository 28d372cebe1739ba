/* Purpose: the case schema that casemill ships with, for targets that read cases. */
#ifndef CASEMILL_TESTS_FUZZ_FUZZ_SCHEMA_H
#define CASEMILL_TESTS_FUZZ_FUZZ_SCHEMA_H

#include "casedoc/schema.h"
#include "fuzz.h"

#ifndef CASEMILL_SOURCE
#define CASEMILL_SOURCE "." /* the build sets the folder of the tree */
#endif

static inline struct schema *fuzz_schema_open(void) {
    static const char *const codes[] = {"CA", "GT", "HN", "MX", "SV", "US"};
    struct vocabulary iso = {.words = codes, .count = COUNT_OF(codes)};
    struct yaml_doc *doc = NULL;
    struct schema *schema = NULL;
    CHECK(yaml_parse_file(CASEMILL_SOURCE "/config/case.yaml", &doc, NULL) == ERR_OK);
    CHECK(schema_load(doc, iso, &schema, NULL) == ERR_OK);
    yaml_doc_free(&doc);
    return schema;
}

#endif

/* Slots as columns: scalars have their type, lists of strings are text[], other lists and maps are
 * jsonb. */
#include "casedoc/column.h"

bool fact_is_text(const struct fact *fact) {
    return fact->type == FACT_STRING || fact->type == FACT_ENUM || fact->type == FACT_ISO;
}

void fact_column_name(const struct fact *fact, struct buf *out) {
    for (const char *at = fact->name; *at != '\0'; at++) {
        buf_byte(out, *at == '.' ? (uint8_t)'_' : (uint8_t)*at);
    }
}

bool column_is_reserved(struct span name) {
    static const char *const names[] = {/* sql/baseline/3_cases.sql */
                                        "source", "case_id", "revision", "received_at", "digest",
                                        "ruleset", "disposition", "agreement", "reason", "findings",
                                        "projected", "missing", "result", "reference_date", "as_of",
                                        "decided_at", "commit",
                                        /* sql/baseline/8_report.sql */
                                        "source_number", "agreements",
                                        /* system columns */
                                        "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (span_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

const char *fact_column_type(const struct fact *fact) {
    switch (fact->type) {
    case FACT_BOOL:
        return "boolean";
    case FACT_INT:
        return "bigint";
    case FACT_DOUBLE:
        return "double precision";
    case FACT_STRING:
    case FACT_ENUM:
    case FACT_ISO:
        return "text";
    case FACT_DATE:
        return "date";
    case FACT_TIMESTAMP:
        return "timestamp with time zone";
    case FACT_LIST:
        return fact_is_text(fact->element) ? "text[]" : "jsonb";
    case FACT_MAP:
    case FACT_RECORD:
        return "jsonb";
    }
    UNREACHABLE();
}

/* Slots as columns: scalars have their type.  Lists of strings are text[], other lists and maps are
 * jsonb; both are stored as text, because PostgreSQL takes a third of a row's time to read them. */
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

bool fact_has_text(const struct fact *fact) {
    return fact->type == FACT_LIST || fact->type == FACT_MAP || fact->type == FACT_RECORD;
}

void fact_stored_name(const struct fact *fact, struct buf *out) {
    fact_column_name(fact, out);
    if (fact_has_text(fact)) {
        buf_byte(out, '$');
    }
}

const char *fact_stored_type(const struct fact *fact) {
    return fact_has_text(fact) ? "text" : fact_column_type(fact);
}

/* A name has only a to z, digits and _: nothing in it needs an escape. */
void fact_column_select(const struct fact *fact, struct buf *out) {
    buf_str(out, fact_has_text(fact) ? "coalesce(c.\"" : "c.\"");
    fact_stored_name(fact, out);
    buf_byte(out, '"');
    if (fact_has_text(fact)) {
        buf_str(out, ", c.\"");
        fact_column_name(fact, out);
        buf_str(out, "\"::text)");
    }
}

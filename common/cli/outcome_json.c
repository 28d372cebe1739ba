/* The format is stable: keys are added, never renamed. */
#include "cli/outcome_json.h"

#include "base/date.h"

static void write_date(struct json *json, const char *key, int32_t days) {
    char text[DATE_TEXT_BYTES];
    date_format(days, text);
    json_str(json_key(json, key), text);
}

static void write_disposition(struct json *json, const struct result *result) {
    json_str(json_key(json, "disposition"), disposition_name(result->disposition));
}

/* Reason and missing. */
static void write_why(struct json *json, const struct ruleset *ruleset, uint32_t agreement,
                      const struct result *result) {
    const struct schema *schema = ruleset_schema(ruleset);
    json_str(json_key(json, "reason"), ruleset_reason(ruleset, agreement, result->reason).label);
    json_array_open(json_key(json, "missing"));
    for (uint32_t i = 0; i < result->missing_count; i++) {
        json_str(json, schema->paths[result->missing[i]]->name);
    }
    json_array_close(json);
}

static void write_finding(struct json *json, const struct ruleset *ruleset, uint32_t agreement,
                          const struct finding *finding) {
    json_object_open(json);
    json_str(json_key(json, "agreement"), ruleset_agreement_id(ruleset, agreement));
    write_disposition(json, &finding->result);
    write_why(json, ruleset, agreement, &finding->result);
    if (finding->error_rule != NULL) {
        json_object_open(json_key(json, "error"));
        json_str(json_key(json, "rule"), finding->error_rule);
        json_str(json_key(json, "kind"), finding->error_kind);
        json_object_close(json);
    }
    if (finding->has_projected) {
        json_object_open(json_key(json, "projected"));
        write_disposition(json, &finding->projected);
        write_why(json, ruleset, agreement, &finding->projected);
        json_object_close(json);
    }
    json_object_close(json);
}

void outcome_json(struct json *json, const struct ruleset *ruleset, const struct case_doc *doc,
                  int32_t reference_date, int32_t as_of, const struct outcome *outcome) {
    json_object_open(json);
    json_span(json_key(json, "case_id"), doc->case_id);
    json_int(json_key(json, "revision"), doc->revision);
    json_str(json_key(json, "ruleset"), ruleset_id(ruleset));
    write_date(json, "reference_date", reference_date);
    write_date(json, "as_of", as_of);
    write_disposition(json, &outcome->result);
    json_str(json_key(json, "agreement"), ruleset_agreement_id(ruleset, outcome->agreement));
    write_why(json, ruleset, outcome->agreement, &outcome->result);
    json_array_open(json_key(json, "findings"));
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        write_finding(json, ruleset, i, &outcome->findings[i]);
    }
    json_array_close(json);
    json_object_close(json);
}

void outcome_json_dead(struct json *json, const struct case_doc *doc) {
    json_object_open(json);
    json_key(json, "case_id");
    if (doc->case_id.len == 0) {
        json_nil(json);
    } else {
        json_span(json, doc->case_id);
    }
    json_key(json, "revision");
    if (doc->revision == CASE_REVISION_UNREAD) {
        json_nil(json);
    } else {
        json_int(json, doc->revision);
    }
    json_array_open(json_key(json, "dead"));
    for (uint32_t i = 0; i < doc->fault_count; i++) {
        json_object_open(json);
        json_str(json_key(json, "path"), doc->faults[i].path);
        json_str(json_key(json, "expected"), doc->faults[i].expected);
        json_str(json_key(json, "found"), doc->faults[i].found);
        json_object_close(json);
    }
    json_array_close(json);
    json_object_close(json);
}

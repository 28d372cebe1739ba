/* The format is stable: keys are added, never renamed. */
#include "cli/outcome_json.h"

#include "base/date.h"

static void write_date(struct json *json, const char *key, int32_t days) {
    char text[DATE_TEXT_BYTES];
    date_format(days, text);
    json_key(json, key);
    json_str(json, text);
}

static void write_disposition(struct json *json, const struct result *result) {
    json_key(json, "disposition");
    json_str(json, disposition_name(result->disposition));
}

/* Reason and missing. */
static void write_why(struct json *json, const struct ruleset *ruleset, uint32_t agreement,
                      const struct result *result) {
    const struct schema *schema = ruleset_schema(ruleset);
    json_key(json, "reason");
    json_str(json, ruleset_reason(ruleset, agreement, result->reason).label);
    json_key(json, "missing");
    json_array_open(json);
    for (uint32_t i = 0; i < result->missing_count; i++) {
        json_str(json, schema->paths[result->missing[i]]->name);
    }
    json_array_close(json);
}

static void write_finding(struct json *json, const struct ruleset *ruleset, uint32_t agreement,
                          const struct finding *finding) {
    json_object_open(json);
    json_key(json, "agreement");
    json_str(json, ruleset_agreement_id(ruleset, agreement));
    write_disposition(json, &finding->result);
    write_why(json, ruleset, agreement, &finding->result);
    if (finding->error_rule != NULL) {
        json_key(json, "error");
        json_object_open(json);
        json_key(json, "rule");
        json_str(json, finding->error_rule);
        json_key(json, "kind");
        json_str(json, finding->error_kind);
        json_object_close(json);
    }
    if (finding->has_projected) {
        json_key(json, "projected");
        json_object_open(json);
        write_disposition(json, &finding->projected);
        write_why(json, ruleset, agreement, &finding->projected);
        json_object_close(json);
    }
    json_object_close(json);
}

void outcome_json(struct json *json, const struct ruleset *ruleset, const struct case_doc *doc,
                  int32_t reference_date, int32_t as_of, const struct outcome *outcome) {
    json_object_open(json);
    json_key(json, "case_id");
    json_span(json, doc->case_id);
    json_key(json, "revision");
    json_int(json, doc->revision);
    json_key(json, "ruleset");
    json_str(json, ruleset_id(ruleset));
    write_date(json, "reference_date", reference_date);
    write_date(json, "as_of", as_of);
    write_disposition(json, &outcome->result);
    json_key(json, "agreement");
    json_str(json, ruleset_agreement_id(ruleset, outcome->agreement));
    write_why(json, ruleset, outcome->agreement, &outcome->result);
    json_key(json, "findings");
    json_array_open(json);
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
    json_key(json, "dead");
    json_array_open(json);
    for (uint32_t i = 0; i < doc->fault_count; i++) {
        json_object_open(json);
        json_key(json, "path");
        json_str(json, doc->faults[i].path);
        json_key(json, "expected");
        json_str(json, doc->faults[i].expected);
        json_key(json, "found");
        json_str(json, doc->faults[i].found);
        json_object_close(json);
    }
    json_array_close(json);
    json_object_close(json);
}

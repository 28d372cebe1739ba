/* An explanation for machines.  Keys are added, never renamed. */
#include "cli/explain/case.h"

#include "base/date.h"

static void write_str(struct json *json, const char *key, const char *text) {
    json_key(json, key);
    if (text == NULL) {
        json_nil(json);
    } else {
        json_str(json, text);
    }
}

static void write_day(struct json *json, const char *key, int32_t days) {
    char text[DATE_TEXT_BYTES];
    date_format(days, text);
    write_str(json, key, text);
}

static void write_value(struct json *json, const char *key, struct buf *text) {
    json_span(json_key(json, key), buf_span(text));
    buf_clear(text);
}

static void write_events(struct json *json, const struct trace_view *view) {
    json_array_open(json_key(json, "events"));
    for (uint32_t i = 0; i < view->event_count; i++) {
        const struct trace_event *event = &view->events[i];
        json_object_open(json);
        write_str(json, "event", event->name);
        write_day(json, "date", event->date);
        write_day(json, "recorded", event->recorded);
        write_str(json, "cite", event->cite);
        json_bool(json_key(json, "verify"), event->verify);
        json_bool(json_key(json, "legal"), event->is_legal);
        json_bool(json_key(json, "known"), event->is_known);
        json_bool(json_key(json, "past"), event->has_come);
        json_bool(json_key(json, "holds"), event->is_status);
        json_object_close(json);
    }
    json_array_close(json);
}

static void write_paths(struct json *json, const struct schema *schema,
                        const struct path_set *paths) {
    json_array_open(json_key(json, "waits_for"));
    for (uint32_t i = 0; i < schema->path_count; i++) {
        if (path_set_has(paths, i)) {
            json_str(json, schema->paths[i]->name);
        }
    }
    json_array_close(json);
}

static void write_reads(struct json *json, const struct explain_case *shown,
                        const struct trace_view *view, const struct trace_rule *rule) {
    struct buf text = BUF_EMPTY;
    json_object_open(json_key(json, "facts"));
    for (uint32_t i = 0; i < rule->read_count; i++) {
        explain_value(shown->ruleset, rule->reads[i], view->slots[rule->reads[i]], &text);
        write_value(json, trace_slot_name(shown->ruleset, rule->reads[i]), &text);
    }
    json_object_close(json);
    json_object_open(json_key(json, "names"));
    for (uint32_t i = 0; i < rule->name_count; i++) {
        const struct trace_name *name = &view->names[rule->names[i]];
        explain_name_value(name->value, &text);
        write_value(json, name->name, &text);
    }
    json_object_close(json);
    buf_free(&text);
}

static void write_rule(struct json *json, const struct explain_case *shown,
                       const struct trace_view *view, const struct trace_rule *rule) {
    json_object_open(json);
    write_str(json, "section", rule->section);
    write_str(json, "label", rule->label);
    write_str(json, "value", trace_truth_name(rule->truth));
    write_str(json, "error", rule->error);
    write_str(json, "cite", rule->cite);
    json_bool(json_key(json, "verify"), rule->verify);
    json_uint(json_key(json, "line"), rule->line);
    json_span(json_key(json, "given"), rule->given);
    json_span(json_key(json, "when"), rule->when);
    write_str(json, "by", rule->by);
    if (rule->has_from) {
        write_day(json, "from", rule->from);
    }
    if (rule->has_until) {
        write_day(json, "until", rule->until);
    }
    if (rule->has_recorded) {
        write_day(json, "recorded", rule->recorded);
    }
    json_bool(json_key(json, "in_projected"), rule->in_projected);
    write_paths(json, ruleset_schema(shown->ruleset), &rule->paths);
    write_reads(json, shown, view, rule);
    json_object_close(json);
}

static void write_result(struct json *json, const struct explain_case *shown, uint32_t agreement,
                         const struct result *result) {
    write_str(json, "disposition", disposition_name(result->disposition));
    write_str(json, "reason", ruleset_reason(shown->ruleset, agreement, result->reason).label);
}

static void write_decided(struct json *json, const struct explain_case *shown, uint32_t agreement,
                          const struct trace_view *view, const struct trace_decision *decided,
                          const struct result *result) {
    json_object_open(json);
    write_result(json, shown, agreement, result);
    write_str(json, "decided_by",
              decided->rule < view->rule_count ? view->rules[decided->rule].label : "otherwise");
    json_bool(json_key(json, "settled"), decided->is_settled);
    json_object_close(json);
}

static void write_answers(struct json *json, const struct explain_case *shown, struct trace *trace,
                          uint16_t slot) {
    struct trace_answer answers[TRACE_ANSWERS_MAX] = {0};
    struct buf text = BUF_EMPTY;
    uint32_t count = slot == UINT16_MAX ? 0 : trace_answers(trace, slot, answers);
    json_bool(json_key(json, "decides"), explain_does_decide(answers, count));
    json_array_open(json_key(json, "answers"));
    for (uint32_t i = 0; i < count; i++) {
        json_object_open(json);
        explain_value(shown->ruleset, slot, answers[i].value, &text);
        write_value(json, "value", &text);
        write_str(json, "disposition", disposition_name(answers[i].disposition));
        write_str(json, "reason", answers[i].label);
        json_bool(json_key(json, "projected"), answers[i].is_projected);
        json_object_close(json);
    }
    json_array_close(json);
    buf_free(&text);
}

static void write_missing(struct json *json, const struct explain_case *shown, struct trace *trace,
                          const struct trace_view *view) {
    const struct schema *schema = ruleset_schema(shown->ruleset);
    const struct result *asked = explain_asked(view);
    json_array_open(json_key(json, "missing"));
    for (uint32_t i = 0; i < asked->missing_count; i++) {
        const struct fact *fact = schema->paths[asked->missing[i]];
        json_object_open(json);
        write_str(json, "fact", fact->name);
        write_str(json, "question", fact->help);
        write_str(json, "asked_of", fact->officer ? "officer" : "intake");
        write_answers(json, shown, trace, fact->slot);
        json_object_close(json);
    }
    json_array_close(json);
}

static void write_agreement(struct json *json, const struct explain_case *shown,
                            struct trace *trace, uint32_t index) {
    struct trace_view view;
    trace_agreement(trace, shown->doc, index, shown->reference_date, shown->as_of, &view);
    json_object_open(json);
    write_str(json, "agreement", view.id);
    write_str(json, "title", view.title);
    write_str(json, "status", view.status);
    json_bool(json_key(json, "in_force"), view.is_status_open);
    write_events(json, &view);
    write_decided(json_key(json, "finding"), shown, index, &view, &view.decided,
                  &view.finding.result);
    json_key(json, "projected");
    if (view.finding.has_projected) {
        write_decided(json, shown, index, &view, &view.projected, &view.finding.projected);
    } else {
        json_nil(json);
    }
    write_missing(json, shown, trace, &view);
    json_array_open(json_key(json, "rules"));
    for (uint32_t i = 0; i < view.rule_count; i++) {
        write_rule(json, shown, &view, &view.rules[i]);
    }
    json_array_close(json);
    json_object_close(json);
}

void explain_json(const struct explain_case *shown, struct trace *trace, struct json *json) {
    json_object_open(json);
    write_str(json, "note", EXPLAIN_TRIAGE);
    json_span(json_key(json, "case_id"), shown->doc->case_id);
    json_int(json_key(json, "revision"), shown->doc->revision);
    write_str(json, "source", shown->source);
    write_str(json, "decided_at", shown->decided_at);
    write_str(json, "ruleset", ruleset_id(shown->ruleset));
    write_day(json, "reference_date", shown->reference_date);
    write_day(json, "as_of", shown->as_of);
    write_result(json, shown, shown->outcome.agreement, &shown->outcome.result);
    write_str(json, "agreement", ruleset_agreement_id(shown->ruleset, shown->outcome.agreement));
    json_bool(json_key(json, "differs"), *shown->differs != '\0');
    write_str(json, "differences", shown->differs);
    json_array_open(json_key(json, "agreements"));
    for (uint32_t i = 0; i < ruleset_agreement_count(shown->ruleset); i++) {
        if (explain_is_wanted(shown, i)) {
            write_agreement(json, shown, trace, i);
        }
    }
    json_array_close(json);
    json_object_close(json);
}

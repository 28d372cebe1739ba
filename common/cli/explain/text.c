/* An explanation for people: lines of at most LINE_COLUMNS, no colour, one agreement after another
 * and the winning one first. */
#include "cli/explain/case.h"

#include "base/date.h"
#include "base/plain.h"

#include <inttypes.h>

enum { LINE_COLUMNS = 100 };

/* --- lines --- */

static void indent(struct buf *out, uint32_t columns) {
    for (uint32_t i = 0; i < columns; i++) {
        buf_byte(out, ' ');
    }
}

static size_t cut_at(struct span text, uint32_t room) {
    size_t cut = 0;
    uint32_t columns = 0;
    size_t at = 0;
    for (; at < text.len && columns < room; at++) {
        if (text.ptr[at] == ' ' || text.ptr[at] == '\n') {
            cut = at;
        }
        columns += (text.ptr[at] & 0xc0) != 0x80 ? 1 : 0;
    }
    while (at < text.len && (text.ptr[at] & 0xc0) == 0x80) {
        at++;
    }
    if (at == text.len || text.ptr[at] == ' ') {
        return at;
    }
    return cut == 0 ? at : cut;
}

/* Text broken at spaces and newlines; the first line has `room` columns left, the others begin at
 * `at`. */
static void broken(struct buf *out, uint32_t room, uint32_t at, struct span text) {
    for (;;) {
        size_t cut = (uint32_t)plain_columns(text) <= room ? text.len : cut_at(text, room);
        const uint8_t *newline = cut == 0 ? NULL : memchr(text.ptr, '\n', cut);
        cut = newline == NULL ? cut : (size_t)(newline - text.ptr);
        buf_append(out, span_make(text.ptr, cut));
        buf_byte(out, '\n');
        text = span_make(text.ptr + cut, text.len - cut);
        while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\n')) {
            text = span_make(text.ptr + 1, text.len - 1);
        }
        if (text.len == 0) {
            return;
        }
        indent(out, at);
        room = LINE_COLUMNS - at;
    }
}

/* A heading in its column and text in its own. */
static void wrapped(struct buf *out, uint32_t left, uint32_t at, const char *head,
                    struct span text) {
    uint32_t used = left + (uint32_t)plain_columns(span_str(head));
    uint32_t gap = used < at ? at - used : 1;
    indent(out, left);
    buf_str(out, head);
    indent(out, gap);
    broken(out, LINE_COLUMNS - used - gap, at, text);
}

/* A separate line; the rest is indented below it. */
static void hanging(struct buf *out, uint32_t left, const char *text) {
    indent(out, left);
    broken(out, LINE_COLUMNS - left, left + 2, span_str(text));
}

static void hanging_buf(struct buf *out, uint32_t left, struct buf *text) {
    hanging(out, left, buf_cstr(text));
    buf_clear(text);
}

static void wrapped_buf(struct buf *out, uint32_t left, uint32_t at, const char *head,
                        struct buf *text) {
    wrapped(out, left, at, head, span_str(buf_cstr(text)));
    buf_clear(text);
}

static void print_day(struct buf *out, int32_t days) {
    char text[DATE_TEXT_BYTES];
    date_format(days, text);
    buf_str(out, text);
}

enum { HEAD_AT = 2, TEXT_AT = 14, DETAIL_AT = 16 };

/* --- what both forms share --- */

const char EXPLAIN_TRIAGE[] = "This is triage from the facts as they were given, not a decision: "
                              "an officer decides.";

void explain_value(const struct ruleset *ruleset, uint16_t slot, struct value value,
                   struct buf *out) {
    const struct schema *schema = ruleset_schema(ruleset);
    bool is_date = slot >= schema->slot_count || schema->slots[slot]->type == FACT_DATE;
    if (slot >= schema->slot_count && value.kind == VAL_TIMESTAMP &&
        value.i == (int64_t)DATE_DAYS_MAX * DATE_DAY_SECONDS) {
        buf_str(out, "no day is known"); /* in_force_on before the agreement is in force */
    } else if (is_date) {
        explain_name_value(value, out);
    } else if (value.kind == VAL_UNKNOWN) {
        buf_str(out, "not known");
    } else {
        cel_value_print(value, out);
    }
}

void explain_name_value(struct value value, struct buf *out) {
    bool is_day = value.kind == VAL_TIMESTAMP && value.i % DATE_DAY_SECONDS == 0 && value.len == 0;
    if (value.kind == VAL_UNKNOWN) {
        buf_str(out, "not known");
    } else if (is_day) {
        print_day(out, (int32_t)(value.i / DATE_DAY_SECONDS));
    } else {
        cel_value_print(value, out);
    }
}

void explain_result(struct buf *out, const struct ruleset *ruleset, uint32_t agreement,
                    const struct result *result) {
    buf_printf(out, "%s: %s", disposition_name(result->disposition),
               ruleset_reason(ruleset, agreement, result->reason).label);
}

bool explain_does_decide(const struct trace_answer *answers, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (answers[i].disposition != DISPOSITION_INSUFFICIENT_INFORMATION) {
            return true;
        }
    }
    return false;
}

const struct result *explain_asked(const struct trace_view *view) {
    return view->finding.has_projected ? &view->finding.projected : &view->finding.result;
}

bool explain_is_wanted(const struct explain_case *shown, uint32_t agreement) {
    return shown->agreement == NULL ||
           strcmp(shown->agreement, ruleset_agreement_id(shown->ruleset, agreement)) == 0;
}

void explain_evaluate(struct explain_case *shown, struct ruleset_run *run) {
    ruleset_evaluate(run, shown->doc, shown->reference_date, shown->as_of, &shown->outcome);
}

/* --- the case --- */

static void print_why_won(const struct explain_case *shown, struct buf *out) {
    struct buf text = BUF_EMPTY;
    uint32_t count = ruleset_agreement_count(shown->ruleset);
    uint32_t equals = 0;
    for (uint32_t i = 0; i < count; i++) {
        equals += shown->outcome.findings[i].result.disposition == shown->outcome.result.disposition
                      ? 1
                      : 0;
    }
    buf_printf(&text, "%s, whose finding is the most adverse of %" PRIu32,
               ruleset_agreement_id(shown->ruleset, shown->outcome.agreement), count);
    if (equals > 1) {
        buf_printf(&text, "; %" PRIu32 " are equal, and the first by name is taken", equals);
    }
    wrapped_buf(out, 0, TEXT_AT, "Agreement", &text);
    buf_free(&text);
}

static void print_case(const struct explain_case *shown, struct buf *out) {
    struct buf text = BUF_EMPTY;
    hanging(out, 0, EXPLAIN_TRIAGE);
    buf_printf(&text, "%.*s, revision %" PRId32, SPAN_ARG(shown->doc->case_id),
               shown->doc->revision);
    if (shown->source != NULL) {
        buf_printf(&text, ", from %s", shown->source);
    }
    wrapped_buf(out, 0, TEXT_AT, "Case", &text);
    buf_printf(&text, "%.12s", ruleset_id(shown->ruleset));
    wrapped_buf(out, 0, TEXT_AT, "Rule set", &text);
    print_day(&text, shown->reference_date);
    buf_str(&text, ", with what was known on ");
    print_day(&text, shown->as_of);
    if (shown->decided_at != NULL) {
        buf_printf(&text, "; stored %s", shown->decided_at);
    }
    wrapped_buf(out, 0, TEXT_AT, "Day", &text);
    explain_result(&text, shown->ruleset, shown->outcome.agreement, &shown->outcome.result);
    wrapped_buf(out, 0, TEXT_AT, "Outcome", &text);
    print_why_won(shown, out);
    if (*shown->differs != '\0') {
        wrapped(
            out, 0, 0,
            "The stored outcome differs from what the same rules give now; below is the new one:",
            SPAN_LIT(""));
        hanging(out, HEAD_AT, shown->differs);
    }
    buf_free(&text);
}

/* --- one agreement --- */

static void print_events(const struct trace_view *view, struct buf *out) {
    struct buf text = BUF_EMPTY;
    for (uint32_t i = 0; i < view->event_count; i++) {
        const struct trace_event *event = &view->events[i];
        char day[DATE_TEXT_BYTES];
        date_format(event->date, day);
        buf_printf(&text, "%s%s (%s%s)%s", event->name, event->is_status ? ", which holds" : "",
                   event->cite, event->verify ? "; to be verified" : "",
                   event->is_legal ? "" : "; operational");
        if (!event->is_known) {
            buf_str(&text, "; not known then");
        } else if (!event->has_come) {
            buf_str(&text, "; still to come");
        }
        wrapped_buf(out, 4, DETAIL_AT, day, &text);
    }
    buf_free(&text);
}

static void print_decided(const struct explain_case *shown, uint32_t agreement,
                          const struct trace_view *view, const struct trace_decision *decided,
                          const struct result *result, const char *head, struct buf *out) {
    struct buf text = BUF_EMPTY;
    explain_result(&text, shown->ruleset, agreement, result);
    wrapped_buf(out, HEAD_AT, TEXT_AT, head, &text);
    if (decided->rule < view->rule_count) {
        const struct trace_rule *rule = &view->rules[decided->rule];
        buf_printf(&text, "decided by %s in %s, line %" PRIu32, rule->label, rule->section,
                   rule->line);
    } else {
        buf_printf(&text, "no rule holds, so `otherwise` does: %s", view->otherwise);
    }
    if (decided->is_settled) {
        buf_str(&text, "; no value of the unknown yes-or-no facts and choices changes that");
    }
    hanging_buf(out, TEXT_AT, &text);
    buf_free(&text);
}

static void print_reads(const struct explain_case *shown, const struct trace_view *view,
                        const struct trace_rule *rule, struct buf *out) {
    struct buf text = BUF_EMPTY;
    for (uint32_t i = 0; i < rule->name_count; i++) {
        const struct trace_name *name = &view->names[rule->names[i]];
        buf_printf(&text, "%s %s = ", name->is_parameter ? "parameter" : "variable", name->name);
        explain_name_value(name->value, &text);
        hanging_buf(out, DETAIL_AT, &text);
    }
    for (uint32_t i = 0; i < rule->read_count; i++) {
        buf_printf(&text, "%s = ", trace_slot_name(shown->ruleset, rule->reads[i]));
        explain_value(shown->ruleset, rule->reads[i], view->slots[rule->reads[i]], &text);
        hanging_buf(out, DETAIL_AT, &text);
    }
    buf_free(&text);
}

static void print_window(const struct trace_rule *rule, struct buf *out) {
    struct buf text = BUF_EMPTY;
    if (rule->by != NULL) {
        buf_printf(&text, "only for %s", rule->by);
        if (rule->has_from) {
            buf_str(&text, " from ");
            print_day(&text, rule->from);
        }
        if (rule->has_until) {
            buf_str(&text, " before ");
            print_day(&text, rule->until);
        }
        hanging_buf(out, DETAIL_AT, &text);
    }
    if (rule->has_recorded) {
        buf_str(&text, "known since ");
        print_day(&text, rule->recorded);
        hanging_buf(out, DETAIL_AT, &text);
    }
    buf_free(&text);
}

static void print_waits_for(const struct explain_case *shown, const struct trace_rule *rule,
                            struct buf *out) {
    const struct schema *schema = ruleset_schema(shown->ruleset);
    struct buf text = BUF_EMPTY;
    for (uint32_t i = 0; i < schema->path_count; i++) {
        if (path_set_has(&rule->paths, i)) {
            buf_printf(&text, "%s%s", text.len == 0 ? "waits for " : ", ", schema->paths[i]->name);
        }
    }
    if (text.len > 0) {
        hanging_buf(out, DETAIL_AT, &text);
    }
    buf_free(&text);
}

static void print_rule(const struct explain_case *shown, const struct trace_view *view,
                       const struct trace_rule *rule, struct buf *out) {
    struct buf text = BUF_EMPTY;
    bool is_left_out = view->finding.has_projected && !rule->in_projected;
    buf_printf(&text, "%s (%s%s)%s%s", rule->label, rule->section,
               is_left_out ? ", left out of `if in force`" : "", rule->error == NULL ? "" : ": ",
               rule->error == NULL ? "" : rule->error);
    wrapped_buf(out, 4, DETAIL_AT - 2, trace_truth_name(rule->truth), &text);
    if (rule->cite != NULL) {
        buf_printf(&text, "%s%s", rule->cite, rule->verify ? "; to be verified by a lawyer" : "");
        hanging_buf(out, DETAIL_AT, &text);
    }
    print_window(rule, out);
    if (rule->given.len > 0) {
        buf_printf(&text, "given %.*s", SPAN_ARG(rule->given));
        hanging_buf(out, DETAIL_AT, &text);
    }
    if (rule->when.len > 0) {
        buf_printf(&text, "when %.*s", SPAN_ARG(rule->when));
        hanging_buf(out, DETAIL_AT, &text);
    }
    print_reads(shown, view, rule, out);
    print_waits_for(shown, rule, out);
    buf_free(&text);
}

/* --- what is missing --- */

/* Answers with the same result are grouped. */
static void print_answers(const struct explain_case *shown, uint16_t slot,
                          const struct trace_answer *answers, uint32_t count, struct buf *text) {
    bool is_printed[TRACE_ANSWERS_MAX] = {false};
    for (uint32_t i = 0; i < count; i++) {
        if (is_printed[i]) {
            continue;
        }
        buf_str(text, i == 0 ? "" : "; ");
        for (uint32_t k = i; k < count; k++) {
            if (answers[k].disposition == answers[i].disposition &&
                strcmp(answers[k].label, answers[i].label) == 0) {
                buf_str(text, k == i ? "" : ", ");
                explain_value(shown->ruleset, slot, answers[k].value, text);
                is_printed[k] = true;
            }
        }
        buf_printf(text, " -> %s: %s", disposition_name(answers[i].disposition), answers[i].label);
    }
}

static const char *answers_words(const struct result *asked, const struct trace_answer *answers,
                                 uint32_t count) {
    if (asked->disposition != DISPOSITION_INSUFFICIENT_INFORMATION) {
        return "alone";
    }
    return explain_does_decide(answers, count) ? "decides" : "alone does not decide";
}

static void print_missing(const struct explain_case *shown, struct trace *trace,
                          const struct trace_view *view, struct buf *out) {
    const struct schema *schema = ruleset_schema(shown->ruleset);
    const struct result *asked = explain_asked(view);
    struct trace_answer answers[TRACE_ANSWERS_MAX] = {0};
    struct buf text = BUF_EMPTY;
    for (uint32_t i = 0; i < asked->missing_count; i++) {
        const struct fact *fact = schema->paths[asked->missing[i]];
        buf_printf(&text, "%s: %s%s", fact->name, fact->help,
                   fact->officer ? " (asked of an officer)" : "");
        wrapped_buf(out, HEAD_AT, TEXT_AT, i == 0 ? "Missing" : "", &text);
        uint32_t count = fact->slot == UINT16_MAX ? 0 : trace_answers(trace, fact->slot, answers);
        if (count > 0) {
            buf_printf(&text, "%s %s: ", fact->name, answers_words(asked, answers, count));
            print_answers(shown, fact->slot, answers, count, &text);
            hanging_buf(out, DETAIL_AT, &text);
        }
    }
    buf_free(&text);
}

static void print_agreement(const struct explain_case *shown, struct trace *trace, uint32_t index,
                            struct buf *out) {
    struct trace_view view;
    struct buf text = BUF_EMPTY;
    trace_agreement(trace, shown->doc, index, shown->reference_date, shown->as_of, &view);
    buf_byte(out, '\n');
    buf_printf(&text, "%s", view.title);
    wrapped_buf(out, 0, TEXT_AT, view.id, &text);
    buf_printf(&text, "%s%s", strcmp(view.status, "none") == 0 ? "nothing yet" : view.status,
               view.is_status_open ? ": its rules decide" : ": not in force, as far as was known");
    wrapped_buf(out, HEAD_AT, TEXT_AT, "Status", &text);
    print_events(&view, out);
    print_decided(shown, index, &view, &view.decided, &view.finding.result, "Finding", out);
    if (view.finding.has_projected) {
        print_decided(shown, index, &view, &view.projected, &view.finding.projected, "If in force",
                      out);
    }
    print_missing(shown, trace, &view, out);
    hanging(out, HEAD_AT, "Rules");
    for (uint32_t i = 0; i < view.rule_count; i++) {
        print_rule(shown, &view, &view.rules[i], out);
    }
    buf_free(&text);
}

void explain_text(const struct explain_case *shown, struct trace *trace, struct buf *out) {
    uint32_t winner = shown->outcome.agreement;
    print_case(shown, out);
    if (explain_is_wanted(shown, winner)) {
        print_agreement(shown, trace, winner, out);
    }
    for (uint32_t i = 0; i < ruleset_agreement_count(shown->ruleset); i++) {
        if (i != winner && explain_is_wanted(shown, i)) {
            print_agreement(shown, trace, i, out);
        }
    }
}

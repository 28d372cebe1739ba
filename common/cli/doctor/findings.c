/* See findings.h. */
#include "cli/doctor/findings.h"

#include "base/json.h"
#include "base/plain.h"
#include "cli/answer.h"

#include <stdarg.h>

enum { CHECK_COLUMNS = 18 };

static const char *const STATES[] = {
    [FINDING_OK] = "ok", [FINDING_WARNING] = "warning", [FINDING_FAULT] = "fault"};

void finding_add(struct findings *findings, const char *check, enum finding_state state,
                 const char *advice, const char *format, ...) {
    CHECK(findings->count < FINDINGS_MAX);
    struct doctor_finding *row = &findings->rows[findings->count++];
    *row = (struct doctor_finding){
        .check = check, .state = state, .text = BUF_EMPTY, .advice = advice};
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&row->text, format, arguments);
    va_end(arguments);
}

static void print_json(const struct findings *findings) {
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_array_open(&json);
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct doctor_finding *row = &findings->rows[i];
        json_object_open(&json);
        json_str(json_key(&json, "check"), row->check);
        json_str(json_key(&json, "state"), STATES[row->state]);
        json_span(json_key(&json, "text"), buf_span(&row->text));
        json_key(&json, "advice");
        if (row->advice == NULL) {
            json_nil(&json);
        } else {
            json_str(&json, row->advice);
        }
        json_object_close(&json);
    }
    json_array_close(&json);
    answer_print_json("checks", &text);
}

void findings_print(const struct findings *findings, bool as_json) {
    if (as_json) {
        print_json(findings);
        return;
    }
    plain_printf(stdout, "%-8s %-*s %s\n", "STATE", CHECK_COLUMNS, "CHECK", "FOUND");
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct doctor_finding *row = &findings->rows[i];
        struct buf line = BUF_EMPTY;
        buf_printf(&line, "%-8s %-*s %.*s", STATES[row->state], CHECK_COLUMNS, row->check,
                   SPAN_ARG(buf_span(&row->text)));
        if (row->advice != NULL) {
            buf_printf(&line, ".  Do: %s", row->advice);
        }
        buf_byte(&line, '\n');
        plain_print(stdout, buf_span(&line));
        buf_free(&line);
    }
}

bool findings_have_fault(const struct findings *findings) {
    bool found = false;
    for (uint32_t i = 0; i < findings->count; i++) {
        found = found || findings->rows[i].state == FINDING_FAULT;
    }
    return found;
}

void findings_free(struct findings *findings) {
    for (uint32_t i = 0; i < findings->count; i++) {
        buf_free(&findings->rows[i].text);
    }
    findings->count = 0;
}

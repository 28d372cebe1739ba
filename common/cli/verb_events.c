/* `casemill events`: what each event of the logs means, and what to do.  The rows are those of
 * base/log_table.h; tests/unit/check_events.sh holds config/operating.md to them. */
#include "base/json.h"
#include "base/log_table.h"
#include "base/plain.h"
#include "base/suggest.h"
#include "cli/answer.h"
#include "cli/verb.h"

#include <stdio.h>
#include <string.h>

static const struct event_row {
    const char *name, *level, *meaning, *action;
} EVENTS[] = {
#define EVENT_DEBUG "debug"
#define EVENT_INFO "info"
#define EVENT_WARN "warn"
#define EVENT_ERROR "error"
#define EVENT_ROW(id, level, meaning, action) {#id, EVENT_##level, meaning, action},
    LOG_TABLE(EVENT_ROW)
#undef EVENT_ROW
};

enum { NAME_COLUMN = 22, LEVEL_COLUMN = 6 };

static void print_row(const struct event_row *row) {
    plain_printf(stdout, "%-*s %-*s %s\n", NAME_COLUMN, row->name, LEVEL_COLUMN, row->level,
                 row->meaning);
    if (strcmp(row->action, "nothing") != 0) {
        plain_printf(stdout, "%*s what to do: %s\n", NAME_COLUMN + 1 + LEVEL_COLUMN, "",
                     row->action);
    }
}

static void write_row(struct json *json, const struct event_row *row) {
    json_object_open(json);
    json_str(json_key(json, "event"), row->name);
    json_str(json_key(json, "level"), row->level);
    json_str(json_key(json, "meaning"), row->meaning);
    json_str(json_key(json, "action"), row->action);
    json_object_close(json);
}

static void print_rows(const struct event_row *rows, size_t count, bool as_json) {
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_array_open(&json);
    if (!as_json) {
        plain_printf(stdout, "%-*s %-*s %s\n", NAME_COLUMN, "EVENT", LEVEL_COLUMN, "LEVEL",
                     "MEANING");
    }
    for (size_t i = 0; i < count; i++) {
        if (as_json) {
            write_row(&json, &rows[i]);
        } else {
            print_row(&rows[i]);
        }
    }
    json_array_close(&json);
    if (as_json) {
        answer_print_json("events", &text);
    }
    buf_free(&text);
}

static int events_run(const struct options *options) {
    bool as_json = option_flag(options, "--json");
    if (option_operand_count(options) > 1) {
        return verb_usage(options, "takes one name or none");
    }
    if (option_operand_count(options) == 0) {
        print_rows(EVENTS, COUNT_OF(EVENTS), as_json);
        return EXIT_DONE;
    }
    const char *name = option_operand(options, 0);
    struct suggest suggest;
    suggest_init(&suggest, span_str(name));
    for (size_t i = 0; i < COUNT_OF(EVENTS); i++) {
        if (strcmp(EVENTS[i].name, name) == 0) {
            print_rows(&EVENTS[i], 1, as_json);
            return EXIT_DONE;
        }
        suggest_offer(&suggest, span_str(EVENTS[i].name));
    }
    struct diag diag = {0};
    bool is_near = suggest.best.ptr != NULL;
    enum err err = diag_fail(&diag, ERR_NOT_FOUND, "there is no event \"%s\"%s%.*s%s", name,
                             is_near ? "; did you mean \"" : "; see: casemill events",
                             SPAN_ARG(suggest.best), is_near ? "\"?" : "");
    CHECK(err != ERR_OK);
    return verb_fail(options, &diag, SPAN_LIT(""));
}

const struct verb verb_events = {
    .name = "events",
    .summary = "explain the events of the logs",
    .operands = "[NAME]",
    .rows = verb_no_options,
    .notes =
        "Prints each event with its level, its meaning and what to do about it; with NAME that "
        "event alone.\n",
    .run = events_run,
};

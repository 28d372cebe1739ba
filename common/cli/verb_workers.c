/* `casemill workers` and `casemill sources`: the lanes of a broker, by worker, and its intake
 * systems with their queued cases.  Each is one request, whose answer, a JSON array of objects, is
 * printed as a table. */
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/control_ask.h"
#include "cli/lane_choice.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { MEMBER_BYTES = 64, CELL_BYTES = 192 };

/* A column: its member, "a.b" for a nested one, and its head.  A NULL member ends the columns. */
struct column {
    const char *member, *head;
    int width; /* negative: left-aligned, as in printf */
};

static const json_t *find_member(const json_t *row, const char *member) {
    char name[MEMBER_BYTES];
    (void)snprintf(name, sizeof(name), "%s", member);
    char *rest = NULL;
    for (char *at = strtok_r(name, ".", &rest); at != NULL; at = strtok_r(NULL, ".", &rest)) {
        row = json_object_get(row, at);
    }
    return row;
}

static void print_cell(const json_t *value, int width) {
    char text[CELL_BYTES] = "-";
    if (json_is_string(value) && json_string_length(value) > 0) {
        (void)snprintf(text, sizeof(text), "%s", json_string_value(value));
    } else if (json_is_integer(value)) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
    } else if (json_is_boolean(value)) {
        (void)snprintf(text, sizeof(text), "%s", json_is_true(value) ? "yes" : "no");
    }
    struct buf cell = BUF_EMPTY;
    plain_cell(&cell, text, width);
    plain_printf(stdout, " %.*s", SPAN_ARG(cell));
    buf_free(&cell);
}

static void print_rows(const json_t *root, const struct column *columns) {
    for (const struct column *column = columns; column->member != NULL; column++) {
        plain_printf(stdout, " %*s", column->width, column->head);
    }
    plain_printf(stdout, "\n");
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(root, i, row) {
        for (const struct column *column = columns; column->member != NULL; column++) {
            print_cell(find_member(row, column->member), column->width);
        }
        plain_printf(stdout, "\n");
    }
}

struct table {
    const char *verb;
    const char *rows; /* their name in JSON */
    const struct column *columns;
};

static int append_json(const char *text, size_t len, void *out) {
    buf_append(out, span_make(text, len));
    return 0;
}

static void print_table(const struct options *options, const struct table *table,
                        const json_t *rows) {
    if (!option_flag(options, "--json")) {
        print_rows(rows, table->columns);
        return;
    }
    struct buf text = BUF_EMPTY;
    CHECK(json_dump_callback(rows, append_json, &text, JSON_COMPACT) == 0);
    answer_print_json(table->rows, &text);
}

/* The lanes that `wanted` names; NULL: all rows. */
static int table_run(const struct options *options, const struct table *table, const char *wanted) {
    struct buf reply = BUF_EMPTY;
    struct diag diag = {0};
    const struct control_peer peer = control_peer(options);
    json_t *rows = NULL;
    enum err err = control_ask(&peer, table->verb, "", CONTROL_WAIT_MS, &reply, &diag);
    if (err == ERR_OK) {
        rows = json_loadb((const char *)reply.ptr, reply.len, JSON_REJECT_DUPLICATES, NULL);
        err = json_is_array(rows)
                  ? lane_choice_keep(rows, wanted, &diag)
                  : diag_fail(&diag, ERR_VERSION, "the broker's answer is not a JSON array");
    }
    if (err == ERR_OK) {
        print_table(options, table, rows);
    }
    json_decref(rows);
    buf_free(&reply);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
}

static const struct column LANE_COLUMNS[] = {
    {"name", "WORKER", -24},         {"lane", "LANE", -36},         {"phase", "PHASE", -10},
    {"held_cases", "IN FLIGHT", 9},  {"credit_cases", "CREDIT", 8}, {"done", "DONE", 12},
    {"seen_ms", "LAST SEEN MS", 12}, {"retiring", "RETIRING", 8},   {0},
};

static int workers_run(const struct options *options) {
    static const struct table lanes = {"WORKERS", "workers", LANE_COLUMNS};
    uint32_t count = option_operand_count(options);
    if (count > 1) {
        return verb_usage(options, "expected one worker or lane, or none for all");
    }
    return table_run(options, &lanes, count == 0 ? NULL : option_operand(options, 0));
}

const struct verb verb_workers = {
    .name = "workers",
    .summary = "show the workers' lanes and their work in flight",
    .operands = "[WORKER|LANE]",
    .rows = verb_no_options,
    .run = workers_run,
};

static const struct column SOURCE_COLUMNS[] = {
    {"source", "SOURCE", -24},       {"weight", "WEIGHT", 6},
    {"accepted", "ACCEPTED", 12},    {"done", "DONE", 12},
    {"queued.urgent", "URGENT", 10}, {"queued.normal", "NORMAL", 10},
    {"queued.bulk", "BULK", 10},     {0},
};

static int sources_run(const struct options *options) {
    static const struct table sources = {"SOURCES", "sources", SOURCE_COLUMNS};
    return table_run(options, &sources, NULL);
}

const struct verb verb_sources = {
    .name = "sources",
    .summary = "show the sources, their weights and queued cases",
    .operands = "",
    .rows = verb_no_options,
    .run = sources_run,
};

/* One request, one table. */
#include "cli/control_table.h"

#include "base/plain.h"
#include "cli/control_ask.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { MEMBER_BYTES = 64, CELL_BYTES = 192 };

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

static enum err print_rows(struct span text, const struct control_column *columns,
                           struct diag *diag) {
    json_error_t fault;
    json_t *root = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_array(root)) {
        json_decref(root);
        return diag_fail(diag, ERR_VERSION, "the broker's answer is not a JSON array");
    }
    for (const struct control_column *column = columns; column->member != NULL; column++) {
        plain_printf(stdout, " %*s", column->width, column->head);
    }
    plain_printf(stdout, "\n");
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(root, i, row) {
        for (const struct control_column *column = columns; column->member != NULL; column++) {
            print_cell(find_member(row, column->member), column->width);
        }
        plain_printf(stdout, "\n");
    }
    json_decref(root);
    return ERR_OK;
}

int control_table_run(const struct options *options, const char *verb,
                      const struct control_column *columns) {
    struct buf reply = BUF_EMPTY;
    struct diag diag = {0};
    const struct control_peer peer = control_peer(options);
    enum err err = control_ask(&peer, verb, "", CONTROL_WAIT_MS, &reply, &diag);
    if (err == ERR_OK && option_flag(options, "--json")) {
        plain_json(stdout, buf_span(&reply));
        plain_printf(stdout, "\n");
    } else if (err == ERR_OK) {
        err = print_rows(buf_span(&reply), columns, &diag);
    }
    buf_free(&reply);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
}

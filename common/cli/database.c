/* See database.h. */
#include "cli/database.h"

#include "base/mem.h"
#include "base/plain.h"

#include <stdlib.h>

int database_missing(const struct options *options) {
    return verb_usage(options, "which database? --db CONNINFO or CASEMILL_POSTGRES_CONNINFO");
}

int database_open(const struct options *options, enum database_check check, struct db **db) {
    const char *conninfo = option_db(options);
    if (conninfo == NULL) {
        return database_missing(options);
    }
    struct buf application = BUF_EMPTY;
    struct diag diag = {0};
    buf_printf(&application, "casemill %s", verb_name(options));
    enum err err = db_open(conninfo, buf_cstr(&application), db, &diag);
    if (err == ERR_OK && check == DATABASE_FACTS) {
        err = db_check_facts(*db, buf_cstr(&application), &diag);
    }
    buf_free(&application);
    if (err == ERR_OK && check == DATABASE_PLACED) {
        err = db_check_tables(*db, false, &diag);
    } else if (err == ERR_OK && check == DATABASE_VIEWS) {
        err = db_check_views(*db, &diag);
    } else if (err == ERR_OK && check != DATABASE_ANY) {
        err = db_check_migrated(*db, &diag);
    }
    if (err != ERR_OK) {
        db_close(db);
        return verb_fail(options, &diag, SPAN_LIT(""));
    }
    return EXIT_DONE;
}

static int width_of(const struct db_result *rows, uint32_t column) {
    size_t width = strlen(db_column_name(rows, column));
    for (uint32_t row = 0; row < db_rows(rows); row++) {
        size_t columns = plain_columns(db_cell_span(rows, row, column));
        width = columns > width ? columns : width;
    }
    return (int)width;
}

/* Anyone may have sent an undecided case, so an id, a path or a found type may be any text. */
void database_print_rows(const struct db_result *rows, uint32_t left_columns) {
    struct buf text = BUF_EMPTY;
    uint32_t last = db_columns(rows) - 1;
    int *widths = mem_zero(db_columns(rows), sizeof(*widths));
    for (uint32_t column = 0; column <= last; column++) {
        widths[column] = width_of(rows, column) * (column < left_columns ? -1 : 1);
    }
    for (int64_t row = -1; row < (int64_t)db_rows(rows); row++) {
        for (uint32_t column = 0; column <= last; column++) {
            const char *cell =
                row < 0 ? db_column_name(rows, column) : db_cell(rows, (uint32_t)row, column);
            plain_cell(&text, cell == NULL || cell[0] == '\0' ? "-" : cell, widths[column]);
            buf_str(&text, column < last ? "  " : "\n");
        }
    }
    plain_print(stdout, buf_span(&text));
    mem_free(widths);
    buf_free(&text);
}

void database_json_cell(struct json *json, const struct db_result *rows, uint32_t row,
                        uint32_t column) {
    const char *cell = db_cell(rows, row, column);
    if (cell == NULL) {
        json_nil(json);
    } else if (db_column_is_int(rows, column)) {
        json_int(json, strtoll(cell, NULL, 10));
    } else {
        json_span(json, db_cell_span(rows, row, column));
    }
}

void database_json_rows(struct json *json, const struct db_result *rows) {
    json_array_open(json);
    for (uint32_t row = 0; row < db_rows(rows); row++) {
        json_object_open(json);
        for (uint32_t column = 0; column < db_columns(rows); column++) {
            database_json_cell(json_key(json, db_column_name(rows, column)), rows, row, column);
        }
        json_object_close(json);
    }
    json_array_close(json);
}

/* See fit.h. */
#include "cli/rules/fit.h"

#include "casedoc/column.h"
#include "cli/rules/stored_ruleset.h"

#include <inttypes.h>
#include <string.h>

enum { NAMES_BYTES_MAX = 240 }; /* the fault is one line */

struct names {
    struct buf *text;
    uint32_t left_out;
};

static void names_add(struct names *names, const char *name) {
    if (names->text->len + strlen(name) > NAMES_BYTES_MAX) {
        names->left_out++;
        return;
    }
    buf_printf(names->text, "%s%s", names->text->len == 0 ? "" : ", ", name);
}

static void names_end(struct names *names) {
    if (names->left_out > 0) {
        buf_printf(names->text, " and %" PRIu32 " more", names->left_out);
    }
}

/* The row of the column that reporters see, or of the one that lanes fill; db_rows: there is none.
 */
static uint32_t column_row(const struct db_result *columns, const struct fact *fact,
                           bool is_stored) {
    struct buf name = BUF_EMPTY;
    uint32_t row = 0;
    if (is_stored) {
        fact_stored_name(fact, &name);
    } else {
        fact_column_name(fact, &name);
    }
    while (row < db_rows(columns) && !span_eq(db_cell_span(columns, row, 0), buf_span(&name))) {
        row++;
    }
    buf_free(&name);
    return row;
}

enum err rules_fit_columns(struct db *db, const struct ruleset *ruleset, struct diag *diag) {
    const struct schema *schema = ruleset_schema(ruleset);
    struct db_result *columns = NULL;
    struct buf missing = BUF_EMPTY;
    struct names names = {.text = &missing};
    enum err err = db_query(db,
                            "SELECT attname, " DB_TYPE_NAME " FROM pg_attribute WHERE attrelid = "
                            "'cases'::regclass AND attnum > 0 AND NOT attisdropped",
                            0, NULL, &columns, diag);
    err = err == ERR_OK ? db_expect(columns, "* s s", diag) : err;
    for (uint32_t i = 0; err == ERR_OK && i < schema->slot_count; i++) {
        const struct fact *fact = schema->slots[i];
        uint32_t row = column_row(columns, fact, false);
        if (row == db_rows(columns) || column_row(columns, fact, true) == db_rows(columns)) {
            names_add(&names, fact->name);
        } else if (strcmp(db_cell(columns, row, 1), fact_column_type(fact)) != 0) {
            err = diag_fail(diag, ERR_CONFLICT,
                            "fact %s is %s in table cases and %s in the rule set: a type never "
                            "changes, give the fact a new name",
                            fact->name, db_cell(columns, row, 1), fact_column_type(fact));
        }
    }
    names_end(&names);
    if (err == ERR_OK && missing.len > 0) {
        err =
            diag_fail(diag, ERR_CONFLICT,
                      "table cases has no column for %s, so workers would refuse the rule set: run "
                      "`casemill db migrate --rules DIR` first",
                      buf_cstr(&missing));
    }
    buf_free(&missing);
    db_result_free(&columns);
    return err;
}

enum err rules_fit_dropped(struct db *db, const struct ruleset *ruleset, struct buf *dropped,
                           struct diag *diag) {
    struct db_result *row = NULL;
    struct ruleset *active = NULL;
    struct names names = {.text = dropped};
    enum err err = db_query(db, "SELECT id FROM active_ruleset", 0, NULL, &row, diag);
    err = err == ERR_OK ? db_expect(row, "? s", diag) : err;
    bool has_other =
        err == ERR_OK && db_rows(row) == 1 && strcmp(db_cell(row, 0, 0), ruleset_id(ruleset)) != 0;
    if (has_other) {
        err = stored_ruleset_load(db, db_cell(row, 0, 0), &active, diag);
    }
    const struct schema *schema = active == NULL ? NULL : ruleset_schema(active);
    for (uint32_t i = 0; schema != NULL && i < schema->path_count; i++) {
        const char *name = schema->paths[i]->name;
        if (schema_find(ruleset_schema(ruleset), span_str(name)) == NULL) {
            names_add(&names, name);
        }
    }
    names_end(&names);
    ruleset_unref(&active);
    db_result_free(&row);
    return err;
}

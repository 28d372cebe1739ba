/* See case_columns.h. */
#include "cli/case_columns.h"

#include "casedoc/column.h"

static enum err choose(const struct db_result *there, const struct fact *fact,
                       struct case_columns *columns, struct buf *select, struct diag *diag) {
    struct buf name = BUF_EMPTY;
    enum err err = ERR_OK;
    fact_column_name(fact, &name);
    uint32_t row = 0;
    while (row < db_rows(there) && !span_eq(db_cell_span(there, row, 0), buf_span(&name))) {
        row++;
    }
    bool is_there = row < db_rows(there);
    if (is_there && strcmp(db_cell(there, row, 1), fact_column_type(fact)) != 0) {
        err = diag_fail(diag, ERR_INVALID, "fact %s needs a column of type %s, table cases has %s",
                        fact->name, fact_column_type(fact), db_cell(there, row, 1));
    } else if (is_there) {
        buf_str(select, ", ");
        fact_column_select(fact, select);
        columns->slots[columns->count++] = fact->slot;
    }
    buf_free(&name);
    return err;
}

enum err case_columns_choose(struct db *db, const struct schema *schema,
                             const struct path_set *wanted, struct case_columns *columns,
                             struct buf *select, struct diag *diag) {
    struct db_result *there = NULL;
    columns->count = 0;
    enum err err = db_query(db,
                            "SELECT attname, " DB_TYPE_NAME " FROM pg_attribute "
                            "WHERE attrelid = 'cases'::regclass AND attnum > 0 "
                            "AND NOT attisdropped",
                            0, NULL, &there, diag);
    err = err == ERR_OK ? db_expect(there, "* s s", diag) : err;
    for (uint32_t i = 0; err == ERR_OK && i < schema->slot_count; i++) {
        if (wanted == NULL || path_set_has(wanted, i)) {
            err = choose(there, schema->slots[i], columns, select, diag);
        }
    }
    db_result_free(&there);
    return err;
}

/* See replay/stored.h. */
#include "cli/replay/stored.h"

#include "base/mem.h"
#include "cli/case_columns.h"
#include "cli/replay/matrix.h"

#include <stdlib.h>

static long number_at(const struct db_result *result, uint32_t row, uint32_t column) {
    return strtol(db_cell(result, row, column), NULL, 10);
}

/* A smallint that numbers something from the database. */
static bool is_number(long number) { return number >= 0 && number < REPLAY_CODES; }

/* --- tables --- */

static uint32_t table_find(const struct replay_stored *stored, const char *agreement) {
    uint32_t at = 0;
    while (at < stored->table_count && strcmp(stored->tables[at], agreement) != 0) {
        at++;
    }
    return at;
}

static void table_add(struct replay_stored *stored, const char *name) {
    stored->tables = mem_grow(stored->tables, stored->table_count + 1, sizeof(*stored->tables));
    stored->tables[stored->table_count++] = mem_strdup(name);
}

static void note_finding(struct replay_stored *stored, const struct db_result *rows, uint32_t row) {
    long ruleset = number_at(rows, row, 0);
    uint32_t table = table_find(stored, db_cell(rows, row, 1));
    if (!is_number(ruleset) || table == stored->table_count) {
        return;
    }
    if (stored->indexes[ruleset] == NULL) {
        stored->indexes[ruleset] = mem_zero(stored->table_count, sizeof(uint16_t));
        memset(stored->indexes[ruleset], 0xff, stored->table_count * sizeof(uint16_t));
    }
    stored->indexes[ruleset][table] = (uint16_t)number_at(rows, row, 2);
}

/* Every agreement of every rule set that has decided a case. */
static enum err load_rulesets(struct db *db, struct replay_stored *stored, struct diag *diag) {
    struct db_result *rows = NULL;
    enum err err = db_query(db,
                            "SELECT r.ruleset, a.id, a.ordinal - 1 FROM rulesets r, "
                            "unnest(r.agreements) WITH ORDINALITY AS a (id, ordinal) "
                            "ORDER BY r.ruleset, a.ordinal",
                            0, NULL, &rows, diag);
    err = err == ERR_OK ? db_expect(rows, "* h s h", diag) : err;
    if (err != ERR_OK) {
        db_result_free(&rows);
        return err;
    }
    for (uint32_t i = 0; i < ruleset_agreement_count(stored->candidate); i++) {
        table_add(stored, ruleset_agreement_id(stored->candidate, i));
    }
    for (uint32_t row = 0; row < db_rows(rows); row++) {
        if (table_find(stored, db_cell(rows, row, 1)) == stored->table_count) {
            table_add(stored, db_cell(rows, row, 1));
        }
    }
    table_add(stored, "the case");
    for (uint32_t row = 0; row < db_rows(rows); row++) {
        note_finding(stored, rows, row);
    }
    db_result_free(&rows);
    return ERR_OK;
}

/* --- numbers --- */

static void note_candidate_code(struct replay_stored *stored, const char *agreement,
                                enum disposition disposition, const char *label, int32_t code) {
    uint32_t at = table_find(stored, agreement);
    if (at >= ruleset_agreement_count(stored->candidate)) {
        return;
    }
    for (uint32_t i = 0; i < ruleset_reason_count(stored->candidate, at); i++) {
        struct reason reason = ruleset_reason(stored->candidate, at, i);
        if (reason.disposition == disposition && strcmp(reason.label, label) == 0) {
            stored->codes[at][i] = code;
        }
    }
}

static void note_code(struct replay_stored *stored, const struct db_result *rows, uint32_t row) {
    long code = number_at(rows, row, 0);
    for (enum disposition i = 0; i < DISPOSITION_COUNT && is_number(code); i++) {
        if (strcmp(disposition_name(i), db_cell(rows, row, 2)) == 0) {
            stored->dispositions[code] = (uint8_t)i;
            note_candidate_code(stored, db_cell(rows, row, 1), i, db_cell(rows, row, 3),
                                (int32_t)code);
        }
    }
}

static enum err load_codes(struct db *db, struct replay_stored *stored, struct diag *diag) {
    uint32_t count = ruleset_agreement_count(stored->candidate);
    stored->codes = mem_zero(count, sizeof(*stored->codes));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t reasons = ruleset_reason_count(stored->candidate, i);
        stored->codes[i] = mem_zero(reasons, sizeof(**stored->codes));
        memset(stored->codes[i], 0xff, reasons * sizeof(**stored->codes));
    }
    struct db_result *rows = NULL;
    enum err err = db_query(db,
                            "SELECT code, agreement, disposition, label FROM codes "
                            "WHERE kind = 'finding'",
                            0, NULL, &rows, diag);
    err = err == ERR_OK ? db_expect(rows, "* h s s s", diag) : err;
    for (uint32_t row = 0; err == ERR_OK && row < db_rows(rows); row++) {
        note_code(stored, rows, row);
    }
    db_result_free(&rows);
    return err;
}

static enum err load_sources(struct db *db, struct replay_stored *stored, struct diag *diag) {
    struct db_result *rows = NULL;
    enum err err = db_query(db, "SELECT source, name FROM sources", 0, NULL, &rows, diag);
    err = err == ERR_OK ? db_expect(rows, "* h s", diag) : err;
    for (uint32_t row = 0; err == ERR_OK && row < db_rows(rows); row++) {
        if (is_number(number_at(rows, row, 0))) {
            stored->sources[number_at(rows, row, 0)] = mem_strdup(db_cell(rows, row, 1));
        }
    }
    db_result_free(&rows);
    return err;
}

/* --- the query --- */

static void select_fixed(const struct replay_columns *columns, struct buf *select) {
    static const struct {
        const char *name;
        bool may_be_null;
    } outcome[] = {{"ruleset", false}, {"reason", false},         {"result", true},
                   {"findings", true}, {"reference_date", false}, {"as_of", false}};
    buf_str(select, "c.source, c.case_id, c.revision");
    for (size_t i = 0; i < COUNT_OF(outcome); i++) {
        buf_str(select, ", ");
        if (outcome[i].may_be_null) {
            replay_own_column(columns, outcome[i].name, select);
        } else {
            replay_column(columns, outcome[i].name, select);
        }
    }
}

static enum err select_facts(struct db *db, struct replay_stored *stored, struct diag *diag) {
    struct path_set wanted = {0};
    struct case_columns columns;
    ruleset_slots_read(stored->candidate, &wanted);
    enum err err = case_columns_choose(db, ruleset_schema(stored->candidate), &wanted, &columns,
                                       &stored->select, diag);
    if (err == ERR_OK) {
        stored->slots = mem_zero(columns.count, sizeof(*stored->slots));
        memcpy(stored->slots, columns.slots, columns.count * sizeof(*stored->slots));
        stored->slot_count = columns.count;
    }
    return err;
}

static void from_tables(const struct replay_columns *columns, struct buf *from) {
    buf_str(from, "FROM cases c");
    if (columns->newest) {
        buf_str(from, " LEFT JOIN LATERAL (SELECT * FROM reapplied r WHERE r.source = c.source "
                      "AND r.case_id = c.case_id AND r.revision = c.revision "
                      "ORDER BY r.decided_at DESC, r.ruleset DESC LIMIT 1) n ON true");
    }
    buf_str(from, " WHERE true");
}

/* Two numbers: whether reapplied has rows, and the size of cases. */
static enum err measure(struct db *db, bool *has_reapplied, uint32_t *pages, struct diag *diag) {
    struct db_result *result = NULL;
    enum err err = db_query(db,
                            "SELECT (EXISTS (SELECT FROM reapplied))::int, "
                            "pg_relation_size('cases') / current_setting('block_size')::int",
                            0, NULL, &result, diag);
    err = err == ERR_OK ? db_expect(result, "1 n n", diag) : err;
    if (err == ERR_OK) {
        *has_reapplied = number_at(result, 0, 0) == 1;
        *pages = (uint32_t)number_at(result, 0, 1);
    }
    db_result_free(&result);
    return err;
}

static enum err build_query(struct db *db, struct replay_stored *stored, bool intake,
                            const char *const *where, uint32_t where_count, struct diag *diag) {
    bool has_reapplied = false;
    enum err err = measure(db, &has_reapplied, &stored->pages, diag);
    struct replay_columns columns = {.newest = has_reapplied && !intake};
    select_fixed(&columns, &stored->select);
    from_tables(&columns, &stored->from);
    if (err == ERR_OK) {
        err = select_facts(db, stored, diag);
    }
    for (uint32_t i = 0; err == ERR_OK && i < where_count; i++) {
        err = replay_filter_add(db, &columns, where[i], &stored->from, diag);
    }
    return err;
}

enum err replay_stored_load(struct db *db, const struct ruleset *candidate, bool intake,
                            const char *const *where, uint32_t where_count,
                            struct replay_stored *stored, struct diag *diag) {
    *stored = (struct replay_stored){.candidate = candidate};
    stored->dispositions = mem_alloc(REPLAY_CODES);
    memset(stored->dispositions, REPLAY_NONE, REPLAY_CODES);
    stored->indexes = mem_zero(REPLAY_CODES, sizeof(*stored->indexes));
    stored->sources = mem_zero(REPLAY_CODES, sizeof(*stored->sources));
    enum err err = load_rulesets(db, stored, diag);
    if (err == ERR_OK) {
        err = load_codes(db, stored, diag);
    }
    stored->pairs = mem_zero(1, sizeof(*stored->pairs));
    if (err == ERR_OK) {
        err = replay_pairs_load(db, stored->pairs, diag);
    }
    if (err == ERR_OK) {
        err = load_sources(db, stored, diag);
    }
    if (err == ERR_OK) {
        err = build_query(db, stored, intake, where, where_count, diag);
    }
    return err;
}

void replay_stored_fini(struct replay_stored *stored) {
    for (uint32_t i = 0; i < stored->table_count; i++) {
        mem_free(stored->tables[i]);
    }
    for (uint32_t i = 0; stored->codes != NULL && i < ruleset_agreement_count(stored->candidate);
         i++) {
        mem_free(stored->codes[i]);
    }
    for (uint32_t i = 0; i < REPLAY_CODES && stored->indexes != NULL; i++) {
        mem_free(stored->indexes[i]);
        mem_free(stored->sources[i]);
    }
    if (stored->pairs != NULL) {
        replay_pairs_free(stored->pairs);
        mem_free(stored->pairs);
    }
    mem_free(stored->tables);
    mem_free(stored->codes);
    mem_free(stored->dispositions);
    mem_free(stored->indexes);
    mem_free(stored->sources);
    mem_free(stored->slots);
    buf_free(&stored->select);
    buf_free(&stored->from);
    *stored = (struct replay_stored){0};
}

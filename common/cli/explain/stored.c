/* See explain/stored.h. */
#include "cli/explain/stored.h"

#include "base/date.h"
#include "base/mem.h"
#include "casedoc/column.h"
#include "cli/case_columns.h"
#include "cli/rules/stored_ruleset.h"
#include "db/copy_out.h"

#include <stdlib.h>

#define FACTS_ARENA_BYTES_MAX ((size_t)16 << 20)

enum outcome_column {
    OUTCOME_SOURCE_NAME,
    OUTCOME_SOURCE,
    OUTCOME_REVISION,
    OUTCOME_RULESET,
    OUTCOME_REFERENCE_DATE,
    OUTCOME_AS_OF,
    OUTCOME_DECIDED_AT,
    OUTCOME_MISSING
};
enum finding_column { FINDING_AGREEMENT, FINDING_RESULT, FINDING_PROJECTED };

/* --- the outcome --- */

#define OUTCOME_FIELDS                                                                             \
    "source, case_id, revision, ruleset, missing, result, reference_date, as_of, decided_at"

/* The key of cases begins with the source: by source, a case is found without a scan. */
static enum err find_outcome(struct db *db, const struct explain_wanted *wanted,
                             struct db_result **row, struct diag *diag) {
    const char *const params[] = {wanted->case_id, wanted->source, wanted->revision,
                                  wanted->ruleset};
    enum err err = db_query(
        db,
        "SELECT s.name, o.source, o.revision, r.id, o.reference_date - date '1970-01-01', "
        "o.as_of - date '1970-01-01', " DB_UTC(
            "o.decided_at") ", "
                            "(SELECT string_agg(c.label, ',' ORDER BY m.ordinal) "
                            "FROM unnest(coalesce(o.missing, result_read(o.result, "
                            "NULL)::smallint[])) WITH ORDINALITY m (code, ordinal) JOIN codes c "
                            "USING (code)) "
                            "FROM sources s CROSS JOIN LATERAL (SELECT " OUTCOME_FIELDS
                            ", true AS is_intake "
                            "FROM cases c WHERE c.source = s.source AND c.case_id = $1 UNION ALL "
                            "SELECT " OUTCOME_FIELDS ", false FROM reapplied c "
                            "WHERE c.source = s.source AND c.case_id = $1) o JOIN rulesets r USING "
                            "(ruleset) "
                            "WHERE ($2::text IS NULL OR s.name = $2) "
                            "AND ($3::text IS NULL OR o.revision = $3::integer) "
                            "AND CASE WHEN $4::text IS NULL THEN o.is_intake ELSE "
                            "starts_with(r.id, $4) END "
                            "ORDER BY o.revision DESC, o.decided_at DESC, o.ruleset DESC, s.name",
        (uint32_t)COUNT_OF(params), params, row, diag);
    err = err == ERR_OK ? db_expect(*row, "* s h w s s s s s?", diag) : err;
    if (err != ERR_OK) {
        return err;
    }
    if (db_rows(*row) == 0) {
        return diag_fail(diag, ERR_NOT_FOUND, "no outcome of such a case is stored");
    }
    for (uint32_t i = 1; i < db_rows(*row); i++) {
        if (strcmp(db_cell(*row, i, OUTCOME_SOURCE), db_cell(*row, 0, OUTCOME_SOURCE)) != 0) {
            return diag_fail(diag, ERR_CONFLICT,
                             "several sources have a case of this id, %s and %s: give --source",
                             db_cell(*row, 0, OUTCOME_SOURCE_NAME),
                             db_cell(*row, i, OUTCOME_SOURCE_NAME));
        }
    }
    return ERR_OK;
}

static enum err find_findings(struct db *db, const char *case_id, const struct db_result *row,
                              struct db_result **findings, struct diag *diag) {
    const char *const params[] = {db_cell(row, 0, OUTCOME_SOURCE), case_id,
                                  db_cell(row, 0, OUTCOME_REVISION),
                                  db_cell(row, 0, OUTCOME_RULESET)};
    enum err err = db_query(
        db,
        "SELECT a.id, a.finding, a.projected FROM report.outcomes o, "
        "unnest(o.agreements, o.findings, o.projected) WITH ORDINALITY "
        "AS a (id, finding, projected, ordinal) "
        "WHERE o.source_number = $1::smallint AND o.case_id = $2 AND o.revision = $3::integer "
        "AND o.ruleset = $4 ORDER BY a.ordinal",
        (uint32_t)COUNT_OF(params), params, findings, diag);
    return err == ERR_OK ? db_expect(*findings, "* s s? s?", diag) : err;
}

/* --- the facts --- */

enum { FIELD_REVISION, FIELD_FACTS }; /* the columns of the copy */

static enum err take_facts(const struct schema *schema, const struct case_columns *columns,
                           const struct span *fields, struct explain_stored *stored,
                           struct diag *diag) {
    for (uint32_t i = 0; i < columns->count; i++) {
        uint16_t slot = columns->slots[i];
        struct span bytes = fields[FIELD_FACTS + i];
        if (bytes.ptr != NULL) { /* values point into the bytes, which belong to the copy */
            bytes = arena_copy(&stored->arena, bytes);
        }
        if (column_read(schema->slots[slot], bytes, &stored->arena, &stored->doc.slots[slot]) !=
            ERR_OK) {
            return diag_fail(diag, ERR_INVALID,
                             "the stored fact %s does not fit the case schema of its rule set",
                             schema->slots[slot]->name);
        }
    }
    return ERR_OK;
}

static enum err read_row(struct db *db, const char *sql, const struct case_columns *columns,
                         struct explain_stored *stored, struct diag *diag) {
    const struct schema *schema = ruleset_schema(stored->ruleset);
    struct db_copy *copy = NULL;
    struct span fields[FIELD_FACTS + PATHS_MAX];
    bool is_row = false;
    enum err err = db_copy_open(db, sql, FIELD_FACTS + columns->count, &copy, diag);
    if (err == ERR_OK) {
        err = db_copy_next(copy, fields, &is_row, diag);
    }
    if (err == ERR_OK && is_row) {
        err = take_facts(schema, columns, fields, stored, diag);
    }
    while (err == ERR_OK && is_row) {
        err = db_copy_next(copy, fields, &is_row, diag);
    }
    db_copy_close(&copy);
    return err;
}

static enum err read_facts(struct db *db, const struct explain_wanted *wanted,
                           struct explain_stored *stored, struct diag *diag) {
    const struct schema *schema = ruleset_schema(stored->ruleset);
    struct case_columns columns = {0};
    struct buf select = BUF_EMPTY;
    struct buf sql = BUF_EMPTY;
    stored->doc.slots = mem_zero(schema->slot_count, sizeof(*stored->doc.slots));
    memcpy(stored->doc.slots, schema->unknown, schema->slot_count * sizeof(*stored->doc.slots));
    enum err err = case_columns_choose(db, schema, NULL, &columns, &select, diag);
    if (err == ERR_OK) {
        buf_printf(&sql,
                   "COPY (SELECT c.revision%s FROM cases c WHERE source = %s AND revision = %s",
                   buf_cstr(&select), db_cell(stored->row, 0, OUTCOME_SOURCE),
                   db_cell(stored->row, 0, OUTCOME_REVISION));
        buf_str(&sql, " AND case_id = ");
        db_quote_text(&sql, span_str(wanted->case_id));
        buf_str(&sql, ") TO STDOUT (FORMAT binary)");
        err = read_row(db, buf_cstr(&sql), &columns, stored, diag);
    }
    buf_free(&sql);
    buf_free(&select);
    return err;
}

/* Days since 1970, a number: the text of a date depends on the server's settings. */
static enum err read_day(const struct db_result *row, enum outcome_column column, int32_t *day,
                         struct diag *diag) {
    long days = strtol(db_cell(row, 0, column), NULL, 10);
    if (days < DATE_DAYS_MIN || days > DATE_DAYS_MAX) {
        return diag_fail(diag, ERR_INVALID, "a stored date is no day of the years 1 to 9999");
    }
    *day = (int32_t)days;
    return ERR_OK;
}

enum err explain_stored_load(struct db *db, const struct explain_wanted *wanted,
                             struct explain_stored *stored, struct diag *diag) {
    *stored = (struct explain_stored){0};
    arena_init(&stored->arena, FACTS_ARENA_BYTES_MAX);
    enum err err = find_outcome(db, wanted, &stored->row, diag);
    if (err == ERR_OK) {
        err = find_findings(db, wanted->case_id, stored->row, &stored->findings, diag);
    }
    if (err == ERR_OK) {
        err = stored_ruleset_load(db, db_cell(stored->row, 0, OUTCOME_RULESET), &stored->ruleset,
                                  diag);
    }
    if (err == ERR_OK) {
        err = read_day(stored->row, OUTCOME_REFERENCE_DATE, &stored->reference_date, diag);
    }
    if (err == ERR_OK) {
        err = read_day(stored->row, OUTCOME_AS_OF, &stored->as_of, diag);
    }
    if (err == ERR_OK) {
        stored->doc.case_id = span_str(wanted->case_id);
        stored->doc.revision = (int32_t)strtol(db_cell(stored->row, 0, OUTCOME_REVISION), NULL, 10);
        err = read_facts(db, wanted, stored, diag);
    }
    return err;
}

void explain_stored_fini(struct explain_stored *stored) {
    mem_free(stored->doc.slots);
    arena_free(&stored->arena);
    ruleset_unref(&stored->ruleset);
    db_result_free(&stored->row);
    db_result_free(&stored->findings);
    *stored = (struct explain_stored){0};
}

const char *explain_stored_source(const struct explain_stored *stored) {
    return db_cell(stored->row, 0, OUTCOME_SOURCE_NAME);
}

const char *explain_stored_decided_at(const struct explain_stored *stored) {
    return db_cell(stored->row, 0, OUTCOME_DECIDED_AT);
}

/* --- differences --- */

static void compare(struct buf *lines, const char *what, const char *stored,
                    const struct buf *now) {
    if (!span_is(buf_span(now), stored == NULL ? "" : stored)) {
        buf_printf(lines, "%s: stored %s, now %.*s\n", what,
                   stored == NULL || *stored == '\0' ? "nothing" : stored,
                   now->len == 0 ? 7 : (int)now->len,
                   now->len == 0 ? "nothing" : (const char *)now->ptr);
    }
}

static void compare_finding(const struct explain_stored *stored, uint32_t row,
                            const struct finding *finding, struct buf *lines) {
    const char *id = ruleset_agreement_id(stored->ruleset, row);
    struct buf now = BUF_EMPTY;
    struct buf what = BUF_EMPTY;
    explain_result(&now, stored->ruleset, row, &finding->result);
    compare(lines, id, db_cell(stored->findings, row, FINDING_RESULT), &now);
    buf_clear(&now);
    if (finding->has_projected) {
        explain_result(&now, stored->ruleset, row, &finding->projected);
    }
    buf_printf(&what, "%s, if in force", id);
    compare(lines, buf_cstr(&what), db_cell(stored->findings, row, FINDING_PROJECTED), &now);
    buf_free(&what);
    buf_free(&now);
}

void explain_stored_differences(const struct explain_stored *stored, const struct outcome *outcome,
                                struct buf *lines) {
    const struct schema *schema = ruleset_schema(stored->ruleset);
    uint32_t count = ruleset_agreement_count(stored->ruleset);
    if (db_rows(stored->findings) != count) {
        buf_printf(lines, "%u findings are stored, the rule set has %u agreements\n",
                   db_rows(stored->findings), count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        compare_finding(stored, i, &outcome->findings[i], lines);
    }
    struct buf missing = BUF_EMPTY;
    for (uint32_t i = 0; i < outcome->result.missing_count; i++) {
        buf_printf(&missing, "%s%s", i == 0 ? "" : ",",
                   schema->paths[outcome->result.missing[i]]->name);
    }
    compare(lines, "missing facts", db_cell(stored->row, 0, OUTCOME_MISSING), &missing);
    buf_free(&missing);
}

/* Loads a rule set: text, codes, columns.  A rule set whose reasons have no code, or whose facts
 * have no column, is refused before a lane uses it. */
#include "worker/active_rules.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/mem.h"
#include "casedoc/column.h"
#include "db/sqlstate.h"

#include <stdio.h>
#include <stdlib.h>

/* Loading is the same over a tool's connection and a lane's. */
struct asking {
    struct db *db;        /* or NULL */
    struct db_lane *lane; /* or NULL */
};

/* The rows have the shape (db_expect); on an error there are no rows. */
static enum err ask(const struct asking *asking, const char *sql, const char *shape,
                    struct db_result **result, struct diag *diag) {
    enum err err = ERR_OK;
    if (asking->db != NULL) {
        err = db_query(asking->db, sql, 0, NULL, result, diag);
    } else {
        err = db_lane_exec(asking->lane, sql, result);
        /* An invalid statement is the fault of the program or the server, never of the rule set. */
        err = err == ERR_OK ? ERR_OK
                            : diag_fail(diag, err == ERR_INVALID ? ERR_BUSY : err, "%s",
                                        sqlstate_text(db_lane_sqlstate(asking->lane)));
    }
    err = err == ERR_OK ? db_expect(*result, shape, diag) : err;
    if (err != ERR_OK) {
        db_result_free(result);
    }
    return err;
}

static struct active_rules *rules_new(struct ruleset *ruleset, int16_t number, int64_t activation) {
    struct active_rules *rules = mem_zero(1, sizeof(*rules));
    atomic_init(&rules->refs, 1);
    rules->ruleset = ruleset;
    rules->number = number;
    rules->activation = activation;
    rules->agreement_count = ruleset_agreement_count(ruleset);
    rules->agreement_codes = mem_zero(rules->agreement_count, sizeof(int16_t));
    rules->finding_codes = mem_zero(rules->agreement_count, sizeof(int16_t *));
    for (uint32_t i = 0; i < rules->agreement_count; i++) {
        rules->finding_codes[i] = mem_zero(ruleset_reason_count(ruleset, i), sizeof(int16_t));
    }
    rules->pairs = mem_zero(rules->agreement_count, sizeof(*rules->pairs));
    for (uint32_t i = 0; i < rules->agreement_count; i++) {
        pair_numbers_init(&rules->pairs[i], ruleset_reason_count(ruleset, i));
    }
    rules->path_codes = mem_zero(ruleset_schema(ruleset)->path_count, sizeof(int16_t));
    return rules;
}

struct active_rules *active_rules_ref(struct active_rules *rules) {
    atomic_fetch_add(&rules->refs, 1U);
    return rules;
}

void active_rules_unref(struct active_rules **rules) {
    struct active_rules *gone = *rules;
    *rules = NULL;
    if (gone == NULL || atomic_fetch_sub(&gone->refs, 1U) != 1) {
        return;
    }
    for (uint32_t i = 0; i < gone->agreement_count; i++) {
        mem_free(gone->finding_codes[i]);
        pair_numbers_free(&gone->pairs[i]);
    }
    mem_free(gone->finding_codes);
    mem_free(gone->pairs);
    mem_free(gone->agreement_codes);
    mem_free(gone->path_codes);
    buf_free(&gone->columns);
    buf_free(&gone->typed_columns);
    buf_free(&gone->other_columns);
    ruleset_unref(&gone->ruleset);
    mem_free(gone);
}

static void note_finding(struct active_rules *rules, uint32_t agreement, const char *disposition,
                         const char *label, int16_t code) {
    for (uint32_t i = 0; i < ruleset_reason_count(rules->ruleset, agreement); i++) {
        struct reason reason = ruleset_reason(rules->ruleset, agreement, i);
        if (strcmp(disposition_name(reason.disposition), disposition) == 0 &&
            strcmp(reason.label, label) == 0) {
            rules->finding_codes[agreement][i] = code;
        }
    }
}

static void note_code(struct active_rules *rules, const struct db_result *codes, uint32_t row) {
    int16_t code = (int16_t)strtol(db_cell(codes, row, 0), NULL, 10);
    const char *kind = db_cell(codes, row, 1);
    const char *agreement = db_cell(codes, row, 2);
    const char *disposition = db_cell(codes, row, 3);
    const char *label = db_cell(codes, row, 4);
    if (strcmp(kind, "path") == 0) {
        const struct fact *fact =
            schema_find(ruleset_schema(rules->ruleset), db_cell_span(codes, row, 4));
        if (fact != NULL) {
            rules->path_codes[fact->path] = code;
        }
        return;
    }
    for (uint32_t i = 0; agreement != NULL && i < rules->agreement_count; i++) {
        if (strcmp(ruleset_agreement_id(rules->ruleset, i), agreement) != 0) {
            continue;
        }
        if (strcmp(kind, "agreement") == 0) {
            rules->agreement_codes[i] = code;
        } else if (disposition != NULL && label != NULL) {
            note_finding(rules, i, disposition, label, code);
        }
    }
}

/* Codes begin above zero: zero means no code. */
static bool has_all_codes(const struct active_rules *rules) {
    for (uint32_t i = 0; i < rules->agreement_count; i++) {
        if (rules->agreement_codes[i] == 0) {
            return false;
        }
        for (uint32_t j = 0; j < ruleset_reason_count(rules->ruleset, i); j++) {
            if (rules->finding_codes[i][j] == 0) {
                return false;
            }
        }
    }
    for (uint32_t i = 0; i < ruleset_schema(rules->ruleset)->path_count; i++) {
        if (rules->path_codes[i] == 0) {
            return false;
        }
    }
    return true;
}

static enum err load_codes(const struct asking *asking, struct active_rules *rules,
                           struct diag *diag) {
    struct db_result *codes = NULL;
    enum err err = ask(asking,
                       "SELECT code, kind, agreement, disposition, label FROM codes "
                       "WHERE kind IN ('agreement', 'finding', 'path')",
                       "* h s s? s? s?", &codes, diag);
    if (err != ERR_OK) {
        return err;
    }
    for (uint32_t row = 0; row < db_rows(codes); row++) {
        note_code(rules, codes, row);
    }
    db_result_free(&codes);
    if (!has_all_codes(rules)) {
        return diag_fail(diag, ERR_INVALID,
                         "rule set %.12s lacks codes: run `casemill rules publish` again",
                         ruleset_id(rules->ruleset));
    }
    return ERR_OK;
}

/* The rule set's list is never changed, so no lane has to look at it again. */
static enum err load_pairs(const struct asking *asking, struct active_rules *rules,
                           struct diag *diag) {
    struct db_result *lists = NULL;
    char sql[128];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT position - 1, findings, projected FROM ruleset_pairs "
                   "WHERE ruleset = %d ORDER BY position",
                   rules->number);
    enum err err = ask(asking, sql, "* w s s", &lists, diag);
    bool is_whole = err == ERR_OK && db_rows(lists) == rules->agreement_count;
    for (uint32_t i = 0; is_whole && i < rules->agreement_count; i++) {
        is_whole = strtoul(db_cell(lists, i, 0), NULL, 10) == i &&
                   pair_numbers_read(&rules->pairs[i], db_cell(lists, i, 1), db_cell(lists, i, 2),
                                     rules->finding_codes[i]) == ERR_OK &&
                   pair_numbers_cover(&rules->pairs[i], rules->ruleset, i);
    }
    db_result_free(&lists);
    return err != ERR_OK || is_whole
               ? err
               : diag_fail(diag, ERR_INVALID,
                           "rule set %.12s lacks its list of pairs: run `casemill rules publish` "
                           "again",
                           ruleset_id(rules->ruleset));
}

static bool has_column(const struct db_result *columns, struct span name) {
    for (uint32_t row = 0; row < db_rows(columns); row++) {
        if (span_eq(db_cell_span(columns, row, 0), name)) {
            return true;
        }
    }
    return false;
}

static bool is_fact_column(const struct schema *schema, struct span column) {
    struct buf name = BUF_EMPTY;
    bool found = false;
    for (uint32_t i = 0; i < schema->slot_count && !found; i++) {
        buf_clear(&name);
        fact_column_name(schema->slots[i], &name);
        found = span_eq(buf_span(&name), column);
        buf_clear(&name);
        fact_stored_name(schema->slots[i], &name);
        found = found || span_eq(buf_span(&name), column);
    }
    buf_free(&name);
    return found;
}

/* Columns of facts that only other schemas have. */
static void note_others(struct active_rules *rules, const struct db_result *columns) {
    buf_str(&rules->other_columns, "false");
    for (uint32_t row = 0; row < db_rows(columns); row++) {
        struct span column = db_cell_span(columns, row, 0);
        if (!is_fact_column(ruleset_schema(rules->ruleset), column)) {
            buf_str(&rules->other_columns, " OR c.");
            db_quote_name(&rules->other_columns, column);
            buf_str(&rules->other_columns, " IS NOT NULL");
        }
    }
    (void)buf_cstr(&rules->other_columns);
}

static enum err load_columns(const struct asking *asking, struct active_rules *rules,
                             struct diag *diag) {
    const struct schema *schema = ruleset_schema(rules->ruleset);
    struct db_result *columns = NULL;
    struct buf name = BUF_EMPTY;
    enum err err = ask(asking,
                       "SELECT attname FROM pg_attribute WHERE attrelid = 'cases'::regclass "
                       "AND attnum > 0 AND NOT attisdropped AND attname <> ALL "
                       "(string_to_array('" ACTIVE_RULES_FIXED ", " ACTIVE_RULES_OLDER "', ', '))",
                       "* s", &columns, diag);
    buf_str(&rules->columns, ACTIVE_RULES_FIXED);
    buf_str(&rules->typed_columns, ACTIVE_RULES_FIXED_TYPED);
    for (uint32_t i = 0; err == ERR_OK && i < schema->slot_count; i++) {
        buf_clear(&name);
        fact_stored_name(schema->slots[i], &name);
        if (!has_column(columns, buf_span(&name))) {
            err = diag_fail(diag, ERR_INVALID,
                            "table cases has no column for fact %s: run `casemill db migrate`",
                            schema->slots[i]->name);
        }
        buf_str(&rules->columns, ", ");
        db_quote_name(&rules->columns, buf_span(&name));
        buf_str(&rules->typed_columns, ", ");
        db_quote_name(&rules->typed_columns, buf_span(&name));
        buf_printf(&rules->typed_columns, " %s", fact_stored_type(schema->slots[i]));
    }
    (void)buf_cstr(&rules->columns);
    (void)buf_cstr(&rules->typed_columns);
    rules->column_count = ACTIVE_RULES_FIXED_COUNT + schema->slot_count;
    if (err == ERR_OK) {
        note_others(rules, columns);
    }
    buf_free(&name);
    db_result_free(&columns);
    return err;
}

static void read_row(const struct db_result *rows, uint32_t at, struct active_row *row) {
    *row = (struct active_row){.activation = strtoll(db_cell(rows, at, 0), NULL, 10),
                               .engine = strtol(db_cell(rows, at, 3), NULL, 10)};
    (void)snprintf(row->number, sizeof(row->number), "%s", db_cell(rows, at, 1));
    (void)snprintf(row->id, sizeof(row->id), "%s", db_cell(rows, at, 2));
}

/* Errors: ERR_NOT_FOUND the statement returns no row of (activation, ruleset, id, engine). */
static enum err find_row(const struct asking *asking, const char *sql, struct active_row *row,
                         struct diag *diag) {
    struct db_result *active = NULL;
    enum err err = ask(asking, sql, "? i h s i", &active, diag);
    if (err != ERR_OK) {
        return err;
    }
    if (db_rows(active) == 0) {
        err = ERR_NOT_FOUND;
    } else {
        read_row(active, 0, row);
    }
    db_result_free(&active);
    return err;
}

/* Every fault names the rule set. */
static enum err load_text(const struct asking *asking, const struct active_row *row,
                          struct ruleset **ruleset, struct diag *diag) {
    if (row->engine != RULESET_ENGINE_VERSION) {
        return diag_fail(diag, ERR_INVALID,
                         "rule set %.12s is for engine %ld, this worker has engine %d: start a "
                         "worker of its version",
                         row->id, row->engine, RULESET_ENGINE_VERSION);
    }
    struct db_result *body = NULL;
    char sql[80];
    (void)snprintf(sql, sizeof(sql), "SELECT body FROM ruleset_texts WHERE ruleset = %s",
                   row->number);
    enum err err = ask(asking, sql, "? s", &body, diag);
    if (err == ERR_OK && db_rows(body) == 0) {
        err = diag_fail(diag, ERR_INVALID, "rule set %.12s has no text", row->id);
    } else if (err == ERR_OK) {
        struct diag fault = {0};
        if (ruleset_load_text(db_cell_span(body, 0, 0), ruleset, &fault) != ERR_OK) {
            err = diag_fail(diag, ERR_INVALID, "rule set %.12s does not load: %s%s%s", row->id,
                            fault.file, fault.file[0] == '\0' ? "" : ": ", fault.text);
        }
    }
    db_result_free(&body);
    return err;
}

static enum err load_row(const struct asking *asking, const struct active_row *row,
                         struct active_rules **rules, struct diag *diag) {
    struct ruleset *ruleset = NULL;
    enum err err = load_text(asking, row, &ruleset, diag);
    if (err != ERR_OK) {
        return err;
    }
    struct active_rules *loaded =
        rules_new(ruleset, (int16_t)strtol(row->number, NULL, 10), row->activation);
    err = load_codes(asking, loaded, diag);
    err = err == ERR_OK ? load_pairs(asking, loaded, diag) : err;
    if (err == ERR_OK) {
        err = load_columns(asking, loaded, diag);
    }
    if (err != ERR_OK) {
        active_rules_unref(&loaded);
        return err;
    }
    *rules = loaded;
    return ERR_OK;
}

#define FIND_ACTIVE "SELECT activation, ruleset, id, engine FROM active_ruleset"

static enum err find_active(const struct asking *asking, struct active_row *row,
                            struct diag *diag) {
    enum err err = find_row(asking, FIND_ACTIVE, row, diag);
    return err == ERR_NOT_FOUND ? diag_fail(diag, err, "no rule set is active") : err;
}

enum err active_rules_find(struct db *db, struct active_row *row, struct diag *diag) {
    const struct asking asking = {.db = db};
    return find_active(&asking, row, diag);
}

/* Rounded up, and counted from the arrival of the answer: never early.  The limit is a year. */
#define AHEAD_MS_MAX (366 * DATE_DAY_US / 1000)
#define FIND_PLANNED                                                                               \
    "SELECT activation, ruleset, id, engine, "                                                     \
    "ceil(extract(epoch FROM active_from - clock_timestamp()) * 1000)::bigint "                    \
    "FROM (SELECT DISTINCT ON (active_from) a.activation, a.ruleset, r.id, r.engine, "             \
    "a.active_from FROM activations a JOIN rulesets r USING (ruleset) WHERE a.active_from > "      \
    "now() AND a.active_from < now() + interval '1 year' ORDER BY a.active_from, "                 \
    "a.activation DESC) p ORDER BY active_from LIMIT 4"

enum err active_rules_find_planned(struct db *db, struct active_row rows[ACTIVE_RULES_PLANNED_MAX],
                                   uint32_t *count, struct diag *diag) {
    const struct asking asking = {.db = db};
    struct db_result *planned = NULL;
    enum err err = ask(&asking, FIND_PLANNED, "* i h s i i", &planned, diag);
    if (err != ERR_OK) {
        return err;
    }
    int64_t now_ms = clock_mono_ms();
    *count = 0;
    for (uint32_t i = 0; i < db_rows(planned) && i < ACTIVE_RULES_PLANNED_MAX; i++) {
        int64_t left_ms = strtoll(db_cell(planned, i, 4), NULL, 10);
        read_row(planned, i, &rows[i]);
        rows[i].due_ms = now_ms + (left_ms < AHEAD_MS_MAX ? left_ms : AHEAD_MS_MAX);
        ++*count;
    }
    db_result_free(&planned);
    return ERR_OK;
}

enum err active_rules_load(struct db *db, const struct active_row *row, struct active_rules **rules,
                           struct diag *diag) {
    const struct asking asking = {.db = db};
    return load_row(&asking, row, rules, diag);
}

enum err active_rules_load_due(struct db_lane *db, const struct active_rules *have,
                               struct active_rules **rules, struct diag *diag) {
    const struct asking asking = {.lane = db};
    struct active_row row = {0};
    enum err err = find_active(&asking, &row, diag);
    if (err == ERR_OK && have != NULL && active_rules_are(have, &row)) {
        *rules = NULL;
        return ERR_OK;
    }
    return err == ERR_OK ? load_row(&asking, &row, rules, diag) : err;
}

bool active_rules_are(const struct active_rules *rules, const struct active_row *row) {
    return rules->activation == row->activation &&
           rules->number == (int16_t)strtol(row->number, NULL, 10) &&
           strcmp(ruleset_id(rules->ruleset), row->id) == 0;
}

static bool same_codes(const int16_t *a, const int16_t *b, uint32_t count) {
    return count == 0 || memcmp(a, b, count * sizeof(*a)) == 0;
}

bool active_rules_equal(const struct active_rules *a, const struct active_rules *b) {
    if (a->number != b->number || a->activation != b->activation ||
        strcmp(ruleset_id(a->ruleset), ruleset_id(b->ruleset)) != 0) {
        return false;
    }
    /* The same text: the same agreements, reasons and paths. */
    bool same = same_codes(a->agreement_codes, b->agreement_codes, a->agreement_count) &&
                same_codes(a->path_codes, b->path_codes, ruleset_schema(a->ruleset)->path_count) &&
                span_eq(buf_span(&a->other_columns), buf_span(&b->other_columns));
    for (uint32_t i = 0; i < a->agreement_count && same; i++) {
        same = same_codes(a->finding_codes[i], b->finding_codes[i],
                          ruleset_reason_count(a->ruleset, i)) &&
               pair_numbers_equal(&a->pairs[i], &b->pairs[i]);
    }
    return same;
}

enum err active_rules_load_named(struct db_lane *db, struct span id, struct active_rules **rules,
                                 struct diag *diag) {
    const struct asking asking = {.lane = db};
    struct active_row row = {0};
    struct buf sql = BUF_EMPTY;
    buf_str(&sql, "SELECT 0, ruleset, id, engine FROM rulesets WHERE id = ");
    db_quote_text(&sql, id);
    enum err err = find_row(&asking, buf_cstr(&sql), &row, diag);
    buf_free(&sql);
    if (err == ERR_NOT_FOUND) {
        return diag_fail(diag, err, "no rule set has that id");
    }
    return err == ERR_OK ? load_row(&asking, &row, rules, diag) : err;
}

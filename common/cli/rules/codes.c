/* See codes.h.  One statement counts what is new, one makes it. */
#include "cli/rules/codes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CODES_MAX = INT16_MAX };
#define SQLSTATE_SEQUENCE_END "2200H"

/* The columns of `codes` as array literals. */
enum { COLUMN_KIND, COLUMN_AGREEMENT, COLUMN_DISPOSITION, COLUMN_LABEL, COLUMN_COUNT };
struct wanted {
    struct buf columns[COLUMN_COUNT];
    uint32_t count;
};

/* Ids, labels and names hold no quote and no backslash. */
static void wanted_add(struct wanted *wanted, const char *kind, const char *agreement,
                       const char *disposition, const char *label) {
    const char *const cells[COLUMN_COUNT] = {kind, agreement, disposition, label};
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        CHECK(strpbrk(cells[i], "\"\\") == NULL);
        buf_printf(&wanted->columns[i], "%s\"%s\"", wanted->count == 0 ? "{" : ",", cells[i]);
    }
    wanted->count++;
}

static void wanted_read(const struct ruleset *ruleset, struct wanted *wanted) {
    const struct schema *schema = ruleset_schema(ruleset);
    for (uint32_t i = 0; i < schema->path_count; i++) {
        wanted_add(wanted, "path", "", "", schema->paths[i]->name);
    }
    for (uint32_t a = 0; a < ruleset_agreement_count(ruleset); a++) {
        const char *id = ruleset_agreement_id(ruleset, a);
        wanted_add(wanted, "agreement", id, "", "");
        for (uint32_t r = 0; r < ruleset_reason_count(ruleset, a); r++) {
            struct reason reason = ruleset_reason(ruleset, a, r);
            wanted_add(wanted, "finding", id, disposition_name(reason.disposition), reason.label);
        }
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        buf_byte(&wanted->columns[i], '}');
    }
}

#define WANTED_SQL                                                                                 \
    "unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY "                      \
    "w (kind, agreement, disposition, label, nr)"

static enum err limit_fail(int64_t fresh, int64_t left, struct diag *diag) {
    return diag_fail(
        diag, ERR_TOO_LARGE,
        "the rule set needs %" PRId64 " new codes, and %" PRId64
        " of %d are left: a code numbers an "
        "agreement, a finding (agreement, disposition, reason) or a fact, and is never reused; "
        "publish under the agreement ids, labels and fact names that are there",
        fresh, left, (int)CODES_MAX);
}

static enum err room_check(struct db *db, const char *const *params, int64_t *fresh,
                           struct diag *diag) {
    struct db_result *row = NULL;
    enum err err = db_query(db,
                            "SELECT count(*), (SELECT coalesce(max(code), 0) FROM codes)::smallint "
                            "FROM " WANTED_SQL " WHERE NOT EXISTS (SELECT FROM codes c WHERE "
                            "(c.kind, c.agreement, c.disposition, c.label) = "
                            "(w.kind, w.agreement, w.disposition, w.label))",
                            COLUMN_COUNT, params, &row, diag);
    err = err == ERR_OK ? db_expect(row, "1 n h", diag) : err;
    if (err == ERR_OK) {
        *fresh = strtoll(db_cell(row, 0, 0), NULL, 10);
        int64_t left = CODES_MAX - strtoll(db_cell(row, 0, 1), NULL, 10);
        err = *fresh > left ? limit_fail(*fresh, left, diag) : ERR_OK;
    }
    db_result_free(&row);
    return err;
}

enum err codes_write(struct db *db, const struct ruleset *ruleset, struct diag *diag) {
    struct wanted wanted = {0};
    const char *params[COLUMN_COUNT];
    int64_t fresh = 0;
    wanted_read(ruleset, &wanted);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        params[i] = buf_cstr(&wanted.columns[i]);
    }
    enum err err = room_check(db, params, &fresh, diag);
    if (err == ERR_OK && fresh > 0) {
        err = db_exec(db,
                      "SELECT count(code_for(kind, agreement, disposition, label)) FROM (SELECT * "
                      "FROM " WANTED_SQL " ORDER BY nr) w",
                      COLUMN_COUNT, params, diag);
        /* A publication that failed has used up numbers, too. */
        if (err != ERR_OK && strcmp(db_sqlstate(db), SQLSTATE_SEQUENCE_END) == 0) {
            err = limit_fail(fresh, 0, diag);
        }
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        buf_free(&wanted.columns[i]);
    }
    return err;
}

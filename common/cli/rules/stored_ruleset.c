/* See rules/stored_ruleset.h. */
#include "cli/rules/stored_ruleset.h"

#include <stdio.h>

bool stored_ruleset_is_id(const char *text) {
    size_t len = strlen(text);
    return len >= RULESET_ID_DIGITS_MIN && len <= RULESET_ID_DIGITS &&
           strspn(text, "0123456789abcdef") == len;
}

enum err stored_ruleset_find(struct db *db, const char *id, struct stored_ruleset *found,
                             struct diag *diag) {
    const char *const params[] = {id};
    struct db_result *rows = NULL;
    enum err err = db_query(db, "SELECT ruleset, id FROM rulesets WHERE starts_with(id, $1)", 1,
                            params, &rows, diag);
    err = err == ERR_OK ? db_expect(rows, "* h s", diag) : err;
    if (err == ERR_OK && db_rows(rows) == 0) {
        err = diag_fail(diag, ERR_NOT_FOUND, "no rule set %s; see: casemill rules list", id);
    } else if (err == ERR_OK && db_rows(rows) > 1) {
        err = diag_fail(diag, ERR_CONFLICT, "several rule sets start with %s", id);
    } else if (err == ERR_OK) {
        (void)snprintf(found->number, sizeof(found->number), "%s", db_cell(rows, 0, 0));
        (void)snprintf(found->id, sizeof(found->id), "%s", db_cell(rows, 0, 1));
    }
    db_result_free(&rows);
    return err;
}

enum err stored_ruleset_load(struct db *db, const char *id, struct ruleset **ruleset,
                             struct diag *diag) {
    struct stored_ruleset found = {0};
    struct db_result *rows = NULL;
    enum err err = stored_ruleset_find(db, id, &found, diag);
    const char *const params[] = {found.number};
    if (err == ERR_OK) {
        err = db_query(db, "SELECT body FROM ruleset_texts WHERE ruleset = $1::smallint", 1, params,
                       &rows, diag);
    }
    err = err == ERR_OK ? db_expect(rows, "* s", diag) : err;
    if (err == ERR_OK && db_rows(rows) != 1) {
        err = diag_fail(diag, ERR_NOT_FOUND, "rule set %.12s has no text", found.id);
    } else if (err == ERR_OK) {
        err = ruleset_load_text(db_cell_span(rows, 0, 0), ruleset, diag);
    }
    db_result_free(&rows);
    return err;
}

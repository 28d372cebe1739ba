/* See purge_choice.h. */
#include "cli/db/purge_choice.h"

#include "base/date.h"
#include "base/mem.h"
#include "cli/case_name.h"

#include <stdio.h>
#include <stdlib.h>

static enum err read_case(const struct options *options, const char *text,
                          struct purge_choice *choice) {
    struct case_name name = case_name_split(text);
    if (name.source.len == 0 || name.source.len >= sizeof(choice->source) ||
        name.case_id.len == 0) {
        (void)verb_usage(options, "--case is SOURCE/CASE_ID or SOURCE/CASE_ID@REVISION, not \"%s\"",
                         text);
        return ERR_INVALID;
    }
    (void)snprintf(choice->source, sizeof(choice->source), "%.*s", SPAN_ARG(name.source));
    (void)snprintf(choice->revision, sizeof(choice->revision), "%.*s", SPAN_ARG(name.revision));
    choice->case_id = mem_strdup(text + (name.source.len + 1));
    choice->case_id[name.case_id.len] = '\0';
    return ERR_OK;
}

enum err purge_choice_read(const struct options *options, struct purge_choice *choice) {
    const char *one = option_str(options, "--case", NULL);
    const char *source = option_str(options, "--source", "");
    int32_t day = 0;
    *choice = (struct purge_choice){.before = option_str(options, "--before", NULL)};
    if (one != NULL && (source[0] != '\0' || choice->before != NULL)) {
        (void)verb_usage(options, "either --case, or --source and --before");
        return ERR_INVALID;
    }
    if (one != NULL) {
        return read_case(options, one, choice);
    }
    if (source[0] == '\0' || strlen(source) >= sizeof(choice->source)) {
        (void)verb_usage(options, "whose cases? --source NAME, or --case SOURCE/CASE_ID");
        return ERR_INVALID;
    }
    if (choice->before == NULL || date_parse(span_str(choice->before), &day) != ERR_OK) {
        (void)verb_usage(options, "accepted before which day? --before YYYY-MM-DD, in UTC");
        return ERR_INVALID;
    }
    (void)snprintf(choice->source, sizeof(choice->source), "%s", source);
    return ERR_OK;
}

void purge_choice_free(struct purge_choice *choice) {
    mem_free(choice->case_id);
    choice->case_id = NULL;
}

void purge_choice_params(const struct purge_choice *choice, const char *params[PURGE_PARAMS]) {
    params[0] = choice->source;
    params[1] = choice->before;
    params[2] = choice->case_id;
    params[3] = choice->revision[0] == '\0' ? NULL : choice->revision;
}

enum err purge_choice_check(struct db *db, const struct purge_choice *choice, struct diag *diag) {
    struct db_result *row = NULL;
    const char *const params[] = {choice->source, choice->before};
    enum err err =
        db_query(db,
                 "SELECT EXISTS (SELECT FROM sources WHERE name = $1), coalesce($2::date "
                 "> (now() AT TIME ZONE 'UTC')::date, false)",
                 COUNT_OF(params), params, &row, diag);
    err = err == ERR_OK ? db_expect(row, "1 b b", diag) : err;
    if (err == ERR_OK && strcmp(db_cell(row, 0, 0), "t") != 0) {
        err = diag_fail(diag, ERR_NOT_FOUND, "no source \"%s\" has sent a case", choice->source);
    } else if (err == ERR_OK && strcmp(db_cell(row, 0, 1), "t") == 0) {
        err = diag_fail(diag, ERR_INVALID,
                        "--before %s is in the future: at most today, which keeps the cases "
                        "accepted today",
                        choice->before);
    }
    db_result_free(&row);
    return err;
}

/* As purge_some (sql/baseline/7_counting.sql) and the removal of further dead letters choose. */
static const char COUNT_SQL[] =
    "WITH s AS (SELECT source FROM sources WHERE name = $1), old AS MATERIALIZED ("
    "SELECT c.source, c.case_id, c.revision FROM cases c JOIN s USING (source) "
    "WHERE c.received_at < $2::date::timestamp AT TIME ZONE 'UTC' UNION ALL "
    "SELECT c.source, c.case_id, c.revision FROM cases c JOIN s USING (source) "
    "WHERE c.case_id = $3 AND c.revision = coalesce($4::integer, c.revision)) "
    "SELECT (SELECT count(*) FROM old), "
    "(SELECT count(*) FROM reapplied JOIN old USING (source, case_id, revision)), "
    "(SELECT count(*) FROM dead_letters d JOIN s USING (source) "
    "LEFT JOIN old o ON o.source = d.source AND o.case_id = d.case_id AND o.revision = d.revision "
    "WHERE o.source IS NOT NULL OR d.last_seen_at < $2::date::timestamp AT TIME ZONE 'UTC' "
    "OR (d.case_id = $3 AND ($4::integer IS NULL OR d.revision = $4::integer)))";

enum err purge_choice_count(struct db *db, const struct purge_choice *choice,
                            struct purge_counts *counts, struct diag *diag) {
    struct db_result *row = NULL;
    const char *params[PURGE_PARAMS];
    purge_choice_params(choice, params);
    db_limit(db, DB_CALL_MS_LONG); /* it reads all cases of the source */
    enum err err = db_query(db, COUNT_SQL, PURGE_PARAMS, params, &row, diag);
    err = err == ERR_OK ? db_expect(row, "1 n n n", diag) : err;
    if (err == ERR_OK) {
        *counts = (struct purge_counts){.cases = strtoull(db_cell(row, 0, 0), NULL, 10),
                                        .reapplied = strtoull(db_cell(row, 0, 1), NULL, 10),
                                        .dead_letters = strtoull(db_cell(row, 0, 2), NULL, 10)};
    }
    db_result_free(&row);
    return err;
}

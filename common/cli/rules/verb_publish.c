/* `casemill rules publish`: a directory of rule documents becomes a rule set in the database:
 * checked, tested, then written in one transaction.  With it go the codes of its outcomes and the
 * questions of its facts.  A second run changes nothing. */
#include "base/json.h"
#include "base/mem.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/database.h"
#include "cli/rules/codes.h"
#include "cli/rules/fit.h"
#include "cli/rules/lint.h"
#include "cli/rules/option.h"
#include "rules/pairs.h"

#include <stdio.h>
#include <stdlib.h>

/* The latest publication's questions, for report.questions. */
static enum err write_questions(struct db *db, const struct schema *schema, struct diag *diag) {
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < schema->path_count; i++) {
        const char *const params[] = {schema->paths[i]->name, schema->paths[i]->help};
        err = params[1] == NULL || params[1][0] == '\0'
                  ? ERR_OK
                  : db_exec(db,
                            "INSERT INTO questions (path, text) SELECT code, $2 FROM codes WHERE "
                            "kind = 'path' AND label = $1 ON CONFLICT (path) DO UPDATE SET "
                            "text = excluded.text WHERE questions.text <> excluded.text",
                            COUNT_OF(params), params, diag);
    }
    return err;
}

/* One publisher at a time, so that no smallint numbers are wasted. */
#define LOCK_SQL "SELECT pg_advisory_xact_lock(hashtext('casemill rules publish'))"

/* The codes of an agreement's reasons, as text: codes[reason] points into *rows. */
static enum err read_codes(struct db *db, const struct ruleset *ruleset, uint32_t agreement,
                           const char **codes, struct db_result **rows, struct diag *diag) {
    const char *const params[] = {ruleset_agreement_id(ruleset, agreement)};
    enum err err = db_query(db,
                            "SELECT code, disposition, label FROM codes "
                            "WHERE kind = 'finding' AND agreement = $1",
                            COUNT_OF(params), params, rows, diag);
    err = err == ERR_OK ? db_expect(*rows, "* h s s", diag) : err;
    for (uint32_t i = 0; err == ERR_OK && i < ruleset_reason_count(ruleset, agreement); i++) {
        struct reason reason = ruleset_reason(ruleset, agreement, i);
        for (uint32_t row = 0; row < db_rows(*rows); row++) {
            if (strcmp(db_cell(*rows, row, 1), disposition_name(reason.disposition)) == 0 &&
                strcmp(db_cell(*rows, row, 2), reason.label) == 0) {
                codes[i] = db_cell(*rows, row, 0);
            }
        }
        if (codes[i] == NULL) {
            err = diag_fail(diag, ERR_CORRUPT, "a reason of agreement %s has no code", params[0]);
        }
    }
    return err;
}

static enum err write_agreement_pairs(struct db *db, const struct ruleset *ruleset,
                                      uint32_t agreement, struct diag *diag) {
    struct db_result *rows = NULL;
    struct reason_pair *pairs = NULL;
    struct buf findings = BUF_EMPTY;
    struct buf projected = BUF_EMPTY;
    char position[16];
    const char **codes = mem_zero(ruleset_reason_count(ruleset, agreement), sizeof(*codes));
    enum err err = read_codes(db, ruleset, agreement, codes, &rows, diag);
    uint32_t count = err == ERR_OK ? ruleset_pairs(ruleset, agreement, &pairs) : 0;
    if (err == ERR_OK && count > RULESET_PAIRS_MAX) {
        err = diag_fail(diag, ERR_TOO_LARGE,
                        "agreement %s can give %u pairs of findings, more than %d: give it a line "
                        "`status`, or fewer rules",
                        ruleset_agreement_id(ruleset, agreement), count, (int)RULESET_PAIRS_MAX);
    }
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        buf_printf(&findings, "%c%s", i == 0 ? '{' : ',', codes[pairs[i].reason]);
        buf_printf(&projected, "%c%s", i == 0 ? '{' : ',',
                   pairs[i].projected == PAIR_ALONE ? "-1" : codes[pairs[i].projected]);
    }
    if (err == ERR_OK) {
        buf_byte(&findings, '}');
        buf_byte(&projected, '}');
        (void)snprintf(position, sizeof(position), "%u", agreement + 1);
        const char *const params[] = {ruleset_id(ruleset), position, buf_cstr(&findings),
                                      buf_cstr(&projected)};
        err = db_exec(db,
                      "INSERT INTO ruleset_pairs (ruleset, position, findings, projected) "
                      "SELECT ruleset, $2::smallint, $3::smallint[], $4::smallint[] FROM rulesets "
                      "WHERE id = $1",
                      COUNT_OF(params), params, diag);
    }
    buf_free(&findings);
    buf_free(&projected);
    mem_free(pairs);
    mem_free(codes);
    db_result_free(&rows);
    return err;
}

/* A list is written once: stored outcomes name its pairs by number. */
static enum err write_pairs(struct db *db, const struct ruleset *ruleset, struct diag *diag) {
    const char *const params[] = {ruleset_id(ruleset)};
    struct db_result *known = NULL;
    enum err err = db_query(db,
                            "SELECT EXISTS (SELECT FROM ruleset_pairs p JOIN rulesets r USING "
                            "(ruleset) WHERE r.id = $1)",
                            COUNT_OF(params), params, &known, diag);
    err = err == ERR_OK ? db_expect(known, "1 b", diag) : err;
    bool has_list = err == ERR_OK && strcmp(db_cell(known, 0, 0), "t") == 0;
    db_result_free(&known);
    for (uint32_t i = 0; err == ERR_OK && !has_list && i < ruleset_agreement_count(ruleset); i++) {
        err = write_agreement_pairs(db, ruleset, i, diag);
    }
    return err;
}

static enum err write_ruleset(struct db *db, const struct ruleset *ruleset, struct diag *diag) {
    char engine[16];
    struct buf agreements = BUF_EMPTY;
    struct buf body = BUF_EMPTY;
    (void)snprintf(engine, sizeof(engine), "%d", RULESET_ENGINE_VERSION);
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        /* an id has only alphanumerics, - and _: no quotes needed */
        buf_printf(&agreements, "%s%s", i == 0 ? "{" : ",", ruleset_agreement_id(ruleset, i));
    }
    buf_byte(&agreements, '}');
    buf_append(&body, ruleset_text(ruleset));
    const char *const row[] = {ruleset_id(ruleset), engine, buf_cstr(&agreements)};
    const char *const text[] = {ruleset_id(ruleset), buf_cstr(&body)};
    enum err err = db_exec(db,
                           "INSERT INTO rulesets (id, engine, agreements) "
                           "VALUES ($1, $2::integer, $3::text[])",
                           COUNT_OF(row), row, diag);
    if (err == ERR_OK) {
        err = db_exec(db,
                      "INSERT INTO ruleset_texts (ruleset, body) "
                      "SELECT ruleset, $2 FROM rulesets WHERE id = $1",
                      COUNT_OF(text), text, diag);
    }
    buf_free(&agreements);
    buf_free(&body);
    return err == ERR_OK ? codes_write(db, ruleset, diag) : err;
}

/* *is_new is false when the rule set was published before. */
static enum err publish(struct db *db, const struct ruleset *ruleset, bool *is_new,
                        struct diag *diag) {
    const char *const params[] = {ruleset_id(ruleset)};
    struct db_result *known = NULL;
    enum err err = db_exec(db, "BEGIN", 0, NULL, diag);
    if (err == ERR_OK) {
        err = db_exec(db, LOCK_SQL, 0, NULL, diag);
    }
    if (err == ERR_OK) {
        err = db_query(db, "SELECT ruleset FROM rulesets WHERE id = $1", 1, params, &known, diag);
    }
    err = err == ERR_OK ? db_expect(known, "? h", diag) : err;
    if (err == ERR_OK) {
        *is_new = db_rows(known) == 0;
        err = *is_new ? write_ruleset(db, ruleset, diag) : ERR_OK;
    }
    err = err == ERR_OK ? write_pairs(db, ruleset, diag) : err; /* an older publisher wrote none */
    err = err == ERR_OK ? write_questions(db, ruleset_schema(ruleset), diag) : err;
    db_result_free(&known);
    return err == ERR_OK ? db_exec(db, "COMMIT", 0, NULL, diag) : err; /* closing rolls back */
}

static void print_published(const struct options *options, const struct ruleset *ruleset,
                            bool is_new) {
    if (!option_flag(options, "--json")) {
        plain_printf(stdout, "%s %s\n", is_new ? "published" : "was published already",
                     ruleset_id(ruleset));
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_str(json_key(&json, "ruleset"), ruleset_id(ruleset));
    json_bool(json_key(&json, "new"), is_new);
    json_object_close(&json);
    answer_print_json(NULL, &text);
}

/* A rule that can never win is refused, like a failed test; warnings are for rules check. */
static bool has_errors(const struct ruleset *ruleset) {
    struct lint lint = {0};
    ruleset_lint(ruleset, &lint);
    bool found = lint.error_count > 0;
    rules_lint_print(&lint, false);
    lint_free(&lint);
    return found;
}

/* Before it is stored: without columns no worker could take it.  A set without some of the facts
 * may serve replay, so that is a warning. */
static enum err fit_check(struct db *db, const struct ruleset *ruleset, struct diag *diag) {
    struct buf dropped = BUF_EMPTY;
    struct diag ignored = {0}; /* an active set that does not load: activate reports it */
    enum err err = rules_fit_columns(db, ruleset, diag);
    if (err == ERR_OK && rules_fit_dropped(db, ruleset, &dropped, &ignored) == ERR_OK &&
        dropped.len > 0) {
        plain_printf(
            stderr,
            "warning: facts of the active rule set are not in this one: %s; `rules activate` "
            "will ask for --drop-facts\n",
            buf_cstr(&dropped));
    }
    buf_free(&dropped);
    return err;
}

static int run_publish(const struct options *options) {
    if (option_db(options) == NULL) {
        return database_missing(options); /* before the tests run */
    }
    struct ruleset *ruleset = NULL;
    struct db *db = NULL;
    struct diag diag = {0};
    bool is_new = false;
    int code = rules_option_load(options, rules_option_dir(options), &ruleset);
    if (code == EXIT_DONE && (has_errors(ruleset) || rules_option_failed(ruleset))) {
        code = EXIT_FAILED;
    }
    if (code == EXIT_DONE) {
        code = database_open(options, DATABASE_PLACED, &db);
    }
    if (code == EXIT_DONE && (fit_check(db, ruleset, &diag) != ERR_OK ||
                              publish(db, ruleset, &is_new, &diag) != ERR_OK)) {
        code = verb_fail(options, &diag, SPAN_LIT(""));
    } else if (code == EXIT_DONE) {
        print_published(options, ruleset, is_new);
    }
    db_close(&db);
    ruleset_unref(&ruleset);
    return code;
}

static const struct option_row PUBLISH_ROWS[] = {
    {"--set", "AGREEMENT.PARAM=VALUE", "override a parameter; may repeat"}, {NULL, NULL, NULL}};

const struct verb verb_rules_publish = {
    .name = "rules publish",
    .summary = "check and test rules, then store them as an immutable rule set",
    .operands = "[DIR]",
    .rows = PUBLISH_ROWS,
    .run = run_publish,
};

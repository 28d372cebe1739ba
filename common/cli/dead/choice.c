/* One condition for all verbs, with the numbers and filters as parameters. */
#include "cli/dead/choice.h"

#include "base/check.h"
#include "cli/dead/reasons.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARAMS = 6, PAGE_BYTES_MAX = 8 << 20, NUMBER_BYTES = 24 };

static const char CHOSEN[] =
    " FROM dead_letters d JOIN sources s ON s.source = d.source WHERE "
    "CASE WHEN $1::bigint[] IS NOT NULL THEN d.dead = ANY ($1::bigint[]) "
    "ELSE EXISTS (SELECT FROM report.dead_letters v WHERE v.dead = d.dead) END "
    "AND ($2::text IS NULL OR d.reason = $2) AND ($3::text IS NULL OR s.name = $3) "
    "AND ($4::text IS NULL OR EXISTS (SELECT FROM cases c JOIN codes a ON a.code = c.agreement "
    "WHERE c.source = d.source AND c.case_id = d.case_id AND a.agreement = $4)) "
    "AND ($5::bool IS NOT TRUE OR NOT (d.reapplied OR s.name IN ('reapply', 'retry'))) "
    "AND d.dead > $6::bigint ";

static bool read_number(const char *text, int64_t *number) {
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *number = value;
    return errno == 0 && end != text && *end == '\0' && value > 0;
}

enum err dead_choice_read(const struct options *options, bool has_filters,
                          struct dead_choice *choice) {
    *choice = (struct dead_choice){.id_count = option_operand_count(options)};
    if (has_filters) {
        choice->reason = option_str(options, "--reason", NULL);
        choice->source = option_str(options, "--source", NULL);
        choice->agreement = option_str(options, "--agreement", NULL);
    }
    bool filtered = choice->reason != NULL || choice->source != NULL || choice->agreement != NULL;
    if ((choice->id_count > 0) == filtered) {
        (void)verb_usage(options, "which dead letters? give their numbers%s",
                         has_filters ? ", or --reason, --source, --agreement" : "");
        return ERR_INVALID;
    }
    if (dead_reason_check(options, choice->reason) != ERR_OK) {
        return ERR_INVALID;
    }
    for (uint32_t i = 0; i < choice->id_count; i++) {
        int64_t number = 0;
        if (!read_number(option_operand(options, i), &number)) {
            (void)verb_usage(options, "\"%s\" is not the number of a dead letter",
                             option_operand(options, i));
            dead_choice_free(choice);
            return ERR_INVALID;
        }
        buf_printf(&choice->ids, i == 0 ? "{%lld" : ",%lld", (long long)number);
    }
    buf_str(&choice->ids, choice->id_count > 0 ? "}" : "");
    return ERR_OK;
}

void dead_choice_free(struct dead_choice *choice) { buf_free(&choice->ids); }

static void fill_params(const struct dead_choice *choice, const char *after,
                        const char *params[PARAMS]) {
    params[0] = choice->id_count > 0 ? buf_cstr((struct buf *)(uintptr_t)&choice->ids) : NULL;
    params[1] = choice->reason;
    params[2] = choice->source;
    params[3] = choice->agreement;
    params[4] = choice->cases_only ? "t" : "f";
    params[5] = after;
}

static enum err check_cases(struct db *db, const char *const params[PARAMS], struct diag *diag) {
    struct db_result *without = NULL;
    enum err err = db_query(db,
                            "SELECT d.dead FROM dead_letters d JOIN sources s USING (source) "
                            "WHERE d.dead = ANY ($1::bigint[]) "
                            "AND (d.reapplied OR s.name IN ('reapply', 'retry')) LIMIT 1",
                            1, params, &without, diag);
    err = err == ERR_OK ? db_expect(without, "? i", diag) : err;
    if (err == ERR_OK && db_rows(without) > 0) {
        err = diag_fail(diag, ERR_INVALID,
                        "dead letter %s is of a reapplication or a retry and holds no case: "
                        "leave it out, or give --json",
                        db_cell(without, 0, 0));
    }
    db_result_free(&without);
    return err;
}

static enum err check_numbers(struct db *db, const struct dead_choice *choice, struct diag *diag) {
    struct db_result *missing = NULL;
    const char *params[PARAMS];
    if (choice->id_count == 0) {
        return ERR_OK;
    }
    fill_params(choice, "0", params);
    enum err err = db_query(db,
                            "SELECT i FROM unnest($1::bigint[]) i WHERE NOT EXISTS "
                            "(SELECT FROM dead_letters d WHERE d.dead = i) LIMIT 1",
                            1, params, &missing, diag);
    err = err == ERR_OK ? db_expect(missing, "? i", diag) : err;
    if (err == ERR_OK && db_rows(missing) > 0) {
        err = diag_fail(diag, ERR_NOT_FOUND, "there is no dead letter %s", db_cell(missing, 0, 0));
    }
    db_result_free(&missing);
    return err == ERR_OK && choice->cases_only ? check_cases(db, params, diag) : err;
}

enum err dead_choice_count(struct db *db, const struct dead_choice *choice,
                           struct db_result **counts, struct diag *diag) {
    struct buf sql = BUF_EMPTY;
    const char *params[PARAMS];
    fill_params(choice, "0", params);
    buf_printf(&sql, "SELECT d.reason, count(*) AS letters%sGROUP BY 1 ORDER BY 2 DESC, 1", CHOSEN);
    enum err err = check_numbers(db, choice, diag);
    if (err == ERR_OK) {
        err = db_query(db, buf_cstr(&sql), PARAMS, params, counts, diag);
        err = err == ERR_OK ? db_expect(*counts, "* s n", diag) : err;
    }
    buf_free(&sql);
    return err;
}

enum err dead_choice_page(struct db *db, const struct dead_choice *choice, struct dead_page *page,
                          struct diag *diag) {
    struct buf sql = BUF_EMPTY;
    struct db_result *rows = NULL;
    const char *params[PARAMS];
    char after[NUMBER_BYTES];
    int64_t bytes = 0;
    (void)snprintf(after, sizeof(after), "%lld", (long long)page->after);
    fill_params(choice, after, params);
    buf_printf(&sql, "SELECT d.dead, octet_length(d.body)%sORDER BY 1 LIMIT %u", CHOSEN,
               page->most);
    enum err err = db_query(db, buf_cstr(&sql), PARAMS, params, &rows, diag);
    err = err == ERR_OK ? db_expect(rows, "* i n", diag) : err;
    buf_free(&sql);
    buf_clear(&page->ids);
    page->count = 0;
    for (uint32_t row = 0; err == ERR_OK && row < db_rows(rows); row++) {
        bytes += strtoll(db_cell(rows, row, 1), NULL, 10);
        if (page->count > 0 && bytes > PAGE_BYTES_MAX) {
            break;
        }
        page->after = strtoll(db_cell(rows, row, 0), NULL, 10);
        buf_printf(&page->ids, page->count == 0 ? "{%s" : ",%s", db_cell(rows, row, 0));
        page->count++;
    }
    buf_str(&page->ids, page->count > 0 ? "}" : "");
    db_result_free(&rows);
    return err;
}

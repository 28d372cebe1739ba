/* See replay/filter.h. */
#include "cli/replay/filter.h"

#include "base/date.h"
#include "base/suggest.h"
#include "rules/ruleset.h"

#include <stdio.h>

enum filter_type {
    FILTER_NAME,        /* found in the database: one or more numbers */
    FILTER_DISPOSITION, /* a word */
    FILTER_DATES,       /* FROM..UNTIL, both included, one may be left out; or one day */
    FILTER_DAYS         /* the same for a timestamp, by UTC day */
};

struct filter_row {
    const char *key;
    enum filter_type type;
    const char *column;
    bool is_outcome;    /* a column of the outcome, else of the case itself */
    const char *lookup; /* of FILTER_NAME: the numbers of name $1 */
};

static const struct filter_row ROWS[] = {
    {"source", FILTER_NAME, "source", false, "SELECT source FROM sources WHERE name = $1"},
    {"disposition", FILTER_DISPOSITION, "disposition", true, NULL},
    {"agreement", FILTER_NAME, "agreement", true,
     "SELECT code FROM codes WHERE kind = 'agreement' AND agreement = $1"},
    {"reason", FILTER_NAME, "reason", true,
     "SELECT code FROM codes WHERE kind = 'finding' AND label = $1"},
    {"ruleset", FILTER_NAME, "ruleset", true,
     "SELECT ruleset FROM rulesets WHERE starts_with(id, $1)"},
    {"received", FILTER_DAYS, "received_at", false, NULL},
    {"reference_date", FILTER_DATES, "reference_date", true, NULL},
    {"as_of", FILTER_DATES, "as_of", true, NULL},
};

void replay_column(const struct replay_columns *columns, const char *name, struct buf *sql) {
    if (columns->newest) {
        buf_printf(sql, "coalesce(n.%s, c.%s)", name, name);
    } else {
        buf_printf(sql, "c.%s", name);
    }
}

void replay_own_column(const struct replay_columns *columns, const char *name, struct buf *sql) {
    if (columns->newest) {
        buf_printf(sql, "CASE WHEN n.ruleset IS NULL THEN c.%s ELSE n.%s END", name, name);
    } else {
        buf_printf(sql, "c.%s", name);
    }
}

static void filter_column(const struct replay_columns *columns, const struct filter_row *row,
                          struct buf *sql) {
    if (row->is_outcome) {
        replay_column(columns, row->column, sql);
    } else {
        buf_printf(sql, "c.%s", row->column);
    }
}

static enum err name_condition(struct db *db, const struct replay_columns *columns,
                               const struct filter_row *row, const char *name, struct buf *sql,
                               struct diag *diag) {
    struct db_result *numbers = NULL;
    enum err err = db_query(db, row->lookup, 1, &name, &numbers, diag);
    err = err == ERR_OK ? db_expect(numbers, "* h", diag) : err;
    if (err == ERR_OK && (name[0] == '\0' || db_rows(numbers) == 0)) {
        err = diag_fail(diag, ERR_NOT_FOUND, "--where %s: nothing stored is called \"%.80s\"",
                        row->key, name);
    }
    if (err == ERR_OK) {
        buf_str(sql, " AND ");
        filter_column(columns, row, sql);
        for (uint32_t i = 0; i < db_rows(numbers); i++) {
            buf_printf(sql, "%s%s", i == 0 ? " IN (" : ", ", db_cell(numbers, i, 0));
        }
        buf_byte(sql, ')');
    }
    db_result_free(&numbers);
    return err;
}

static enum err disposition_condition(const struct replay_columns *columns,
                                      const struct filter_row *row, const char *word,
                                      struct buf *sql, struct diag *diag) {
    struct suggest suggest;
    suggest_init(&suggest, span_str(word));
    for (enum disposition i = 0; i < DISPOSITION_COUNT; i++) {
        if (strcmp(word, disposition_name(i)) == 0) {
            buf_str(sql, " AND ");
            filter_column(columns, row, sql);
            buf_printf(sql, " = %d", (int)i);
            return ERR_OK;
        }
        suggest_offer(&suggest, span_str(disposition_name(i)));
    }
    return diag_fail(diag, ERR_INVALID, "--where disposition: there is no \"%.40s\"%s%.*s%s", word,
                     SUGGEST_ARG(suggest));
}

/* One end of a range; an empty text is an open end. */
static void date_condition(const struct replay_columns *columns, const struct filter_row *row,
                           const char *comparison, int32_t days, struct buf *sql) {
    char text[DATE_TEXT_BYTES];
    date_format(days, text);
    buf_str(sql, " AND ");
    filter_column(columns, row, sql);
    buf_printf(sql, " %s '%s%s", comparison, text,
               row->type == FILTER_DAYS ? " 00:00:00+00'::timestamptz" : "'::date");
}

static enum err dates_condition(const struct replay_columns *columns, const struct filter_row *row,
                                const char *value, struct buf *sql, struct diag *diag) {
    const char *dots = strstr(value, "..");
    struct span from = dots == NULL ? span_str(value) : span_make(value, (size_t)(dots - value));
    struct span until = dots == NULL ? from : span_str(dots + 2);
    int32_t first = DATE_DAYS_MIN;
    int32_t last = DATE_DAYS_MAX - 1; /* the day after it is a date, too */
    bool is_wrong = from.len == 0 && until.len == 0;
    is_wrong = is_wrong || (from.len > 0 && date_parse(from, &first) != ERR_OK);
    is_wrong = is_wrong || (until.len > 0 && date_parse(until, &last) != ERR_OK);
    if (is_wrong || first > last || last == DATE_DAYS_MAX) {
        return diag_fail(diag, ERR_INVALID,
                         "--where %s: expected YYYY-MM-DD or FROM..UNTIL, found \"%.40s\"",
                         row->key, value);
    }
    if (from.len > 0) {
        date_condition(columns, row, ">=", first, sql);
    }
    if (until.len > 0) {
        date_condition(columns, row, "<", last + 1, sql);
    }
    return ERR_OK;
}

static enum err unknown_key(struct span key, struct diag *diag) {
    struct suggest suggest;
    struct buf keys = BUF_EMPTY;
    suggest_init(&suggest, key);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        suggest_offer(&suggest, span_str(ROWS[i].key));
        buf_printf(&keys, "%s%s", i == 0 ? "" : ", ", ROWS[i].key);
    }
    enum err err =
        suggest.best.ptr != NULL
            ? diag_fail(diag, ERR_INVALID, "--where: there is no \"%.*s\", did you mean %.*s?",
                        key.len > 40 ? 40 : (int)key.len, (const char *)key.ptr,
                        SPAN_ARG(suggest.best))
            : diag_fail(diag, ERR_INVALID, "--where: expected KEY=VALUE, KEY one of %s",
                        buf_cstr(&keys));
    buf_free(&keys);
    return err;
}

enum err replay_filter_add(struct db *db, const struct replay_columns *columns, const char *text,
                           struct buf *sql, struct diag *diag) {
    const char *equals = strchr(text, '=');
    struct span key = equals == NULL ? span_str(text) : span_make(text, (size_t)(equals - text));
    const struct filter_row *row = NULL;
    for (size_t i = 0; i < COUNT_OF(ROWS) && equals != NULL; i++) {
        row = span_is(key, ROWS[i].key) ? &ROWS[i] : row;
    }
    if (row == NULL) {
        return unknown_key(key, diag);
    }
    switch (row->type) {
    case FILTER_NAME:
        return name_condition(db, columns, row, equals + 1, sql, diag);
    case FILTER_DISPOSITION:
        return disposition_condition(columns, row, equals + 1, sql, diag);
    case FILTER_DATES:
    case FILTER_DAYS:
        return dates_condition(columns, row, equals + 1, sql, diag);
    }
    UNREACHABLE();
}

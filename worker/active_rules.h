/* Purpose: a rule set as a lane needs it, active or named: the rules, the number of everything that
 * goes into a row, the columns of `cases` in row order.  Immutable and shared by all lanes.
 * Ownership: reference-counted. */
#ifndef CASEMILL_WORKER_ACTIVE_RULES_H
#define CASEMILL_WORKER_ACTIVE_RULES_H

#include "db/db.h"
#include "db/lane.h"
#include "rules/ruleset.h"
#include "worker/pair_numbers.h"

#include <stdatomic.h>

/* The fixed columns of a row come first, in this order; the facts follow in slot order.  `commit`
 * is first, so that a row can move to another transaction without a new encoding. */
#define ACTIVE_RULES_FIXED                                                                         \
    "commit, source, case_id, revision, received_at, digest, ruleset, disposition, agreement, "    \
    "reason, result, reference_date, as_of, decided_at"
#define ACTIVE_RULES_FIXED_TYPED                                                                   \
    "commit bigint, source smallint, case_id text COLLATE \"C\", revision integer, "               \
    "received_at timestamptz, digest uuid, ruleset smallint, disposition smallint, "               \
    "agreement smallint, reason smallint, result bytea, reference_date date, as_of date, "         \
    "decided_at timestamptz"
enum { ACTIVE_RULES_FIXED_COUNT = 14 };
/* Rows of older workers have these instead of `result`. */
#define ACTIVE_RULES_OLDER "findings, projected, missing"

struct active_rules {
    atomic_uint refs;
    struct ruleset *ruleset;
    int16_t number;     /* rulesets.ruleset */
    int64_t activation; /* activations.activation; 0 of a named rule set */
    uint32_t agreement_count;
    int16_t *agreement_codes;   /* [agreement] */
    int16_t **finding_codes;    /* [agreement][reason] */
    struct pair_numbers *pairs; /* [agreement] */
    int16_t *path_codes;        /* [path] */
    struct buf columns;         /* "commit, source, ..., \"fact\"", NUL-terminated */
    struct buf typed_columns;   /* the same with types, for a temporary table */
    uint32_t column_count;
    struct buf other_columns; /* SQL: whether a case has a fact that is not in this schema */
};

/* Which activation of which rule set: after a failover a number alone may mean another one. */
struct active_row {
    int64_t activation;
    char number[8];
    char id[65];
    long engine;
    int64_t due_ms; /* of a planned rule set: monotonic */
};
/* active_rules_find reads the active row.  Errors: ERR_NOT_FOUND none; those of db_query. */
MUST_USE enum err active_rules_find(struct db *db, struct active_row *row, struct diag *diag);
/* active_rules_find_planned reads the next planned rows, in order, never due too early.  Errors:
 * those of db_query. */
enum { ACTIVE_RULES_PLANNED_MAX = 4 };
MUST_USE enum err active_rules_find_planned(struct db *db,
                                            struct active_row rows[ACTIVE_RULES_PLANNED_MAX],
                                            uint32_t *count, struct diag *diag);
/* active_rules_load reads the rule set of a row.  Errors: ERR_INVALID it does not load, lacks
 * codes, pairs or a column (diag names the command to run); those of db_query. */
MUST_USE enum err active_rules_load(struct db *db, const struct active_row *row,
                                    struct active_rules **rules, struct diag *diag);
/* active_rules_load_due reads the active rule set over a lane's connection.  *rules is NULL if
 * `have` has the same row.  Errors: ERR_NOT_FOUND, ERR_INVALID as above; of db/sqlstate.h. */
MUST_USE enum err active_rules_load_due(struct db_lane *db, const struct active_rules *have,
                                        struct active_rules **rules, struct diag *diag);
bool active_rules_are(const struct active_rules *rules, const struct active_row *row);
/* active_rules_equal: whether both make the same rows, number by number. */
bool active_rules_equal(const struct active_rules *a, const struct active_rules *b);
/* active_rules_load_named reads the rule set of that id (64 hex digits) over a lane's connection.
 * Errors: ERR_NOT_FOUND there is none, ERR_INVALID as above; those of db/sqlstate.h. */
MUST_USE enum err active_rules_load_named(struct db_lane *db, struct span id,
                                          struct active_rules **rules, struct diag *diag);
struct active_rules *active_rules_ref(struct active_rules *rules);
void active_rules_unref(struct active_rules **rules); /* accepts NULL inside */

#endif

/* Purpose: a rule set as a lane needs it, the one in force or one that is named: the rules, the
 * number of everything that goes into a row, the columns of `cases` in row order.  Immutable and
 * shared by all lanes. Ownership: reference-counted. */
#ifndef CASEMILL_WORKER_ACTIVE_RULES_H
#define CASEMILL_WORKER_ACTIVE_RULES_H

#include "db/db.h"
#include "db/lane.h"
#include "rules/ruleset.h"

#include <stdatomic.h>

/* The fixed columns of a row come first, in this order; the facts follow in slot order.  `commit`
 * is first, so that a row can be given another transaction without being encoded again. */
#define ACTIVE_RULES_FIXED                                                                         \
    "commit, source, case_id, revision, received_at, digest, ruleset, disposition, agreement, "    \
    "reason, findings, projected, missing, reference_date, as_of, decided_at"
#define ACTIVE_RULES_FIXED_TYPED                                                                   \
    "commit bigint, source smallint, case_id text COLLATE \"C\", revision integer, "               \
    "received_at timestamptz, digest uuid, ruleset smallint, disposition smallint, "               \
    "agreement smallint, reason smallint, findings smallint[], projected smallint[], "             \
    "missing smallint[], reference_date date, as_of date, decided_at timestamptz"
enum { ACTIVE_RULES_FIXED_COUNT = 16 };

struct active_rules {
    atomic_uint refs;
    struct ruleset *ruleset;
    int16_t number;     /* rulesets.ruleset */
    int64_t activation; /* activations.activation; 0 of one that was named */
    uint32_t agreement_count;
    int16_t *agreement_codes; /* [agreement] */
    int16_t **finding_codes;  /* [agreement][reason] */
    int16_t *path_codes;      /* [path] */
    struct buf columns;       /* "commit, source, ..., \"fact\"", NUL behind it */
    struct buf typed_columns; /* the same with types, for a table of our own */
    uint32_t column_count;
    struct buf other_columns; /* SQL: whether a case knows a fact that this schema has not */
};

/* active_rules_load reads what is active now.  When that is activation `have` already, *rules is
 * set to NULL and nothing more is read (have 0: none). Errors: ERR_NOT_FOUND nothing is active;
 * ERR_INVALID the rule set does not load, lacks codes or a column (diag says what to run); those of
 * db_query. */
MUST_USE enum err active_rules_load(struct db *db, int64_t have, struct active_rules **rules,
                                    struct diag *diag);
/* active_rules_load_named reads the rule set of that id (64 hex digits) over a lane's connection.
 * Errors: ERR_NOT_FOUND there is none, ERR_INVALID as above; those of db/sqlstate.h. */
MUST_USE enum err active_rules_load_named(struct db_lane *db, struct span id,
                                          struct active_rules **rules, struct diag *diag);
struct active_rules *active_rules_ref(struct active_rules *rules);
void active_rules_unref(struct active_rules **rules); /* NULL inside is fine */

#endif

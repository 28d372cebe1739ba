/* Purpose: the preparation of `casemill replay` before it reads cases: the meaning of the numbers
 * in their rows, their rule sets, the columns that the candidate's rules need, and the query. */
#ifndef CASEMILL_CLI_REPLAY_STORED_H
#define CASEMILL_CLI_REPLAY_STORED_H

#include "cli/replay/filter.h"
#include "cli/replay/pairs.h"
#include "rules/ruleset.h"

/* The columns before the facts, in this order. */
enum replay_field {
    REPLAY_SOURCE,
    REPLAY_CASE_ID,
    REPLAY_REVISION,
    REPLAY_RULESET,
    REPLAY_REASON,
    REPLAY_RESULT,
    REPLAY_FINDINGS, /* of an older row, which has no result */
    REPLAY_REFERENCE_DATE,
    REPLAY_AS_OF,
    REPLAY_FACTS
};

enum { REPLAY_NO_FINDING = UINT16_MAX, REPLAY_CODES = 32768 }; /* a code is a positive smallint */

struct replay_stored {
    const struct ruleset *candidate; /* borrowed */
    /* One table of the matrix per agreement: the candidate's in its order, then those that only
     * other rule sets have; the last is the whole case. */
    char **tables;
    uint32_t table_count;
    int32_t **codes; /* [the candidate's agreement][reason]: its code, or -1 when it has none yet */
    uint8_t *dispositions; /* [code]: of a finding; else REPLAY_NONE */
    uint16_t **indexes;    /* [rule set's number][table]: of its finding; NULL: no rule set */
    char **sources;        /* [number]: NULL where there is none */
    struct replay_pairs *pairs;
    uint16_t *slots; /* the slots that the candidate reads, in the order of their columns */
    uint32_t slot_count;
    struct buf select; /* the columns */
    struct buf from;   /* tables and conditions: "FROM ... WHERE ..." */
    uint32_t pages;    /* of table cases */
};

/* replay_stored_load reads all of this in db's transaction; where[] are the texts of --where;
 * `intake` selects the first outcome of each case, else the newest.
 * Errors: as replay_filter_add; ERR_INVALID a column has another type than the candidate's fact. */
MUST_USE enum err replay_stored_load(struct db *db, const struct ruleset *candidate, bool intake,
                                     const char *const *where, uint32_t where_count,
                                     struct replay_stored *stored, struct diag *diag);
void replay_stored_fini(struct replay_stored *stored);

#endif

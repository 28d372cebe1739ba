/* Purpose: which cases `db purge` removes: those of a source before a day, or one case; and how
 * many there are. */
#ifndef CASEMILL_CLI_DB_PURGE_CHOICE_H
#define CASEMILL_CLI_DB_PURGE_CHOICE_H

#include "cli/verb.h"
#include "db/db.h"

enum { PURGE_PARAMS = 4, PURGE_NAME_BYTES = 129, PURGE_REVISION_BYTES = 11 };

struct purge_choice {
    char source[PURGE_NAME_BYTES];
    const char *before;                  /* NULL: one case; borrowed from the options, as case_id */
    char *case_id;                       /* NULL: by date */
    char revision[PURGE_REVISION_BYTES]; /* "": every one */
};
struct purge_counts {
    uint64_t cases, reapplied, dead_letters;
};

/* purge_choice_read reads --source and --before, or --case.  Errors: ERR_INVALID, already
 * reported. */
MUST_USE enum err purge_choice_read(const struct options *options, struct purge_choice *choice);
void purge_choice_free(struct purge_choice *choice);
/* purge_choice_params: $1 source, $2 day, $3 case, $4 revision; of the last three null what is not
 * given. */
void purge_choice_params(const struct purge_choice *choice, const char *params[PURGE_PARAMS]);
/* purge_choice_check: Errors: ERR_NOT_FOUND no such source; ERR_INVALID the day is in the future by
 * the server's clock; those of db_query. */
MUST_USE enum err purge_choice_check(struct db *db, const struct purge_choice *choice,
                                     struct diag *diag);
/* purge_choice_count reads what a purge would remove now.  Errors: those of db_query. */
MUST_USE enum err purge_choice_count(struct db *db, const struct purge_choice *choice,
                                     struct purge_counts *counts, struct diag *diag);

#endif

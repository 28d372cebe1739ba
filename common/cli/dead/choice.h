/* Purpose: the dead letters that a verb acts on: by number, or open ones by filter. */
#ifndef CASEMILL_CLI_DEAD_CHOICE_H
#define CASEMILL_CLI_DEAD_CHOICE_H

#include "cli/verb.h"
#include "db/db.h"

enum { DEAD_PAGE_LETTERS = 500 };

struct dead_choice {
    struct buf ids; /* "{1,2}", empty: by filter */
    uint32_t id_count;
    const char *reason, *source, *agreement; /* NULL: any */
    bool cases_only; /* without the dead letters of reapplications and retries */
};

/* dead_choice_read reads operands and, for a verb with DEAD_CHOICE_ROWS, filters. Errors:
 * ERR_INVALID none or both are given; already reported. */
MUST_USE enum err dead_choice_read(const struct options *options, bool has_filters,
                                   struct dead_choice *choice);
void dead_choice_free(struct dead_choice *choice);

/* dead_choice_count returns rows of reason and count; the caller frees them.  Errors: ERR_NOT_FOUND
 * no dead letter has the number; those of db_query. */
MUST_USE enum err dead_choice_count(struct db *db, const struct dead_choice *choice,
                                    struct db_result **counts, struct diag *diag);
/* dead_choice_page appends the next dead letters after *after to ids, "{1,2}": at most `most`, and
 * at most some megabytes; *count 0: there are no more. */
struct dead_page {
    struct buf ids;
    uint32_t count, most;
    int64_t after;
};
MUST_USE enum err dead_choice_page(struct db *db, const struct dead_choice *choice,
                                   struct dead_page *page, struct diag *diag);

#define DEAD_CHOICE_ROWS                                                                           \
    {"--reason", "WORD", "open dead letters with that reason"},                                    \
        {"--source", "NAME", "of that intake system"}, {                                           \
        "--agreement", "ID", "of cases with a revision that this agreement decided"                \
    }

#endif

/* Purpose: `submit --results`: one line of JSON per case, in the order in which results arrive.
 * common/client/README.md has the form. */
#ifndef CASEMILL_CLI_SUBMIT_RESULTS_H
#define CASEMILL_CLI_SUBMIT_RESULTS_H

#include "base/buf.h"
#include "base/diag.h"
#include "client/casemill.h"

/* Which case a line is about. */
struct submit_case {
    const char *path;
    bool is_numbered; /* the location is its number in the file, from 1; else its line */
    uint64_t location;
    struct span case_id; /* empty: not read */
    int32_t revision;    /* CASE_REVISION_UNREAD: not read */
};

struct submit_results;
/* submit_results_open opens a file, "-" is standard output; is_continued: after what is there.
 * Ownership: *results is the caller's.  Errors: ERR_IO. */
MUST_USE enum err submit_results_open(const char *path, bool is_continued,
                                      struct submit_results **results, struct diag *diag);
/* submit_results_close reports whether every line was written; accepts a NULL inside.
 * Errors: ERR_IO. */
MUST_USE enum err submit_results_close(struct submit_results **results, struct diag *diag);

/* submit_results_flush writes what is gathered; false: not all lines could be written so far. */
bool submit_results_flush(struct submit_results *results);
/* result NULL: the broker could not give it. */
void submit_results_done(struct submit_results *results, const struct submit_case *one,
                         const struct casemill_case_result *result);
void submit_results_refused(struct submit_results *results, const struct submit_case *one,
                            const char *reason);
void submit_results_unreadable(struct submit_results *results, const struct submit_case *one,
                               const char *text);

#endif

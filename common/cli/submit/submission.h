/* Purpose: the cases of files on their way: read one after another, cut into batches, sent, and
 * settled by receipts; or, in a dry run, decided here.
 * Order: submission_open, submission_file for each file, submission_settle, submission_close. */
#ifndef CASEMILL_CLI_SUBMIT_SUBMISSION_H
#define CASEMILL_CLI_SUBMIT_SUBMISSION_H

#include "base/uuid.h"
#include "cli/progress.h"
#include "cli/submit/dry_run.h"
#include "cli/submit/input.h"
#include "cli/submit/report.h"
#include "cli/submit/results.h"
#include "cli/submit/resume.h"
#include "cli/submit/wait.h"

enum { SUBMIT_WINDOW = 16 };

/* A batch in flight, with what is known of its cases.  Its index in the array is its tag. */
struct submit_slot {
    bool is_used;
    bool is_accepted;
    bool is_numbered; /* locations are numbers in the file, not lines */
    const char *path;
    struct submit_key *keys; /* of each case; room for --batch */
    struct buf ids;          /* the case ids; only with --results */
};
struct submit_key {
    uint64_t location;
    size_t id_at;
    uint32_t id_bytes;
    int32_t revision;
};

struct submission {
    /* Set by the verb. */
    struct casemill_options client_options;
    struct schema *schema; /* or NULL */
    const char *reference_date, *as_of;
    bool with_outcomes, skips_bad;
    uint32_t batch_cases_max;
    int64_t give_up_ms;
    struct resume *resume;          /* or NULL */
    struct submit_results *results; /* or NULL */
    struct dry_run *dry_run;        /* or NULL */
    /* Its own. */
    struct casemill *client; /* NULL in a dry run */
    struct submit_wait wait;
    const char *broker; /* the last one used */
    bool is_resume_broken;
    struct progress progress;
    struct submit_counts counts;
    uint64_t position; /* of the batch being filled */
    uint32_t count;
    struct buf body;
    struct buf one; /* a case before its dates are added */
    struct buf dated;
    struct submit_slot filling;
    struct submit_slot slots[SUBMIT_WINDOW];
    struct buf listed; /* dead letters, refusals and unreadable lines: SUBMIT_LISTED_MAX of each */
    uint32_t listed_dead, listed_bad, listed_refused;
};

/* submission_open starts connecting, unless it is a dry run.  Errors: ERR_INVALID. */
MUST_USE enum err submission_open(struct submission *submission, struct diag *diag);
/* submission_file reads a file, or "-", and sends its batches; they hold only its cases.  After a
 * fault in its notation the current batch is not sent; with skips_bad it is reported, and the next
 * case is read where one can be found.  Errors: with file and line; of the client. */
MUST_USE enum err submission_file(struct submission *submission, const char *path,
                                  enum submit_format format, struct diag *diag);
/* submission_settle waits until every batch is settled, and ends the line of progress.  Errors: of
 * the client; ERR_TIMEOUT. */
MUST_USE enum err submission_settle(struct submission *submission, struct diag *diag);
void submission_end_progress(struct submission *submission);
void submission_close(struct submission *submission); /* also what the verb has set */

#endif

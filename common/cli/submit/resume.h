/* Purpose: the file of --resume: which batches of one submission are DONE, so that a run that was
 * cut short sends only what is left.
 *
 *   {"casemill_resume":2,"source":"north","broker":"tcp://127.0.0.1:5570","key":""}
 *   ID POSITION COUNT DEAD      a line a batch: 32 hex digits, of its first case among all, cases,
 *                               dead letters among them; a later line of a position counts
 *
 * The first line is where the cases go: a run with another source, broker or key is refused, since
 * none of this was done there.  The others are what was sent: a run with another batch at a
 * position is refused, unless it is the same with more cases behind.  Written as each DONE comes; a
 * torn last line is left out when it is read, and its batch is simply sent again. */
#ifndef CASEMILL_CLI_SUBMIT_RESUME_H
#define CASEMILL_CLI_SUBMIT_RESUME_H

#include "base/diag.h"
#include "base/uuid.h"

#include <stdbool.h>

struct resume;

struct resume_target { /* as given to this run; "" where nothing was given */
    const char *source;
    const char *broker;
    const char *key; /* the public one of the sender, which names its source */
};
struct resume_batch {
    struct uuid id;
    uint64_t position;
    uint32_t count;
    uint32_t dead;
};

/* resume_open reads what is there, or makes the file.
 * Errors: ERR_IO, ERR_TOO_LARGE, ERR_INVALID another kind of file, ERR_VERSION one of another
 * version, ERR_CONFLICT another target: one line in diag, and the file stays as it is. */
MUST_USE enum err resume_open(const char *path, const struct resume_target *target,
                              struct resume **resume, struct diag *diag);
/* resume_parse reads a file's text; path is for the diag.  Nothing can be added.  Errors: as above.
 */
MUST_USE enum err resume_parse(struct span text, const char *path,
                               const struct resume_target *target, struct resume **resume,
                               struct diag *diag);
void resume_close(struct resume **resume);
/* resume_at: the batch that was DONE at a position when the file was opened, or NULL. */
const struct resume_batch *resume_at(const struct resume *resume, uint64_t position);
/* resume_check compares a batch with what was done at its position: *is_done where it is the same.
 * Errors: ERR_CONFLICT it is another, with one line in diag. */
MUST_USE enum err resume_check(const struct resume *resume, const struct resume_batch *batch,
                               struct span body, bool *is_done, struct diag *diag);
/* resume_add appends a batch.  Errors: ERR_IO. */
MUST_USE enum err resume_add(struct resume *resume, const struct resume_batch *batch);

#endif

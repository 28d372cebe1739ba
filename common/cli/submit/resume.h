/* Purpose: the file of --resume: it lists the DONE batches of one submission, so that the next run
 * after an interruption sends only the rest.
 *
 *   {"casemill_resume":2,"source":"north","broker":"tcp://127.0.0.1:5570","key":""}
 *   ID POSITION COUNT DEAD      a line a batch: 32 hex digits, of its first case among all, cases,
 *                               dead letters among them; a later line of a position counts
 *
 * The first line is the target: a run with another source, broker or key is refused, since none of
 * this was done there.  The other lines are the batches: a run with another batch at a position is
 * refused, unless it is the same batch with more cases at its end.  A line is written when its DONE
 * arrives; a torn last line is ignored, and its batch is sent again. */
#ifndef CASEMILL_CLI_SUBMIT_RESUME_H
#define CASEMILL_CLI_SUBMIT_RESUME_H

#include "base/diag.h"
#include "base/uuid.h"

#include <stdbool.h>

struct resume;

struct resume_target { /* as given to this run; "" if not given */
    const char *source;
    const char *broker;
    const char *key; /* the sender's public key, which names its source */
};
struct resume_batch {
    struct uuid id;
    uint64_t position;
    uint32_t count;
    uint32_t dead;
};

/* resume_open reads the file, or creates it.
 * Errors: ERR_IO, ERR_TOO_LARGE, ERR_INVALID another kind of file, ERR_VERSION one of another
 * version, ERR_CONFLICT another target: one line in diag, and the file does not change. */
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
/* resume_check compares a batch with what was done at its position: *is_done if it is the same.
 * Errors: ERR_CONFLICT it is another, with one line in diag. */
MUST_USE enum err resume_check(const struct resume *resume, const struct resume_batch *batch,
                               struct span body, bool *is_done, struct diag *diag);
/* resume_add appends a batch.  Errors: ERR_IO. */
MUST_USE enum err resume_add(struct resume *resume, const struct resume_batch *batch);

#endif

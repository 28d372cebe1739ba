/* Purpose: the file of --resume: the ids of batches that are DONE, one a line in hexadecimal, so
 * that a run that was cut short sends only what is left.  Written as each DONE comes; a torn last
 * line is left out when it is read, and its batch is simply sent again. */
#ifndef CASEMILL_CLI_SUBMIT_RESUME_H
#define CASEMILL_CLI_SUBMIT_RESUME_H

#include "base/diag.h"
#include "base/uuid.h"

#include <stdbool.h>

struct resume;

/* resume_open reads what is there, or makes the file.  Errors: ERR_IO, ERR_TOO_LARGE, ERR_INVALID a
 * line that is no batch id. */
MUST_USE enum err resume_open(const char *path, struct resume **resume, struct diag *diag);
void resume_close(struct resume **resume);
bool resume_has(const struct resume *resume, const struct uuid *id); /* as of resume_open */
/* resume_add appends an id.  Errors: ERR_IO. */
MUST_USE enum err resume_add(struct resume *resume, const struct uuid *id);

#endif

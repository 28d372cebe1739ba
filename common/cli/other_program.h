/* Purpose: runs another program of casemill: the one beside this program, else the one on PATH. */
#ifndef CASEMILL_CLI_OTHER_PROGRAM_H
#define CASEMILL_CLI_OTHER_PROGRAM_H

#include "base/buf.h"
#include "base/diag.h"

enum { OTHER_ARGUMENTS_MAX = 8 };

struct other_output { /* the caller frees both */
    struct buf out, err;
};

/* other_program_run waits for the program's end.  Its arguments end with NULL.  Its output goes to
 * *output, or to the streams of this program when output is NULL.
 * Errors: ERR_NOT_FOUND there is no such program, ERR_SYSTEM it cannot be started, or died. */
MUST_USE enum err other_program_run(const char *program, const char *const *arguments,
                                    struct other_output *output, int *exit_code, struct diag *diag);

#endif

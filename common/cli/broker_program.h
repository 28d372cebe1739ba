/* Purpose: running the broker's program, because only it can read a journal. */
#ifndef CASEMILL_CLI_BROKER_PROGRAM_H
#define CASEMILL_CLI_BROKER_PROGRAM_H

#include "base/diag.h"

enum { BROKER_PROGRAM_IN_USE = 3 }; /* exit code: a broker has the directory */

/* broker_program_run runs casemill-broker, the one beside this program or else the one on PATH,
 * with the arguments (ended by NULL) and waits for it.  It inherits the output streams.
 * Errors: ERR_NOT_FOUND there is none, ERR_SYSTEM it died. */
MUST_USE enum err broker_program_run(const char *const *arguments, int *exit_code,
                                     struct diag *diag);

#endif

/* Purpose: the broker's program, run for what only it can do: nobody else knows a journal's bytes.
 */
#ifndef CASEMILL_CLI_BROKER_PROGRAM_H
#define CASEMILL_CLI_BROKER_PROGRAM_H

#include "base/diag.h"

enum { BROKER_PROGRAM_IN_USE = 3 }; /* exit code: a broker has the directory */

/* broker_program_run runs casemill-broker, the one beside this program or else the one on PATH,
 * with the arguments (ended by NULL) and waits for it; its output goes where ours does.
 * Errors: ERR_NOT_FOUND there is none, ERR_SYSTEM it died. */
MUST_USE enum err broker_program_run(const char *const *arguments, int *exit_code,
                                     struct diag *diag);

#endif

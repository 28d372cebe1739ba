/* Purpose: the implementation of verb.h: finding the verb of a command line.  The caller passes the
 * table of verbs: main.c the real one, a test its own.  Read next: verb.c. */
#ifndef CASEMILL_CLI_VERB_PRIV_H
#define CASEMILL_CLI_VERB_PRIV_H

#include "cli/verb.h"

enum { OPTIONS_MAX = 64 }; /* options on one command line */

/* verb_main runs the verb that argv names and returns the exit code.  Help and results go to
 * stdout, faults to stderr; a failed write of the output is EXIT_FAILED.
 * Ownership: all arguments are borrowed until return. */
int verb_main(const struct verb *const *verbs, uint32_t verb_count, int argc, char *const *argv);

#endif

/* Purpose: the page of `casemill top --once`, which `casemill status` shows, too. */
#ifndef CASEMILL_CLI_TOP_ONCE_H
#define CASEMILL_CLI_TOP_ONCE_H

#include "cli/verb.h"

/* top_show_once polls the brokers of --control twice, one second apart, each with wait_ms for the
 * answer, and prints the page.  Returns the exit code: EXIT_FAILED when one did not answer. */
int top_show_once(const struct options *options, int64_t wait_ms);

#endif

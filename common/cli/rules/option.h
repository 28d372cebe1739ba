/* Purpose: a rule set from a directory and the command line's --set, for verbs that need one. */
#ifndef CASEMILL_CLI_RULES_OPTION_H
#define CASEMILL_CLI_RULES_OPTION_H

#include "cli/verb.h"
#include "rules/ruleset.h"

/* rules_option_load loads dir with every --set given.  On a fault it prints file, line, column and
 * a caret, and returns EXIT_FAILED; else EXIT_DONE and *ruleset is the caller's. */
int rules_option_load(const struct options *options, const char *dir, struct ruleset **ruleset);

/* The directory of `rules VERB [DIR]`: "config" by default. */
const char *rules_option_dir(const struct options *options);

/* rules_option_failed prints the failures of the documents' tests and `N passed, N failed` on
 * stderr; for a verb that continues only if none failed. */
bool rules_option_failed(struct ruleset *ruleset);

#endif

/* Purpose: a rule set as people name it: a directory of documents, or the id of a published one. */
#ifndef CASEMILL_CLI_RULES_EITHER_H
#define CASEMILL_CLI_RULES_EITHER_H

#include "cli/rules/option.h"

/* rules_either_load loads a directory, with_set under every --set given, or what stands in the
 * database under that id.  A directory wins where both are meant.  On a fault it has said so and
 * returns the exit code; else EXIT_DONE and *ruleset is the caller's. */
int rules_either_load(const struct options *options, const char *name, bool with_set,
                      struct ruleset **ruleset);

#endif

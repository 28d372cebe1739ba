/* Purpose: a rule set from a directory of documents, or from the id of a published one. */
#ifndef CASEMILL_CLI_RULES_EITHER_H
#define CASEMILL_CLI_RULES_EITHER_H

#include "cli/rules/option.h"

/* rules_either_load loads a directory, with_set: with every --set given, or the rule set with that
 * id from the database.  A directory is preferred.  On a fault it reports it and returns the exit
 * code; else EXIT_DONE and *ruleset is the caller's. */
int rules_either_load(const struct options *options, const char *name, bool with_set,
                      struct ruleset **ruleset);

#endif

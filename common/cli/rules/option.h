/* Purpose: the rule set that a command line names, for verbs that need one: a directory with --set,
 * or the id of a published rule set. */
#ifndef CASEMILL_CLI_RULES_OPTION_H
#define CASEMILL_CLI_RULES_OPTION_H

#include "cli/verb.h"
#include "rules/ruleset.h"

/* rules_option_load loads dir with every --set given.  On a fault it prints file, line, column and
 * a caret, and returns EXIT_FAILED; else EXIT_DONE and *ruleset is the caller's. */
int rules_option_load(const struct options *options, const char *dir, struct ruleset **ruleset);

/* rules_option_either loads a directory, with_set: with every --set given, or the rule set with
 * that id from the database.  A directory is preferred.  Faults: as rules_option_load. */
int rules_option_either(const struct options *options, const char *name, bool with_set,
                        struct ruleset **ruleset);

/* Where rules are without an option: `config` in the current directory if it has a case schema,
 * else the installed ones. */
const char *rules_default_dir(void);
/* The directory of `rules VERB [DIR]`. */
const char *rules_option_dir(const struct options *options);

/* rules_option_failed prints the failures of the documents' tests and `N passed, N failed` on
 * stderr; for a verb that continues only if none failed. */
bool rules_option_failed(struct ruleset *ruleset);

#endif

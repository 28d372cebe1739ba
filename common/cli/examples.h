/* Purpose: examples of commands, one or more for each verb, sorted by verb. */
#ifndef CASEMILL_CLI_EXAMPLES_H
#define CASEMILL_CLI_EXAMPLES_H

struct verb_example {
    const char *verb; /* its name */
    const char *command;
    const char *what; /* NULL: the command explains itself */
};
extern const struct verb_example verb_examples[]; /* ends with a NULL verb */

#endif

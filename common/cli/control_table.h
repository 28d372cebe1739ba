/* Purpose: what a broker answers with, a JSON array of objects, as a table for a person. */
#ifndef CASEMILL_CLI_CONTROL_TABLE_H
#define CASEMILL_CLI_CONTROL_TABLE_H

#include "cli/verb.h"

/* A column: the member it shows, "a.b" for one inside another, and its head. */
struct control_column {
    const char *member, *head;
    int width; /* negative: to the left, as in printf */
};

/* control_table_run asks the broker and prints the answer: as it is (--json), or the columns, which
 * end with a NULL member.  Returns the verb's exit code. */
int control_table_run(const struct options *options, const char *verb,
                      const struct control_column *columns);

#endif

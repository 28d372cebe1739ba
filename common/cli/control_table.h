/* Purpose: a broker's answer, a JSON array of objects, as a table. */
#ifndef CASEMILL_CLI_CONTROL_TABLE_H
#define CASEMILL_CLI_CONTROL_TABLE_H

#include "cli/verb.h"

/* A column: its member, "a.b" for a nested one, and its head. */
struct control_column {
    const char *member, *head;
    int width; /* negative: left-aligned, as in printf */
};

/* control_table_run asks the broker and prints the answer: unchanged (--json), or as columns, which
 * end with a NULL member.  Returns the verb's exit code. */
int control_table_run(const struct options *options, const char *verb,
                      const struct control_column *columns);

#endif

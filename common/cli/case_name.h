/* Purpose: the name of a case in a command, SOURCE/CASE_ID@REVISION, split into its parts. */
#ifndef CASEMILL_CLI_CASE_NAME_H
#define CASEMILL_CLI_CASE_NAME_H

#include "base/span.h"

#include <stdbool.h>

/* Parts point into the text; those that are not there are empty. */
struct case_name {
    struct span source, case_id, revision;
};

/* case_name_split: the first slash ends the source. Only digits after the last @ that are a
 * revision (at most 2,147,483,647) count as one, because an id may hold both signs. */
struct case_name case_name_split(const char *text);
/* case_revision_is_valid: digits alone, at most 2,147,483,647. */
bool case_revision_is_valid(const char *text);

#endif

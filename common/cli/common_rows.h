/* Purpose: the options of every verb. */
#ifndef CASEMILL_CLI_COMMON_ROWS_H
#define CASEMILL_CLI_COMMON_ROWS_H

#include "cli/verb.h"

extern const struct option_row common_rows[]; /* ends with a NULL name */

#endif

/* Purpose: the protection of personal data in the program's memory. */
#ifndef CASEMILL_BASE_PROCESS_H
#define CASEMILL_BASE_PROCESS_H

#include <stdbool.h>

/* process_keep_memory turns off core dumps, to a file or to a handler (the limit alone does not
 * stop a handler).  Other processes of its user cannot read its memory; root still can, for a
 * debugger. Children inherit it.  A program built with a sanitizer allows a debugger, since its
 * leak check is one.
 * Order: first of all in main. */
void process_keep_memory(void);
bool process_is_sanitized(void); /* built with a sanitizer */

#endif

/* Purpose: what a program that holds people's data does for itself before it reads any. */
#ifndef CASEMILL_BASE_PROCESS_H
#define CASEMILL_BASE_PROCESS_H

#include <stdbool.h>

/* process_keep_memory makes sure that no core dump of the program is ever written, to a file or to
 * a handler (the limit alone does not hold for a handler), and that no other process of its user
 * reads its memory; root still can, for a debugger.  Children inherit it.  Programs built with a
 * sanitizer can be attached to, since its leak check does so.
 * Order: first of all in main. */
void process_keep_memory(void);
bool process_is_sanitized(void); /* built so */

#endif

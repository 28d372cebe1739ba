/* Purpose: the process's file descriptors: how many it may have, and whether that is enough.
 * Libraries abort or spin when there are none left, so a program asks before it starts, and its
 * limits of connections stay below what it may have. */
#ifndef CASEMILL_BASE_DESCRIPTORS_H
#define CASEMILL_BASE_DESCRIPTORS_H

#include "base/diag.h"

#include <stdint.h>

/* descriptors_raise raises the soft limit to the hard limit; how many the process may have then. */
uint64_t descriptors_raise(void);
uint64_t descriptors_max(void); /* as it is now */
/* descriptors_check: whether `count` more can be opened.  what names what needs them, in the
 * plural.  Errors: ERR_SYSTEM with one line. */
MUST_USE enum err descriptors_check(uint64_t count, const char *what, struct diag *diag);

#endif

/* Purpose: the process's file descriptors: how many it may have, and whether that is enough.
 * Libraries abort or spin when none are left, so a program checks at startup and keeps its
 * connection limits below this limit. */
#ifndef CASEMILL_BASE_DESCRIPTORS_H
#define CASEMILL_BASE_DESCRIPTORS_H

#include "base/diag.h"

#include <stdint.h>

/* descriptors_raise raises the soft limit to the hard limit and returns the new limit. */
uint64_t descriptors_raise(void);
uint64_t descriptors_max(void);  /* the present limit */
uint64_t descriptors_open(void); /* open ones; without /proc, the standard three */
/* descriptors_check checks that `count` more can be opened.  `what` names their users, in the
 * plural.  Errors: ERR_SYSTEM with one line. */
MUST_USE enum err descriptors_check(uint64_t count, const char *what, struct diag *diag);

#endif

/* Purpose: --reference-date and --as-of: a date for cases without one. */
#ifndef CASEMILL_CLI_SUBMIT_DATES_H
#define CASEMILL_CLI_SUBMIT_DATES_H

#include "base/buf.h"
#include "base/err.h"

/* submit_dates_add appends the case to out and adds the given dates (NULL: none) that it lacks.
 * Errors: ERR_INVALID not a map; out unchanged. */
MUST_USE enum err submit_dates_add(struct span bytes, const char *reference_date, const char *as_of,
                                   struct buf *out);

#endif

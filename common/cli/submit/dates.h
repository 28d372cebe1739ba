/* Purpose: --reference-date and --as-of: a date for the cases that state none. */
#ifndef CASEMILL_CLI_SUBMIT_DATES_H
#define CASEMILL_CLI_SUBMIT_DATES_H

#include "base/buf.h"
#include "base/err.h"

/* submit_dates_add appends the case to out with the given dates (NULL: none) where it has none of
 * its own.  Errors: ERR_INVALID not a map; out unchanged. */
MUST_USE enum err submit_dates_add(struct span bytes, const char *reference_date, const char *as_of,
                                   struct buf *out);

#endif

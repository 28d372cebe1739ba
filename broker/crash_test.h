/* Purpose: the fault list of the journal, run on an operator's own disk: what
 * `casemill-broker --crash-test` prints.  Bounded in bytes and time; removes what it made.
 * Never: touches anything but a directory of its own below the one it is given. */
#ifndef CASEMILL_BROKER_CRASH_TEST_H
#define CASEMILL_BROKER_CRASH_TEST_H

#include "base/diag.h"

/* crash_test_run writes a line a fault to `out`, PASS or FAIL, and a last one with the counts.
 * Order: before the program has any thread.
 * Errors: ERR_DENIED, ERR_FULL, ERR_IO nothing could be tried; ERR_CORRUPT a fault got through. */
MUST_USE enum err crash_test_run(const char *dir, int out, bool json, struct diag *diag);

#endif

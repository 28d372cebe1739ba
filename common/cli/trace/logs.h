/* Purpose: the lines of logs (key=value or JSON) about the batches and lanes of a timeline.  Read
 * next: timeline.h. */
#ifndef CASEMILL_CLI_TRACE_LOGS_H
#define CASEMILL_CLI_TRACE_LOGS_H

#include "base/diag.h"
#include "cli/trace/timeline.h"

/* trace_log adds the lines with a batch of the timeline, and those with one of its lanes from the
 * first to the last event.  Other lines, and those that are no event, are left out.
 * Errors: as io_read_file. */
MUST_USE enum err trace_log(const char *path, struct timeline *timeline, struct diag *diag);

#endif

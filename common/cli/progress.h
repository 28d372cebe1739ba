/* Purpose: the progress of a long verb: a redrawn bar on a terminal, otherwise a plain line at
 * intervals.  It goes to stderr, so that stdout holds only results.  Units: things counted are the
 * caller's (cases); time is monotonic milliseconds. */
#ifndef CASEMILL_CLI_PROGRESS_H
#define CASEMILL_CLI_PROGRESS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* borrowed: "cases" */
    uint64_t total;   /* 0: not known */
    bool is_terminal;
    int64_t started_ms;
    int64_t shown_ms;
};

void progress_init(struct progress *progress, const char *what, uint64_t total);
/* progress_step shows something when enough time has passed; cheap enough for every batch. */
void progress_step(struct progress *progress, uint64_t done);
/* progress_note writes another line, and delays the next progress line. */
void progress_note(struct progress *progress, const char *line);
/* progress_end writes the last state and ends the line. */
void progress_end(struct progress *progress, uint64_t done);

/* progress_line appends the text for now_ms, without line ends. */
void progress_line(const struct progress *progress, uint64_t done, int64_t now_ms, struct buf *out);

#endif

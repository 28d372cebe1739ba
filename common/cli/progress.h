/* Purpose: how far a long verb is: a bar that redraws itself on a terminal, now and then a plain
 * line elsewhere.  Goes to stderr, so that results on stdout stay clean.
 * Units: things counted are the caller's (cases); time is monotonic milliseconds. */
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
/* progress_note writes a line of another kind, and puts the next one of its own off. */
void progress_note(struct progress *progress, const char *line);
/* progress_end writes the last state and ends the line. */
void progress_end(struct progress *progress, uint64_t done);

/* progress_line appends what would be shown at now_ms, without line ends. */
void progress_line(const struct progress *progress, uint64_t done, int64_t now_ms, struct buf *out);

#endif

/* Purpose: lines for a descriptor that may never take them: a pipe that nobody reads, a terminal
 * stopped by ^S, a file on a disk that hangs.  A separate thread writes, and a caller that puts a
 * line never waits for it.  The descriptor stays blocking: O_NONBLOCK would change it for every
 * process that shares it.  A poll before the write guarantees nothing, because another process may
 * fill the pipe in between.
 * Owns: a bounded store of lines and the thread; never the descriptor.
 * Threads: any thread may put and flush; only the main thread opens and closes. */
#ifndef CASEMILL_BASE_SINK_H
#define CASEMILL_BASE_SINK_H

#include "base/buf.h"
#include "base/diag.h"

struct sink;

/* Appends the line that reports how many lines were lost.  Runs on the sink's thread. */
typedef void (*sink_gap_fn)(uint64_t lines, struct buf *out);

/* sink_open starts the thread.  on_gap: NULL if lost lines are not reported.
 * Ownership: freed by sink_close.  Errors: ERR_SYSTEM no thread can be started. */
MUST_USE enum err sink_open(int fd, sink_gap_fn on_gap, struct sink **sink, struct diag *diag);
/* sink_put hands over whole lines, each ending with a newline, and returns at once; each line is
 * one write.  When the store is full, lines are dropped and counted until the thread has emptied
 * it.  So lost lines are consecutive, and one gap line replaces them. */
void sink_put(struct sink *sink, struct span lines);
/* sink_flush waits until all lines are written.
 * Errors: ERR_TIMEOUT not within `ms`; ERR_IO a line was lost since the sink was opened. */
MUST_USE enum err sink_flush(struct sink *sink, int64_t ms);
/* Lines that were dropped or that the descriptor refused. */
uint64_t sink_lost(struct sink *sink);
/* sink_close ends the thread; if a write does not return, the thread and its memory stay.
 * Ownership: *sink becomes NULL. */
void sink_close(struct sink **sink);

/* sink_write_within writes one line to fd through a sink of its own.
 * Errors: ERR_TIMEOUT no reader within `ms` (it may still be written later); ERR_IO; ERR_SYSTEM. */
MUST_USE enum err sink_write_within(int fd, struct span line, int64_t ms, struct diag *diag);

#endif

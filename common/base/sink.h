/* Purpose: lines for a descriptor that may never take them: a pipe that nobody reads, a terminal
 * stopped by ^S, a file on a disk that hangs.  A thread of its own writes, and whoever puts a line
 * never waits for it.
 * The descriptor stays as it is: O_NONBLOCK would also change it for every process that shares it,
 * and a poll before the write promises nothing when another process fills the pipe in between.
 * Owns: a bounded store of lines and the thread; never the descriptor.
 * Threads: put and drain from any; open and close from the program's main. */
#ifndef CASEMILL_BASE_SINK_H
#define CASEMILL_BASE_SINK_H

#include "base/buf.h"
#include "base/diag.h"

struct sink;

/* Appends the line that says how many lines were lost.  Runs on the sink's thread. */
typedef void (*sink_gap_fn)(uint64_t lines, struct buf *out);

/* sink_open starts the thread.  on_gap: NULL where nothing is to be said of lost lines.
 * Ownership: freed by sink_close.  Errors: ERR_SYSTEM no thread can be started. */
MUST_USE enum err sink_open(int fd, sink_gap_fn on_gap, struct sink **sink, struct diag *diag);
/* sink_put hands over whole lines, each ending with a newline, and returns at once; each line is
 * one write.  Lines for which the store has no room are dropped and counted, until the thread has
 * taken what is in it: what is lost is lost in one piece, and its gap line stands in its place. */
void sink_put(struct sink *sink, struct span lines);
/* sink_drain waits until all that was put has been written.
 * Errors: ERR_TIMEOUT not within `ms`; ERR_IO a line was lost since the sink was opened. */
MUST_USE enum err sink_drain(struct sink *sink, int64_t ms);
/* Lines that were dropped, or that the descriptor refused. */
uint64_t sink_lost(struct sink *sink);
/* sink_close ends the thread, or leaves it behind, with its memory, where a write does not come
 * back.  Ownership: *sink becomes NULL. */
void sink_close(struct sink **sink);

/* sink_write_within writes one line to fd through a sink of its own.
 * Errors: ERR_TIMEOUT nobody took it within `ms` (it may still be written later); ERR_IO;
 * ERR_SYSTEM. */
MUST_USE enum err sink_write_within(int fd, struct span line, int64_t ms, struct diag *diag);

#endif

/* Purpose: the bytes of a file, of standard input or of memory, as a reader of cases wants them:
 * unpacked where they are gzip, without a byte order mark, and refused by name where they are
 * something else that people's tools write (UTF-16, an Excel workbook, another compression).
 * Limits: one chunk in memory.  Bytes are handed out as they come: a pipe is not waited for. */
#ifndef CASEMILL_CLI_SUBMIT_FEED_H
#define CASEMILL_CLI_SUBMIT_FEED_H

#include "base/buf.h"
#include "base/diag.h"

enum { FEED_CHUNK_BYTES = 1 << 16 };

enum feed_kind {
    FEED_TEXT,  /* UTF-8: a mark is passed over, another encoding is refused */
    FEED_BINARY /* as it is */
};

struct feed;

/* feed_open reads a path, or standard input for "-".  feed_open_bytes reads memory, which is
 * borrowed; path is for messages.  Both borrow path.
 * Ownership: the caller's, freed by feed_close.  Errors: ERR_NOT_FOUND, ERR_IO. */
MUST_USE enum err feed_open(const char *path, enum feed_kind kind, struct feed **feed,
                            struct diag *diag);
struct feed *feed_open_bytes(struct span bytes, const char *path, enum feed_kind kind);
void feed_close(struct feed **feed);
/* feed_more appends at least one byte to out, unless the end was reached.
 * Errors: ERR_IO; ERR_INVALID another kind of file, ERR_CORRUPT damaged gzip, ERR_TRUNCATED gzip
 * that ends too early: one line in diag that says what to do. */
MUST_USE enum err feed_more(struct feed *feed, struct buf *out, struct diag *diag);
bool feed_is_at_end(const struct feed *feed);
const char *feed_path(const struct feed *feed); /* "standard input" for "-" */

#endif

/* Purpose: the bytes of a file, of standard input or of memory, for a reader of cases: gzip is
 * unpacked, a byte order mark is removed.  Other formats of common tools (UTF-16, an Excel
 * workbook, another compression) are refused by name. Limits: one chunk in memory.  Bytes are
 * returned as they arrive: it never waits to fill a chunk. */
#ifndef CASEMILL_CLI_SUBMIT_FEED_H
#define CASEMILL_CLI_SUBMIT_FEED_H

#include "base/buf.h"
#include "base/diag.h"

enum { FEED_CHUNK_BYTES = 1 << 16 };

enum feed_kind {
    FEED_TEXT,  /* UTF-8: a byte order mark is skipped, another encoding is refused */
    FEED_BINARY /* unchanged */
};

struct feed;

/* feed_open reads a path, or standard input for "-".  feed_open_bytes reads borrowed memory; path
 * is for messages.  Both borrow path.
 * Ownership: the caller's, freed by feed_close.  Errors: ERR_NOT_FOUND, ERR_IO. */
MUST_USE enum err feed_open(const char *path, enum feed_kind kind, struct feed **feed,
                            struct diag *diag);
struct feed *feed_open_bytes(struct span bytes, const char *path, enum feed_kind kind);
void feed_close(struct feed **feed);
/* feed_more appends at least one byte to out, except at the end.
 * Errors: ERR_IO; ERR_INVALID another kind of file, ERR_CORRUPT damaged gzip, ERR_TRUNCATED gzip
 * that ends too early: one line in diag with the remedy. */
MUST_USE enum err feed_more(struct feed *feed, struct buf *out, struct diag *diag);
bool feed_is_at_end(const struct feed *feed);
const char *feed_path(const struct feed *feed); /* "standard input" for "-" */

#endif

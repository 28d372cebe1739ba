/* Purpose: whole files, EINTR-safe reads and writes, and the three descriptors a program is given.
 */
#ifndef CASEMILL_BASE_IO_H
#define CASEMILL_BASE_IO_H

#include "base/buf.h"
#include "base/diag.h"

/* io_read_file appends the file's bytes to out.
 * Errors: ERR_NOT_FOUND, ERR_TOO_LARGE (over bytes_max), ERR_IO; diag names the path and the
 * reason. */
MUST_USE enum err io_read_file(const char *path, size_t bytes_max, struct buf *out,
                               struct diag *diag);
/* io_write_all writes every byte.  Errors: ERR_IO. */
MUST_USE enum err io_write_all(int fd, struct span bytes);
/* io_write_file replaces a file's content.  Errors: ERR_IO. */
MUST_USE enum err io_write_file(const char *path, struct span bytes, struct diag *diag);
/* io_hold_standard takes the places of standard input, output and error where the program was
 * started without them, before a file or socket gets one of those numbers and what is printed goes
 * into it: a journal is not to hold a log.  Reading and writing there fails as it did.
 * Order: first of all in main.  Errors: ERR_IO /dev/null cannot be opened. */
MUST_USE enum err io_hold_standard(void);
/* io_flush_stdout: whether all that was printed has been written.  Errors: ERR_IO. */
MUST_USE enum err io_flush_stdout(void);

#endif

/* Purpose: whole files and EINTR-safe reads and writes. */
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

#endif

/* Purpose: whole files, EINTR-safe reads and writes, and the three standard descriptors. */
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
/* io_read_secret reads a file into bytes, which has room for so many; *len == room: it may be
 * longer. Its owner must be root or the program's user.  Its group may read it if the program is in
 * that group (as in a Kubernetes volume with fsGroup, root:GROUP 0440).  Others must have no right.
 * The check reads the open file, not the path, which may change meanwhile.  It never waits. Errors:
 * ERR_NOT_FOUND, ERR_DENIED with the reason and what to do, ERR_IO. */
MUST_USE enum err io_read_secret(const char *path, char *bytes, size_t room, size_t *len,
                                 struct diag *diag);
/* io_hold_standard opens standard input, output and error if the program was started without them.
 * Otherwise a journal file could get descriptor 1 or 2 and receive log lines.  Reading and writing
 * there still fails.
 * Order: first of all in main.  Errors: ERR_IO /dev/null cannot be opened. */
MUST_USE enum err io_hold_standard(void);
/* io_flush_stdout: checks that all printed text has been written.  Errors: ERR_IO. */
MUST_USE enum err io_flush_stdout(void);

#endif

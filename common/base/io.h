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
/* io_check_secret: whether only this program, its user, its groups and root can read an open file.
 * It belongs to root or to the program's user; its group may read it where the program is in that
 * group (as in a volume of Kubernetes with fsGroup, root:GROUP 0440); nobody else has any right.
 * The rights are those of the file that was opened, not of a path that may change meanwhile.
 * Errors: ERR_DENIED with the reason and what to do, ERR_IO. */
MUST_USE enum err io_check_secret(int fd, const char *path, struct diag *diag);
/* io_hold_standard takes the places of standard input, output and error where the program was
 * started without them, before a file or socket gets one of those numbers and what is printed goes
 * into it: a journal is not to hold a log.  Reading and writing there fails as it did.
 * Order: first of all in main.  Errors: ERR_IO /dev/null cannot be opened. */
MUST_USE enum err io_hold_standard(void);
/* io_flush_stdout: whether all that was printed has been written.  Errors: ERR_IO. */
MUST_USE enum err io_flush_stdout(void);

#endif

/* Files, whole, and standard input, output and error. */
#include "base/io.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err read_all(int fd, const char *path, size_t bytes_max, struct buf *out,
                         struct diag *diag) {
    size_t start = out->len;
    for (;;) {
        uint8_t *room = buf_room(out, 65536);
        ssize_t got = read(fd, room, 65536);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return diag_fail(diag, ERR_IO, "%s: %s", path, strerror(errno));
        }
        if (got == 0) {
            return ERR_OK;
        }
        out->len += (size_t)got;
        if (out->len - start > bytes_max) {
            return diag_fail(diag, ERR_TOO_LARGE, "%s: larger than %zu bytes", path, bytes_max);
        }
    }
}

enum err io_read_file(const char *path, size_t bytes_max, struct buf *out, struct diag *diag) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return diag_fail(diag, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                         strerror(errno));
    }
    enum err err = read_all(fd, path, bytes_max, out, diag);
    (void)close(fd);
    return err;
}

enum err io_write_all(int fd, struct span bytes) {
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t put = write(fd, bytes.ptr + done, bytes.len - done);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return ERR_IO;
        }
        done += (size_t)put;
    }
    return ERR_OK;
}

enum err io_write_file(const char *path, struct span bytes, struct diag *diag) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return diag_fail(diag, ERR_IO, "%s: %s", path, strerror(errno));
    }
    enum err err = io_write_all(fd, bytes);
    if (close(fd) != 0 || err != ERR_OK) {
        return diag_fail(diag, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return ERR_OK;
}

static bool is_in_group(gid_t group) {
    int count = getgroups(0, NULL);
    gid_t *groups = mem_zero(count < 0 ? 0 : (size_t)count, sizeof(*groups));
    bool found = group == getegid();
    count = getgroups(count, groups);
    for (int i = 0; i < count && !found; i++) {
        found = groups[i] == group;
    }
    mem_free(groups);
    return found;
}

static enum err check_secret(int fd, const char *path, struct diag *diag) {
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return diag_fail(diag, ERR_IO, "%s: %s", path, strerror(errno));
    }
    unsigned mode = status.st_mode & 07777U;
    if (status.st_uid != 0 && status.st_uid != geteuid()) {
        return diag_fail(
            diag, ERR_DENIED,
            "%s: another user owns this secret (uid %u): chown it to root or to uid %u", path,
            (unsigned)status.st_uid, (unsigned)geteuid());
    }
    if ((mode & (unsigned)(S_IRWXO | S_IWGRP | S_IXGRP)) != 0) {
        return diag_fail(diag, ERR_DENIED,
                         "%s: others may read this secret (mode %04o): chmod 600 it, or make a new "
                         "one",
                         path, mode);
    }
    if ((mode & (unsigned)S_IRGRP) != 0 && !is_in_group(status.st_gid)) {
        return diag_fail(diag, ERR_DENIED,
                         "%s: a group that this program is not in may read this secret (gid %u, "
                         "mode %04o): chmod 600 it, or chgrp it",
                         path, (unsigned)status.st_gid, mode);
    }
    return ERR_OK;
}

enum err io_read_secret(const char *path, char *bytes, size_t room, size_t *len,
                        struct diag *diag) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* it may be a FIFO */
    if (fd < 0) {
        return diag_fail(diag, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                         strerror(errno));
    }
    *len = 0;
    enum err err = check_secret(fd, path, diag);
    while (err == ERR_OK && *len < room) {
        ssize_t got = read(fd, bytes + *len, room - *len);
        if (got < 0 && errno != EINTR) {
            err = diag_fail(diag, ERR_IO, "%s: %s", path, strerror(errno));
        }
        if (got == 0) {
            break;
        }
        *len += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    return err;
}

enum err io_hold_standard(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            continue;
        }
        /* Opened in the opposite mode, so reads and writes fail instead of being lost. */
        int held = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        if (held != fd) {
            return ERR_IO;
        }
    }
    return ERR_OK;
}

enum err io_flush_stdout(void) {
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? ERR_OK : ERR_IO;
}

/* What --check tries of a startup: it binds and closes, checks the journal's directory and the room
 * on its disk, and makes nothing. It does not try what a running broker on the same journal holds.
 */
#include "broker/check_settings.h"

#include "http/http.h"
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, BLOCK_BYTES = 512 };

/* The directory itself, or the one in which it would be made. */
static enum err check_directory(const char *path, bool *exists, struct diag *diag) {
    char parent[PATH_BYTES];
    struct stat found;
    *exists = stat(path, &found) == 0;
    if (*exists && !S_ISDIR(found.st_mode)) {
        return diag_fail(diag, ERR_INVALID, "journal.path %s: is no directory", path);
    }
    (void)snprintf(parent, sizeof(parent), "%s", path);
    char *slash = strrchr(parent, '/');
    const char *in = slash == NULL ? "." : slash == parent ? "/" : parent;
    if (slash != NULL && slash != parent) {
        *slash = '\0';
    }
    if (access(*exists ? path : in, W_OK | X_OK) != 0) {
        return diag_fail(diag, ERR_DENIED, "journal.path %s: %s: %s", path,
                         *exists ? "not writable" : "cannot be made", strerror(errno));
    }
    return ERR_OK;
}

static bool is_in_use(const char *path) {
    char file[PATH_BYTES];
    (void)snprintf(file, sizeof(file), "%s/lock", path);
    int fd = open(file, O_RDWR | O_CLOEXEC);
    bool is_held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_held;
}

/* The space that the journal's file has already is not needed again. */
static enum err check_room(const char *path, bool exists, int64_t bytes_max, struct diag *diag) {
    char file[PATH_BYTES];
    struct stat found;
    struct statvfs disk;
    (void)snprintf(file, sizeof(file), "%s/data.mdb", path);
    int64_t has = exists && stat(file, &found) == 0 ? (int64_t)found.st_blocks * BLOCK_BYTES : 0;
    (void)snprintf(file, sizeof(file), "%s", path);
    char *slash = strrchr(file, '/');
    if (!exists && slash != NULL) {
        slash[slash == file ? 1 : 0] = '\0';
    }
    if (statvfs(exists || slash != NULL ? file : ".", &disk) != 0) {
        return diag_fail(diag, ERR_IO, "journal.path %s: %s", path, strerror(errno));
    }
    int64_t room = (int64_t)(disk.f_bavail * disk.f_frsize) + has;
    return room >= bytes_max ? ERR_OK
                             : diag_fail(diag, ERR_FULL,
                                         "journal.path %s: its disk has room for %lld bytes, and "
                                         "journal.bytes_max is %lld",
                                         path, (long long)room, (long long)bytes_max);
}

static enum err try_bind(const char *name, const char *endpoint, bool is_running, struct buf *out,
                         struct diag *diag) {
    enum err err = net_bind_check(endpoint, diag);
    if (err == ERR_BUSY && is_running) {
        buf_printf(out, "# %s: in use, as long as the broker on this journal runs\n", name);
        err = ERR_OK;
    }
    return err;
}

enum err broker_try(const struct settings *settings, struct buf *out, struct diag *diag) {
    const char *path = settings_str(settings, "journal.path");
    const char *http = settings_str(settings, "http.bind");
    bool exists = false;
    enum err err = check_directory(path, &exists, diag);
    bool is_running = err == ERR_OK && exists && is_in_use(path);
    if (is_running) {
        buf_printf(out, "# journal.path: in use, a broker runs on it\n");
    } else if (err == ERR_OK) {
        err = check_room(path, exists, settings_int(settings, "journal.bytes_max"), diag);
    }
    const char *const names[] = {"intake.bind", "worker.bind", "control.bind"};
    for (size_t i = 0; err == ERR_OK && i < COUNT_OF(names); i++) {
        const char *bind = settings_str(settings, names[i]);
        if (bind[0] != '\0') { /* else a path beside the journal, which is its broker's */
            err = try_bind(names[i], bind, is_running, out, diag);
        }
    }
    if (err == ERR_OK && strcmp(http, "off") != 0) {
        err = http_bind_try(http, diag);
        if (err == ERR_BUSY && is_running) {
            buf_printf(out, "# http.bind: in use, as long as the broker on this journal runs\n");
            err = ERR_OK;
        }
    }
    return err;
}

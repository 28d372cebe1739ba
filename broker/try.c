/* What --check tries of a startup: it binds and closes, checks the journal, its directory and the
 * room on its disk, and makes nothing. It does not try what a running broker on the same journal
 * holds. */
#include "broker/check_settings.h"

#include "broker/journal_check.h"
#include "broker/proof.h"
#include "http/http_settings.h"
#include "net/net.h"
#include "net/secret.h"

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

/* A path's directory; the journal's own is made at startup. */
static enum err check_socket_directory(const char *name, const char *endpoint, const char *journal,
                                       struct diag *diag) {
    static const char scheme[] = "ipc://";
    char directory[PATH_BYTES];
    if (strncmp(endpoint, scheme, sizeof(scheme) - 1) != 0) {
        return ERR_OK;
    }
    (void)snprintf(directory, sizeof(directory), "%s", endpoint + sizeof(scheme) - 1);
    char *slash = strrchr(directory, '/');
    const char *in = slash == NULL ? "." : slash == directory ? "/" : directory;
    if (slash != NULL && slash != directory) {
        *slash = '\0';
    }
    if (strcmp(in, journal) == 0 || access(in, W_OK | X_OK) == 0) {
        return ERR_OK;
    }
    return diag_fail(diag, ERR_DENIED, "%s %s: no socket can be made in %s: %s", name, endpoint, in,
                     strerror(errno));
}

/* A start reads it, or makes it where lanes use tcp without keys. */
static enum err check_secret(const struct settings *settings, const char *journal,
                             struct diag *diag) {
    char path[PATH_BYTES];
    struct net_secret secret;
    bool is_tcp = strncmp(settings_str(settings, "worker.bind"), "tcp://", 6) == 0;
    if (!is_tcp || settings_str(settings, "keys.secret")[0] != '\0' || proof_is_off(settings)) {
        return ERR_OK;
    }
    (void)snprintf(path, sizeof(path), "%s/" PROOF_FILE, journal);
    return access(path, F_OK) == 0 ? net_secret_read(path, &secret, diag) : ERR_OK;
}

/* As a start checks it, in a child process. */
static enum err check_journal(const char *path, struct diag *diag) {
    char file[PATH_BYTES];
    (void)snprintf(file, sizeof(file), "%s/data.mdb", path);
    return access(file, F_OK) == 0 ? check_in_child(path, diag) : ERR_OK;
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
    bool exists = false;
    enum err err = check_directory(path, &exists, diag);
    bool is_running = err == ERR_OK && exists && is_in_use(path);
    if (is_running) {
        buf_printf(out, "# journal.path: in use, a broker runs on it\n");
    } else if (err == ERR_OK) {
        err = check_room(path, exists, settings_int(settings, "journal.bytes_max"), diag);
        err = err == ERR_OK ? check_journal(path, diag) : err;
    }
    err = err == ERR_OK ? check_secret(settings, path, diag) : err;
    const char *const names[] = {"intake.bind", "worker.bind", "control.bind"};
    for (size_t i = 0; err == ERR_OK && i < COUNT_OF(names); i++) {
        const char *bind = settings_str(settings, names[i]);
        if (bind[0] != '\0') { /* else a path beside the journal, which is its broker's */
            err = check_socket_directory(names[i], bind, path, diag);
            err = err == ERR_OK ? try_bind(names[i], bind, is_running, out, diag) : err;
        }
    }
    if (err == ERR_OK && http_is_on(settings)) {
        err = http_bind_try(settings_str(settings, "http.bind"), diag);
        if (err == ERR_BUSY && is_running) {
            buf_printf(out, "# http.bind: in use, as long as the broker on this journal runs\n");
            err = ERR_OK;
        }
    }
    return err;
}

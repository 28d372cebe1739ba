/* The file is written under another name and renamed, so that a crash leaves no incomplete file. */
#include "net/secret.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIGITS = KEY_BYTES * 2, PATH_BYTES = 4096 };

static int digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse(const char *text, ssize_t len, struct net_secret *secret) {
    if (len != DIGITS + 1 || text[DIGITS] != '\n') {
        return false;
    }
    for (int i = 0; i < KEY_BYTES; i++) {
        int high = digit(text[2 * i]);
        int low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        secret->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static enum err fail_path(const char *path, int error, struct diag *diag) {
    enum err err = error == ENOENT ? ERR_NOT_FOUND : error == EACCES ? ERR_DENIED : ERR_IO;
    return diag_fail(diag, err, "%s: %s", path, strerror(error));
}

enum err net_secret_read(const char *path, struct net_secret *secret, struct diag *diag) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* it may be a FIFO */
    struct stat status;
    if (fd < 0) {
        return fail_path(path, errno, diag);
    }
    char text[DIGITS + 2];
    ssize_t len = -1;
    enum err err = ERR_OK;
    if (fstat(fd, &status) != 0) {
        err = fail_path(path, errno, diag);
    } else if ((status.st_mode & 077) != 0) {
        err = diag_fail(diag, ERR_DENIED, "%s: others may read this secret (mode %04o)", path,
                        (unsigned)(status.st_mode & 07777));
    } else if ((len = read(fd, text, sizeof(text))) < 0) {
        err = fail_path(path, errno, diag);
    } else if (!S_ISREG(status.st_mode) || !parse(text, len, secret)) {
        err = diag_fail(diag, ERR_INVALID, "%s: not the secret of a broker's lanes", path);
    }
    (void)close(fd);
    return err;
}

static enum err write_text(int fd, const char *path, struct span text, struct diag *diag) {
    ssize_t written = write(fd, text.ptr, text.len);
    if (written == (ssize_t)text.len && fsync(fd) == 0) {
        return ERR_OK;
    }
    return fail_path(path, written >= 0 && errno == 0 ? EIO : errno, diag);
}

static enum err make(const char *path, struct diag *diag) {
    char fresh[PATH_BYTES];
    struct net_secret secret;
    char text[DIGITS + 2];
    random_bytes(secret.bytes, sizeof(secret.bytes));
    for (int i = 0; i < KEY_BYTES; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", secret.bytes[i]);
    }
    text[DIGITS] = '\n';
    int len = snprintf(fresh, sizeof(fresh), "%s.new", path);
    CHECK(len > 0 && (size_t)len < sizeof(fresh));
    (void)unlink(fresh); /* of a crash */
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return fail_path(fresh, errno, diag);
    }
    errno = 0;
    enum err err = write_text(fd, fresh, span_make(text, DIGITS + 1), diag);
    (void)close(fd);
    if (err == ERR_OK && rename(fresh, path) != 0) {
        err = fail_path(path, errno, diag);
    }
    return err;
}

enum err net_secret_take(const char *path, struct net_secret *secret, struct diag *diag) {
    enum err err = net_secret_read(path, secret, diag);
    if (err == ERR_NOT_FOUND) {
        err = make(path, diag);
        err = err == ERR_OK ? net_secret_read(path, secret, diag) : err;
    }
    return err;
}

struct uuid net_secret_answer(const struct net_secret *secret, const struct uuid *nonce,
                              const struct uuid *uuid) {
    struct hash128 hash =
        hash128_keyed(secret->bytes, span_make(nonce->bytes, sizeof(nonce->bytes)),
                      span_make(uuid->bytes, sizeof(uuid->bytes)));
    struct uuid answer;
    memcpy(answer.bytes, hash.bytes, sizeof(answer.bytes));
    return answer;
}

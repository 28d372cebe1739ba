/* Reports to the service manager: see notify.h.  A report that cannot be sent is logged once; the
 * manager's own timeouts act on what it misses. */
#include "base/notify.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/plain.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum err read_number(const char *name, int64_t *number, struct diag *diag) {
    const char *text = getenv(name);
    char *end = NULL;
    *number = 0;
    if (text == NULL) {
        return ERR_OK;
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 0) {
        return diag_fail(diag, ERR_INVALID, "%s is \"%s\", expected a number", name, text);
    }
    *number = value;
    return ERR_OK;
}

/* A path, or @NAME for a socket without a file. */
static enum err read_address(struct notify *notify, const char *path, struct diag *diag) {
    size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(notify->to.sun_path)) {
        return diag_fail(diag, ERR_INVALID, "NOTIFY_SOCKET is \"%s\", expected a path or @NAME",
                         path);
    }
    notify->to = (struct sockaddr_un){.sun_family = AF_UNIX};
    for (size_t i = 0; i < len; i++) {
        notify->to.sun_path[i] = path[i];
    }
    if (path[0] == '@') {
        notify->to.sun_path[0] = '\0';
    }
    notify->to_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return ERR_OK;
}

enum err notify_open(struct notify *notify, struct diag *diag) {
    const char *path = getenv("NOTIFY_SOCKET");
    int64_t watchdog_us = 0;
    int64_t watchdog_pid = 0;
    *notify = (struct notify){.fd = -1};
    if (path == NULL || path[0] == '\0') {
        return ERR_OK;
    }
    enum err err = read_address(notify, path, diag);
    err = err == ERR_OK ? read_number("WATCHDOG_USEC", &watchdog_us, diag) : err;
    err = err == ERR_OK ? read_number("WATCHDOG_PID", &watchdog_pid, diag) : err;
    if (err != ERR_OK) {
        return err;
    }
    if (watchdog_us > 0 && (watchdog_pid == 0 || watchdog_pid == getpid())) {
        notify->beat_ms = watchdog_us < 2000 ? 1 : watchdog_us / 2000;
    }
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return notify->fd >= 0 ? ERR_OK
                           : diag_fail(diag, ERR_SYSTEM, "NOTIFY_SOCKET: %s", strerror(errno));
}

static bool report(struct notify *notify, struct span text) {
    if (notify->fd < 0) {
        return true;
    }
    ssize_t sent = sendto(notify->fd, text.ptr, text.len, MSG_NOSIGNAL,
                          (const struct sockaddr *)&notify->to, notify->to_bytes);
    bool failed = sent < 0;
    if (failed && !notify->is_failed) {
        LOG(EV_NOTIFY_FAILED, "text=\"%s\"", strerror(errno));
    }
    notify->is_failed = failed;
    return !failed;
}

void notify_ready(struct notify *notify, const char *status) {
    struct buf text = BUF_EMPTY;
    buf_str(&text, "READY=1\nSTATUS=");
    plain_text(&text, status);
    (void)report(notify, buf_span(&text));
    buf_free(&text);
}

void notify_reloading(struct notify *notify) {
    struct buf text = BUF_EMPTY;
    buf_printf(&text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_mono_ns() / 1000));
    (void)report(notify, buf_span(&text));
    buf_free(&text);
}

void notify_stopping(struct notify *notify) {
    if (!notify->stopping) {
        notify->stopping = true;
        (void)report(notify, SPAN_LIT("STOPPING=1\nSTATUS=finishing the work in flight"));
    }
}

void notify_beat(struct notify *notify, int64_t now_ms) {
    if (notify->beat_ms > 0 && now_ms >= notify->due_ms && report(notify, SPAN_LIT("WATCHDOG=1"))) {
        notify->due_ms = now_ms + notify->beat_ms; /* else it is sent again in the next turn */
    }
}

void notify_close(struct notify *notify) {
    if (notify->fd >= 0) {
        (void)close(notify->fd);
        notify->fd = -1;
    }
}
